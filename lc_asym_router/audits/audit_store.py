"""Where the counts of audits are: in this process, or in a database that processes share."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.audits.counts import FIELDS, Cell, Counts, add_counts
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.database.sql_store import Store, url_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

CLOCK = Cell("clock", "", "", "", 0.0)
"""The row that counts the writes."""
NOTHING = -1
"""The number of the last write that was read, before anything was."""


class AuditStore:
    """The counts of audits. Adding never waits for a database; `flush` does.

    Args:
        url: A database's URL or the path of an SQLite file; `None` for this process's memory.

    Raises:
        ConfigurationError: The URL can't be read, or an extra is missing.
    """

    def __init__(self, url: str | os.PathLike[str] | None = None) -> None:
        self._store = None if url is None else Store(url_of(url))
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._known: dict[str, Counts] = {}  # by what they are by
        self._new: Counts = {}
        self._writing: Counts = {}  # on its way to the database
        self._drawn: Counter[str] = Counter()
        self._read = NOTHING
        self._files = 0
        self._failure = ""

    @property
    def shared(self) -> bool:
        """Whether processes share the counts."""
        return self._store is not None

    @property
    def database(self) -> Store | None:
        """The database; `None` where the counts are in memory."""
        return self._store

    def add(self, cells: Iterable[Cell], more: Mapping[str, int]) -> None:
        """Add to the counts of some cells, in memory."""
        with self._lock:
            if self.shared:
                add_counts(self._new, cells, more)
                return
            for cell in cells:
                add_counts(self._known.setdefault(cell.by, {}), [cell], more)

    def counts(self, by: Collection[str] = ()) -> Counts:
        """The counts as this process knows them: the database's when it was last written or read, and
        what is not written yet.

        Args:
            by: What they are to be by, such as "tier"; all by default.
        """
        with self._lock:
            found: Counts = {}
            known = (self._known.get(each, {}) for each in by or list(self._known))
            for cells in (*known, self._writing, self._new):
                for cell, row in cells.items():
                    if not by or cell.by in by:
                        add_counts(found, [cell], row)
        return found

    def drawn(self, tier: str) -> int:
        """How many answers of a tier all processes had drawn when the database was last read."""
        return self._drawn[tier]

    def flush(self) -> bool:
        """Write what was added, and read what others have changed since; whether that went well. Never
        raises.
        """
        if self._store is None:
            return True
        with self._flushing:
            with self._lock:
                new, self._new = self._new, {}
                self._writing = new
            try:
                read, anew, changed = self._exchanged(self._store, new)
            except Exception as error:  # a database's driver may raise anything; counts are kept
                with self._lock:
                    self._writing = {}
                    for cell, row in new.items():
                        add_counts(self._new, [cell], row)
                if not self._failure:
                    self._failure = describe_store_error(error)
                    logger.warning(
                        "The audits' database can't be used (%s; %s). Counts are kept until it can.",
                        self._failure,
                        self._store.name,
                    )
                if isinstance(error, ConfigurationError):
                    logger.error("%s", error)
                return False
            with self._lock:
                if anew:
                    self._known, self._drawn = {}, Counter()
                for cell, row in changed.items():
                    old = self._known.setdefault(cell.by, {}).get(cell)
                    self._known[cell.by][cell] = row
                    if cell.by == "tier":
                        self._drawn[cell.value] += row["drawn"] - (old["drawn"] if old else 0)
                self._writing, self._read = {}, read
            self._failure = ""
            return True

    def _exchanged(self, store: Store, new: Counts) -> tuple[int, bool, Counts]:
        """Add counts to the database's in one transaction, and read what was changed since it was read.

        Every write has a number, and each row that of its last one. The number's own row is written
        first, so that writers wait for each other, and a higher number is never seen before a lower.

        Returns:
            The number of the last write that was read; whether all was read; the rows.
        """
        from sqlalchemy import select

        from lc_asym_router.money.database.tables import audits

        with store.transaction(writing=bool(new)) as connection:
            if new:
                _upsert(connection, {CLOCK: dict.fromkeys(FIELDS, 0) | {"requests": 1}}, 0)
            last = select(audits.c.requests).where(audits.c.by == CLOCK.by)
            write: int = connection.execute(last).scalar() or 0
            if new:
                _upsert(connection, new, write)
            # A file or a backup that was put in its place knows fewer writes.
            anew = self._read == NOTHING or store.files != self._files or write < self._read
            since = NOTHING if anew else self._read
            rows = connection.execute(
                select(audits).where(audits.c.changed > since, audits.c.by != CLOCK.by)
            ).mappings()
            changed = {
                Cell(*(row[name] for name in Cell.__slots__)): {name: row[name] for name in FIELDS}
                for row in rows
            }
            self._files = store.files
        return write, anew, changed

    def close(self) -> None:
        """Write what was added, and close the connections."""
        self.flush()
        if self._store is not None:
            self._store.close()

    def forget(self) -> None:
        """In a forked child: what is not written is the parent's to write."""
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._new, self._writing = {}, {}
        self._read = NOTHING  # the parent may have been about to take over what it had read
        if self._store is None:
            self._known = {}
        else:
            self._store.forget()


def _upsert(connection: Connection, counts: Counts, write: int) -> None:
    """Add counts to the rows there are, which have the number of this write then."""
    from lc_asym_router.money.database.tables import audits

    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        statement = postgres_insert(audits)
    else:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        statement = sqlite_insert(audits)  # type: ignore[assignment]
    keys = [audits.c[name] for name in Cell.__slots__]
    more = {name: audits.c[name] + statement.excluded[name] for name in FIELDS}
    upsert = statement.on_conflict_do_update(
        index_elements=keys, set_=more | {"changed": statement.excluded["changed"]}
    )
    # In one order everywhere, so that no two processes wait for each other's rows.
    rows = [
        {**{name: getattr(cell, name) for name in Cell.__slots__}, **counts[cell], "changed": write}
        for cell in sorted(counts, key=_order)
    ]
    connection.execute(upsert, rows)


def _order(cell: Cell) -> tuple[str, str, str, str, float]:
    return (cell.by, cell.value, cell.day, cell.phase, cell.probability)
