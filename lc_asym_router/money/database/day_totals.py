"""Who may change days' totals, and when they go: they are a copy of the requests' rows."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime

from sqlalchemy import Connection, or_, select

from lc_asym_router.money.database import tables

LOCK_KEY = 0x6C635F62
"""Key of the advisory lock on PostgreSQL that those who write requests share, and whoever writes
days' totals has alone."""


def alone_with_days(connection: Connection) -> None:
    """Wait until nobody writes requests, or days' totals, until the transaction ends.

    Args:
        connection: A transaction that writes; on SQLite it is alone already.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")


def forget_days(
    connection: Connection, times: Set[datetime], requests: Set[str], runs: Set[str]
) -> None:
    """Remove the totals of days that the transaction writes to; they are made anew.

    Args:
        connection: A transaction that writes.
        times: Times of requests that it writes.
        requests: Ids of earlier requests that it writes to.
        runs: Their runs' ids, or their own.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK_KEY})")
    if requests or runs:
        columns = tables.requests.c
        found = or_(columns.id.in_(requests | runs), columns.run_id.in_(runs))
        times = times | set(connection.execute(select(columns.time).where(found)).scalars())
    days = {time.astimezone(UTC).date().isoformat() for time in times}
    if days:
        connection.execute(tables.rollups.delete().where(tables.rollups.c.day.in_(days)))
