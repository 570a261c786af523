"""A batch's journal: what it has in memory, and files of an earlier version."""

from __future__ import annotations

import json
import logging
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.batch import run
from lc_asym_router.batch.input_rows import InputRow
from lc_asym_router.batch.row_journal import MISSING, RowIndex, RowJournal, RowState
from lc_asym_router.errors import ConfigurationError
from tests.benchmarks.batch import Answering, memory


def test_memory_does_not_grow_with_the_rows() -> None:
    memory(200)  # what is imported and made once
    few, many = memory(400), memory(3_000)
    assert many < few + 2_600  # a byte a row


def test_nor_does_it_where_a_run_goes_on(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        """The most bytes while a finished run of so many rows is opened and written again."""
        out = tmp_path / f"{rows}.jsonl"
        answering: Callable[[], object] = lambda: run(  # noqa: E731
            Answering(),  # type: ignore[arg-type]
            (f"row {n}" for n in range(rows)),
            out=out,
            concurrency=4,
            progress=False,
        )
        answering()
        tracemalloc.start()
        answering()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(200)
    few, many = peak(400), peak(3_000)
    assert many < few + 2_600


STATES = st.tuples(st.integers(1, 3), st.integers(0, 2**40), st.integers(0, 2**64 - 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), STATES), max_size=20))
def test_an_index_is_a_dict_of_places(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[int, tuple[int, int, int]]]
) -> None:
    index = RowIndex(tmp_path_factory.mktemp("index"))
    wanted = {place: RowState(*state) for place, state in entries}
    for place, state in entries:
        index[place] = RowState(*state)
    assert list(index) == sorted(wanted.items())
    for place in (0, 1, 9_999, 20_000, *wanted):
        assert index[place] == wanted.get(place, RowState(MISSING, 0, 0))
    index.close()


def test_a_journal_of_version_0_2_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl.journal"
    rows = [InputRow(place, {}, f"row {place}") for place in range(3)]
    old = [
        {"batch": 1, "maker": "m"},
        {"row": 2, "digest": f"{rows[2].digest:x}", "error": None, "cost": 0.5, "result": {"n": 2}},
        {
            "row": 0,
            "digest": f"{rows[0].digest:x}",
            "error": "no",
            "cost": None,
            "result": {"n": 0},
        },
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    with RowJournal(path, "m") as journal:
        assert [journal.is_settled(row) for row in rows] == [False, False, True]
        assert (journal.answered, journal.failed, journal.cost_usd) == (1, 1, 0.5)
        journal.add(rows[0], {"n": 0, "again": True}, None, 0.25)
        assert list(journal.results()) == [{"n": 0, "again": True}, {"n": 2}]
        assert (journal.rows, journal.failed, journal.cost_usd) == (2, 0, 0.75)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage", ['{"row": 1}', '{"row": "x", "digest": "0", "error": null, "cost": 0}', '{"job": {}}']
)
def test_what_is_no_entry_is_said_and_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "out.jsonl.journal"
    path.write_text(f'{{"batch": 1, "maker": "m"}}\n{damage}\n')
    with caplog.at_level(logging.WARNING, "lc_asym_router"), RowJournal(path, "m") as journal:
        assert journal.rows == 0
    assert "1 of 1 lines are damaged" in caplog.text


def test_without_tqdm_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    answering: Any = Answering()
    found = run(answering, ["one"], out=tmp_path / "out.jsonl")
    assert found.answered == 1
    with pytest.raises(ConfigurationError, match="tqdm is not installed"):
        run(answering, ["one"], out=tmp_path / "out.jsonl", progress=True)
