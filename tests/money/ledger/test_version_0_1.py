"""A database that version 0.1 has made is brought up to date when it is first used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lc_asym_router import Ledger
from tests.money.conftest import query

DUMP = Path(__file__).with_name("version_0_1.sql")
"""What that version's own ledger and budgets wrote for three requests, dumped by SQLite."""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(DUMP.read_text())
    return path


def test_its_requests_and_budgets_count_on(file, make):
    with Ledger(file, flush_seconds=0) as ledger:
        assert [(row["tag"], row["requests"]) for row in ledger.rows("tag")] == [("a", 2), ("b", 2)]
        (row,) = ledger.rows()
        assert (row["answered"], row["calls"], row["failed_checks"]) == (3, 6, {"Agreement": 1})
        assert row["cost_usd"] == pytest.approx(0.00141166)
        assert row["vouched"] == {"frontier": pytest.approx(2 / 3), "sample": pytest.approx(1 / 3)}
        spent = {each["scope"]: each["spent"] for each in ledger.balances()}
        assert (spent["one"], spent["two"]) == (5, 1)
        make(callbacks=[ledger]).invoke("hi")
        ledger.flush()
        assert ledger.rows()[0]["requests"] == 4


def test_a_copy_of_it_is_kept(file):
    before = query(f"sqlite:///{file}", "SELECT version_num FROM asym_schema_version")
    with Ledger(file) as ledger:
        ledger.rows()
    (version,) = before[0]
    copy = f"sqlite:///{file}.version-{version}"
    assert query(copy, "SELECT version_num FROM asym_schema_version") == before
    assert query(copy, "SELECT count(*) FROM asym_requests") == [(3,)]
    assert query(f"sqlite:///{file}", "SELECT version_num FROM asym_schema_version") != before
