"""The database's tables, and bringing an older file up to date; SQLAlchemy loads with it."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from lc_asym_router._internal.imports import after_fork
from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection


logger = logging.getLogger(__name__)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, with its time zone in Python whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database: SQLite has no time zones, so what it gives is in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()

requests = Table(
    "asym_requests",
    metadata,
    Column("id", String(32), primary_key=True),  # the record's own id
    Column("run_id", String(64)),
    Column("time", UtcTime, nullable=False),  # when it came to its end
    Column("outcome", String(16), nullable=False),  # "answered", "failed", "left"
    Column("error", String(120)),  # class of the error, no text
    Column("tier", String(120)),  # the one that answered
    Column("model", String(240)),
    Column("escalated", Boolean, nullable=False),
    Column("decided_tier", String(120)),
    Column("complexity", Double),
    Column("threshold", Double),
    Column("confidence", Double),
    Column("classifier", String(240)),
    Column("attempts", Integer, nullable=False),
    Column("cost_usd", Double),  # NULL: unknown
    Column("frontier_cost_usd", Double),  # an estimate
    Column("saved_usd", Double),
    Column("seconds", Double, nullable=False),
    Column("thread_id", String(240)),
    Column("reason", Text),  # this and the next two only with keep_text
    Column("prompt", Text),
    Column("answer", Text),
    Column("vouched", String(16)),  # what the answer rests on; NULL: no answer, or not known
    Column("rung", String(60)),  # that it was handled on; NULL: the router has no target
    Index("asym_requests_time", "time"),
    Index("asym_requests_thread", "thread_id"),
    Index("asym_requests_run", "run_id"),
)

calls = Table(
    "asym_calls",
    metadata,
    Column(
        "request_id",
        String(32),
        ForeignKey("asym_requests.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),  # attempts from 1, then the side calls
    Column("purpose", String(16), nullable=False),  # "answer", "classify", "verify"
    Column("tier", String(120)),
    Column("model", String(240)),
    Column("passed", Boolean),
    Column("check", String(240)),
    Column("score", Double),
    Column("input_tokens", Integer),  # NULL: not reported
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),  # inside the input
    Column("cache_write_tokens", Integer),  # inside the input
    Column("reasoning_tokens", Integer),  # inside the output
    Column("usage_estimated", Boolean, nullable=False),  # the router ended the call early
    Column("cost_usd", Double),  # NULL: unknown
    Column("seconds", Double),
    Column("error", String(120)),
    Column("reason", Text),  # only with keep_text
)

tags = Table(
    "asym_tags",
    metadata,
    Column(
        "request_id",
        String(32),
        ForeignKey("asym_requests.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("tag", String(240), primary_key=True),
    Index("asym_tags_tag", "tag"),
)

budgets = Table(
    "asym_budgets",
    metadata,
    Column("key", String(240), primary_key=True),  # budget, unit, scope
    Column("spent", BigInteger, nullable=False),  # billionths of a USD, tokens or calls
    Column("changed_at", Double, nullable=False),  # seconds since the epoch
    Column("ends_at", Double),  # when its period is over, likewise; NULL: never
    Index("asym_budgets_ends", "ends_at"),
)

reservations = Table(
    "asym_reservations",
    metadata,
    Column("id", String(80), primary_key=True),  # the request's id and the call's number
    Column("key", String(240), primary_key=True),
    Column("amount", BigInteger, nullable=False),  # as in asym_budgets
    Column("expires_at", Double, nullable=False),  # seconds since the epoch
    Column("holder", String(120), nullable=False),  # host and process, for a person
    Index("asym_reservations_key", "key"),
)

audits = Table(
    "asym_audits",
    metadata,
    Column("by", String(16), primary_key=True),  # "all", "tier", "check", "tag"
    Column("value", String(240), primary_key=True),
    Column("day", String(10), primary_key=True),  # UTC
    Column("phase", String(16), primary_key=True),  # why drawn with that probability
    Column("probability", Double, primary_key=True),  # 0: could not be audited
    Column("requests", BigInteger, nullable=False),
    Column("drawn", BigInteger, nullable=False),
    Column("compared", BigInteger, nullable=False),
    Column("differs", BigInteger, nullable=False),
    Column("judged", BigInteger, nullable=False),  # of which it is known whether they are worse
    Column("worse", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),  # billionths of a USD
    Column("unpriced", BigInteger, nullable=False),  # calls of unknown price
    Column("changed", BigInteger, nullable=False, server_default="0"),  # by which write, from 1
    Index("asym_audits_changed", "changed"),
)

moves = Table(
    "asym_moves",
    metadata,
    Column(  # the request that began after the move
        "request_id",
        String(32),
        ForeignKey("asym_requests.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),  # of the move, from 1
    Column("why", String(16), nullable=False),  # "loosened", "tightened", "closed", ...
    Column("before", String(60), nullable=False),  # name of the rung, as in the next one
    Column("after", String(60), nullable=False),
    Column("requests", BigInteger, nullable=False),  # after how many of them
)

keys = Table(
    "asym_keys",
    metadata,
    Column("prefix", String(16), primary_key=True),  # the part of the key that finds its row
    Column("name", String(60), nullable=False),  # several rows of one name: the key was rotated
    Column("salt", String(64), nullable=False),  # hexadecimal, as the hash
    Column("hash", String(64), nullable=False),  # SHA-256 of salt and key
    Column("created_at", Double, nullable=False),  # seconds since the epoch, as the next two
    Column("expires_at", Double),  # NULL: never
    Column("revoked_at", Double),  # NULL: not revoked; may lie ahead where a key was rotated
    Column("admin", Boolean, nullable=False),
    Column("usd_per_day", Double),  # NULL: no limit, as in the next three
    Column("usd_per_month", Double),
    Column("rpm", BigInteger),  # requests a minute
    Column("tpm", BigInteger),  # tokens a minute
    Column("models", Text),  # JSON list; NULL: all
    Column("tags", Text, nullable=False),  # JSON list
    Index("asym_keys_name", "name"),
)

key_rates = Table(
    "asym_key_rates",
    metadata,
    Column("name", String(60), primary_key=True),  # of the key
    Column("seconds", Text, nullable=False),  # JSON: [second, requests, tokens] of the last minute
)


feedback = Table(
    "asym_feedback",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run_id", String(64), nullable=False),  # of the run, or of the request
    Column("time", UtcTime, nullable=False),
    Column("score", Double, nullable=False),  # from 0 to 1
    Column("comment", Text),  # only with keep_text
    Index("asym_feedback_run", "run_id"),
)

daily = Table(
    "asym_daily",
    metadata,
    Column("day", String(10), primary_key=True),  # UTC
    Column("by", String(16), primary_key=True),  # "all", "model", "tier", "tag"
    Column("value", String(240), primary_key=True),  # "": requests that have none
    Column("totals", Text, nullable=False),  # JSON, of requests that are no longer there
)

rollups = Table(
    "asym_rollups",
    metadata,
    Column("by", String(16), primary_key=True),  # as in asym_daily; "mark": it is being summed up
    Column("day", String(10), primary_key=True),  # UTC
    Column("value", String(240), primary_key=True),
    Column("totals", Text, nullable=False),  # JSON, of requests that are all there
)


VERSION_TABLE = "asym_schema_version"
"""A name of our own: the database may hold an application's own Alembic table."""

LOCK_KEY = 0x6C635F61
"""Key of the advisory lock that one migration at a time holds on PostgreSQL."""

_one_at_a_time = threading.Lock()


@after_fork
def _after_fork() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.Lock()  # another thread may have had it


def migrate(connection: Connection) -> None:
    """Create or upgrade the tables in the connection's open transaction; nothing to do is cheap.

    Of an SQLite file with older tables a copy is kept beside it.

    Args:
        connection: On SQLite its transaction must have begun as BEGIN IMMEDIATE, which keeps other
            processes out; on PostgreSQL a lock is taken here, until the transaction ends.

    Raises:
        ConfigurationError: The tables were made by a newer version of this package, or no copy can be
            kept of older ones.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    scripts = ScriptDirectory.from_config(config)
    options: dict[str, Any] = {"version_table": VERSION_TABLE}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {each.revision for each in scripts.walk_revisions()}:
        raise ConfigurationError(
            f"The ledger's tables are of version {current}, which this lc-asym-router does not "
            "know: a newer one made them. Upgrade it: pip install -U lc-asym-router."
        )
    if current is not None and connection.dialect.name == "sqlite":
        _keep_copy(Path(str(connection.engine.url.database)), current)
    with _one_at_a_time:  # Alembic's environment is one a process
        command.upgrade(config, "head")


def _keep_copy(file: Path, version: str) -> None:
    """Copy an SQLite file before its tables are changed, as "FILE.version-VERSION".

    Args:
        file: The file; the caller's transaction keeps writers out.
        version: The version of its tables, which ends the copy's name.

    Raises:
        ConfigurationError: It can't be copied.
    """
    place = file.with_name(f"{file.name}.version-{version}")
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(beside)) as copy:
            old.backup(copy)
        os.replace(beside, place)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"{file} has tables of an older version, and no copy of it can be kept "
            f"({type(error).__name__}). Make room beside it, or the folder writable: it is brought up "
            "to date then."
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    logger.warning(
        "%s had tables of version %s; a copy of it is kept: %s", file, version, place.name
    )
