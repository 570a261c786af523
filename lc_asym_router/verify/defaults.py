"""The checks that a router makes by default."""

from __future__ import annotations

from typing import ClassVar

from lc_asym_router.verify.arithmetic import Arithmetic
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.form import CutOff, NotEmpty, ValidStructure, ValidToolCalls
from lc_asym_router.verify.grounded import GroundedArguments
from lc_asym_router.verify.loops import Looping
from lc_asym_router.verify.progress import RepeatedCalls
from lc_asym_router.verify.refusal import Refusal


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
    word on refusals and sums, for there "I can't do that" says that no tool fits, which is an answer.
    """
    return _ByTools(
        default_checks(), NotEmpty() & CutOff() & Looping() & ValidToolCalls() & ValidStructure()
    )


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
