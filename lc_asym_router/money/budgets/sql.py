"""Budgets in a database that processes and machines share."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from lc_asym_router.money.budgets.claims import KEPT, Balance, Claim, Refusal
from lc_asym_router.money.database.store import Store, insert_new, url_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


class SqlVault:
    """Keeps what is spent and reserved in a database: SQLite or PostgreSQL.

    Each step is one short transaction that has the budgets' rows to itself: on SQLite by BEGIN
    IMMEDIATE, on PostgreSQL by SELECT ... FOR UPDATE in the order of the keys, so that nobody waits
    in a circle. Time is the database's own on PostgreSQL, so machines' clocks need not agree.

    Args:
        where: The database's URL or the path of an SQLite file, as for `Ledger`.
    """

    waits = True

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self._store = Store(url_of(where))
        self.forget()

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self._store.name

    def reserve(self, id: str, claims: Sequence[Claim]) -> Refusal | None:
        """Reserve all of the claims, or none: then the first that has no room comes back."""
        from sqlalchemy import delete

        from lc_asym_router.money.database.tables import reservations

        keys = [claim.key for claim in claims]
        with self._alone() as connection:
            spent = _locked(connection, keys)
            now = _now(connection)
            connection.execute(
                delete(reservations).where(
                    reservations.c.key.in_(keys),
                    (reservations.c.id == id) | (reservations.c.expires_at < now - KEPT),
                )
            )
            reserved = _reserved(connection, keys, now)
            for claim in claims:
                balance = Balance(spent[claim.key], reserved.get(claim.key, 0))
                if balance.spent + balance.reserved + claim.amount > claim.limit:
                    return Refusal(claim, balance)
            connection.execute(
                reservations.insert(),
                [
                    {
                        "id": id,
                        "key": claim.key,
                        "amount": claim.amount,
                        "expires_at": now + claim.lease,
                        "holder": f"{socket.gethostname()}:{os.getpid()}"[:120],
                    }
                    for claim in claims
                ],
            )
        return None

    def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        from sqlalchemy import delete, update

        from lc_asym_router.money.database.tables import budgets, reservations

        keys = sorted(amounts)
        with self._alone() as connection:
            _locked(connection, keys)
            now = _now(connection)
            for key in keys:
                gone = connection.execute(
                    delete(reservations).where(reservations.c.id == id, reservations.c.key == key)
                )
                if gone.rowcount and amounts[key]:
                    connection.execute(
                        update(budgets)
                        .where(budgets.c.key == key)
                        .values(spent=budgets.c.spent + amounts[key], changed_at=now)
                    )

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        from sqlalchemy import select

        from lc_asym_router.money.database.tables import budgets

        with self._alone() as connection:
            spent = connection.scalar(select(budgets.c.spent).where(budgets.c.key == key))
            return Balance(spent or 0, _reserved(connection, [key], _now(connection)).get(key, 0))

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction; on SQLite one at a time, so that threads don't wait by polling."""
        with self._turn, self._store.transaction(writing=True) as connection:
            yield connection

    def forget(self) -> None:
        """In a forked child: the connections are the parent's, another thread may hold the lock."""
        self._store.forget()
        one_writer = self._store.file is not None
        self._turn: Any = threading.Lock() if one_writer else nullcontext()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()


def _now(connection: Connection) -> float:
    if connection.dialect.name != "postgresql":
        return time.time()
    said = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
    return float(said)


def _locked(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """What is spent under the keys, whose rows are ours until the transaction ends."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import budgets

    there = set(connection.scalars(select(budgets.c.key).where(budgets.c.key.in_(keys))))
    for key in sorted(set(keys) - there):
        connection.execute(
            insert_new(connection, budgets), {"key": key, "spent": 0, "changed_at": 0.0}
        )
    chosen = (
        select(budgets.c.key, budgets.c.spent)
        .where(budgets.c.key.in_(keys))
        .order_by(budgets.c.key)
        .with_for_update()
    )
    return {row.key: row.spent for row in connection.execute(chosen)}


def _reserved(connection: Connection, keys: Sequence[str], now: float) -> dict[str, int]:
    from sqlalchemy import func, select

    from lc_asym_router.money.database.tables import reservations

    held = (
        select(reservations.c.key, func.sum(reservations.c.amount))
        .where(reservations.c.key.in_(keys), reservations.c.expires_at > now)
        .group_by(reservations.c.key)
    )
    return {key: int(amount) for key, amount in connection.execute(held)}
