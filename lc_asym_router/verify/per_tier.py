"""A separate check for each tier."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.language_models import BaseChatModel

from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check


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
