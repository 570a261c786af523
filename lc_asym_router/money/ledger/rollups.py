"""Days' totals beside their requests, so that a report of millions of them reads few rows.

They are a copy: whoever writes to a day removes its totals in the same transaction, and the next
report, or the next day's first request, sums the day up anew. A day is summed up without a lock: it
is marked first, and its totals count where the mark is still there afterwards.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.money.database.sql_store import Store
from lc_asym_router.money.ledger.report import DAY, By, Requests, groups_of, midnight
from lc_asym_router.money.ledger.totals import Totals

if TYPE_CHECKING:
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

FEWEST = 1_000
"""Requests under which a day is not rolled up: they are summed up as quickly, and exactly."""
CLOSED = timedelta(hours=1)
"""How long after its end a day is rolled up: what is written to it later undoes that."""
MARK = "mark"


@dataclass
class RollUps:
    """The roll-ups of a ledger's days.

    Args:
        store: The database.
    """

    store: Store
    _kept_until: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)

    def roll_up(self, since: datetime | None = None, until: datetime | None = None) -> int:
        """Roll up the days that are over and are not yet; return how many these were.

        Args:
            since: Start of the period whose whole days are rolled up; `None` for the first request.
            until: Its end, likewise; `None` for now.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database can't be read or written.
        """
        end = midnight(datetime.now(UTC) - CLOSED)
        end = end if until is None else min(end, midnight(until))
        start = None if since is None else midnight(since)
        if since is not None and start is not None and start < since:
            start += DAY
        return sum([self._roll_up_day(day) for day in self._open_days(start, end)])

    def keep_current(self) -> None:
        """Roll up one day that is over; cheap where there is none. Raises nothing."""
        today = midnight(datetime.now(UTC) - CLOSED)
        if self._kept_until >= today:
            return
        try:
            days = self._open_days(None, today)
            if days:
                self._roll_up_day(days[0])
            if len(days) < 2:
                self._kept_until = today
        except Exception as error:  # the report rolls up what is missing
            self._kept_until = today
            logger.debug("The ledger's days can't be rolled up: %s", describe_store_error(error))

    def _open_days(self, start: datetime | None, end: datetime) -> list[datetime]:
        """Return the days with many requests that are not rolled up."""
        from sqlalchemy import func, select

        from lc_asym_router.money.database.tables import requests, rollups

        time, found = requests.c.time, []
        with self.store.transaction(writing=False) as connection:
            done = select(rollups.c.day).where(rollups.c.by == "all")
            known = set(connection.execute(done).scalars())
            while start is None or start < end:
                query = select(time).where(time < end).order_by(time).limit(1)
                if start is not None:
                    query = query.where(time >= start)
                first = connection.execute(query).scalar()
                if first is None:
                    break
                day = midnight(first)
                start = day + DAY
                some = select(time).where(time >= day, time < start).limit(FEWEST)
                many = select(func.count()).select_from(some.subquery())
                if (
                    day.date().isoformat() not in known
                    and connection.execute(many).scalar_one() >= FEWEST
                ):
                    found.append(day)
        return found

    def _roll_up_day(self, day: datetime) -> bool:
        """Sum a day up; return whether its totals count: nobody has written to it meanwhile."""
        from lc_asym_router.money.database.day_totals import alone_with_days
        from lc_asym_router.money.database.tables import rollups

        name, mark = day.date().isoformat(), uuid.uuid4().hex
        with self.store.transaction(writing=True) as connection:
            alone_with_days(connection)
            connection.execute(rollups.delete().where(rollups.c.day == name))
            marked = {"day": name, "by": MARK, "value": mark, "totals": ""}
            connection.execute(rollups.insert().values(**marked))
        with self.store.transaction(writing=False) as connection:
            rows = [
                {"day": name, "by": by, "value": value, "totals": json.dumps(totals.packed())}
                for by, value, totals in totals_of_day(connection, day)
            ]
        with self.store.transaction(writing=True) as connection:
            alone_with_days(connection)
            taken = connection.execute(rollups.delete().where(rollups.c.value == mark)).rowcount
            if taken:
                connection.execute(rollups.insert(), rows)
        return bool(taken)


def totals_of_day(connection: Connection, day: datetime) -> Iterator[tuple[str, str, Totals]]:
    """Yield a day's totals: what they are by, its value ("" for none), and the totals."""
    those = Requests(day, day + DAY)
    both = groups_of(connection, ["model", "tier"], those)
    yield from _merged("all", (("", totals) for totals in both.values()))
    yield from _merged("model", ((model, totals) for (model, _), totals in both.items()))
    yield from _merged("tier", ((tier, totals) for (_, tier), totals in both.items()))
    tagged = groups_of(connection, ["tag"], those)
    yield from _merged("tag", ((tag, totals) for (tag,), totals in tagged.items()))


def _merged(by: By | str, parts: Iterable[tuple[Any, Totals]]) -> Iterator[tuple[str, str, Totals]]:
    groups: dict[str, Totals] = {}
    for value, totals in parts:
        groups.setdefault(value or "", Totals()).add_totals(totals)
    for value, totals in groups.items():
        yield by, value, totals
