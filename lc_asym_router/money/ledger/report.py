"""The report: totals of the ledger's rows."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.ledger.rows import Moment, moment_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

By = Literal["hour", "day", "model", "tier", "tag", "thread"]

COLUMNS = (
    "id",
    "time",
    "outcome",
    "tier",
    "model",
    "escalated",
    "vouched",
    "cost_usd",
    "frontier_cost_usd",
    "saved_usd",
    "seconds",
    "thread_id",
)
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
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


def report_rows(
    connection: Connection,
    by: By | None,
    since: datetime | None,
    until: datetime | None,
    tag: str | None = None,
) -> list[dict[str, Any]]:
    """The report's rows, read in one transaction.

    Args:
        connection: A transaction on the ledger.
        by: What the requests are grouped by; `None` for one row of all. The model and the tier are
            those that answered. A request with several tags counts under each.
        since: Start of the period (inclusive).
        until: End of the period (exclusive).
        tag: The tag of the requests that count; `None` for all.
    """
    groups = groups_of(connection, by, since, until, tag)
    if tag is None or by in (None, "day"):
        _add_pruned(connection, groups, by, since, until, tag)
    tiers = sorted({tier for group in groups.values() for tier in group.tiers})
    if by is None:
        return [groups.get(None, Totals()).row(tiers)]
    ordered = sorted(groups, key=lambda key: (key is None, str(key)))
    return [{by: key, **groups[key].row(tiers)} for key in ordered]


def groups_of(
    connection: Connection,
    by: By | None,
    since: datetime | None,
    until: datetime | None,
    tag: str | None = None,
) -> dict[Any, Totals]:
    """The totals of the requests that are there, by group; see `report_rows`."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import calls, feedback, requests, tags

    def limited(query: Any) -> Any:
        if since is not None:
            query = query.where(requests.c.time >= since)
        if tag is not None:
            query = query.where(_tagged(tag))
        return query if until is None else query.where(requests.c.time < until)

    tagged: dict[str, list[str]] = defaultdict(list)
    if by == "tag":
        query = select(tags.c.request_id, tags.c.tag).join(requests)
        for request_id, each in connection.execute(limited(query)):
            tagged[request_id].append(each)
    groups: dict[Any, Totals] = {}
    home: dict[str, list[Totals]] = {}
    query = select(*(requests.c[name] for name in COLUMNS)).order_by(requests.c.time)
    for row in connection.execute(limited(query)).mappings():
        for key in _keys(row, by, tagged):
            group = groups.setdefault(key, Totals())
            group.add(row)
            home.setdefault(row["id"], []).append(group)
    names = (
        "request_id",
        "purpose",
        "model",
        "passed",
        "check",
        "error",
        "cost_usd",
        "usage_estimated",
        *TOKENS,
    )
    query = select(*(calls.c[name] for name in names)).join(requests)
    for row in connection.execute(limited(query)).mappings():
        for group in home.get(row["request_id"], ()):
            group.add_call(row)
    for column in (requests.c.run_id, requests.c.id):
        query = select(requests.c.id, feedback.c.score).join(feedback, feedback.c.run_id == column)
        for request_id, score in connection.execute(limited(query)):
            for group in home.get(request_id, ()):
                group.scores.append(score)
    return groups


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


def _tagged(tag: str) -> Any:
    """Whether a request has a tag."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import requests, tags

    return requests.c.id.in_(select(tags.c.request_id).where(tags.c.tag == tag))


def _keys(row: Any, by: By | None, tagged: dict[str, list[str]]) -> Sequence[Any]:
    if by is None:
        return (None,)
    if by == "tag":
        return tagged.get(row["id"]) or (None,)
    if by in ("day", "hour"):
        form = "%Y-%m-%d" if by == "day" else "%Y-%m-%dT%H:00Z"
        return (row["time"].astimezone(UTC).strftime(form),)
    return (row["thread_id" if by == "thread" else by],)


class Totals:
    """Totals of a group of requests."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.escalated = 0
        self.vouched: Counter[str] = Counter()
        self.costs: list[float | None] = []
        self.frontier: list[float | None] = []
        self.saved: list[float | None] = []
        self.seconds: list[float] = []
        self.checks: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.calls = 0
        self.uncounted = 0
        self.estimated = 0
        self.tokens: Counter[str] = Counter()
        self.audits: list[float | None] = []
        self.scores: list[float] = []
        self.bills: dict[str, list[float | None]] = defaultdict(list)

    def add(self, row: Any) -> None:
        """Count a request."""
        self.outcomes[row["outcome"]] += 1
        if row["tier"] is not None:
            self.tiers[row["tier"]] += 1
        self.escalated += bool(row["escalated"])
        if row["outcome"] == "answered":
            self.vouched[row["vouched"] or "unknown"] += 1
        self.costs.append(row["cost_usd"])
        self.frontier.append(row["frontier_cost_usd"])
        self.saved.append(row["saved_usd"])
        self.seconds.append(row["seconds"])

    def add_call(self, row: Any) -> None:
        """Count one of its calls."""
        self.calls += 1
        if row["purpose"] == "audit":
            self.audits.append(row["cost_usd"])
        if row["error"]:
            self.errors[row["error"]] += 1
        elif row["passed"] is False or row["passed"] == 0:
            self.checks[row["check"] or "unnamed"] += 1
        self.uncounted += row["input_tokens"] is None
        self.estimated += bool(row["usage_estimated"])
        self.bills[row["model"] or "unknown"].append(row["cost_usd"])
        for name in TOKENS:
            self.tokens[name] += row[name] or 0

    def packed(self) -> dict[str, Any]:
        """Return them as plain JSON, without each request's own numbers: seconds to 1 %."""
        return {
            **{name: dict(getattr(self, name)) for name in _COUNTERS},
            **{name: getattr(self, name) for name in _COUNTS},
            **{name: _packed(getattr(self, name)) for name in _AMOUNTS},
            "bills": {model: _packed(bill) for model, bill in self.bills.items()},
            "seconds": dict(Counter(f"{each:.2g}" for each in self.seconds)),
        }

    def add_packed(self, packed: dict[str, Any]) -> None:
        """Add what `packed` returned."""
        for name in _COUNTERS:
            getattr(self, name).update(packed[name])
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + packed[name])
        for name in _AMOUNTS:
            getattr(self, name).extend(_unpacked(packed[name]))
        for model, bill in packed["bills"].items():
            self.bills[model].extend(_unpacked(bill))
        for seconds, count in packed["seconds"].items():
            self.seconds.extend([float(seconds)] * count)

    def row(self, tiers: Iterable[str]) -> dict[str, Any]:
        """The report's row."""
        requests = len(self.seconds)
        answered = self.outcomes["answered"]
        return {
            "requests": requests,
            "answered": answered,
            "failed": self.outcomes["failed"],
            "left": self.outcomes["left"],
            **{f"share_{tier}": _share(self.tiers[tier], answered) for tier in tiers},
            "escalation_rate": _share(self.escalated, requests),
            # Of the answers: "unknown" for those that were written before this was kept.
            "vouched": {
                name: count / answered for name, count in self.vouched.most_common() if answered
            },
            "failed_checks": dict(self.checks.most_common()),
            "errors": dict(self.errors.most_common()),
            "calls": self.calls,
            **{name: self.tokens[name] for name in TOKENS},
            "calls_without_usage": self.uncounted,
            "calls_with_estimated_usage": self.estimated,
            "cost_usd": _sum(self.costs),
            "unknown_cost": self.costs.count(None),
            # By the model that was called, as its provider bills it; discarded drafts included.
            "cost_by_model": {model: _sum(bill) for model, bill in sorted(self.bills.items())},
            "unknown_calls": sum(bill.count(None) for bill in self.bills.values()),
            # Made after the requests had ended, so in no request's cost.
            "audit_calls": len(self.audits),
            "audit_cost_usd": _sum(self.audits),
            # Users' own scores, from 0 to 1; no audit takes notice of them.
            "feedback": len(self.scores),
            "feedback_score": math.fsum(self.scores) / len(self.scores) if self.scores else None,
            "frontier_cost_usd": _sum(self.frontier),
            "saved_usd": _sum(self.saved),
            "unknown_saving": self.saved.count(None),
            **{f"p{p}_seconds": percentile(self.seconds, p) for p in (50, 95, 99)},
        }


_COUNTERS = ("outcomes", "tiers", "vouched", "checks", "errors", "tokens")
_COUNTS = ("escalated", "calls", "uncounted", "estimated")
_AMOUNTS = ("costs", "frontier", "saved", "audits", "scores")


def _packed(amounts: Sequence[float | None]) -> list[float]:
    """The sum of the known ones, how many they are, and how many are unknown."""
    known = [amount for amount in amounts if amount is not None]
    return [math.fsum(known), len(known), len(amounts) - len(known)]


def _unpacked(packed: Sequence[float]) -> list[float | None]:
    """As many amounts, of the same sum."""
    total, known, unknown = packed[0], int(packed[1]), int(packed[2])
    return [*([total] + [0.0] * (known - 1) if known else []), *([None] * unknown)]


def _add_pruned(
    connection: Connection,
    groups: dict[Any, Totals],
    by: By | None,
    since: datetime | None,
    until: datetime | None,
    tag: str | None,
) -> None:
    """Add the daily totals of pruned requests, of days that are wholly in the period.

    They have no hours and no threads: there they are left out.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import daily

    kind = by if by not in (None, "day") else "all" if tag is None else "tag"
    query = select(daily.c.day, daily.c.value, daily.c.totals).where(daily.c.by == kind)
    if tag is not None:
        query = query.where(daily.c.value == tag)
    if since is not None:
        first = since.astimezone(UTC)
        whole = first == first.replace(hour=0, minute=0, second=0, microsecond=0)
        day = first.date().isoformat()
        query = query.where(daily.c.day >= day if whole else daily.c.day > day)
    if until is not None:
        query = query.where(daily.c.day < until.astimezone(UTC).date().isoformat())
    for day, value, totals in connection.execute(query):
        key = None if by is None else day if by == "day" else value or None
        groups.setdefault(key, Totals()).add_packed(json.loads(totals))


def _sum(amounts: Sequence[float | None]) -> float | None:
    """Sum of what is known, in USD; `None` where nothing is. What is not known is counted beside."""
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if known or not amounts else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """A percentile, between the two values next to it; `None` where there are no values."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


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
