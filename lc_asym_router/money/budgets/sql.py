"""Budgets in a database that processes and machines share."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.money.budgets.amounts import KEPT, MOST_AMOUNT, Balance, Claim, Refused
from lc_asym_router.money.database.sql_store import (
    ReplacedError,
    Store,
    database_time,
    insert_new,
    url_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

T = TypeVar("T")

PRUNE_EVERY = 600.0
"""How often a process deletes what is over, in seconds."""
KNOWN_KEYS = 10_000
"""The most sums of an SQLite file that a process remembers, should the file be deleted."""


class SqlBackend:
    """Keeps what is spent and reserved in a database: SQLite or PostgreSQL.

    Each step is one short transaction that has the budgets' rows to itself: on SQLite by BEGIN
    IMMEDIATE, on PostgreSQL by SELECT ... FOR UPDATE in the order of the keys, so that nobody waits
    in a circle. Time is the database's own on PostgreSQL, so machines' clocks need not agree.

    An SQLite file that was deleted or replaced gets what this process knows: the sums as it last
    saw them where they are greater than the new file's, and its own reservations. What only other
    processes know, they bring.

    Args:
        where: The database's URL or the path of an SQLite file, as for `Ledger`.
    """

    waits = True
    _files: int  # which of the store's files has been written to

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self._store = Store(url_of(where))
        self._pruned_at = -PRUNE_EVERY
        self.forget()

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self._store.name

    def reserve(
        self, id: str, claims: Sequence[Claim], seconds: float | None = None
    ) -> Refused | None:
        """Reserve all of the claims, or none: then the first that has no room comes back.

        Raises:
            TimeoutError: Other threads were at the file for so many seconds.
        """
        from sqlalchemy import delete

        from lc_asym_router.money.database.tables import reservations

        keys = {claim.key: claim.ends_at for claim in claims}

        def work(connection: Connection) -> Refused | None:
            spent = _locked(connection, keys)
            now = database_time(connection)
            connection.execute(
                delete(reservations).where(
                    reservations.c.key.in_(keys),
                    (reservations.c.id == id) | (reservations.c.expires_at < now - KEPT),
                )
            )
            reserved = _reserved(connection, list(keys), now)
            for claim in claims:
                balance = Balance(spent[claim.key], reserved.get(claim.key, 0))
                if balance.spent + balance.reserved + claim.amount > claim.limit:
                    return Refused(claim, balance)
            connection.execute(
                reservations.insert(),
                [_reservation(id, claim.key, claim.amount, now + claim.lease) for claim in claims],
            )
            self._remember(keys, spent)
            return None

        self._prune(seconds)
        refused = self._done(work, seconds)
        if refused is None and self._store.file is not None:
            now = time.time()
            self._open[id] = [(claim.key, claim.amount, now + claim.lease) for claim in claims]
        return refused

    def settle(self, id: str, amounts: Mapping[str, int], seconds: float | None = None) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        from sqlalchemy import delete, update

        from lc_asym_router.money.database.tables import budgets, reservations

        keys = sorted(amounts)

        def work(connection: Connection) -> None:
            spent = _locked(connection, dict.fromkeys(keys), create=False)
            now = database_time(connection)
            for key in keys:
                gone = connection.execute(
                    delete(reservations).where(reservations.c.id == id, reservations.c.key == key)
                )
                if gone.rowcount and amounts[key] and key in spent:
                    spent[key] = min(spent[key] + amounts[key], MOST_AMOUNT)
                    connection.execute(
                        update(budgets)
                        .where(budgets.c.key == key)
                        .values(spent=spent[key], changed_at=now)
                    )
            self._remember(dict.fromkeys(keys), spent)

        self._done(work, seconds)
        self._open.pop(id, None)

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        from sqlalchemy import select

        from lc_asym_router.money.database.tables import budgets

        def work(connection: Connection) -> Balance:
            spent = connection.scalar(select(budgets.c.spent).where(budgets.c.key == key))
            return Balance(
                spent or 0, _reserved(connection, [key], database_time(connection)).get(key, 0)
            )

        return self._done(work, None)

    def _done(self, work: Callable[[Connection], T], seconds: float | None) -> T:
        """The work in one transaction; once more where the file was replaced meanwhile."""
        until = None if seconds is None else monotonic() + seconds
        with self._alone(until):
            try:
                return self._transaction(work, until)
            except ReplacedError:
                return self._transaction(work, until)

    def _transaction(self, work: Callable[[Connection], T], until: float | None) -> T:
        rest = None if until is None else max(0.0, until - monotonic())
        with self._store.transaction(writing=True, seconds=rest) as connection:
            if self._files != self._store.files:
                self._bring(connection)
            found = work(connection)
        self._files = self._store.files
        return found

    @contextmanager
    def _alone(self, until: float | None) -> Iterator[None]:
        """On SQLite one thread at a time, so that threads don't wait by polling."""
        if self._store.file is None:
            yield
            return
        seconds = -1 if until is None else max(0.0, until - monotonic())
        if not self._turn.acquire(timeout=seconds):
            raise TimeoutError("other calls were at the budget's file")
        try:
            yield
        finally:
            self._turn.release()

    # what is over ---------------------------------------------------------------------------

    def _prune(self, seconds: float | None) -> None:
        """Delete the sums of periods that are over and dead reservations, now and then."""
        if monotonic() - self._pruned_at < PRUNE_EVERY:
            return
        self._pruned_at = monotonic()
        from sqlalchemy import delete, select

        from lc_asym_router.money.database.tables import budgets, reservations

        def work(connection: Connection) -> None:
            old = database_time(connection) - KEPT
            # Rows that others have locked wait for the next time: nobody waits in a circle.
            over = select(budgets.c.key).where(budgets.c.ends_at < old)
            keys = list(connection.scalars(over.with_for_update(skip_locked=True).limit(10_000)))
            for start in range(0, len(keys), 500):
                some = keys[start : start + 500]
                connection.execute(delete(budgets).where(budgets.c.key.in_(some)))
                connection.execute(delete(reservations).where(reservations.c.key.in_(some)))

        try:
            self._done(work, seconds)
        except Exception as error:  # whatever it is: only what is over waits, for the next time
            logger.debug("Old budgets are not deleted: %s", describe_store_error(error))

    # what is known, should the file be gone -------------------------------------------------

    def _remember(self, keys: Mapping[str, float | None], spent: Mapping[str, int]) -> None:
        if self._store.file is None:
            return
        for key, amount in spent.items():
            ends_at = keys[key]
            if ends_at is None and key in self._known:
                ends_at = self._known[key][1]
            self._known[key] = (amount, ends_at)
            self._known.move_to_end(key)
        while len(self._known) > KNOWN_KEYS:
            self._known.popitem(last=False)

    def _bring(self, connection: Connection) -> None:
        """Write what this process knows into a file that is new to it."""
        from lc_asym_router.money.database.tables import budgets, reservations

        now = database_time(connection)
        known = {k: v for k, v in self._known.items() if v[1] is None or v[1] > now}
        spent = _locked(connection, {key: ends_at for key, (_, ends_at) in known.items()})
        for key, (amount, _) in known.items():
            if amount > spent[key]:
                connection.execute(
                    budgets.update()
                    .where(budgets.c.key == key)
                    .values(spent=amount, changed_at=now)
                )
        rows = [_reservation(id, *each) for id, open in self._open.items() for each in open]
        if rows:
            connection.execute(insert_new(connection, reservations), rows)

    def forget(self) -> None:
        """In a forked child: the connections are the parent's, another thread may have the lock."""
        self._store.forget()
        self._turn = threading.Lock()
        self._files = self._store.files
        self._known: OrderedDict[str, tuple[int, float | None]] = OrderedDict()
        self._open: dict[str, list[tuple[str, int, float]]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._store.close()


def _reservation(id: str, key: str, amount: int, expires_at: float) -> dict[str, object]:
    return {
        "id": id,
        "key": key,
        "amount": amount,
        "expires_at": expires_at,
        "holder": f"{socket.gethostname()}:{os.getpid()}"[:120],
    }


def _locked(
    connection: Connection, keys: Mapping[str, float | None], *, create: bool = True
) -> dict[str, int]:
    """What is spent under the keys, whose rows are ours until the transaction ends.

    Args:
        keys: The keys, with the ends of their periods.
        create: Make the rows that are not there; else they are left out.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import budgets

    found: dict[str, int] = {}
    if create:
        there: set[str] = set()
        for some in _slices(sorted(keys)):
            there.update(connection.scalars(select(budgets.c.key).where(budgets.c.key.in_(some))))
        for key in sorted(set(keys) - there):
            row = {"key": key, "spent": 0, "changed_at": 0.0, "ends_at": keys[key]}
            connection.execute(insert_new(connection, budgets), row)
    for some in _slices(sorted(keys)):
        chosen = (
            select(budgets.c.key, budgets.c.spent)
            .where(budgets.c.key.in_(some))
            .order_by(budgets.c.key)
            .with_for_update()
        )
        found.update({row.key: row.spent for row in connection.execute(chosen)})
    return found


def _slices(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + 500] for start in range(0, len(keys), 500))


def _reserved(connection: Connection, keys: Sequence[str], now: float) -> dict[str, int]:
    from sqlalchemy import func, select

    from lc_asym_router.money.database.tables import reservations

    sums = (
        select(reservations.c.key, func.sum(reservations.c.amount))
        .where(reservations.c.key.in_(keys), reservations.c.expires_at > now)
        .group_by(reservations.c.key)
    )
    return {key: int(amount) for key, amount in connection.execute(sums)}
