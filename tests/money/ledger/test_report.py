"""The report, in Python and in the shell."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import AsymRouter, ConfigurationError, Ledger, TiersFailedError
from lc_asym_router.money.ledger import LedgerError
from lc_asym_router.money.ledger.totals import percentiles
from lc_asym_router.notebook.report_figures import Report
from lc_asym_router.shell import main
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.servers import Reply


@pytest.fixture
def filled(url, make, small, frontier):
    """A ledger of six requests: two days, two tags, two threads, one failed, one without a price."""
    with Ledger(url, flush_seconds=0.01) as ledger:
        router = make(callbacks=[ledger])
        unpriced = AsymRouter(
            classify="keyword",
            small=small_model(small),
            frontier=frontier_model(frontier),
            callbacks=[ledger],
            verify="form",
        )
        small.default = Reply("fine", input_tokens=100, output_tokens=10)
        frontier.default = Reply("good", input_tokens=200, output_tokens=20)
        router.invoke("hi", {"tags": ["a"], "configurable": {"thread_id": "one"}})
        small.script(Reply("", input_tokens=100, output_tokens=0))
        router.invoke("hi", {"tags": ["a", "b"], "configurable": {"thread_id": "one"}})
        ledger.flush()
        with ledger._store.transaction(writing=True) as connection:
            from lc_asym_router.money.database.tables import requests

            before = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
            connection.execute(requests.update().values(time=before))
        router.invoke("debug", {"tags": ["b"], "configurable": {"thread_id": "two"}})
        unpriced.invoke("hi")
        frontier.script(Reply(status=500, error="x"))
        with pytest.raises(TiersFailedError):
            router.invoke("debug")
        ledger.flush()
        yield ledger


FINE = SMALL_PRICE.of({"input_tokens": 100, "output_tokens": 10, "total_tokens": 110})
GOOD = FRONTIER_PRICE.of({"input_tokens": 200, "output_tokens": 20, "total_tokens": 220})
EMPTY = SMALL_PRICE.of({"input_tokens": 100, "output_tokens": 0, "total_tokens": 100})
ALONE = FRONTIER_PRICE.of({"input_tokens": 100, "output_tokens": 10, "total_tokens": 110})


def test_all_in_one_row(filled):
    (row,) = filled.rows()
    assert (row["requests"], row["answered"], row["failed"], row["calls"]) == (5, 4, 1, 6)
    assert row["share_small"] == row["share_frontier"] == 0.5
    assert row["escalation_rate"] == pytest.approx(1 / 5)
    assert row["failed_checks"] == {"NotEmpty": 1}
    assert list(row["errors"].values()) == [1]
    assert row["input_tokens"] == 100 + 100 + 200 + 200 + 100
    assert row["calls_without_usage"] == 1
    assert row["cost_usd"] == pytest.approx(FINE + EMPTY + GOOD + GOOD)
    assert row["unknown_cost"] == row["unknown_calls"] == 1
    assert row["cost_by_model"] == {
        "frontier-model": pytest.approx(GOOD * 2),
        "small-model": pytest.approx(FINE + EMPTY),
    }
    assert row["frontier_cost_usd"] == pytest.approx(ALONE + GOOD + GOOD)
    assert row["saved_usd"] == pytest.approx(ALONE - FINE - EMPTY)
    assert row["unknown_saving"] == 2
    assert 0 < row["p50_seconds"] <= row["p95_seconds"] <= row["p99_seconds"]


def test_what_the_answers_were_vouched_for_by(filled, url, capsys):
    (row,) = filled.rows()
    assert row["vouched"] == {"form": 0.5, "frontier": 0.5}
    by_tag = {each["tag"]: each["vouched"] for each in filled.rows("tag")}
    assert by_tag["a"] == {"form": 0.5, "frontier": 0.5}
    assert by_tag["b"] == {"frontier": 1.0}
    assert main(["report", "--url", url]) == 0
    assert "form 50.0%, frontier 50.0%" in capsys.readouterr().out
    assert main(["report", "--url", url, "--by", "tier"]) == 0
    assert "vouched" in capsys.readouterr().out.splitlines()[0]
    assert main(["report", "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["vouched"] == {"form": 0.5, "frontier": 0.5}


def test_of_rows_of_an_older_version_it_is_unknown(url, make):
    """The column came with the fourth migration: rows of before have none, and stay."""
    from alembic import command
    from alembic.config import Config

    from lc_asym_router.money.database import tables as module

    with Ledger(url, flush_seconds=0) as ledger:
        make(callbacks=[ledger]).invoke("hi")
        ledger.flush()
        scripts = str(Path(module.__file__).parent / "migrations")
        with ledger._store.transaction(writing=True) as connection:
            config = Config()
            config.set_main_option("script_location", scripts)
            config.attributes.update(connection=connection, version_table=module.VERSION_TABLE)
            command.downgrade(config, "0003")
    with Ledger(url, flush_seconds=0) as ledger:
        make(callbacks=[ledger]).invoke("hi")
        ledger.flush()
        (row,) = ledger.rows()
    assert row["vouched"] == {"unknown": 0.5, "form": 0.5}
    assert Report.of([{**row, "day": "2026-01-31"}]).vouched == {"unknown": 1, "form": 1}


def test_by_group(filled):
    today = datetime.now(UTC).date().isoformat()

    def requests(by, **span):
        return {row[by]: row["requests"] for row in filled.rows(by, **span)}

    assert requests("day") == {"2026-01-31": 2, today: 3}
    assert requests("tag") == {"a": 2, "b": 2, None: 2}
    assert requests("thread") == {"one": 2, "two": 1, None: 2}
    assert requests("tier") == {"small": 2, "frontier": 2, None: 1}
    assert requests("model") == {"small-model": 2, "frontier-model": 3}
    unknown = {row["tier"]: row["unknown_cost"] for row in filled.rows("tier")}
    assert unknown == {"small": 1, "frontier": 0, None: 0}
    costs = {row["day"]: row["cost_usd"] for row in filled.rows("day")}
    assert costs["2026-01-31"] == pytest.approx(FINE + EMPTY + GOOD)
    assert requests("tag", since="2026-02-01") == {"b": 1, None: 2}


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [
        ("2026-01-31", None, 5),
        (date(2026, 2, 1), None, 3),
        (None, "2026-02-01", 2),
        ("2026-01-31T23:59:00Z", "2026-01-31T23:59:01Z", 2),
        ("2026-02-01T00:58:59+01:00", "2026-02-01T00:59:00+01:00", 0),
        (datetime(2026, 1, 31, 23, 59), datetime(2026, 2, 1), 2),
        ("1h", None, 3),
        ("20000w", "1m", 2),
        (datetime.now(UTC) + timedelta(days=2), None, 0),
    ],
)
def test_a_span(filled, since, until, count):
    assert filled.rows(since=since, until=until)[0]["requests"] == count


def test_of_one_tag_and_by_hour(filled):
    whole = filled.rows(tag="b")[0]
    assert (whole["requests"], whole["calls"]) == (2, 3)
    hours = filled.rows("hour", tag="b")
    assert [row["requests"] for row in hours] == [1, 1]
    assert hours[0]["hour"] == "2026-01-31T23:00Z"
    assert filled.rows(tag="nobody's")[0]["requests"] == 0


def test_the_last_requests_without_their_texts(filled):
    rows = filled.recent(3)
    assert [row["outcome"] for row in rows[:2]].count("failed") <= 1
    times = [row["time"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert not {"prompt", "answer", "reason", "thread_id"} & set(rows[0])
    assert [row["tags"] for row in filled.recent(tag="a")] in (
        [["a"], ["a", "b"]],
        [["a", "b"], ["a"]],
    )
    with pytest.raises(ConfigurationError, match="1 to 1,000"):
        filled.recent(0)


def test_nothing_at_all(url):
    with Ledger(url) as ledger:
        (row,) = ledger.rows()
        assert row["requests"] == row["unknown_cost"] == 0
        assert row["cost_usd"] == 0
        assert row["p50_seconds"] is row["escalation_rate"] is None
        assert ledger.rows("tag") == []
        assert len(ledger.report("tag")) == 0


def test_a_data_frame(filled):
    frame = filled.report(by="tag")
    assert frame.loc["a", "requests"] == 2
    assert filled.report().loc[0, "requests"] == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"by": "week"}, "by hour, day, model, tier, tag, thread"),
        ({"since": "yesterday"}, "2026-01-31"),
        ({"until": "2026-13-01"}, "until='2026-13-01' is no date"),
        ({"since": 5}, "how long ago"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "is not before"),
    ],
)
def test_bad_arguments(tmp_path, arguments, says):
    with Ledger(tmp_path / "x.db") as ledger, pytest.raises(ConfigurationError, match=says):
        ledger.rows(**arguments)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u:secret@h/d", "SQLite and PostgreSQL"),
        ("post gres://u:secret@h:port/d", "can't be read"),
        ("postgresql://u:secret@h:port/d", "can't be read"),
        ("sqlite://", "names no file"),
        (":memory:", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("", "names no file"),
    ],
)
def test_a_bad_url(url, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"queue": 0}, {"batch": 1.5}, {"flush_seconds": -1}, {"exit_seconds": "5"}]
)
def test_bad_settings(tmp_path, settings):
    with pytest.raises(ConfigurationError, match=r"must be|or more"):
        Ledger(tmp_path / "x.db", **settings)


def test_a_database_that_can_not_be_read(tmp_path):
    (tmp_path / "no.db").write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(LedgerError, match="can't be read"):
        Ledger(tmp_path / "no.db").rows()
    with pytest.raises(LedgerError, match=r"Check that") as caught:
        Ledger("postgresql://u:secret@127.0.0.1:1/d").rows()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "url", "says"),
    [
        ("sqlalchemy", "x.db", "lc-asym-router[ledger]"),
        ("alembic", "x.db", "lc-asym-router[ledger]"),
        ("psycopg", "postgresql://h/d", "lc-asym-router[postgres]"),
    ],
)
def test_a_missing_extra(module, url, says, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as caught:
        Ledger(url)
    assert f"pip install '{says}'" in str(caught.value)


def test_without_pandas_there_are_rows(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with Ledger(tmp_path / "x.db") as ledger:
        assert ledger.rows()[0]["requests"] == 0
        with pytest.raises(ConfigurationError, match=r"lc-asym-router\[report\]"):
            ledger.report()


def test_the_default_file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with Ledger() as ledger:
        assert ledger.file.is_relative_to(tmp_path)
        assert ledger.file.name == "ledger.sqlite3"
        ledger.rows()
        assert ledger.file.exists()


def test_the_command(filled, url, capsys):
    assert main(["report", "--url", url]) == 0
    out = capsys.readouterr().out
    figures = dict(line.split("  ", 1) for line in out.splitlines())
    assert figures["requests"].strip() == "5"
    assert figures["unknown cost"].strip() == "1"
    assert "small-model" in figures["cost by model"]
    assert main(["report", "--url", url, "--by", "day", "--since", "2026-01-01"]) == 0
    head, first, _ = capsys.readouterr().out.splitlines()
    assert "frontier alone USD (est.)" in head
    assert first.startswith("2026-01-31")
    assert main(["report", "--url", url, "--by", "tier", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["tier"] for row in rows] == ["frontier", "small", None]
    assert main(["report", "--url", url, "--by", "tag", "--since", "2999-01-01"]) == 0
    assert capsys.readouterr().out.strip() == "no requests"


def test_the_command_on_bad_input(tmp_path, capsys):
    assert main(["report", "--url", str(tmp_path / "none.db")]) == 2
    assert "There is no ledger at" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
    assert main(["report", "--url", "mysql://h/d"]) == 2
    assert main(["report", "--url", "postgresql://u:secret@127.0.0.1:1/d"]) == 2
    said = capsys.readouterr().err
    assert "Check that the database runs" in said
    assert "secret" not in said


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_lies_among_the_values(values, percent):
    low, found, high = percentiles(Counter(values), (0, percent, 100))
    assert min(values) == low <= found <= high == max(values)
    assert percentiles(Counter(), [percent]) == [None]
