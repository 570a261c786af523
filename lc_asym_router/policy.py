"""What the nodes go by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lc_asym_router.deciding import Decider
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.budgets.purse import Purse
from lc_asym_router.money.listed import listed_price
from lc_asym_router.money.prices import Pricing
from lc_asym_router.options import CallOptions
from lc_asym_router.request import Request
from lc_asym_router.tiers import Ladder, Tier
from lc_asym_router.verify.check import Check


@dataclass(frozen=True)
class Policy:
    """What the nodes go by: the router's settings, resolved.

    Attributes:
        ladder: The tiers, cheapest first.
        decider: Makes decisions.
        check: Verifies the answers of every tier but the last; `None` for none.
        small_attempts: Tries on a tier below the last before it escalates.
        escalate_with: "request" sends the request as it was; "draft" sends the rejected answer and
            the reason along.
        prefix: Prefix of the keys in `config["configurable"]`.
        budgets: What requests may spend.
    """

    ladder: Ladder
    decider: Decider
    check: Check | None
    small_attempts: int
    escalate_with: Literal["request", "draft"]
    prefix: str = ""
    budgets: tuple[Budget, ...] = field(default=())

    @property
    def purse(self) -> Purse:
        """What pays for calls."""
        return Purse(self.budgets, self.price_of)

    def checks(self, tier: Tier, options: CallOptions) -> Check | None:
        """The check on a tier's answers in this call, or `None`."""
        return self.check if options.verify and tier is not self.ladder[-1] else None

    def above(self, tier: Tier, request: Request) -> Tier | None:
        """The next tier up that can take the request."""
        place = self.ladder.position(tier.name)
        return next((up for up in self.ladder[place + 1 :] if up.refuses(request) is None), None)

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
        tier = next((tier for tier in self.ladder if tier.model_name == model), None)
        return tier.rate if tier else listed_price(provider, model)

    @property
    def longest(self) -> int:
        """The greatest number of node runs in one request."""
        return 2 + 2 * self.small_attempts * len(self.ladder) + (2 if self.budgets else 0)
