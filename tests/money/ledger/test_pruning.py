"""Old requests are pruned; what is kept of them is in every report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lc_asym_router import Budget, ConfigurationError, Ledger
from lc_asym_router.shell import main
from tests.money.conftest import query
from tests.money.ledger.test_report import filled  # noqa: F401

GROUPS = (None, "day", "model", "tier", "tag")


def comparable(rows):
    """The rows without latencies, which are kept to two digits."""
    return [
        {name: value for name, value in row.items() if not name.endswith("_seconds")}
        for row in rows
    ]


def same(rows, others):
    """Whether rows are the same but for the rounding of sums."""
    for row, other in zip(comparable(rows), comparable(others), strict=True):
        assert list(row) == list(other)
        for name, value in row.items():
            exact = not isinstance(value, dict | float)
            assert other[name] == (value if exact else pytest.approx(value)), name
    return True


def reports(ledger):
    return {by: ledger.rows(by) for by in GROUPS}


def test_reports_count_what_was_pruned(filled, url):  # noqa: F811
    before = reports(filled)
    tagged = filled.rows(tag="a")
    assert filled.prune("2026-02-01") == 2
    assert query(url, "SELECT count(*) FROM asym_requests") == [(3,)]
    assert query(url, "SELECT count(*) FROM asym_calls") == [(3,)]
    assert query(url, "SELECT count(*) FROM asym_tags") == [(1,)]
    assert all(same(rows, before[by]) for by, rows in reports(filled).items())
    assert same(filled.rows(tag="a"), tagged)
    for by in GROUPS:
        for old, new in zip(before[by], filled.rows(by), strict=True):
            assert new["p50_seconds"] == pytest.approx(old["p50_seconds"], rel=0.1)
    assert filled.prune("2026-02-01") == 0
    assert all(same(rows, before[by]) for by, rows in reports(filled).items())


def test_periods_take_in_whole_pruned_days(filled):  # noqa: F811
    filled.prune("2026-02-01")
    for since, until, count in (
        ("2026-01-31", "2026-02-01", 2),
        ("2026-01-31T12:00", "2026-02-01", 0),
        ("2026-01-01", "2026-01-31", 0),
        ("2026-02-01", None, 3),
    ):
        assert filled.rows(since=since, until=until)[0]["requests"] == count


def test_a_late_request_of_a_pruned_day_joins_its_totals(filled, url):  # noqa: F811
    filled.prune("2026-02-01")
    with filled._store.transaction(writing=True) as connection:
        connection.exec_driver_sql(
            "UPDATE asym_requests SET time = '2026-01-31 10:00:00' WHERE outcome = 'failed'"
        )
    before = filled.rows()
    assert filled.prune("2026-02-01") == 1
    assert same(filled.rows(), before)
    days = query(url, "SELECT day, count(*) FROM asym_daily WHERE \"by\" = 'all' GROUP BY day")
    assert days == [("2026-01-31", 1)]


def test_without_totals_nothing_is_kept(filled):  # noqa: F811
    assert filled.prune("2026-02-01", keep_daily=False) == 2
    assert filled.rows()[0]["requests"] == 3


def test_all_days_at_once(filled):  # noqa: F811
    before = filled.rows("day")
    assert filled.prune(datetime.now(UTC) + timedelta(days=2)) == 5
    assert same(filled.rows("day"), before)
    with pytest.raises(ConfigurationError, match="older_than"):
        filled.prune("soon")
    with pytest.raises(ConfigurationError, match="90d"):
        filled.prune(None)


def test_the_shell(filled, url, capsys):  # noqa: F811
    assert (
        main(["ledger", "prune", "--url", url, "--older-than", "2026-02-01", "--keep-daily"]) == 0
    )
    assert capsys.readouterr().out == "2 requests deleted\n"
    assert filled.rows()[0]["requests"] == 5
    assert main(["ledger", "prune", "--url", url, "--older-than", "soon"]) == 2
    assert main(["ledger", "balances", "--url", "nowhere.sqlite3"]) == 2


def test_balances(url, make, capsys):
    budgets = [
        Budget(usd=1, per="tag", tag="user:*", every="day", store=url, max_output_tokens=100),
        Budget(calls=9, per="thread", store=url),
    ]
    router = make(budgets=budgets)
    router.invoke("hi", {"tags": ["user:c"], "configurable": {"thread_id": "one"}})
    with Ledger(url) as ledger:
        by_name = {row["budget"]: row for row in ledger.balances()}
    thread = by_name["thread"]
    assert (thread["scope"], thread["unit"], thread["spent"], thread["reserved"]) == (
        "one",
        "calls",
        1,
        0,
    )
    paid = by_name["tag user:* each day"]
    assert paid["scope"].startswith("user:c ")
    assert 0 < paid["spent"] < 0.001
    assert paid["ends_at"] > datetime.now(UTC).date().isoformat()
    assert main(["ledger", "balances", "--url", url]) == 0
    assert "thread one: 1 calls spent, 0 reserved" in capsys.readouterr().out
    assert main(["ledger", "balances", "--url", url, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
