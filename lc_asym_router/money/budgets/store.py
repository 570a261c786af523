"""Stores of reservations: the protocol, and the one in memory."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from lc_asym_router._internal.imports import after_fork
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.allotments import MOST
from lc_asym_router.money.budgets.amounts import KEPT, Balance, Claim, Refused

if TYPE_CHECKING:
    from lc_asym_router.money.database.sql_store import Store

logger = logging.getLogger(__name__)


class BudgetStore:
    """Stores what budgets have spent and reserved. Safe to share between threads and tasks.

    Sums of past periods are deleted a day later. An SQLite file that is deleted or replaced while
    in use is opened anew, with the sums that this process knows.

    Args:
        url: A URL ("postgresql://user:password@host/database", "sqlite:///budgets.sqlite3") or the
            path of an SQLite file: processes share it, and on PostgreSQL machines too. It may be
            the ledger's database. `None` stores it in the memory of this process only.
        max_keys: In memory, the maximum number of sums (of threads, of tags): beyond that, the one
            that has been unchanged for longest is dropped, with one warning in the log.
        calls_ahead: In an SQLite file, the maximum number of calls that a busy process sets room aside
            for in one transaction, at most a sixteenth of the room that is there. It gives that out in
            memory, and writes what its calls took every quarter of a second. 0: each call makes its
            own transactions.

    Raises:
        ConfigurationError: The URL is invalid, or the extra "ledger" or "postgres" is not
            installed.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        max_keys: int = 100_000,
        calls_ahead: int = MOST,
    ) -> None:
        if isinstance(max_keys, bool) or not isinstance(max_keys, int) or max_keys < 1:
            raise ConfigurationError(f"BudgetStore(max_keys={max_keys!r}) must be 1 or more.")
        if isinstance(calls_ahead, bool) or not isinstance(calls_ahead, int) or calls_ahead < 0:
            raise ConfigurationError(
                f"BudgetStore(calls_ahead={calls_ahead!r}) must be 0 (none) or more."
            )
        self._vault: Any
        if url is None:
            self._vault = MemoryBackend(max_keys)
        else:
            from lc_asym_router.money.budgets.sql import SqlBackend

            self._vault = SqlBackend(url, calls_ahead)
        self._owing = threading.Lock()
        self._owed: list[tuple[str, dict[str, int]]] = []
        _stores.add(self)

    @property
    def waits(self) -> bool:
        """Whether a call may block (a database, a user's own class), so that no event loop may make
        it.
        """
        return bool(self._vault.waits) or type(self) is not BudgetStore

    @property
    def name(self) -> str:
        """The store's name: "memory", or the database's URL without its password."""
        return str(self._vault.name)

    @property
    def database(self) -> Store | None:
        """The database; `None` where the sums are in memory."""
        database: Store | None = self._vault.database
        return database

    def reserve(
        self, id: str, claims: Sequence[Claim], seconds: float | None = None
    ) -> Refused | None:
        """Reserve all of a call's claims, or none of them.

        Args:
            id: Names the call; the same id again replaces its own reservation.
            claims: What it may take, from each limit.
            seconds: How long to wait for a database that others have locked; `None` for its own
                limit.

        Returns:
            The first claim that finds no room, or `None` where all are reserved, committed.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database can't be reached, or refuses.
            TimeoutError: It was locked for so long.
        """
        started = time.monotonic()
        self._pay_off(seconds)
        rest = None if seconds is None else seconds - (time.monotonic() - started)
        refused: Refused | None = self._vault.reserve(id, claims, **limit_argument(rest))
        return refused

    def settle(self, id: str, amounts: Mapping[str, int], seconds: float | None = None) -> None:
        """Turn a call's reservation into what it took; 0 gives it back. Never raises.

        Where the database is down the reservation stands, and is settled by this process when it
        next reserves. One that the database can't take at all stands until its lease ends.

        Args:
            id: Names the call.
            amounts: What it took, by the claims' keys.
            seconds: How long to wait for a database, as for `reserve`.
        """
        try:
            self._vault.settle(id, amounts, **limit_argument(seconds))
        except Exception as error:  # booking never ends a request: what the driver raises is said
            if _hopeless(error):
                self._give_up(error)
                return
            logger.warning(
                "The budget's database can't be written (%s; %s). The call's reservation stands "
                "until it can.",
                describe_store_error(error),
                self.name,
            )
            self.owe(id, amounts)

    def reserve_in_memory(self, id: str, claims: Sequence[Claim]) -> bool:
        """Reserve a call's claims where that waits for no database; else return `False`."""
        own = type(self) is BudgetStore and not self._owed
        return own and bool(self._vault.reserve_in_memory(id, claims))

    def settle_in_memory(self, id: str, amounts: Mapping[str, int]) -> bool:
        """Settle likewise what was reserved in memory."""
        return type(self) is BudgetStore and bool(self._vault.settle_in_memory(id, amounts))

    def owe(self, id: str, amounts: Mapping[str, int]) -> None:
        """Leave a settlement, as for `settle`, to the next call that reserves."""
        self._owed.append((id, dict(amounts)))

    def balance(self, key: str) -> Balance:
        """Return what is spent and reserved under a key."""
        balance: Balance = self._vault.balance(key)
        return balance

    def close(self) -> None:
        """Close the database's connections."""
        self._vault.close()

    def _pay_off(self, seconds: float | None) -> None:
        """Settle what could not be settled before. What fails again waits, and blocks nothing: its
        reservation counts until then."""
        if not self._owed or not self._owing.acquire(blocking=False):
            return  # another thread is at it
        try:
            for owed in list(self._owed):
                try:
                    self._vault.settle(*owed, **limit_argument(seconds))
                except Exception as error:  # likewise
                    if not _hopeless(error):
                        # Behind the others, so that they get their turn where it alone fails.
                        self._owed.append(self._owed.pop(self._owed.index(owed)))
                        return
                    self._give_up(error)
                self._owed.remove(owed)
        finally:
            self._owing.release()

    def _give_up(self, error: Exception) -> None:
        logger.error(
            "The budget's database can't take what a call has spent (%s; %s). The call's "
            "reservation counts until its lease ends.",
            describe_store_error(error),
            self.name,
        )

    def _forget(self) -> None:
        self._vault.forget()
        self._owing = threading.Lock()
        self._owed = []

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a copy of a budget is under the same limit

    def __repr__(self) -> str:
        return f"BudgetStore({self.name})"


def limit_argument(seconds: float | None) -> dict[str, float]:
    """The argument where there is a limit: stores of one's own need not know it otherwise."""
    return {} if seconds is None else {"seconds": max(0.0, seconds)}


def _hopeless(error: Exception) -> bool:
    """Whether the database refuses the values themselves, now and later."""
    if isinstance(error, OverflowError):
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"DataError", "IntegrityError"})


_stores: weakref.WeakSet[BudgetStore] = weakref.WeakSet()


@after_fork
def _after_fork() -> None:
    for store in list(_stores):
        store._forget()


SWEEP_EVERY = 60.0
"""How often sums of periods that are over are looked for, in seconds."""


@dataclass
class _Sums:
    """What is spent and reserved under a key, and when its period is over."""

    ends_at: float | None
    spent: int = 0
    reserved: dict[str, tuple[int, float]] = field(default_factory=dict)

    def balance(self, now: float, without: str = "") -> Balance:
        amounts = (
            amount for id, (amount, ends) in self.reserved.items() if ends > now and id != without
        )
        return Balance(self.spent, sum(amounts))

    def over(self, now: float) -> bool:
        return self.ends_at is not None and self.ends_at + KEPT < now


class MemoryBackend:
    """Stores what is spent and reserved in dicts, under one lock; lost when the process ends.

    Sums of periods that are over are dropped. Of the others at most `max_keys` are known: beyond
    that the one that has not changed for the longest is dropped, and its limit begins anew.

    Args:
        max_keys: The most sums (of a thread, of a tag) that are known at a time.
    """

    waits = False
    """Whether asking it may take long enough to keep an event loop from its work."""
    name = "memory"
    database = None

    def __init__(self, max_keys: int) -> None:
        self.max_keys = max_keys
        self._lock = threading.Lock()
        self._sums: OrderedDict[str, _Sums] = OrderedDict()  # unchanged for the longest first
        self._swept_at = 0.0
        self._warned = False

    def reserve(
        self, id: str, claims: Sequence[Claim], seconds: float | None = None
    ) -> Refused | None:
        """Reserve all of the claims, or none: then the first that has no room comes back."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            for claim in claims:
                sums = self._sums.get(claim.key)
                if sums is None:
                    balance = Balance(0, 0)
                else:
                    for old in [each for each, (_, e) in sums.reserved.items() if e + KEPT < now]:
                        del sums.reserved[old]
                    balance = sums.balance(now, without=id)
                if balance.spent + balance.reserved + claim.amount > claim.limit:
                    return Refused(claim, balance)
            for claim in claims:
                sums = self._sums.setdefault(claim.key, _Sums(claim.ends_at))
                sums.reserved[id] = (claim.amount, now + claim.lease)
                self._sums.move_to_end(claim.key)
            self._drop_oldest(now)
        return None

    def settle(self, id: str, amounts: Mapping[str, int], seconds: float | None = None) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        with self._lock:
            for key, amount in amounts.items():
                sums = self._sums.get(key)
                if sums is not None and sums.reserved.pop(id, None) is not None:
                    sums.spent += amount
                    self._sums.move_to_end(key)

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        with self._lock:
            sums = self._sums.get(key)
            return sums.balance(time.time()) if sums else Balance(0, 0)

    def reserve_in_memory(self, id: str, claims: Sequence[Claim]) -> bool:
        """As the whole store is in memory, there is nothing to spare."""
        return False

    def settle_in_memory(self, id: str, amounts: Mapping[str, int]) -> bool:
        """Likewise."""
        return False

    def _sweep(self, now: float) -> None:
        if abs(now - self._swept_at) < SWEEP_EVERY:
            return
        self._swept_at = now
        for key in [key for key, sums in self._sums.items() if sums.over(now)]:
            del self._sums[key]

    def _drop_oldest(self, now: float) -> None:
        while len(self._sums) > self.max_keys:
            idle = (k for k, sums in self._sums.items() if not sums.balance(now).reserved)
            oldest = next(idle, None)
            if oldest is None:
                return  # all have calls under way
            dropped = self._sums.pop(oldest)
            ended = dropped.ends_at is not None and dropped.ends_at <= now
            if dropped.spent and not ended and not self._warned:
                self._warned = True
                logger.warning(
                    "A budget in memory has spent for more than %d threads or tags at a time; the "
                    "sums that have not changed for the longest are forgotten. Keep it in a "
                    "database: Budget(store='sqlite:///budgets.sqlite3').",
                    self.max_keys,
                )

    def forget(self) -> None:
        """In a forked child: another thread may have had the lock."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing to close."""
