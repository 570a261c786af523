"""What the nodes go by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from lc_asym_router._internal.provider_errors import is_context_overflow
from lc_asym_router.graph.calls.paying import Purse
from lc_asym_router.graph.decider import Decider
from lc_asym_router.graph.options import CallOptions
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.list_prices import listed_price
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.faults.limits import left_of
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.check import Check


@dataclass(frozen=True)
class Policy:
    """What the nodes go by: the router's settings, resolved.

    Attributes:
        ladder: The tiers, cheapest first.
        decider: Makes decisions.
        check: Verifies the answers of every tier but the last, perhaps each by its own part; `None`
            for none.
        small_attempts: Tries on a tier below the last before it escalates.
        escalate_with: "request" sends the request as it was; "draft" sends the rejected answer and
            the reason along.
        prefix: Prefix of the keys in `config["configurable"]`.
        budgets: What requests may spend.
        deadline: Seconds that a request may take, or `None`.
        degrade: Whether a tier below may answer where the last tier and its fall-backs fail.
        hedge: After how many seconds the next tier is asked beside a checked one that is late;
            `True` for that one's own 95th percentile, `False` for never.
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

    @property
    def purse(self) -> Purse:
        """What pays for calls."""
        return Purse(self.budgets, self.price_of)

    def checks(self, tier: Tier, options: CallOptions) -> Check | None:
        """The check on a tier's answers in this call, or `None`."""
        return self.check_on(tier) if options.verify and not self.is_last(tier) else None

    def check_on(self, tier: Tier) -> Check | None:
        """The check that a tier's answers are to pass, or `None`; the last one's only in a comparison
        of tiers."""
        return self.check.at(tier.name) if self.check else None

    def is_last(self, tier: Tier) -> bool:
        """Whether a tier is the last one, or a fall-back of it."""
        return self.ladder.position(tier.name) == len(self.ladder) - 1

    def next_after(
        self, tier: Tier, request: Request, options: CallOptions, tried: Collection[str]
    ) -> Tier | None:
        """Who is asked next where a tier has failed, or its answer has.

        Args:
            tier: The tier.
            request: What is asked.
            options: What is set for this call.
            tried: Names of the tiers that were asked already; none is asked again.
        """
        candidates: list[Tier] = []
        if self.is_last(tier):
            candidates += self.ladder.fallbacks
            if self.degrade:
                candidates += reversed(self.ladder[:-1])
        elif options.escalate:
            place = self.ladder.position(tier.name)
            candidates += [*self.ladder[place + 1 :], *self.ladder.fallbacks]
        return next(
            (each for each in candidates if each.name not in tried and not each.refuses(request)),
            None,
        )

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

    @property
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


@dataclass(frozen=True)
class Next:
    """Who is asked next.

    Attributes:
        tier: The tier.
        wait: Seconds to wait before, for the same tier again; else `None`.
    """

    tier: Tier
    wait: float | None = None


def next_after_error(
    policy: Policy,
    tier: Tier,
    request: Request,
    options: CallOptions,
    trail: Trail,
    error: Exception,
) -> Next | None:
    """Who is asked after a tier has failed; `None` where nobody is left, or no time.

    The same tier where its policy has a try left and the time allows the wait; else the next tier.
    """
    left = left_of(trail)
    if left is not None and left <= 0:
        return None
    failed = sum(entry["tier"] == tier.name and bool(entry["error"]) for entry in trail["attempts"])
    wait = tier.retry.pause(failed, error)
    if wait is not None and (left is None or wait < left):
        return Next(tier, wait)
    unfit = policy.ladder.no_roomier(tier) if is_context_overflow(error) else set[str]()
    other = policy.next_after(tier, request, options, tried(trail) | unfit)
    return Next(other) if other is not None else None


def tried(trail: Trail) -> set[Any]:
    """Names of the tiers that were asked in a request."""
    return {entry["tier"] for entry in trail["attempts"]}
