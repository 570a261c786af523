"""Where the counts of audits are: in this process, or in a database that processes share."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.audits.counts import FIELDS, Cell, Counts, add_counts
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.database.sql_store import Store, url_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

logger = logging.getLogger(__name__)


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
        self._known: Counts = {}
        self._new: Counts = {}
        self._writing: Counts = {}  # on its way to the database
        self._drawn: Mapping[str, int] = {}
        self._failure = ""

    @property
    def shared(self) -> bool:
        """Whether processes share the counts."""
        return self._store is not None

    def add(self, cells: Iterable[Cell], more: Mapping[str, int]) -> None:
        """Add to the counts of some cells, in memory."""
        with self._lock:
            add_counts(self._new if self.shared else self._known, cells, more)

    def counts(self, by: Collection[str] = ()) -> Counts:
        """The counts as this process knows them: the database's when it was last written or read, and
        what is not written yet.

        Args:
            by: What they are to be by, such as "tier"; all by default.
        """
        with self._lock:
            found: Counts = {}
            for cells in (self._known, self._writing, self._new):
                for cell, row in cells.items():
                    if not by or cell.by in by:
                        add_counts(found, [cell], row)
        return found

    def drawn(self, tier: str) -> int:
        """How many answers of a tier all processes had drawn when the database was last read."""
        return self._drawn.get(tier, 0)

    def flush(self) -> bool:
        """Write what was added, and read what others have; whether that went well. Never raises."""
        if self._store is None:
            return True
        with self._flushing:
            with self._lock:
                new, self._new = self._new, {}
                self._writing = new
            try:
                known = _exchanged(self._store, new)
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
            drawn: dict[str, int] = {}
            for cell, row in known.items():
                if cell.by == "tier":
                    drawn[cell.value] = drawn.get(cell.value, 0) + row["drawn"]
            with self._lock:
                self._known, self._writing, self._drawn = known, {}, drawn
            self._failure = ""
            return True

    def close(self) -> None:
        """Write what was added, and close the connections."""
        self.flush()
        if self._store is not None:
            self._store.close()

    def forget(self) -> None:
        """In a forked child: what is not written is the parent's to write."""
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._new, self._writing = {}, {}
        if self._store is None:
            self._known = {}
        else:
            self._store.forget()


def _exchanged(store: Store, new: Counts) -> Counts:
    """Add counts to the database's in one transaction, and return them all."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import audits

    with store.transaction(writing=bool(new)) as connection:
        if new:
            if connection.dialect.name == "postgresql":
                from sqlalchemy.dialects.postgresql import insert as postgres_insert

                statement = postgres_insert(audits)
            else:
                from sqlalchemy.dialects.sqlite import insert as sqlite_insert

                statement = sqlite_insert(audits)  # type: ignore[assignment]
            keys = [audits.c[name] for name in Cell.__slots__]
            more = {name: audits.c[name] + statement.excluded[name] for name in FIELDS}
            # In one order everywhere, so that no two processes wait for each other's rows.
            rows = sorted(new, key=_order)
            connection.execute(
                statement.on_conflict_do_update(index_elements=keys, set_=more),
                [
                    {**{name: getattr(cell, name) for name in Cell.__slots__}, **new[cell]}
                    for cell in rows
                ],
            )
        return {
            Cell(*(row[name] for name in Cell.__slots__)): {name: row[name] for name in FIELDS}
            for row in connection.execute(select(audits)).mappings()
        }


def _order(cell: Cell) -> tuple[str, str, str, str, float]:
    return (cell.by, cell.value, cell.day, cell.phase, cell.probability)
