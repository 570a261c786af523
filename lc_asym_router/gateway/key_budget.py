"""The keys' budgets: one limit for each key, reserved before a call as every budget's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from lc_asym_router.gateway.keys import TAG, KeyLimits
from lc_asym_router.money.budgets.amounts import MOST_LIMIT, Amounts, Claim, Unit, limit_amount
from lc_asym_router.money.budgets.budget import Budget, Every, Scope
from lc_asym_router.money.budgets.store import BudgetStore

PERIODS: Mapping[Every, str] = {"day": "usd_per_day", "month": "usd_per_month"}
"""The limit of a key that is for a period."""


class AdmittedKeys:
    """The limits of the keys that this process has admitted, by their tags."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[str, KeyLimits] = {}

    def put(self, tag: str, limits: KeyLimits) -> None:
        """Remember a key's limits, as they are now."""
        with self._lock:
            self._limits[tag] = limits

    def limit(self, tag: str, every: Every) -> float | None:
        """Return a key's limit for a period, in USD; 0 for a key that was not admitted."""
        limits = self._limits.get(tag)
        found: float | None = getattr(limits, PERIODS[every]) if limits is not None else 0.0
        return found

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a copy of a budget is under the same limits


@dataclass(frozen=True)
class KeyBudget(Budget):
    """A budget with a limit of its own for each key; a request without a key is free of it.

    Args:
        admitted: The limits of the keys.
    """

    admitted: AdmittedKeys = field(default_factory=AdmittedKeys, repr=False)

    def claims(self, scope: Scope, most: Amounts) -> Iterator[tuple[Unit, str, Claim]]:
        """What a call claims from the limit of its key; nothing where the key has none."""
        for unit, place, claim in super().claims(scope, most):
            limit = self.admitted.limit(place, self.every or "day")
            if limit is not None:
                yield unit, place, replace(claim, limit=limit_amount("usd", limit))


def key_budgets(
    store: BudgetStore, admitted: AdmittedKeys, max_output_tokens: int
) -> tuple[KeyBudget, ...]:
    """The budgets of all keys, one for each period.

    Args:
        store: Where they are kept: the keys' database.
        admitted: The limits of the keys.
        max_output_tokens: Set on models that have no limit on their output.
    """
    return tuple(
        KeyBudget(
            usd=MOST_LIMIT["usd"],  # the key's own is taken instead
            per="tag",
            tag=f"{TAG}*",
            every=every,
            name=f"key each {every}",
            store=store,
            max_output_tokens=max_output_tokens,
            admitted=admitted,
        )
        for every in PERIODS
    )


def spending(budgets: tuple[KeyBudget, ...], tag: str, moment: datetime) -> dict[str, Any]:
    """Return what a key has spent and reserved, by period, in USD; the stores are asked.

    Args:
        budgets: From `key_budgets`.
        tag: The key's tag.
        moment: The time, in UTC.
    """
    found = {}
    for budget in budgets:
        balance = budget.store.balance(budget.key("usd", tag, moment))
        found[str(budget.every)] = {
            "spent": balance.spent / 1e9,
            "reserved": balance.reserved / 1e9,
        }
    return found
