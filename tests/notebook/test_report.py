"""A ledger's report shows itself: who answered, the bill, the checks at work."""

from __future__ import annotations

import re

import pytest

from lc_asym_router import ConfigurationError, Ledger, PerCall
from lc_asym_router.notebook import Report, plot_ledger, show
from lc_asym_router.records.call import usd
from tests.notebook.conftest import WRONG
from tests.notebook.looking import safe


@pytest.fixture
def ledger(make, small, tmp_path):
    """Five requests: three small, one by decision, one escalated."""
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        router = make(callbacks=[ledger])
        small.script(WRONG)
        for asked in ("What is 17 times 23?", "hi", "debug it", "hello", "good morning"):
            router.invoke(asked)
        yield ledger


def test_the_sums_are_the_ledgers(ledger):
    report, row = Report.of(ledger), ledger.rows()[0]
    assert report.requests == row["requests"] == 5
    assert report.tiers == {"small": 3, "frontier": 2}
    assert report.escalated == row["escalation_rate"] == 0.2
    assert report.checks == row["failed_checks"] == {"Arithmetic": 1}
    for name in ("cost_usd", "frontier_cost_usd", "saved_usd"):
        assert getattr(report, name) == pytest.approx(row[name])
    assert report.days[0].models == row["cost_by_model"]


def test_it_shows_itself(ledger, capsys):
    page = safe(Report.of(ledger))
    for told in ("5 requests", "20.0% escalated", "3 (60%)", "Arithmetic", "frontier alone (est.)"):
        assert told in page.text
    (day,) = Report.of(ledger).days
    alone = usd(day.frontier_cost_usd)
    assert f"{day.day}: {usd(day.cost_usd)}, the frontier alone {alone}" in page.text
    show(ledger)
    assert "5 requests, 20.0% escalated" in capsys.readouterr().out


def test_each_day_stands_in_the_outline_of_the_frontier_alone():
    """A column as high as the day's cost, in one as high as what the frontier would have cost."""
    costs = {"2026-01-01": (1.0, 4.0), "2026-01-02": (2.0, 1.0)}
    days = [
        {"day": day, "requests": 1, "answered": 1, "cost_usd": cost, "frontier_cost_usd": alone}
        for day, (cost, alone) in costs.items()
    ]
    svg = Report.of(days)._repr_html_().partition("<title>Cost by day</title>")[2]
    sizes = re.findall(r'height="([\d.]+)" class="(box|calm)"', svg)
    assert [kind for _, kind in sizes] == ["box", "calm", "box", "calm"]
    tallest = max(float(size) for size, _ in sizes)
    parts = [float(size) / tallest for size, _ in sizes]
    assert parts == pytest.approx([1.0, 0.25, 0.25, 0.5])


def test_of_rows_and_of_a_frame(ledger):
    report = Report.of(ledger)
    assert Report.of(ledger.rows("day")) == report
    assert Report.of(ledger.report(by="day")) == report
    assert Report.of(report) is report
    assert plot_ledger(ledger).png == plot_ledger(ledger.report(by="day")).png


def test_a_span_of_it(ledger):
    assert Report.of(ledger, since="1d").requests == 5
    assert Report.of(ledger, until="2020-01-01").requests == 0


def test_what_is_not_known_is_said_to_be_unknown(make, tmp_path, small, frontier):
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        router = make(callbacks=[ledger], verify=None)
        tiers = [tier._changed(price=None) for tier in router.ladder]
        from lc_asym_router import AsymRouter

        blind = AsymRouter(tiers=tiers, classify="keyword", callbacks=[ledger], verify="form")
        blind.invoke("hi")
        page = safe(Report.of(ledger))
        assert "unknown cost" in page.text
        assert "1 requests of unknown cost are not in the sums" in page.text
        assert plot_ledger(ledger).png
        router.invoke("hi")
        assert Report.of(ledger).cost_usd > 0
        assert Report.of(ledger.report(by="day")) == Report.of(ledger)


def test_an_empty_one(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        report = Report.of(ledger)
        assert "no requests yet" in safe(report).text
        assert report.cost_usd is None
        assert plot_ledger(ledger).png
        assert Report.of(ledger.report(by="day")) == report


def test_free_requests_and_many_days():
    day = {"requests": 1, "answered": 1, "share_small": 1.0, "cost_usd": 0.0}
    days = [{**day, "day": f"2026-{month:02}-{n:02}"} for month in (1, 2) for n in range(1, 29)]
    page = safe(Report.of(days))
    assert "$0.00 cost" in page.text
    assert "02-28" not in page.text or "01-01" not in page.text  # a month at the most
    assert PerCall(0)


@pytest.mark.parametrize("source", [3, [1], [{"tier": "small"}], None, {}])
def test_what_is_no_report_by_day(source):
    with pytest.raises(ConfigurationError, match="rows by day"):
        Report.of(source)
