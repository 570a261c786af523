"""The store of what budgets have spent and reserved."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Self

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.claims import Balance, Claim, Refused
from lc_asym_router.money.budgets.memory import MemoryVault

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

    Raises:
        ConfigurationError: The URL is invalid, or the extra "ledger" or "postgres" is not
            installed.
    """

    def __init__(
        self, url: str | os.PathLike[str] | None = None, *, max_keys: int = 100_000
    ) -> None:
        if isinstance(max_keys, bool) or not isinstance(max_keys, int) or max_keys < 1:
            raise ConfigurationError(f"BudgetStore(max_keys={max_keys!r}) must be 1 or more.")
        self._vault: Any
        if url is None:
            self._vault = MemoryVault(max_keys)
        else:
            from lc_asym_router.money.budgets.sql import SqlVault

            self._vault = SqlVault(url)
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


def _after_fork() -> None:
    for store in list(_stores):
        store._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
