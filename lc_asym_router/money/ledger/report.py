"""The report: totals of the ledger's rows, summed up by the database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.ledger.rows import Moment, moment_of
from lc_asym_router.money.ledger.totals import TOKENS, Totals

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAY = timedelta(days=1)
By = Literal["hour", "day", "model", "tier", "tag", "thread"]

EXACT = 20_000
"""Requests up to which percentiles are exact; of more, each latency counts with three digits."""
RECENT = (
    "id",
    "time",
    "outcome",
    "error",
    "tier",
    "model",
    "decided_tier",
    "complexity",
    "threshold",
    "classifier",
    "escalated",
    "vouched",
    "attempts",
    "cost_usd",
    "saved_usd",
    "seconds",
)
"""What is shown of a request: none of its text, and no thread."""


@dataclass(frozen=True)
class Requests:
    """Which requests count.

    Attributes:
        since: Start of the period (inclusive), or `None`.
        until: End of the period (exclusive), or `None`.
        tag: The tag that they have, or `None`.
    """

    since: datetime | None = None
    until: datetime | None = None
    tag: str | None = None

    def of(self, query: Any) -> Any:
        """Return a query for these alone."""
        from lc_asym_router.money.database.tables import requests

        if self.since is not None:
            query = query.where(requests.c.time >= self.since)
        if self.until is not None:
            query = query.where(requests.c.time < self.until)
        return query if self.tag is None else query.where(_tagged(self.tag))


def report_rows(connection: Connection, by: By | None, those: Requests) -> list[dict[str, Any]]:
    """The report's rows, read in one transaction.

    Args:
        connection: A transaction on the ledger.
        by: What the requests are grouped by; `None` for one row of all. The model and the tier are
            those that answered. A request with several tags counts under each.
        those: The requests that count.
    """
    groups: dict[Any, Totals] = defaultdict(Totals)
    rest = [those]
    if has_days(by, those.tag):
        _add_pruned(connection, groups, by, those)
        rest = between(those, _add_rolled_up(connection, groups, by, those))
    for each in rest:
        for key, totals in groups_of(connection, [by] if by else [], each).items():
            groups[key[0] if by else None].add_totals(totals)
    tiers = sorted({tier for group in groups.values() for tier in group.tiers})
    if by is None:
        return [groups[None].row(tiers)]
    ordered = sorted(groups, key=lambda key: (key is None, str(key)))
    return [{by: key, **groups[key].row(tiers)} for key in ordered]


def has_days(by: By | None, tag: str | None) -> bool:
    """Whether a report can be made of days' totals: they have no hours and no threads."""
    return by in (None, "day") or (tag is None and by in ("model", "tier", "tag"))


def groups_of(
    connection: Connection, by: Sequence[By], those: Requests
) -> dict[tuple[Any, ...], Totals]:
    """Sum up the requests that are there, by group.

    Args:
        connection: A transaction on the ledger.
        by: What the groups have in common.
        those: The requests that count.

    Returns:
        The totals, by the values of `by`.
    """
    from sqlalchemy import func, select

    from lc_asym_router.money.database.tables import calls, feedback, requests, tags

    keys = [_key(each, connection.dialect.name).label(f"key_{each}") for each in by]
    groups: dict[tuple[Any, ...], Totals] = defaultdict(Totals)

    def grouped(common: Sequence[Any], summed: Sequence[Any], joined: Any) -> Any:
        if "tag" in by:
            joined = joined.outerjoin(tags, tags.c.request_id == requests.c.id)
        query = select(*keys, *common, *summed).select_from(joined)
        chosen = [*keys, *common]
        query = those.of(query).group_by(*chosen) if chosen else those.of(query)
        for row in connection.execute(query):
            yield groups[tuple(row[: len(keys)])], row

    def amounts(table: Any, *names: str) -> list[Any]:
        return [
            what(table.c[name]).label(label)
            for name in names
            for what, label in ((func.sum, name), (func.count, f"known_{name}"))
        ]

    count = func.count().label("count")
    same = [requests.c[name] for name in ("outcome", "tier", "escalated", "vouched")]
    sums = amounts(requests, "cost_usd", "frontier_cost_usd", "saved_usd")
    for group, row in grouped(same, [count, *sums], requests):
        group.add(row._mapping)
    exact = sum(group.costs.count for group in groups.values()) <= EXACT
    seconds = requests.c.seconds if exact else _rounded(connection, requests.c.seconds)
    for group, row in grouped([seconds.label("seconds")], [count], requests):
        group.seconds[float(row.seconds)] += row._mapping["count"]
    alike: list[Any] = [
        *(calls.c[name] for name in ("model", "passed", "check", "error", "usage_estimated")),
        (calls.c.purpose == "audit").label("audit"),
        calls.c.input_tokens.is_(None).label("uncounted"),
    ]
    sums = [*amounts(calls, "cost_usd"), *(func.sum(calls.c[each]).label(each) for each in TOKENS)]
    of_requests = calls.join(requests, calls.c.request_id == requests.c.id)
    for group, row in grouped(alike, [count, *sums], of_requests):
        group.add_calls(row._mapping)
    for column in (requests.c.run_id, requests.c.id):
        scored = feedback.join(requests, feedback.c.run_id == column)
        for group, row in grouped([], amounts(feedback, "score"), scored):
            group.scores.add(row.score, row.known_score, row.known_score)
    return groups


def _key(by: By, dialect: str) -> Any:
    """What requests are grouped by, in SQL."""
    from sqlalchemy import String, func, type_coerce

    from lc_asym_router.money.database.tables import requests, tags

    if by == "tag":
        return tags.c.tag
    if by not in ("day", "hour"):
        return requests.c["thread_id" if by == "thread" else by]
    if dialect == "postgresql":
        form = "YYYY-MM-DD" if by == "day" else 'YYYY-MM-DD"T"HH24:00"Z"'
        return func.to_char(func.timezone("UTC", requests.c.time), form)
    text = type_coerce(requests.c.time, String)  # "2026-01-31 12:00:00.000000", in UTC
    day = func.substr(text, 1, 10)
    return day if by == "day" else day + "T" + func.substr(text, 12, 2) + ":00Z"


def _rounded(connection: Connection, seconds: Any) -> Any:
    """A latency with three digits, in SQL."""
    from sqlalchemy import func

    if connection.dialect.name == "postgresql":
        return func.to_char(seconds, "9.99EEEE")
    return func.printf("%.2e", seconds)


def recent_rows(connection: Connection, limit: int, tag: str | None = None) -> list[dict[str, Any]]:
    """The last requests, the newest first, with their decisions and tags, and without any text.

    Args:
        connection: A transaction on the ledger.
        limit: The most requests.
        tag: The tag of the requests that are wanted; `None` for all.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import requests, tags

    query = select(*(requests.c[name] for name in RECENT))
    if tag is not None:
        query = query.where(_tagged(tag))
    query = query.order_by(requests.c.time.desc(), requests.c.id).limit(limit)
    found = [dict(row) for row in connection.execute(query).mappings()]
    tagged: dict[str, list[str]] = defaultdict(list)
    chosen = select(tags).where(tags.c.request_id.in_([row["id"] for row in found]))
    for row in connection.execute(chosen.order_by(tags.c.tag)):
        tagged[row.request_id].append(row.tag)
    return [{**row, "tags": tagged[row["id"]]} for row in found]


def move_rows(
    connection: Connection, since: datetime | None, until: datetime | None
) -> list[dict[str, Any]]:
    """Moves between rungs, in the order of the requests that began after them.

    Args:
        connection: A transaction on the ledger.
        since: From when on; `None` for all.
        until: Until when (exclusive); `None` for now.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import moves, requests

    query = select(requests.c.time, *moves.c).join(requests, requests.c.id == moves.c.request_id)
    if since is not None:
        query = query.where(requests.c.time >= since)
    if until is not None:
        query = query.where(requests.c.time < until)
    ordered = query.order_by(requests.c.time, requests.c.id, moves.c.number)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _tagged(tag: str) -> Any:
    """Whether a request has a tag."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import requests, tags

    return requests.c.id.in_(select(tags.c.request_id).where(tags.c.tag == tag))


def between(those: Requests, days: Sequence[datetime]) -> list[Requests]:
    """Return the requests that are on none of these days.

    Args:
        those: All requests.
        days: The days' starts, in order.
    """
    rest, since = [], those.since
    for day in days:
        if since is None or since < day:
            rest.append(Requests(since, day, those.tag))
        since = day + DAY
    if since is None or those.until is None or since < those.until:
        rest.append(Requests(since, those.until, those.tag))
    return rest


def _whole_days(query: Any, table: Any, those: Requests) -> Any:
    """Return a query for the days of a table that are wholly in a period."""
    if those.since is not None:
        first = those.since.astimezone(UTC)
        day = first.date().isoformat()
        whole = first == midnight(first)
        query = query.where(table.c.day >= day if whole else table.c.day > day)
    if those.until is not None:
        query = query.where(table.c.day < those.until.astimezone(UTC).date().isoformat())
    return query


def midnight(moment: datetime) -> datetime:
    """The start of a moment's day, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _add_pruned(
    connection: Connection, groups: dict[Any, Totals], by: By | None, those: Requests
) -> None:
    """Add the daily totals of pruned requests, of days that are wholly in the period."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import daily

    query = select(daily.c.day, daily.c.value, daily.c.totals).where(_kind(daily, by, those))
    for day, value, totals in connection.execute(_whole_days(query, daily, those)):
        groups[_day_key(by, day, value)].add_packed(json.loads(totals))


def _add_rolled_up(
    connection: Connection, groups: dict[Any, Totals], by: By | None, those: Requests
) -> list[datetime]:
    """Add the totals of days that are rolled up; return these days' starts, in order.

    In one query: a day that somebody writes to meanwhile is rolled up no more.
    """
    from sqlalchemy import case, null, or_, select

    from lc_asym_router.money.database.tables import rollups

    wanted, days = _kind(rollups, by, those), rollups.c.by == "all"
    totals_of_wanted = case((wanted, rollups.c.totals), else_=null())
    query = select(rollups.c.day, rollups.c.value, totals_of_wanted).where(or_(wanted, days))
    found = set()
    for day, value, totals in connection.execute(_whole_days(query, rollups, those)):
        found.add(datetime.fromisoformat(day).replace(tzinfo=UTC))
        if totals is not None:
            groups[_day_key(by, day, value)].add_packed(json.loads(totals))
    return sorted(found)


def _kind(table: Any, by: By | None, those: Requests) -> Any:
    """Whether a day's totals are of a report's kind."""
    if those.tag is not None:
        return (table.c.by == "tag") & (table.c.value == those.tag)
    return table.c.by == (by if by not in (None, "day") else "all")


def _day_key(by: By | None, day: str, value: str) -> str | None:
    """The group of a day's totals."""
    return None if by is None else day if by == "day" else value or None


def checked(
    by: str | None, since: Moment, until: Moment
) -> tuple[By | None, datetime | None, datetime | None]:
    """The report's arguments, validated.

    Raises:
        ConfigurationError: There is no such grouping, a date is none, or the span is empty.
    """
    if by is not None and by not in get_args(By):
        raise ConfigurationError(
            f"by={by!r}: a report is by {', '.join(get_args(By))}, or None for all in one row."
        )
    first, end = moment_of(since, "since"), moment_of(until, "until")
    if first is not None and end is not None and first >= end:
        raise ConfigurationError(f"since={since!r} is not before until={until!r}.")
    return cast("By | None", by), first, end
