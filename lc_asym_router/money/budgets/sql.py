"""Budgets in a database that processes and machines share."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.money.budgets.allotments import LIFE, WRITE_EVERY, Allotments, Allotted
from lc_asym_router.money.budgets.amounts import KEPT, MOST_AMOUNT, Balance, Claim, Refused
from lc_asym_router.money.budgets.statements import (
    blocked_by_allotments,
    delete_over,
    locked,
    reservation_row,
    reserved_amounts,
    write_plan,
)
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
TRIES, GIVEN_BACK = 2, 1.2 * WRITE_EVERY
"""How often, and after how many seconds, a call asks again whose room others have set aside."""


class SqlBackend:
    """Keeps what is spent and reserved in a database: SQLite or PostgreSQL.

    Each step is one short transaction that has the budgets' rows to itself: on SQLite by BEGIN
    IMMEDIATE, on PostgreSQL by SELECT ... FOR UPDATE in the order of the keys, so that nobody waits
    in a circle. Time is the database's own on PostgreSQL, so machines' clocks need not agree. In an
    SQLite file calls that follow each other closely share transactions (see `Allotments`).

    An SQLite file that was deleted or replaced gets what this process knows: the sums as it last
    saw them where they are greater than the new file's, and its own reservations. What only other
    processes know, they bring.

    Args:
        where: The database's URL or the path of an SQLite file, as for `Ledger`.
        calls_ahead: For how many calls room is set aside at most; 0 for none.
    """

    waits = True
    _files: int  # which of the store's files has been written to
    _writer: threading.Thread | None
    _failing: bool

    def __init__(self, where: str | os.PathLike[str], calls_ahead: int) -> None:
        self.database = Store(url_of(where))
        self._calls_ahead = calls_ahead if self.database.file is not None else 0
        self._pruned_at = -PRUNE_EVERY
        self.forget()

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self.database.name

    def reserve_in_memory(self, id: str, claims: Sequence[Claim]) -> bool:
        """Reserve all of the claims in what is set aside; `False` where there is no room in it."""
        if id in self._open or not self._allotments.reserve(id, claims, time.time()):
            return False
        self._begin_writing()
        return True

    def settle_in_memory(self, id: str, amounts: Mapping[str, int]) -> bool:
        """Settle a reservation that was made in memory; `False` where it was not."""
        if not self._allotments.settle(id, amounts):
            return False
        self._begin_writing()
        return True

    def reserve(
        self, id: str, claims: Sequence[Claim], seconds: float | None = None
    ) -> Refused | None:
        """Reserve all of the claims, or none: then the first that has no room comes back.

        Raises:
            TimeoutError: Other threads were at the file for so many seconds.
        """
        if self.reserve_in_memory(id, claims):
            return None
        self._prune(seconds)
        until = None if seconds is None else monotonic() + seconds
        refused, others = self._reserve(id, claims, until)
        for _ in range(TRIES):
            # What other processes have set aside they give back as the room gets less.
            if not others or (until is not None and monotonic() + GIVEN_BACK > until):
                break
            sleep(GIVEN_BACK)
            refused, others = self._reserve(id, claims, until)
        return refused

    def _reserve(
        self, id: str, claims: Sequence[Claim], until: float | None
    ) -> tuple[Refused | None, bool]:
        """Reserve in the database. Of a refusal: whether others' allotments are in the way."""
        from sqlalchemy import delete

        from lc_asym_router.money.database.tables import reservations

        keys = {claim.key: claim.ends_at for claim in claims}
        allotments = self._allotments
        allotments.drop(id)

        def work(connection: Connection) -> tuple[Allotted | Refused, bool, dict[str, int], float]:
            spent = locked(connection, keys)
            now = database_time(connection)
            connection.execute(
                delete(reservations).where(
                    reservations.c.key.in_(keys),
                    (reservations.c.id == id) | (reservations.c.expires_at < now - KEPT),
                )
            )
            reserved = reserved_amounts(connection, list(keys), now, allotments.id)
            plan = allotments.plan(claims, spent, reserved, now)
            if isinstance(plan, Refused):
                return plan, blocked_by_allotments(connection, plan, now, allotments.id), spent, now
            spent = write_plan(connection, allotments.id, plan, spent, now)
            if not plan.inside:
                connection.execute(
                    reservations.insert(),
                    [
                        reservation_row(id, each.key, each.amount, now + each.lease)
                        for each in claims
                    ],
                )
            return plan, False, spent, now

        def committed(found: tuple[Allotted | Refused, bool, dict[str, int], float]) -> None:
            plan, _, spent, now = found
            self._open.pop(id, None)
            if isinstance(plan, Refused):
                return
            self._remember(keys, spent)
            allotments.written(plan, now, id, claims)
            if self.database.file is not None and not plan.inside:
                now = time.time()
                self._open[id] = [(claim.key, claim.amount, now + claim.lease) for claim in claims]

        with self._alone(until):
            if self.reserve_in_memory(id, claims):  # another call has set room aside meanwhile
                return None, False
            plan, others, _, _ = self._done(work, until, committed)
        if isinstance(plan, Refused):
            return plan, others
        if plan.rows:
            self._begin_writing()
        return None, False

    def settle(self, id: str, amounts: Mapping[str, int], seconds: float | None = None) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        if self.settle_in_memory(id, amounts):
            return
        from sqlalchemy import delete, update

        from lc_asym_router.money.database.tables import budgets, reservations

        keys = sorted(amounts)

        def work(connection: Connection) -> dict[str, int]:
            spent = locked(connection, dict.fromkeys(keys), create=False)
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
            return spent

        def committed(spent: dict[str, int]) -> None:
            self._remember(dict.fromkeys(keys), spent)
            self._open.pop(id, None)

        self._done(work, None if seconds is None else monotonic() + seconds, committed)

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key.

        What other processes have set aside is reserved; what this one has, as far as it is in use.
        """
        from sqlalchemy import select

        from lc_asym_router.money.database.tables import budgets

        def work(connection: Connection) -> Balance:
            spent = connection.scalar(select(budgets.c.spent).where(budgets.c.key == key)) or 0
            now = database_time(connection)
            reserved = reserved_amounts(connection, [key], now, self._allotments.id).get(key, 0)
            within = self._allotments.within(key, now)
            return Balance(spent + within.spent, reserved + within.reserved)

        return self._done(work, None)

    def _done(
        self,
        work: Callable[[Connection], T],
        until: float | None,
        committed: Callable[[T], None] | None = None,
    ) -> T:
        """The work in one transaction; once more where the file was replaced meanwhile.

        Args:
            work: What is done in it.
            until: How long it may wait for others, by `monotonic`; `None` for its own limit.
            committed: What is done after it, before another thread of this process begins one.
        """
        with self._alone(until):
            try:
                found = self._transaction(work, until)
            except ReplacedError:
                found = self._transaction(work, until)
            if committed is not None:
                committed(found)
            return found

    def _transaction(self, work: Callable[[Connection], T], until: float | None) -> T:
        rest = None if until is None else max(0.0, until - monotonic())
        with self.database.transaction(writing=True, seconds=rest) as connection:
            if self._files != self.database.files:
                self._bring(connection)
            found = work(connection)
        self._files = self.database.files
        return found

    @contextmanager
    def _alone(self, until: float | None) -> Iterator[None]:
        """On SQLite one thread at a time, so that threads don't wait by polling."""
        if self.database.file is None:
            yield
            return
        seconds = -1 if until is None else max(0.0, until - monotonic())
        if not self._turn.acquire(timeout=seconds):
            raise TimeoutError("other calls were at the budget's file")
        try:
            yield
        finally:
            self._turn.release()

    # what was reserved in memory ------------------------------------------------------------

    def _begin_writing(self) -> None:
        """Have a thread write what calls take in memory, for as long as they do."""
        with self._starting:
            if self._writer is not None:
                return
            # No daemon: the process waits for its last writing.
            thread = threading.Thread(
                target=self._write_on, name="lc-asym-router-budget", daemon=False
            )
            try:
                thread.start()
                self._writer = thread
                return
            except RuntimeError:  # no more threads, or the process is about to end
                pass
        self._try_writing(last=True)

    def _write_on(self) -> None:
        ended = threading.main_thread()
        while True:
            ended.join(LIFE if self._failing else WRITE_EVERY)
            last = not ended.is_alive()
            done = self._try_writing(last=last)
            with self._starting:
                if (last and not done) or not self._allotments.due(time.time()):
                    self._writer = None
                    return

    def _try_writing(self, *, last: bool) -> bool:
        try:
            self.write(last=last)
        except Exception as error:  # what the driver raises: it is tried again
            if not self._failing:
                logger.warning(
                    "The budget's database can't be written (%s; %s). What calls have taken is "
                    "written when it can.",
                    describe_store_error(error),
                    self.name,
                )
            self._failing = True
            return False
        self._failing = False
        return True

    def write(self, *, last: bool = False) -> None:
        """Write what calls have taken in memory, and give back what is set aside and not needed.

        Args:
            last: Give back all that no call under way has reserved.
        """
        keys = self._allotments.due(time.time())
        if not keys:
            return
        allotments = self._allotments

        def work(connection: Connection) -> tuple[Allotted, dict[str, int], float]:
            spent = locked(connection, keys)
            now = database_time(connection)
            reserved = reserved_amounts(connection, list(keys), now, allotments.id)
            plan = allotments.plan_writing(spent, reserved, now, last=last)
            return plan, write_plan(connection, allotments.id, plan, spent, now), now

        def committed(found: tuple[Allotted, dict[str, int], float]) -> None:
            plan, spent, now = found
            self._remember(keys, spent)
            allotments.written(plan, now)

        self._done(work, None, committed)

    # what is over ---------------------------------------------------------------------------

    def _prune(self, seconds: float | None) -> None:
        """Delete the sums of periods that are over and dead reservations, now and then."""
        if monotonic() - self._pruned_at < PRUNE_EVERY:
            return
        self._pruned_at = monotonic()
        try:
            self._done(delete_over, None if seconds is None else monotonic() + seconds)
        except Exception as error:  # whatever it is: only what is over waits, for the next time
            logger.debug("Old budgets are not deleted: %s", describe_store_error(error))

    # what is known, should the file be gone -------------------------------------------------

    def _remember(self, keys: Mapping[str, float | None], spent: Mapping[str, int]) -> None:
        if self.database.file is None:
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
        spent = locked(connection, {key: ends_at for key, (_, ends_at) in known.items()})
        for key, (amount, _) in known.items():
            if amount > spent[key]:
                new = budgets.update().where(budgets.c.key == key)
                connection.execute(new.values(spent=amount, changed_at=now))
        rows = [reservation_row(id, *each) for id, open in self._open.items() for each in open]
        for claim, amount in self._allotments.rows():
            ends = now + claim.lease + LIFE
            rows.append(reservation_row(self._allotments.id, claim.key, amount, ends))
        if rows:
            connection.execute(insert_new(connection, reservations), rows)

    def forget(self) -> None:
        """In a forked child: the connections are the parent's, another thread may have the lock."""
        self.database.forget()
        self._turn = threading.RLock()
        self._files = self.database.files
        self._known: OrderedDict[str, tuple[int, float | None]] = OrderedDict()
        self._open: dict[str, list[tuple[str, int, float]]] = {}
        self._allotments = Allotments(self._calls_ahead)
        self._starting = threading.Lock()
        self._writer = None
        self._failing = False

    def close(self) -> None:
        """Write what is to be written, and close the connections."""
        self._try_writing(last=True)
        self.database.close()
