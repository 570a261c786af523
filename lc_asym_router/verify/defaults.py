"""The checks that a router makes by default, and checks that differ by tier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from langchain_core.language_models import BaseChatModel

from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.form import Arithmetic, CutOff, NotEmpty, ValidStructure, ValidToolCalls
from lc_asym_router.verify.grounded import GroundedArguments
from lc_asym_router.verify.progress import RepeatedCalls
from lc_asym_router.verify.text_checks import Looping, Refusal


class PerTier(Check):
    """Each tier's answers are checked by its own check: what `verify={"small": ..., ...}` makes.

    Thresholds of a calibration are those of the first tier's check.

    Args:
        checks: For each tier's name its check, cheapest tier first; `None` for an answer that is
            handed on unchecked.
    """

    def __init__(self, checks: Mapping[str, Check | None]) -> None:
        self.checks = dict(checks)
        vars(self)["asks"] = any(check.asks for check in self._given)

    @property
    def _given(self) -> list[Check]:
        return [check for check in self.checks.values() if check is not None]

    @property
    def name(self) -> str:
        return ", ".join(
            f"{tier}: {check.name if check else 'none'}" for tier, check in self.checks.items()
        )

    @property
    def parts(self) -> tuple[Check, ...]:
        return tuple(part for check in self._given for part in check.parts)

    def at(self, tier: str) -> Check | None:
        return self.checks.get(tier)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        changed = dict(self.checks)
        for tier, check in list(changed.items())[:1]:
            changed[tier] = check and check.with_thresholds(thresholds)
        return PerTier(changed)

    def with_second(self, second: BaseChatModel) -> Check | None:
        changed = {tier: check and check.with_second(second) for tier, check in self.checks.items()}
        if any(changed[tier] is None and self.checks[tier] is not None for tier in changed):
            return None
        return PerTier(changed)

    def check(self, attempt: Attempt) -> Verdict:
        check = self.at(attempt.tier)
        return check(attempt) if check else _UNCHECKED

    async def acheck(self, attempt: Attempt) -> Verdict:
        check = self.at(attempt.tier)
        return await check.acall(attempt) if check else _UNCHECKED


_UNCHECKED = Verdict(True, reason="this tier's answers are not checked", vouched="none")


def default_checks() -> Check:
    """Return the checks that need no model call.

    The answer must be complete, no refusal and no loop, with valid tool calls and structure, and
    correct arithmetic. `Arithmetic` is included because it improves routing on every source of
    recorded answers where it finds anything (`make bench-routing`). The learned verifier is not:
    alone it is weak on sources that it was not trained on. To check whether an answer is right, add
    a second small model, `LearnedVerifier(second=...)`, or `Agreement`, or `Judge`.
    """
    form = NotEmpty() & CutOff() & Refusal() & Looping() & ValidToolCalls() & ValidStructure()
    return form & Arithmetic()


def call_checks() -> Check:
    """What a tool call must pass beside its form, at no call: nothing made up, nothing done twice."""
    return GroundedArguments() & RepeatedCalls()


def voting_checks() -> Check:
    """What an answer must pass to count in a vote: the default checks; where tools are bound, without a
    word on refusals and sums, for there "I can't do that" says that no tool fits, which is an answer;
    but no call may be made twice, which cheap models in a circle agree on.
    """
    form = NotEmpty() & CutOff() & Looping() & ValidToolCalls() & ValidStructure()
    return _ByTools(default_checks(), form & RepeatedCalls())


class _ByTools(Check):
    """One check for requests without tools, another one for those with."""

    vouches: ClassVar[str] = "form"

    def __init__(self, without: Check, bound: Check) -> None:
        self.without = without
        self.bound = bound

    def check(self, attempt: Attempt) -> Verdict:
        return self.bound(attempt) if attempt.request.tools else self.without(attempt)

    async def acheck(self, attempt: Attempt) -> Verdict:
        check = self.bound if attempt.request.tools else self.without
        return await check.acall(attempt)
