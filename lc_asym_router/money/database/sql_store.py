"""The database: its location, what is written, and writing it without duplicates."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.forks import DATABASES
from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

logger = logging.getLogger(__name__)

LOCK_SECONDS = 30.0
"""How long SQLite waits for another process's write to end, in seconds."""
CONNECT_SECONDS = 10
"""How long a connection to PostgreSQL may take, in seconds."""
_parents: list[Any] = []

SLICE = 500
"""Rows in one INSERT: PostgreSQL takes 65,535 values, SQLite 32,766."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One request's rows.

    Attributes:
        request: The row of the table of requests.
        calls: A row for each attempt and each side call.
        tags: The request's tags.
        moves: A row for each move between rungs that was made before it.
    """

    request: dict[str, Any]
    calls: list[dict[str, Any]]
    tags: list[str] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a request that was already recorded as answered: its id, and the error's class."""

    request_id: str
    error: str


@dataclass(frozen=True, slots=True)
class LaterCalls:
    """All calls that were made for a request after it had ended, in place of those written before.

    Attributes:
        request_id: The request's own id.
        calls: A row for each.
    """

    request_id: str
    calls: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """What somebody thought of an answer.

    Attributes:
        row: The row of the table.
    """

    row: dict[str, Any] = field(repr=False)


StoreEntry = Rows | Failure | LaterCalls | FeedbackRow
"""What is written."""


def default_path() -> Path:
    """Return the ledger's default file, in the platform's folder for user data."""
    platformdirs = needed("platformdirs", "ledger")
    return Path(platformdirs.user_data_path("lc-asym-router")) / "ledger.sqlite3"


def url_of(where: str | os.PathLike[str] | None) -> URL:
    """The database's URL.

    Args:
        where: A URL, the path of an SQLite file, or `None` for the default file.

    Raises:
        ConfigurationError: It is no URL, of no database that is known, or its driver is missing.
    """
    sqlalchemy = needed("sqlalchemy", "ledger")
    needed("alembic", "ledger")
    if where is None or isinstance(where, os.PathLike) or "://" not in where:
        path = default_path() if where is None else Path(where).expanduser()
        if str(path) in ("", ".", ":memory:"):
            raise ConfigurationError(_no_file(str(where)))
        _refuse_irregular(path)
        file: URL = sqlalchemy.URL.create("sqlite", database=str(path))
        return file
    try:
        url: URL = sqlalchemy.make_url(where)
        backend = url.get_backend_name()
    except (sqlalchemy.exc.SQLAlchemyError, ValueError, TypeError):
        # The text may hold a password, so it is not quoted.
        raise ConfigurationError(
            "The ledger's URL can't be read. Write 'sqlite:///path/to/file.sqlite3' or "
            "'postgresql://user:password@host:5432/database' (with %-escapes in the password)."
        ) from None
    if backend == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ConfigurationError(_no_file(where))
        _refuse_irregular(Path(url.database))
        return url.set(drivername="sqlite")
    if backend not in ("postgresql", "postgres"):
        raise ConfigurationError(
            f"Databases are SQLite and PostgreSQL, not {backend!r}. Write "
            "'sqlite:///path/to/file.sqlite3' or 'postgresql://user:password@host:5432/database'."
        )
    needed("psycopg", "postgres")
    return url.set(drivername="postgresql+psycopg")


def _refuse_irregular(place: Path) -> None:
    """Refuse a pipe, whose opening would wait for a writer, a device, a folder.

    Raises:
        ConfigurationError: It is one.
    """
    if place.exists() and not place.is_file():
        raise ConfigurationError(f"{place} is no regular file. Give the path of an SQLite file.")


def _no_file(where: str) -> str:
    return (
        f"The ledger {where!r} names no file, and what is in memory is gone with the process. Write "
        "'sqlite:///path/to/file.sqlite3'."
    )


class ReplacedError(OSError):
    """The SQLite file was deleted or replaced while a transaction wrote to it."""


_wait_until: ContextVar[float | None] = ContextVar("lc_asym_router_wait_until", default=None)
"""Until when (`time.monotonic`) this thread may wait for a lock; `None`: see `LOCK_SECONDS`."""


class Store:
    """The database, opened when it is first used; threads may share it.

    Args:
        url: Its URL, from `url_of`.

    Attributes:
        files: Number of files opened so far: one more each time its SQLite file was replaced.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.files = 1
        self._engine: Engine | None = None
        self._migrated = False
        self._identity: tuple[int, int] | None = None
        self._opening = threading.Lock()

    @property
    def name(self) -> str:
        """The database's URL without its password, wherever it stands."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The SQLite file, or `None`."""
        local = self.url.get_backend_name() == "sqlite" and self.url.database
        return Path(self.url.database) if local and self.url.database else None

    @contextmanager
    def transaction(self, *, writing: bool, seconds: float | None = None) -> Iterator[Connection]:
        """A transaction on tables that are up to date; committed at the block's end.

        Args:
            writing: Whether it writes.
            seconds: How long it may wait for others' locks; `None` for `LOCK_SECONDS`.

        Raises:
            ConfigurationError: The tables were made by a newer version of this package.
            ReplacedError: The SQLite file is not the one that was written to.
            sqlalchemy.exc.SQLAlchemyError: The database can't be reached, or refuses.
        """
        from lc_asym_router.money.database.tables import migrate

        mark = _wait_until.set(None if seconds is None else time.monotonic() + seconds)
        try:
            with DATABASES.busy():
                engine = self._open()
                if not self._migrated:
                    with _begun(engine, writing=True) as connection:
                        migrate(connection)
                    self._identity = _identity(self.file)
                    self._migrated = True
                with _begun(engine, writing=writing) as connection:
                    yield connection
        finally:
            _wait_until.reset(mark)
        if writing and self._replaced():
            raise ReplacedError(f"the file was deleted or replaced: {self.name}")

    def write(self, batch: Sequence[StoreEntry]) -> None:
        """Write requests in one transaction; what is there already stays as it is."""
        from lc_asym_router.money.database import tables
        from lc_asym_router.money.database.day_totals import forget_days

        new = [each for each in batch if isinstance(each, Rows)]
        old = {each.request_id for each in batch if isinstance(each, Failure | LaterCalls)}
        tags = [{"request_id": each.request["id"], "tag": tag} for each in new for tag in each.tags]
        with self.transaction(writing=True) as connection:
            forget_days(
                connection,
                times={each.request["time"] for each in new},
                requests=old,
                runs={each.row["run_id"] for each in batch if isinstance(each, FeedbackRow)},
            )
            for table, rows in (
                (tables.requests, [each.request for each in new]),
                (tables.calls, [call for each in new for call in each.calls]),
                (tables.tags, tags),
                (tables.moves, [move for each in new for move in each.moves]),
                (tables.feedback, [each.row for each in batch if isinstance(each, FeedbackRow)]),
            ):
                statement = insert_new(connection, table)
                for start in range(0, len(rows), SLICE):
                    connection.execute(statement, rows[start : start + SLICE])
            calls = tables.calls.c
            for each in batch:
                if isinstance(each, LaterCalls):
                    audits = (calls.request_id == each.request_id) & (calls.purpose == "audit")
                    connection.execute(tables.calls.delete().where(audits))
                    if each.calls:
                        connection.execute(insert_new(connection, tables.calls), each.calls)
                elif isinstance(each, Failure):
                    # As a request that no tier has answered: no answer, no saving.
                    connection.execute(
                        tables.requests.update()
                        .where(tables.requests.c.id == each.request_id)
                        .values(
                            outcome="failed",
                            error=each.error,
                            tier=None,
                            frontier_cost_usd=None,
                            saved_usd=None,
                        )
                    )

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            with DATABASES.busy():
                self._engine.dispose()
            self._engine = None

    def forget(self) -> None:
        """Drop a parent process's connections without closing them: they are still its own."""
        self._opening = threading.Lock()
        if self._engine is not None:
            _parents.append(self._engine)  # so that no connection is closed by its collection
            self._engine = None

    def _open(self) -> Engine:
        with self._opening:
            if self._replaced():
                logger.warning(
                    "The database file was deleted or replaced while it was in use; it is opened "
                    "anew, and what it had is gone (%s).",
                    self.name,
                )
                # Before the new file is opened: SQLite would take its journal for the old one's.
                self.close()
                self.files += 1
                self._migrated, self._identity = False, None
            if self._engine is None:
                self._engine = _engine(self.url, self.file)
            return self._engine

    def _replaced(self) -> bool:
        """Whether the SQLite file is no longer the one that was opened."""
        return self._identity is not None and _identity(self.file) != self._identity


def _identity(file: Path | None) -> tuple[int, int] | None:
    """What tells a file from another at the same path; `None` where there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def insert_new(connection: Connection, table: Any) -> Any:
    """An INSERT that leaves what is there already as it is."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        return postgres_insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table).on_conflict_do_nothing()


def database_time(connection: Connection) -> float:
    """Seconds since the epoch: by PostgreSQL's own clock, since machines' clocks need not agree."""
    if connection.dialect.name != "postgresql":
        return time.time()
    now = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
    return float(now)


@contextmanager
def _begun(engine: Engine, *, writing: bool) -> Iterator[Connection]:
    with engine.connect() as connection:
        chosen = connection.execution_options(asym_writing=writing)
        with chosen.begin():
            yield chosen


def _engine(url: URL, file: Path | None) -> Engine:
    from sqlalchemy import create_engine, event

    if file is None:
        server = create_engine(
            url,
            pool_size=2,
            pool_pre_ping=True,
            # Budgets read what others committed while they waited for a row's lock: a database
            # whose own default is stricter would show them an older state.
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "tcp_user_timeout": int(LOCK_SECONDS * 1000),  # a dead network is a failed write
                "application_name": "lc-asym-router",
            },
        )

        @event.listens_for(server, "begin")
        def limit(connection: Connection) -> None:
            if (rest := _wait_seconds()) is not None:
                for setting in ("lock_timeout", "statement_timeout"):
                    connection.exec_driver_sql(f"SET LOCAL {setting} = {int(rest * 1000) + 1}")

        return server
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says
        _journal(connection)
        connection.execute("PRAGMA synchronous=FULL")  # what is acknowledged outlives a power cut
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write that begins as a read fails at once where another process writes, without a wait.
        writing = connection.get_execution_options().get("asym_writing", True)
        seconds = _wait_seconds(LOCK_SECONDS)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _wait_seconds(otherwise: Any = None) -> Any:
    """Seconds that this thread may still wait for a lock."""
    until = _wait_until.get()
    return otherwise if until is None else max(0.0, until - time.monotonic())


def _journal(connection: sqlite3.Connection) -> None:
    """Let readers read while a process writes. SQLite's own wait does not hold for this switch."""
    until = time.monotonic() + _wait_seconds(LOCK_SECONDS)
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
