"""Combine a cheap check with an expensive one that runs only where the cheap one is uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check, CheckCallable, as_check
from lc_asym_router.verify.prefix import Prefix


class Joint(Check):
    """Passes or fails by a cheap check where that is certain; runs an expensive check otherwise.

    The cheap check should give scores in [0, 1]. Where it gives none, its own verdict stands if it
    failed the answer, and the other check runs if it passed.

    Find the best bounds on recorded answers with `lc_asym_router.evals.best_joint`.

    Args:
        cheap: A check that scores at little cost, such as `LearnedVerifier()`.
        ask: The check to run otherwise, such as `LearnedVerifier(second=...)`, `Agreement(...)`,
            `Judge(...)`.
        sure: Score of the cheap check at or over which an answer passes at once, in [0, 1].
        hopeless: Score of the cheap check up to which an answer fails at once, in [0, 1].

    Raises:
        ConfigurationError: A bound is outside [0, 1], or `hopeless` is not under `sure`.
    """

    def __init__(
        self,
        cheap: Check | CheckCallable,
        ask: Check | CheckCallable,
        *,
        sure: float = 0.9,
        hopeless: float = 0.1,
    ) -> None:
        if not 0 <= hopeless < sure <= 1:
            raise ConfigurationError(
                f"Joint(sure={sure}, hopeless={hopeless}): both must lie in [0, 1], hopeless under "
                "sure."
            )
        self.cheap = as_check(cheap)
        self.ask = as_check(ask)
        self.sure = sure
        self.hopeless = hopeless
        vars(self)["asks"] = self.cheap.asks or self.ask.asks

    @property
    def name(self) -> str:
        return f"Joint({self.cheap.name}, {self.ask.name})"

    @property
    def parts(self) -> tuple[Check, ...]:
        return (*self.cheap.parts, *self.ask.parts)

    @property
    def may_end_early(self) -> bool:
        return False

    def with_second(self, second: BaseChatModel) -> Check | None:
        cheap, ask = self.cheap.with_second(second), self.ask.with_second(second)
        if cheap is None or ask is None:
            return None
        return Joint(cheap, ask, sure=self.sure, hopeless=self.hopeless)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        return Joint(
            self.cheap,
            self.ask.with_thresholds(thresholds),
            sure=self.sure,
            hopeless=self.hopeless,
        )

    def early(self, prefix: Prefix) -> Verdict | None:
        return None

    def check(self, attempt: Attempt) -> Verdict:
        first = self.cheap(attempt)
        return self.decided(first) or self.ask(attempt)

    async def acheck(self, attempt: Attempt) -> Verdict:
        first = await self.cheap.acall(attempt)
        return self.decided(first) or await self.ask.acall(attempt)

    def decided(self, first: Verdict) -> Verdict | None:
        """The verdict where the cheap check decides; else `None`.

        Args:
            first: What the cheap check says.
        """
        if first.score is None:
            return None if first.passed else first
        if first.score >= self.sure:
            return replace(first, passed=True, reason=self._why(first.score, "sure", self.sure))
        if first.score <= self.hopeless:
            return replace(
                first, passed=False, reason=self._why(first.score, "hopeless", self.hopeless)
            )
        return None

    def _why(self, score: float, word: str, bound: float) -> str:
        return f"{self.cheap.name} gives {score:.2f}: {word} from {bound:.2f} on, nobody else asked"
