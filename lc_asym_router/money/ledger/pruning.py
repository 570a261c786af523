"""Old requests out of the ledger, a day at a time; their daily totals may stay."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lc_asym_router.money.ledger.report import DAY, midnight
from lc_asym_router.money.ledger.rollups import totals_of_day
from lc_asym_router.money.ledger.totals import Totals

if TYPE_CHECKING:
    from sqlalchemy import Connection


def day_before(connection: Connection, until: datetime) -> datetime | None:
    """Return the start of the first day that has requests before a moment; `None` where none has."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import requests

    query = select(requests.c.time).where(requests.c.time < until)
    found = connection.execute(query.order_by(requests.c.time).limit(1)).scalar()
    return None if found is None else midnight(found)


def prune_day(connection: Connection, day: datetime, keep_daily: bool) -> int:
    """Delete a day's requests with their calls, tags and feedback.

    Args:
        connection: A transaction that writes.
        day: Its start.
        keep_daily: Whether their totals are kept, which reports go on counting.

    Returns:
        How many requests there were.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.day_totals import alone_with_days
    from lc_asym_router.money.database.tables import feedback, requests, rollups

    end = day + DAY
    alone_with_days(connection)
    connection.execute(rollups.delete().where(rollups.c.day == day.date().isoformat()))
    if keep_daily:
        for by, value, totals in totals_of_day(connection, day):
            _keep(connection, day, by, value, totals)
    those = (requests.c.time >= day) & (requests.c.time < end)
    for column in (requests.c.run_id, requests.c.id):
        runs = select(column).where(those, column.is_not(None))
        connection.execute(feedback.delete().where(feedback.c.run_id.in_(runs)))
    # Their calls and tags go with them, by the foreign keys.
    return int(connection.execute(requests.delete().where(those)).rowcount)


def prune_budgets(connection: Connection, before: datetime) -> int:
    """Delete the sums of budgets' periods that ended before a moment; return how many there were."""
    from lc_asym_router.money.database.tables import budgets

    over = budgets.c.ends_at < before.timestamp()
    return int(connection.execute(budgets.delete().where(over)).rowcount)


def _keep(connection: Connection, day: datetime, by: str, value: str, totals: Totals) -> None:
    """Store totals, with those of requests that were pruned before."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import daily

    key: dict[str, Any] = {"day": day.date().isoformat(), "by": by, "value": value}
    where = [daily.c[name] == part for name, part in key.items()]
    if (earlier := connection.execute(select(daily.c.totals).where(*where)).scalar()) is not None:
        totals.add_packed(json.loads(earlier))
        connection.execute(daily.delete().where(*where))
    connection.execute(daily.insert().values(**key, totals=json.dumps(totals.packed())))
