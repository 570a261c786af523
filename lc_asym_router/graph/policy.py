"""The resolved settings, and the routing rules: which tier is asked first, and which one next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from langchain_core.runnables import RunnableConfig

from lc_asym_router.audits.auditor import Auditor
from lc_asym_router.classify.question import QuestionPicker
from lc_asym_router.classify.scorer import Scored, Scorer
from lc_asym_router.errors import NoTierError
from lc_asym_router.graph.state import CallOptions
from lc_asym_router.graph.turns import Sticky, going_on, settled_decision
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.list_prices import listed_price
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Decision
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.provider import streams_alike
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.vote import Vote


@dataclass(frozen=True)
class Decider:
    """Decides where a request goes. Tiers that can't take it are ruled out before the classifier runs.

    Attributes:
        ladder: The tiers.
        scorer: Calls the classifier.
        thresholds: One for each step up, ascending; or a single one between the first tier and the
            last.
        sticky: Whether a turn (or a thread) stays on the tier that it is on.
        stall_steps: Steps of an agent's turn that may bring nothing new before it goes up; `None`
            for any number.
        checked: Names of the tiers whose answers are checked.
        question: Gives the classifier the question alone; `None` for the latest human turn.
        classifies: Whether the classifier is asked at all; else the first tier that can is.
        only_last: Whether all that it can take goes to the last tier, whatever turn it belongs to.
    """

    ladder: Ladder
    scorer: Scorer
    thresholds: tuple[float, ...]
    sticky: Sticky
    stall_steps: int | None = None
    checked: frozenset[str] = frozenset()
    question: QuestionPicker | None = None
    classifies: bool = True
    only_last: bool = False

    @cached_property
    def own(self) -> bool:
        """Whether deciding runs no code of a user's, and calls no model."""
        return type(self.scorer) is Scorer and self.question is None and not self.scorer.makes_calls

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
        able = self._able(request)
        known = self._settled(request, options, able)
        return known or self._by(
            self.scorer.score(self._asked(request), config, seconds), options, able
        )

    async def adecide(
        self,
        request: Request,
        options: CallOptions,
        config: RunnableConfig,
        seconds: float | None = None,
    ) -> Decision:
        """The async twin of `decide`."""
        able = self._able(request)
        known = self._settled(request, options, able)
        scored = known or await self.scorer.ascore(self._asked(request), config, seconds)
        return scored if isinstance(scored, Decision) else self._by(scored, options, able)

    def _asked(self, request: Request) -> Request:
        """The request as the classifier sees it."""
        return request if self.question is None else self.question(request)

    def _able(self, request: Request) -> dict[str, Tier]:
        """The tiers that can take a request, by their names, cheapest first.

        Raises:
            NoTierError: None can.
        """
        able, refusals = {}, {}
        for tier in self.ladder.tiers:
            if why := tier.refuses(request):
                refusals[tier.name] = why
            else:
                able[tier.name] = tier
        if not able:
            raise NoTierError(refusals)
        return able

    def _settled(
        self, request: Request, options: CallOptions, able: Mapping[str, Tier]
    ) -> Decision | None:
        """What needs no classifier: a forced tier, an unfinished turn, a single able tier, tools."""
        if options.tier is not None:
            forced = self.ladder.named(options.tier)
            assert forced is not None
            if why := forced.refuses(request):
                raise NoTierError({forced.name: why})
            return settled_decision(
                options.tier, "forced", "this call's configuration names the tier"
            )
        if self.only_last and (last := self.ladder.last.name) in able:
            return settled_decision(last, "target", "no lower tier is shown to keep the target")
        if request.replies or self.sticky == "thread":
            stall_steps = self.stall_steps if options.escalate else None
            if begun := going_on(request, self.ladder, able, self.sticky, stall_steps):
                return begun
        if len(able) == 1:
            others = "; ".join(
                f"{tier.name}: {why}" for tier in self.ladder if (why := tier.refuses(request))
            )
            return settled_decision(
                next(iter(able)), "limits", f"no other tier can take it ({others})"
            )
        if not self.classifies:
            first = next(iter(able))
            return settled_decision(first, "none", f"nothing is classified: {first} is asked first")
        return self._for_tools(request, options, able)

    def _for_tools(
        self, request: Request, options: CallOptions, able: Mapping[str, Tier]
    ) -> Decision | None:
        """With tools bound a classifier that sees the question alone does not decide: the first tier's
        calls are checked instead. `None` where it decides all the same: nothing checks the first
        tier, the call has a threshold of its own, or everything is to go up."""
        tools, first = request.tools, next(iter(able))
        checked = options.verify and first in self.checked
        if tools is None or not tools.may_be_called or not self.scorer.question_only:
            return None
        if not checked or options.threshold is not None or self.thresholds[0] == 0:
            return None
        reason = f"tools are bound, which the question alone does not show: {first} is asked first"
        return settled_decision(first, "tools", reason)

    def _by(self, scored: Scored, options: CallOptions, able: Mapping[str, Tier]) -> Decision:
        thresholds = self.thresholds if options.threshold is None else (options.threshold,)
        if scored.complexity is None:
            tier, threshold = list(able.values())[-1], None
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
        self, complexity: float, thresholds: tuple[float, ...], able: Mapping[str, Tier]
    ) -> tuple[Tier, float]:
        """The lowest able tier for a complexity, and the threshold that decided."""
        steps = bisect_right(thresholds, complexity)
        decisive = thresholds[max(0, steps - 1)]
        rung = steps if len(thresholds) > 1 else steps * (len(self.ladder.tiers) - 1)
        for tier in self.ladder.tiers[rung:]:
            if tier.name in able:
                return tier, decisive
        return list(able.values())[-1], decisive


@dataclass(frozen=True)
class TierSetup:
    """What is fixed for a tier when the router is built.

    Attributes:
        tier: The tier.
        position: Its position, 0 for the cheapest; a fallback has the last tier's.
        last: Whether it is the last tier, or a fall-back of it.
        after: The tiers that may be asked if it or its answer fails, in this order.
        check: The check that its answers are to pass, or `None`.
        makes_calls: Whether that check may call a model.
        ends_early: Whether that check may end its streamed answers early.
        streams_alike: Whether a streamed answer of its model is just like an invoked one, where that
            comes from no cache.
        votes_at_once: Whether its answers are voted on by voters that are asked beside it.
        model: Its model's name.
        price: What its calls cost, or `None`.
        provider: Its model's provider.
    """

    tier: Tier
    position: int
    last: bool
    after: tuple[Tier, ...]
    check: Check | None
    makes_calls: bool
    ends_early: bool
    streams_alike: bool
    votes_at_once: bool
    model: str
    price: Pricing | None
    provider: str


@dataclass(frozen=True)
class Policy:
    """Resolved router settings, shared by all graph nodes.

    Attributes:
        ladder: The tiers, cheapest first.
        decider: Makes decisions.
        check: Checks the answers of every tier but the last, perhaps each by its own part; `None`
            for none.
        small_attempts: Attempts on a tier below the last before the request escalates.
        escalate_with: "request" sends the request alone; "draft" adds the rejected answer and the
            reason.
        prefix: Prefix of the keys in `config["configurable"]`.
        budgets: What requests may spend.
        deadline: Seconds that a request may take, or `None`.
        degrade: Whether a tier below may answer where the last tier and its fall-backs fail.
        hedge: After how many seconds the next tier is called as well if a checked one is late;
            `True` for that one's own 95th percentile, `False` for never.
        repair_tool_calls: Whether tool calls that an answer writes as text are made real ones.
        auditor: Audits answers of lower tiers, or `None`.
        rungs: With a target: the settings on each rung, cheapest first, "all frontier" last.
    """

    ladder: Ladder
    decider: Decider
    check: Check | None
    small_attempts: int
    escalate_with: Literal["request", "draft"]
    prefix: str = ""
    budgets: tuple[Budget, ...] = field(default=())
    deadline: float | None = None
    degrade: bool = False
    hedge: bool | float = False
    repair_tool_calls: bool = True
    auditor: Auditor | None = field(default=None, compare=False, repr=False)
    rungs: tuple[Policy, ...] = field(default=(), compare=False, repr=False)

    @cached_property
    def setups(self) -> Mapping[str, TierSetup]:
        """What is fixed for each tier and fall-back, by its name."""
        return {tier.name: self._setup(tier) for tier in self.ladder.every}

    def _setup(self, tier: Tier) -> TierSetup:
        tiers, fallbacks = self.ladder.tiers, self.ladder.fallbacks
        place = self.ladder.position(tier.name)
        last = place == len(tiers) - 1
        if last:
            after = (*fallbacks, *(reversed(tiers[:-1]) if self.degrade else ()))
        else:
            after = (*tiers[place + 1 :], *fallbacks)
        check = self.check.at(tier.name) if self.check else None
        return TierSetup(
            tier=tier,
            position=place,
            last=last,
            after=after,
            check=check,
            makes_calls=check is not None and check.makes_calls,
            ends_early=check is not None and check.may_end_early,
            streams_alike=streams_alike(tier.model, tier.provider),
            votes_at_once=any(
                isinstance(part, Vote) and part.parallel for part in (check.parts if check else ())
            ),
            model=tier.model_name,
            price=tier.rate,
            provider=tier.provider,
        )

    def checks(self, tier: Tier, options: CallOptions) -> Check | None:
        """The check on a tier's answers in this call, or `None`."""
        setup = self.setups[tier.name]
        return setup.check if options.verify and not setup.last else None

    def check_on(self, tier: Tier) -> Check | None:
        """The check that a tier's answers are to pass, or `None`; the last one's only in a comparison
        of tiers."""
        return self.setups[tier.name].check

    def is_last(self, tier: Tier) -> bool:
        """Whether a tier is the last one, or a fall-back of it."""
        return self.setups[tier.name].last

    def called(self, tier: Tier, request: Request) -> tuple[str, Pricing | None]:
        """The model's name and price in a call of a tier: another one where the call says `model=`."""
        setup = self.setups[tier.name]
        return tier.called(request) if "model" in request.kwargs else (setup.model, setup.price)

    def next_after(
        self, tier: Tier, request: Request, options: CallOptions, tried: Collection[str]
    ) -> Tier | None:
        """Return the tier to ask next after a tier or its answer has failed; `None` for none.

        Args:
            tier: The tier.
            request: What is asked.
            options: What is set for this call.
            tried: Names of the tiers that were asked already; none is asked again.
        """
        setup = self.setups[tier.name]
        if not setup.last and not options.escalate:
            return None
        for each in setup.after:
            if each.name not in tried and not each.refuses(request):
                return each
        return None

    def below(self, tier: Tier, request: Request) -> Tier | None:
        """The cheapest tier under this one that can take the request."""
        place = self.ladder.position(tier.name)
        return next((low for low in self.ladder[:place] if low.refuses(request) is None), None)

    def price_of(self, model: str, provider: str) -> Pricing | None:
        """The price of any model: a tier's own, else its provider's list price.

        Args:
            model: The model's name.
            provider: Its provider, as LangSmith names it; "" where it is not known.
        """
        tier = next((tier for tier in self.ladder.every if tier.model_name == model), None)
        return tier.rate if tier else listed_price(provider, model)

    @cached_property
    def longest(self) -> int:
        """The greatest number of node runs in one request."""
        calls = sum(tier.retry.attempts for tier in self.ladder.every)
        return 2 + 2 * self.small_attempts * calls + (2 if self.budgets else 0)

    def exits(self, tier: Tier) -> list[str]:
        """The names of the tiers that may be asked after a tier, for the graph."""
        last = self.is_last(tier)
        checked = not last and self.check_on(tier) is not None
        names = [each.name for each in self.ladder]
        place = self.ladder.position(tier.name)
        again = tier.retry.attempts > 1 or (checked and self.small_attempts > 1)
        down = names[:place] if self.budgets or (last and self.degrade) else []
        beside = [each.name for each in self.ladder.fallbacks]
        if tier.name in beside:
            beside = beside[beside.index(tier.name) + 1 :]
        up = [] if last else names[place + 1 :]
        return [*([tier.name] if again else []), *down, *up, *beside]
