"""The report that the database sums up is the one that Python makes of the rows, rolled up or not."""

from __future__ import annotations

import json
import math
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from lc_asym_router import Ledger
from lc_asym_router.money.database import tables
from lc_asym_router.money.database.sql_store import Failure, FeedbackRow, LaterCalls, Rows, Store
from lc_asym_router.money.ledger import langsmith_feedback, report, rollups
from lc_asym_router.money.ledger.report import Requests, report_rows
from lc_asym_router.money.ledger.rollups import RollUps, totals_of_day
from lc_asym_router.money.ledger.totals import TOKENS

START = datetime(2026, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)
KNOWN = st.one_of(st.none(), st.floats(0, 1e3))
COUNT = st.one_of(st.none(), st.integers(0, 1000))
CALL = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["answer", "audit", "verify"]),
        "model": st.sampled_from([None, "small-1", "frontier-1"]),
        "passed": st.sampled_from([None, True, False]),
        "check": st.sampled_from([None, "NotEmpty"]),
        "error": st.sampled_from([None, "TimeoutError"]),
        "usage_estimated": st.booleans(),
        "cost_usd": KNOWN,
        **dict.fromkeys(TOKENS, COUNT),
    }
)
REQUEST = st.fixed_dictionaries(
    {
        "hours": st.integers(0, 71),
        "outcome": st.sampled_from(["answered", "failed", "left"]),
        "tier": st.sampled_from([None, "small", "frontier"]),
        "model": st.sampled_from([None, "small-1", "frontier-1"]),
        "escalated": st.booleans(),
        "vouched": st.sampled_from([None, "form"]),
        "cost_usd": KNOWN,
        "frontier_cost_usd": KNOWN,
        "saved_usd": KNOWN,
        "seconds": st.floats(0.001, 1000),
        "thread_id": st.sampled_from([None, "one"]),
        "calls": st.lists(CALL, max_size=2),
        "tags": st.sets(st.sampled_from(["a", "b"])),
        "score": st.one_of(st.none(), st.floats(0, 1)),
    }
)
GROUPS = (None, "day", "hour", "model", "tier", "tag", "thread")


def entries(given):
    """The rows of requests, as the ledger writes them."""
    for number, each in enumerate(given):
        request = {
            "id": f"request {number}",
            "run_id": f"run {number}",
            "time": START + timedelta(hours=each["hours"], minutes=30),
            "attempts": 1,
            **{name: each[name] for name in tables.requests.c.keys() if name in each},  # noqa: SIM118
        }
        calls = [
            {"request_id": request["id"], "number": place, **call}
            for place, call in enumerate(each["calls"])
        ]
        yield Rows(request, calls, sorted(each["tags"]))
        if each["score"] is not None:
            yield FeedbackRow(
                {
                    "id": f"score {number}",
                    "run_id": f"run {number}",
                    "time": START,
                    "score": each["score"],
                }
            )


def keys(each, by):
    time = START + timedelta(hours=each["hours"])
    return {
        None: [None],
        "day": [f"{time:%Y-%m-%d}"],
        "hour": [f"{time:%Y-%m-%dT%H:00Z}"],
        "tag": sorted(each["tags"]) or [None],
        "thread": [each["thread_id"]],
    }.get(by) or [each.get(by)]


def total(values):
    known = [value for value in values if value is not None]
    return pytest.approx(math.fsum(known), abs=1e-9) if known or not values else None


def in_python(given, by):
    """What a report says of some figures, worked out from the rows one by one."""
    groups = {}
    for each in given:
        for key in keys(each, by):
            groups.setdefault(key, []).append(each)
    if by is None:
        groups.setdefault(None, [])
    for key in sorted(groups, key=lambda key: (key is None, str(key))):
        group = groups[key]
        calls = [call for each in group for call in each["calls"]]
        answered = [each for each in group if each["outcome"] == "answered"]
        fine = [call for call in calls if not call["error"]]
        failed = [call["check"] or "unnamed" for call in fine if call["passed"] is False]
        audits = [call for call in calls if call["purpose"] == "audit"]
        scores = [each["score"] for each in group if each["score"] is not None]
        seconds = sorted(each["seconds"] for each in group)
        models = {call["model"] or "unknown" for call in calls}
        row = {
            "requests": len(group),
            "answered": len(answered),
            "escalation_rate": sum(e["escalated"] for e in group) / len(group) if group else None,
            "vouched": {
                name: sum((e["vouched"] or "unknown") == name for e in answered) / len(answered)
                for name in {e["vouched"] or "unknown" for e in answered}
            },
            "failed_checks": dict(Counter(failed)),
            "errors": dict(Counter(call["error"] for call in calls if call["error"])),
            "calls": len(calls),
            **{name: sum(call[name] or 0 for call in calls) for name in TOKENS},
            "calls_without_usage": sum(call["input_tokens"] is None for call in calls),
            "calls_with_estimated_usage": sum(call["usage_estimated"] for call in calls),
            "cost_usd": total([each["cost_usd"] for each in group]),
            "unknown_cost": sum(each["cost_usd"] is None for each in group),
            "saved_usd": total([each["saved_usd"] for each in group]),
            "frontier_cost_usd": total([each["frontier_cost_usd"] for each in group]),
            "cost_by_model": {
                name: total([c["cost_usd"] for c in calls if (c["model"] or "unknown") == name])
                for name in models
            },
            "unknown_calls": sum(call["cost_usd"] is None for call in calls),
            "audit_calls": len(audits),
            "audit_cost_usd": total([call["cost_usd"] for call in audits]),
            "feedback": len(scores),
            "feedback_score": pytest.approx(math.fsum(scores) / len(scores)) if scores else None,
        }
        for tier in ("small", "frontier"):
            if any(each["tier"] == tier for each in given):
                share = sum(each["tier"] == tier for each in group)
                row[f"share_{tier}"] = share / len(answered) if answered else None
        for percent in (50, 95, 99):
            place = (len(seconds) - 1) * percent / 100
            low, high = (
                (seconds[math.floor(place)], seconds[math.ceil(place)]) if seconds else (0, 0)
            )
            found = low + (high - low) * (place - math.floor(place))
            row[f"p{percent}_seconds"] = pytest.approx(found) if seconds else None
        yield {**row, **({by: key} if by else {})}


def check(rows, expected, rounded=False):
    """Compare a report with the figures; latencies that are rounded are within a half per cent."""
    expected = list(expected)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for name, value in wanted.items():
            if rounded and name.endswith("_seconds") and value is not None:
                value = pytest.approx(value.expected, rel=0.006)
            assert row[name] == value, name


@pytest.fixture(scope="module")
def memory():
    """A database in memory, emptied for each example."""
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    yield engine
    engine.dispose()


def fill(connection, given):
    for table in (tables.feedback, tables.tags, tables.calls, tables.requests, tables.rollups):
        connection.execute(table.delete())
    for each in entries(given):
        if isinstance(each, FeedbackRow):
            connection.execute(tables.feedback.insert(), each.row)
            continue
        connection.execute(tables.requests.insert(), each.request)
        for call in each.calls:
            connection.execute(tables.calls.insert(), call)
        for tag in each.tags:
            row = {"request_id": each.request["id"], "tag": tag}
            connection.execute(tables.tags.insert(), row)


@settings(max_examples=8, phases=[Phase.generate])
@given(st.lists(REQUEST, max_size=12))
def test_the_database_sums_up_what_python_does(memory, given):
    with memory.begin() as connection:
        fill(connection, given)
        for by in GROUPS:
            check(report_rows(connection, by, Requests()), in_python(given, by))
        with_a = [each for each in given if "a" in each["tags"]]
        check(report_rows(connection, "model", Requests(tag="a")), in_python(with_a, "model"))
        second = [each for each in given if 24 <= each["hours"] < 48]
        those = Requests(START + DAY, START + 2 * DAY)
        check(report_rows(connection, "tier", those), in_python(second, "tier"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(report, "EXACT", 0)
            check(report_rows(connection, "hour", Requests()), in_python(given, "hour"), True)


@settings(max_examples=6, phases=[Phase.generate])
@given(st.lists(REQUEST, min_size=1, max_size=12), st.sets(st.integers(0, 2)))
def test_days_that_are_rolled_up_are_in_the_same_report(memory, given, days):
    with memory.begin() as connection:
        fill(connection, given)
        for day in days:
            date = f"{START + day * DAY:%Y-%m-%d}"
            for by, value, totals in totals_of_day(connection, START + day * DAY):
                row = {"day": date, "by": by, "value": value, "totals": json.dumps(totals.packed())}
                connection.execute(tables.rollups.insert(), row)
        for by in GROUPS:
            check(report_rows(connection, by, Requests()), in_python(given, by), True)
        with_a = [each for each in given if "a" in each["tags"]]
        those = Requests(START + timedelta(hours=5), START + timedelta(hours=60), "a")
        inside = [each for each in with_a if 5 <= each["hours"] < 60]
        check(report_rows(connection, "day", those), in_python(inside, "day"), True)


# kept current ------------------------------------------------------------------------------------

PLAIN = {
    "outcome": "answered",
    "tier": "small",
    "model": "small-1",
    "escalated": False,
    "vouched": "form",
    "cost_usd": 1.0,
    "frontier_cost_usd": 3.0,
    "saved_usd": 2.0,
    "seconds": 0.5,
    "thread_id": None,
    "calls": [],
    "tags": {"a"},
    "score": None,
}


def written(store, *hours):
    batch = list(entries([{**PLAIN, "hours": hour} for hour in hours]))
    store.write(batch)
    return batch


@pytest.fixture
def busy(url, monkeypatch):
    """A ledger of two past days, of which the first, of three requests, is worth rolling up."""
    monkeypatch.setattr(rollups, "FEWEST", 3)
    with Ledger(url) as ledger:
        written(ledger._store, 1, 2, 3, 30)
        yield ledger


def days_of(ledger):
    with ledger._store.transaction(writing=False) as connection:
        return [row.day for row in connection.execute(tables.rollups.select()) if row.by == "all"]


def test_a_report_rolls_up_days_of_many_requests(busy):
    assert [row["requests"] for row in busy.rows("day", until="2026-01-30T12:00")] == [3]
    assert days_of(busy) == []
    for _ in range(2):
        assert [row["requests"] for row in busy.rows("day")] == [3, 1]
        assert days_of(busy) == ["2026-01-30"]
    assert busy.rows("tag")[0]["cost_usd"] == 4.0
    assert busy.rows("thread")[0]["requests"] == 4


def test_what_is_written_to_a_day_later_is_in_the_next_report(busy):
    late = {**PLAIN, "hours": 5}
    rows = next(entries([late]))
    rows.request["id"] = "late"
    call = {"request_id": "late", "number": 1000, "purpose": "audit", "usage_estimated": False}
    score = {"id": "s", "run_id": "late", "time": START, "score": 0.5}
    for entry, name, value in (
        (rows, "requests", 4),
        (LaterCalls(call["request_id"], [call]), "audit_calls", 1),
        (FeedbackRow(score), "feedback", 1),
        (Failure("late", "ValueError"), "failed", 1),
    ):
        busy.rows()
        assert days_of(busy) == ["2026-01-30"]
        busy._store.write([entry])
        assert days_of(busy) == []
        assert busy.rows("day")[0][name] == value


def test_a_score_from_langsmith_is_in_the_next_report(busy):
    run_id = busy.recent(4)[-1]["id"]
    given = SimpleNamespace(
        id=uuid.uuid4(), run_id=run_id, score=1.0, comment=None, created_at=START
    )
    for score in (1.0, 0.5, None):  # given, changed, withdrawn
        busy.rows()
        assert days_of(busy) == ["2026-01-30"]
        given.score = score
        with busy._store.transaction(writing=True) as connection:
            langsmith_feedback.store(connection, [given], (0, 1), False)
        assert busy.rows()[0]["feedback_score"] == score


def test_a_day_that_is_written_to_while_it_is_summed_up_is_not_rolled_up(busy, monkeypatch):
    summed = rollups.totals_of_day

    def meanwhile(connection, day):
        found = list(summed(connection, day))
        late = next(entries([{**PLAIN, "hours": 5}]))
        late.request["id"] = "late"
        Store(busy._store.url).write([late])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(rollups, "totals_of_day", meanwhile)
        assert busy.rows()[0]["requests"] == 5
    assert days_of(busy) == []
    assert busy.rows()[0]["requests"] == 5
    assert days_of(busy) == ["2026-01-30"]


def test_the_writer_rolls_up_what_is_over(busy):
    assert days_of(busy) == []
    busy._writer.after()
    assert days_of(busy) == ["2026-01-30"]
    busy._writer.after()
    assert busy._rollups._kept_until > START


def test_who_can_not_write_has_the_report(busy, monkeypatch):
    def refused(self, day):
        raise OSError("read-only")

    monkeypatch.setattr(RollUps, "_roll_up_day", refused)
    assert busy.rows()[0]["requests"] == 4
    busy._writer.after()
    assert days_of(busy) == []


def test_pruned_days_are_rolled_up_no_more(busy):
    busy.rows()
    assert busy.prune("2026-01-31") == 3
    assert days_of(busy) == []
    assert [row["requests"] for row in busy.rows("day")] == [3, 1]
