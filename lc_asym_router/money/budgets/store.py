"""Where budgets keep what is spent and reserved."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Self

from lc_asym_router.money.budgets.claims import Balance, Claim, Refusal
from lc_asym_router.money.budgets.memory import MemoryVault

logger = logging.getLogger(__name__)


class BudgetStore:
    """Where budgets keep what is spent and what is reserved. Threads and tasks may share it.

    Args:
        url: A URL ("postgresql://user:password@host/database", "sqlite:///budgets.sqlite3") or the
            path of an SQLite file: processes share it, and on PostgreSQL machines too. It may be the
            ledger's database. `None` keeps it in the memory of this process alone.

    Raises:
        ConfigurationError: The URL can't be read, or the extra "ledger" or "postgres" is missing.
    """

    def __init__(self, url: str | os.PathLike[str] | None = None) -> None:
        self._vault: Any
        if url is None:
            self._vault = MemoryVault()
        else:
            from lc_asym_router.money.budgets.sql import SqlVault

            self._vault = SqlVault(url)
        self._owing = threading.Lock()
        self._owed: list[tuple[str, dict[str, int]]] = []
        _stores.add(self)

    @property
    def waits(self) -> bool:
        """Whether it is a database, which an event loop must not wait for."""
        return bool(self._vault.waits)

    @property
    def name(self) -> str:
        """Where it is: "memory", or the database's URL without its password."""
        return str(self._vault.name)

    def reserve(self, id: str, claims: Sequence[Claim]) -> Refusal | None:
        """Reserve all of a call's claims, or none of them.

        Args:
            id: Names the call; the same id again replaces its own reservation.
            claims: What it may take, from each limit.

        Returns:
            The first claim that finds no room, or `None` where all are reserved, committed.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database can't be reached, or refuses.
        """
        self._pay_off()
        refusal: Refusal | None = self._vault.reserve(id, claims)
        return refusal

    def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        """Turn a call's reservation into what it took; 0 gives it back. Never raises.

        Where the database is down the reservation stands, and is settled before the next one is
        made by this process.

        Args:
            id: Names the call.
            amounts: What it took, by the claims' keys.
        """
        try:
            self._vault.settle(id, amounts)
        except Exception as error:
            logger.warning(
                "The budget's database can't be written (%s; %s). The call's reservation stands "
                "until it can.",
                type(error).__name__,
                self.name,
            )
            with self._owing:
                self._owed.append((id, dict(amounts)))

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        balance: Balance = self._vault.balance(key)
        return balance

    def close(self) -> None:
        """Close the database's connections."""
        self._vault.close()

    def _pay_off(self) -> None:
        if not self._owed:
            return
        with self._owing:
            while self._owed:
                self._vault.settle(*self._owed[0])
                self._owed.pop(0)

    def _forget(self) -> None:
        self._vault.forget()
        self._owing = threading.Lock()
        self._owed = []

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a copy of a budget is under the same limit

    def __repr__(self) -> str:
        return f"BudgetStore({self.name})"


_stores: weakref.WeakSet[BudgetStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
