"""One call's reservations, in every store of its budgets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lc_asym_router._internal.deadline import (
    CLOCK,
    STORES,
    LateError,
    ThreadCall,
    off_loop,
    within,
)
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.money.budgets.amounts import (
    UNITS,
    Amounts,
    Balance,
    Claim,
    Refused,
    Unit,
    in_unit,
)
from lc_asym_router.money.budgets.budget import Budget, Exhausted, Scope
from lc_asym_router.money.budgets.store import BudgetStore, limit_argument

logger = logging.getLogger(__name__)

GRACE = 0.05
"""Seconds for a store that ends by its own limit, before its caller goes on without it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim, with its budget."""

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
        return any(store.waits for store in self._stores)

    # reserve --------------------------------------------------------------------------------

    def reserve(self, seconds: float | None = None) -> tuple[Budget, Exhausted] | None:
        """Reserve in every store, or in none: then the budget that has no room comes back.

        Args:
            seconds: How long the stores may take. What is reserved later than that is given back,
                and the first budget comes back with the fault.
        """
        if seconds is None or not self.waits:
            return self._reserve(seconds)
        if self._in_memory():
            return None
        try:
            limit = max(0.0, seconds) + GRACE
            return within(limit, lambda: self._unless_gone(seconds), threads=STORES)
        except TimeoutError:
            if self._go():
                self.settle({}, 0.0)
            return self._late(seconds)

    async def areserve(self, seconds: float | None = None) -> tuple[Budget, Exhausted] | None:
        """The async twin of `reserve`. Cancelled, it gives back what it has reserved."""
        if not self.waits:
            return self._reserve(seconds)
        if self._in_memory():
            return None
        limit = None if seconds is None else max(0.0, seconds) + GRACE
        try:
            async with asyncio.timeout(limit):
                return await off_loop(lambda: self._unless_gone(seconds), threads=STORES)
        except TimeoutError:
            if self._go():
                await self.asettle({}, 0.0)
            return self._late(seconds)
        except asyncio.CancelledError:
            if self._go():
                await self.asettle({})
            raise

    def _in_memory(self) -> bool:
        """Reserve without a wait, where the only store has set enough aside."""
        if len(self._stores) != 1 or self._over_request():
            return False
        ((store, claimed),) = self._stores.items()
        return store.reserve_in_memory(self.id, [each.claim for each in claimed])

    def _reserve(self, seconds: float | None) -> tuple[Budget, Exhausted] | None:
        if refused := self._over_request():
            return refused
        done: list[BudgetStore] = []
        clock = CLOCK.get()
        until = None if seconds is None else clock.elapsed() + seconds
        for store, claimed in self._stores.items():
            rest = None if until is None else until - clock.elapsed()
            try:
                refusal = store.reserve(
                    self.id, [each.claim for each in claimed], **limit_argument(rest)
                )
                if not isinstance(refusal, Refused | None):
                    raise TypeError(f"{type(store).__name__}.reserve returned no Refused")
            except Exception as error:  # a store may be of the user's own
                fault = f"{describe_store_error(error)} ({store.name})"
                refused = self._refused(claimed[0], Balance(0, 0), fault)
            else:
                if refusal is None:
                    done.append(store)
                    continue
                of = (each for each in claimed if each.claim == refusal.claim)
                found = next(of, claimed[0])
                refused = self._refused(found, refusal.balance)
            for each in done:
                self._settle_in(each, {}, rest)
            return refused
        return None

    def _unless_gone(self, seconds: float | None) -> tuple[Budget, Exhausted] | None:
        """Reserve in a thread; a reservation that comes too late is given back."""
        refused = self._reserve(seconds)
        if self._go() and refused is None:
            self.settle({})
        return refused

    def _go(self) -> bool:
        """Whether the other party, the caller or its thread, has finished before.

        The first to finish leaves the reservation to the second.
        """
        with self._turn:
            gone = self._gone.is_set()
            self._gone.set()
            return gone

    def _late(self, seconds: float | None) -> tuple[Budget, Exhausted]:
        claimed = next(iter(self._stores.values()))[0]
        fault = f"no answer within {seconds or 0.0:.3g} s ({claimed.budget.store.name})"
        return self._refused(claimed, Balance(0, 0), fault)

    # settle ---------------------------------------------------------------------------------

    def settle(self, amounts: Amounts, seconds: float | None = None) -> None:
        """Book what the call took, by unit; a unit that is left out, at 0. Never raises.

        Args:
            amounts: What it took.
            seconds: How long the caller waits for the stores: it is booked all the same, later.
        """
        if seconds is None or not self.waits:
            self._settle(amounts, seconds)
            return
        if self._settle_in_memory(amounts):
            return
        if job := self._settling(amounts, seconds):
            CLOCK.get().wait(job.result, max(0.0, seconds) + GRACE)
            self._settled(job, amounts)

    async def asettle(self, amounts: Amounts, seconds: float | None = None) -> None:
        """The async twin of `settle`; it is done even where this task is cancelled meanwhile."""
        if not self.waits:
            self._settle(amounts, seconds)
            return
        if self._settle_in_memory(amounts):
            return
        if job := self._settling(amounts, seconds):
            limit = None if seconds is None else max(0.0, seconds) + GRACE
            try:
                await asyncio.wait([asyncio.wrap_future(job.result)], timeout=limit)
            finally:
                self._settled(job, amounts)

    def _settle_in_memory(self, amounts: Amounts) -> bool:
        """Settle without a wait what the only store has reserved in memory."""
        if len(self._stores) != 1:
            return False
        ((store, claimed),) = self._stores.items()
        taken = {each.claim.key: amounts.get(each.unit, 0) for each in claimed}
        return store.settle_in_memory(self.id, taken)

    def _settling(self, amounts: Amounts, seconds: float | None) -> ThreadCall | None:
        """Settle in a thread; `None` where none can be begun: then it is done with what comes next."""
        try:
            return STORES.submit(lambda: self._settle(amounts, seconds), queued=True)
        except LateError:
            self._owe(amounts)
            return None

    def _settled(self, job: ThreadCall, amounts: Amounts) -> None:
        """Wait for it no more; it goes on."""
        STORES.abandon(job, drop=False)
        if job.result.done() and job.result.exception() is not None:  # there was no thread for it
            self._owe(amounts)

    def _owe(self, amounts: Amounts) -> None:
        for store, claimed in self._stores.items():
            store.owe(self.id, {each.claim.key: amounts.get(each.unit, 0) for each in claimed})

    def _settle(self, amounts: Amounts, seconds: float | None) -> None:
        for store in self._stores:
            self._settle_in(store, amounts, seconds)

    def _settle_in(self, store: BudgetStore, amounts: Amounts, seconds: float | None) -> None:
        claimed = self._stores.get(store, [])
        taken = {each.claim.key: amounts.get(each.unit, 0) for each in claimed}
        try:
            store.settle(self.id, taken, **limit_argument(seconds))
        except Exception as error:  # a store of the user's own: what it does is its own affair
            log_fault(logger, "%s can't settle a call: %s", store.name, describe_store_error(error))

    # parts ----------------------------------------------------------------------------------

    @cached_property
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
            limit=in_unit(unit, claim.limit),
            spent=in_unit(unit, balance.spent),
            reserved=in_unit(unit, balance.reserved),
            needed=in_unit(unit, claim.amount),
            opens_at=budget.opens_at(self.scope.moment),
            tier=self.tier,
            fault=fault,
            every=budget.period,
        )


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
