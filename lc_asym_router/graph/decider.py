"""From a request to a decision: which tier is asked first, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router.classify.scorer import Scored, Scorer
from lc_asym_router.errors import NoTierError
from lc_asym_router.graph.options import CallOptions
from lc_asym_router.records.decision import Decision
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier

Sticky = Literal["turn", "thread"] | None


@dataclass(frozen=True)
class Decider:
    """Decides. What a tier can't take is settled before the classifier is asked.

    Attributes:
        ladder: The tiers.
        scorer: Asks the classifier.
        thresholds: One for each step up, ascending; or a single one between the first tier and the
            last.
        sticky: Whether a turn (or a thread) stays on the tier that it is on.
    """

    ladder: Ladder
    scorer: Scorer
    thresholds: tuple[float, ...]
    sticky: Sticky

    def decide(
        self,
        request: Request,
        options: CallOptions,
        config: RunnableConfig,
        seconds: float | None = None,
    ) -> Decision:
        """Decide.

        Args:
            request: What is asked.
            options: What is set for this call.
            config: The classifier's.
            seconds: How long the classifier may take, beside its own deadline.

        Raises:
            NoTierError: No tier can take the request, or the forced one can't.
        """
        able = self.ladder.able(request)
        settled = self._settled(request, options, able)
        return settled or self._by(self.scorer.score(request, config, seconds), options, able)

    async def adecide(
        self,
        request: Request,
        options: CallOptions,
        config: RunnableConfig,
        seconds: float | None = None,
    ) -> Decision:
        """The async twin of `decide`."""
        able = self.ladder.able(request)
        settled = self._settled(request, options, able)
        scored = settled or await self.scorer.ascore(request, config, seconds)
        return scored if isinstance(scored, Decision) else self._by(scored, options, able)

    def _settled(
        self, request: Request, options: CallOptions, able: Sequence[Tier]
    ) -> Decision | None:
        """What needs no classifier: a forced tier, a turn under way, a single able tier."""
        if options.tier is not None:
            forced = self.ladder.named(options.tier)
            assert forced is not None
            if why := forced.refuses(request):
                raise NoTierError({forced.name: why})
            return _unscored(options.tier, "forced", "this call's configuration names the tier")
        if kept := self._kept(request, able):
            return kept
        if len(able) == 1:
            others = "; ".join(
                f"{tier.name}: {why}" for tier in self.ladder if (why := tier.refuses(request))
            )
            return _unscored(able[0].name, "limits", f"no other tier can take it ({others})")
        return None

    def _kept(self, request: Request, able: Sequence[Tier]) -> Decision | None:
        """The tier that the turn (or the thread) is on, from the records on its messages."""
        if self.sticky is None:
            return None
        names = {tier.name for tier in able}
        top = self.ladder[-1].name
        if self.sticky == "thread" and top in names:
            said = (message for message in request.messages if isinstance(message, AIMessage))
            if not {top, *(each.name for each in self.ladder.fallbacks)}.isdisjoint(
                map(answered_by, said)
            ):
                return _unscored(top, "sticky", f"the thread stays on {top}")
        beside = {each.name for each in self.ladder.fallbacks}
        used = {answered_by(message) for message in request.replies}
        used = {top if name in beside else name for name in used} & names
        if not used:
            return None
        highest = max((str(name) for name in used), key=self.ladder.position)
        return _unscored(highest, "sticky", f"the turn stays on {highest}")

    def _by(self, scored: Scored, options: CallOptions, able: Sequence[Tier]) -> Decision:
        thresholds = self.thresholds if options.threshold is None else (options.threshold,)
        if scored.complexity is None:
            tier, threshold = able[-1], None
            reason = f"{scored.reason}; no signal is not 'easy', so it goes to {tier.name}"
        else:
            tier, threshold = self._place(scored.complexity, thresholds, able)
            side = "at or over" if scored.complexity >= threshold else "under"
            reason = f"complexity {scored.complexity:.2f} is {side} {threshold:g}"
            reason += f": {scored.reason}" if scored.reason else ""
        return Decision(
            tier=tier.name,
            complexity=scored.complexity,
            threshold=threshold,
            confidence=scored.confidence,
            classifier=scored.classifier,
            reason=reason,
            cached=scored.cached,
        )

    def _place(
        self, complexity: float, thresholds: tuple[float, ...], able: Sequence[Tier]
    ) -> tuple[Tier, float]:
        """The lowest able tier for a complexity, and the threshold that decided."""
        steps = sum(complexity >= threshold for threshold in thresholds)
        decisive = thresholds[max(0, steps - 1)] if steps else thresholds[0]
        rung = steps if len(thresholds) > 1 else steps * (len(self.ladder) - 1)
        at_least = [tier for tier in able if self.ladder.position(tier.name) >= rung]
        return (at_least or able[-1:])[0], decisive


def answered_by(message: AIMessage) -> str | None:
    """The tier that made a message, from the record on it."""
    record = message.response_metadata.get("router")
    tier = record.get("tier") if isinstance(record, dict) else None
    return tier if isinstance(tier, str) else None


def _unscored(tier: str, classifier: str, reason: str) -> Decision:
    return Decision(tier, None, None, None, classifier, reason)
