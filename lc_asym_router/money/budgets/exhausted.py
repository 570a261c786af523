"""The description of an exhausted budget."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lc_asym_router.money.budgets.amounts import Unit, amount_text


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A call that a budget has no room for.

    Attributes:
        budget: The budget's name.
        per: What the budget is per: "request", "thread", "day" or "tag".
        scope: The thread, the tag or the day (UTC); "" for a request.
        unit: The unit of the limit: "usd", "tokens" or "calls".
        limit: The limit, in that unit.
        spent: The amount spent, in that unit.
        reserved: The amount that running calls may still spend, in that unit.
        needed: The maximum of the refused call, in that unit.
        opens_at: When the budget resets, ISO 8601 in UTC; `None` where it does not.
        tier: The tier that was to be called; "" for a call of a classifier or a check.
        fault: Why the budget's store could not be used, or `None`: then the amounts are unknown,
            and no call is made.
        every: The period that the limit is for, "hour", "day", "week" or "month"; `None` for none.
    """

    budget: str
    per: str
    scope: str
    unit: Unit
    limit: float
    spent: float
    reserved: float
    needed: float
    opens_at: str | None
    tier: str = ""
    fault: str | None = None
    every: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as stored in the record: plain JSON."""
        return asdict(self)

    def __str__(self) -> str:
        unit = self.unit
        scope = f" {self.scope!r}" if self.scope and self.per != "request" else ""
        period = f" each {self.every}" if self.every and self.per != "day" else ""
        limit = f"{amount_text(unit, self.limit)} per {self.per}{scope}{period}"
        what = f"The budget {self.budget!r} ({limit})"
        if self.fault is not None:
            return f"{what} can't be asked: {self.fault}. No call is made without it."
        to = f"to {self.tier!r} " if self.tier else ""
        text = (
            f"{what} has no room for a call {to}that may take {amount_text(unit, self.needed)}: "
            f"{amount_text(unit, self.spent)} spent, {amount_text(unit, self.reserved)} reserved by "
            "calls under way."
        )
        if self.needed > self.limit:
            text += " Raise the limit, or lower the model's max_tokens: one call may take it all."
        elif self.opens_at:
            text += f" It opens again at {self.opens_at}."
        else:
            text += f" It does not open by itself: raise the limit, or begin another {self.per}."
        return text
