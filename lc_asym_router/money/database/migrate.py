"""Migrate a database's tables to the current version; safe in any number of concurrent processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSION_TABLE = "asym_schema_version"
"""A name of our own: the database may hold an application's own Alembic table."""

LOCK_KEY = 0x6C635F61
"""Key of the advisory lock that one migration at a time holds on PostgreSQL."""

_one_at_a_time = threading.Lock()


def _after_fork() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.Lock()  # another thread may have had it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def migrate(connection: Connection) -> None:
    """Create or upgrade the tables in the connection's open transaction; nothing to do is cheap.

    Args:
        connection: On SQLite its transaction must have begun as BEGIN IMMEDIATE, which keeps other
            processes out; on PostgreSQL a lock is taken here, until the transaction ends.

    Raises:
        ConfigurationError: The tables were made by a newer version of this package.
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
    with _one_at_a_time:  # Alembic's environment is one a process
        command.upgrade(config, "head")
