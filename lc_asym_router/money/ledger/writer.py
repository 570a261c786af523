"""Write to the database in the background: a bounded queue and one thread that writes batches."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from lc_asym_router._internal.imports import after_fork
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.errors import ConfigurationError, LedgerError
from lc_asym_router.money.database.sql_store import Store, StoreEntry

logger = logging.getLogger(__name__)

FIRST_WAIT = 0.1
LONGEST_WAIT = 30.0
"""How long the thread waits before it tries a database again that was down, in seconds."""
LOG_EVERY = 60.0
"""How often dropped requests are logged, in seconds."""


class Writer:
    """Queues rows and writes them in the background.

    Args:
        store: Where they go.
        size: The most requests that wait; what comes beyond is dropped and counted.
        batch: The most requests in one transaction.
        flush_seconds: How long a request waits for others to share its transaction, in seconds.
        exit_seconds: How long the process's end waits for the database, in seconds.
        after: Called after each transaction, in the thread; raises nothing.
    """

    def __init__(
        self,
        store: Store,
        *,
        size: int,
        batch: int,
        flush_seconds: float,
        exit_seconds: float,
        after: Callable[[], None],
    ) -> None:
        self.store = store
        self.size = size
        self.batch = batch
        self.flush_seconds = flush_seconds
        self.exit_seconds = exit_seconds
        self.after = after
        self._fresh()
        _writers.add(self)

    def _fresh(self) -> None:
        """Begin anew: in a new writer, and in a forked child, whose parent keeps its own rows."""
        self._changed = threading.Condition()
        self._waiting: deque[StoreEntry] = deque()
        self._taken = 0  # requests taken in
        self._done = 0  # requests written, or dropped by the thread
        self._dropped = 0  # of all that came, never written
        self._lost = 0  # of those taken in, dropped by the thread
        self._why_dropped = ""
        self._logged_dropped = 0
        self._logged_at = -LOG_EVERY
        self._wanted = 0  # up to here somebody waits in `flush`
        self._failure: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Requests that were dropped, in this process."""
        return self._dropped

    @property
    def pending(self) -> int:
        """Requests that wait to be written."""
        return len(self._waiting)

    def put(self, rows: StoreEntry) -> None:
        """Queue a request, without waiting for the database."""
        with self._changed:
            if self._closed or len(self._waiting) >= self.size:
                self._drop(1, "the ledger is closed" if self._closed else self._why_full())
                return
            self._waiting.append(rows)
            self._taken += 1
            if self._thread is None:
                self._start()
            if len(self._waiting) == 1 or len(self._waiting) >= self.batch:
                self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Wait until all that was put before is in the database, committed.

        Raises:
            LedgerError: It is not within `timeout` seconds.
        """
        until = time.monotonic() + timeout
        with self._changed:
            wanted = self._taken
            lost = self._lost
            self._wanted = max(self._wanted, wanted)
            self._changed.notify_all()
            while self._done < wanted:
                rest = until - time.monotonic()
                if rest <= 0 or self._thread is None:
                    raise LedgerError(
                        f"{wanted - self._done} requests are not written after {timeout:g} s "
                        f"({self._failure or 'the database is slow'}; {self.store.name}). They wait "
                        "in the queue and are tried again. Check the database."
                    )
                self._changed.wait(rest)
            if self._lost > lost:
                raise LedgerError(
                    f"{self._lost - lost} requests could not be written and were dropped "
                    f"({self._why_dropped})."
                )

    def close(self, timeout: float) -> None:
        """Write what waits, and end. What can't be written in time is dropped, counted and said."""
        with self._changed:
            if self._closed:
                return
            thread = self._thread
        if thread is not None:
            try:
                self.flush(timeout)
            except LedgerError as error:
                logger.error("The ledger is closed before all is written: %s", error)
        with self._changed:
            self._closed = True
            unwritten = len(self._waiting)
            self._waiting.clear()
            self._done += unwritten
            if unwritten:
                self._drop(unwritten, self._failure or "the ledger was closed")
            self._log_dropped(at_once=True)
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout=1.0)
        self.store.close()
        _writers.discard(self)

    # the thread -----------------------------------------------------------------------------

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, daemon=True, name="lc-asym-router-ledger")
        thread.start()
        self._thread = thread
        if multiprocessing.parent_process() is not None:
            # Such a process ends without atexit, but calls these.
            from multiprocessing import util

            util.Finalize(None, _close_all, exitpriority=10)

    def _run(self) -> None:
        wait = 0.0
        while batch := self._next(wait):
            try:
                self.store.write(batch)
            except Exception as error:  # the thread is all there is to write: it outlives any fault
                if _down(error):
                    wait = self._later(error, wait)
                    continue
                self._one_by_one(batch)
            else:
                self._written(len(batch))
                self.after()
            wait = 0.0

    def _next(self, wait: float) -> list[StoreEntry]:
        """The next batch, after so many seconds of back-off; an empty one at the end.

        Its requests stay in the queue until they are written.
        """
        with self._changed:
            soon, until = time.monotonic() + min(wait, FIRST_WAIT), time.monotonic() + wait
            while not self._closed:
                due = soon if self._wanted > self._done else until  # somebody waits in `flush`
                if (rest := due - time.monotonic()) <= 0:
                    break
                self._changed.wait(rest)
            while not self._waiting and not self._closed:
                self._changed.wait()
            until = time.monotonic() + self.flush_seconds
            while (
                not self._closed
                and len(self._waiting) < self.batch
                and self._wanted <= self._done
                and (rest := until - time.monotonic()) > 0
            ):
                self._changed.wait(rest)
            return list(islice(self._waiting, self.batch))

    def _written(self, count: int) -> None:
        with self._changed:
            for _ in range(min(count, len(self._waiting))):
                self._waiting.popleft()
                self._done += 1
            if self._failure is not None:
                logger.warning("The ledger's database is back: %s", self.store.name)
                self._failure = None
            self._log_dropped()
            self._changed.notify_all()

    def _later(self, error: Exception, wait: float) -> float:
        """The database is down: say it once, and wait longer each time."""
        with self._changed:
            if self._failure is None:
                logger.warning(
                    "The ledger's database can't be written (%s; %s). Requests go on, their records "
                    "wait: at most %d.",
                    describe_store_error(error),
                    self.store.name,
                    self.size,
                )
            self._failure = describe_store_error(error)
        longer = min(LONGEST_WAIT, max(FIRST_WAIT, wait * 2))
        return longer * random.uniform(0.5, 1.0)

    def _one_by_one(self, batch: Sequence[StoreEntry]) -> None:
        """The database refuses something in the batch: find it, drop it, write the rest."""
        for rows in batch:
            try:
                self.store.write([rows])
            except Exception as each:  # what it refuses is dropped, whatever it says of it
                if _down(each):
                    return  # the rest stays in the queue
                with self._changed:
                    self._waiting.popleft()
                    self._done += 1
                    self._lost += 1
                    self._drop(1, describe_store_error(each))
                    self._changed.notify_all()
            else:
                self._written(1)

    # what is dropped ------------------------------------------------------------------------

    def _why_full(self) -> str:
        return f"{self.size} wait already" + (f"; {self._failure}" if self._failure else "")

    def _drop(self, count: int, why: str) -> None:
        self._dropped += count
        self._why_dropped = why
        self._log_dropped()

    def _log_dropped(self, *, at_once: bool = False) -> None:
        fresh = self._dropped - self._logged_dropped
        now = time.monotonic()
        if fresh and (at_once or now - self._logged_at >= LOG_EVERY):
            self._logged_dropped, self._logged_at = self._dropped, now
            logger.error(
                "The ledger dropped %d requests, %d in all (%s; %s). The report lacks them.",
                fresh,
                self._dropped,
                self._why_dropped,
                self.store.name,
            )


def _down(error: Exception) -> bool:
    """Whether a write may work later: the database is away, locked or full, and the rows are fine."""
    from sqlalchemy import exc

    if isinstance(error, exc.DataError | exc.IntegrityError):
        return False
    if isinstance(error, exc.ProgrammingError):  # no right, no table; else a value of a wrong type
        return getattr(error.orig, "sqlstate", None) is not None
    return isinstance(error, exc.DBAPIError | exc.TimeoutError | OSError | ConfigurationError)


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_writers):
        writer.close(writer.exit_seconds)


@after_fork
def _after_fork() -> None:
    for writer in list(_writers):
        writer.store.forget()
        writer._fresh()


atexit.register(_close_all)
