"""One call's reservations, in every store that its budgets are kept in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TypeVar

from lc_asym_router.money.budgets.amounts import UNITS, Amounts, Unit, shown
from lc_asym_router.money.budgets.budget import Budget, Scope
from lc_asym_router.money.budgets.claims import Balance, Claim
from lc_asym_router.money.budgets.exhausted import Exhausted
from lc_asym_router.money.budgets.store import BudgetStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim, with the budget whose it is."""

    budget: Budget
    unit: Unit
    place: str
    claim: Claim


@dataclass(frozen=True)
class Reservation:
    """What one call reserves, before it is made, and settles, after it.

    Args:
        id: Names the call, the same wherever it is named.
        budgets: The budgets.
        scope: What the request counts under.
        most: The most that the call may take, by unit.
        charged: What the request has taken before, for budgets per request.
        tier: The tier to be called; "" for a call of a classifier or a check.
    """

    id: str
    budgets: Sequence[Budget]
    scope: Scope
    most: Amounts
    charged: Amounts = field(default_factory=dict)
    tier: str = ""
    _gone: threading.Event = field(default_factory=threading.Event, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def waits(self) -> bool:
        """Whether a database is asked, which an event loop must not wait for."""
        return any(store.waits for store in self._stores())

    # reserve --------------------------------------------------------------------------------

    def reserve(self) -> tuple[Budget, Exhausted] | None:
        """Reserve in every store, or in none: then the budget that has no room comes back."""
        if refused := self._over_request():
            return refused
        done: list[BudgetStore] = []
        for store, claimed in self._stores().items():
            try:
                refusal = store.reserve(self.id, [each.claim for each in claimed])
            except Exception as error:
                fault = f"{type(error).__name__} ({store.name})"
                refused = self._refused(claimed[0], Balance(0, 0), fault)
            else:
                if refusal is None:
                    done.append(store)
                    continue
                found = next(each for each in claimed if each.claim == refusal.claim)
                refused = self._refused(found, refusal.balance)
            for each in done:
                self._settle_in(each, {})
            return refused
        return None

    async def areserve(self) -> tuple[Budget, Exhausted] | None:
        """The async twin of `reserve`. Cancelled, it gives back what it has reserved."""
        if not self.waits:
            return self.reserve()

        def reserve() -> tuple[Budget, Exhausted] | None:
            refused = self.reserve()
            with self._turn:
                gone = self._gone.is_set()
                if not gone:
                    self._gone.set()  # from here on whoever called has it
            if gone and refused is None:
                self.settle({})
            return refused

        doing = _in_thread(reserve)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            with self._turn:
                reserved = self._gone.is_set()
                self._gone.set()
            if reserved:
                await self.asettle({})
            raise

    # settle ---------------------------------------------------------------------------------

    def settle(self, amounts: Amounts) -> None:
        """Book what the call took, by unit; a unit that is left out, at 0. Never raises."""
        for store in self._stores():
            self._settle_in(store, amounts)

    async def asettle(self, amounts: Amounts) -> None:
        """The async twin of `settle`; it is done even where this task is cancelled meanwhile."""
        if not self.waits:
            self.settle(amounts)
            return
        await asyncio.shield(_in_thread(lambda: self.settle(amounts)))

    def _settle_in(self, store: BudgetStore, amounts: Amounts) -> None:
        claimed = self._stores().get(store, [])
        store.settle(self.id, {each.claim.key: amounts.get(each.unit, 0) for each in claimed})

    # parts ----------------------------------------------------------------------------------

    def _stores(self) -> Mapping[BudgetStore, list[Claimed]]:
        """What is claimed, store by store."""
        stores: dict[BudgetStore, list[Claimed]] = {}
        for budget in self.budgets:
            if budget.per != "request":
                for unit, place, claim in budget.claims(self.scope, self.most):
                    claimed = stores.setdefault(budget.store, [])
                    claimed.append(Claimed(budget, unit, place, claim))
        return stores

    def _over_request(self) -> tuple[Budget, Exhausted] | None:
        """The first budget per request that has no room: its calls come one after the other."""
        for budget in self.budgets:
            if budget.per != "request":
                continue
            for unit, place, claim in budget.claims(self.scope, self.most):
                before = self.charged.get(unit, 0)
                if before + claim.amount > claim.limit:
                    return self._refused(Claimed(budget, unit, place, claim), Balance(before, 0))
        return None

    def _refused(
        self, claimed: Claimed, balance: Balance, fault: str | None = None
    ) -> tuple[Budget, Exhausted]:
        budget, unit, claim = claimed.budget, claimed.unit, claimed.claim
        return budget, Exhausted(
            budget=budget.name,
            per=budget.per,
            scope=claimed.place,
            unit=unit,
            limit=shown(unit, claim.limit),
            spent=shown(unit, balance.spent),
            reserved=shown(unit, balance.reserved),
            needed=shown(unit, claim.amount),
            opens_at=budget.opens_at(claimed.place),
            tier=self.tier,
            fault=fault,
        )


def _in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run it in a thread. A future that no ending event loop cancels, unlike a task's."""
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, work)


def added(*parts: Amounts) -> dict[Unit, int]:
    """The sum, unit by unit."""
    return {
        unit: sum(part.get(unit, 0) for part in parts)
        for unit in UNITS
        if any(unit in part for part in parts)
    }


def charge_of(charged: Mapping[str, float], to: Callable[[Unit, float], int]) -> dict[Unit, int]:
    """What the record says was charged, in whole parts."""
    return {unit: to(unit, charged[unit]) for unit in UNITS if unit in charged}
