"""`python -m tests.benchmarks.read_answers`: how recorded answers are compared, on made-up rows."""

from __future__ import annotations

import json
import sys

import pytest

from lc_asym_router.errors import DataError
from lc_asym_router.evals import load
from tests.benchmarks import DATA, SCORED, read_answers

# What the recorded answers are compared like, at most: to differ (calls), to agree (answers).
MISSED, WRONG = 0.1, 0.07


def row(number, weak, strong, other, source="sums"):
    """A row in which 12 is right and nothing else is."""
    answers = {"weak": weak, "strong": strong}
    return {
        "id": f"{source}/{number}",
        "dataset": source,
        "query": f"How many are {number} and the rest?",
        **{f"{name}_score": float("12" in said) for name, said in answers.items()},
        **{f"{name}_response": said for name, said in answers.items()},
        "other": {"third": {"score": float("12" in other), "response": other}},
    }


@pytest.fixture
def file(tmp_path):
    rows = [
        *(row(n, "Answer: 12", "They are twelve, so the answer is 12.", "13") for n in range(6)),
        row(6, "12 if it rains", "12", "12"),
        *(row(n, "#### 12", "12 or 13", "no idea", "choices") for n in range(3)),
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def test_the_command_counts_what_is_compared_wrongly(file, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["read_answers", str(file), "--show", "1"])
    read_answers.main()
    printed = capsys.readouterr().out
    assert "| sums | 7 | 0.1" in printed or "| sums | 7 | 0.0" in printed
    assert "| choices | 3 | 1.000 | 3 | 0.000 |" in printed
    assert "missed choices/" in printed


def test_the_same_pairs_are_drawn_again(file):
    rows = load(file)
    assert read_answers.drawn(rows) == read_answers.drawn(rows)
    assert len(read_answers.drawn(rows, most=2)) == 4


def test_rows_without_two_graded_answers_are_refused(file):
    rows = [each for each in load(file) if each.id == "nothing"]
    with pytest.raises(DataError, match="give rows"):
        list(read_answers.lines(rows))


RECORDED = [DATA / f"{name}.jsonl.gz" for name in SCORED if name not in ("llmrouter", "mmlupro")]


@pytest.mark.full
def test_recorded_answers_are_compared_as_they_were_graded():
    """On the development data, where they are there; else this says nothing."""
    for path in filter(lambda each: each.is_file(), RECORDED):
        found = read_answers.reading(read_answers.drawn(load(path), most=300))
        assert len(found.missed) <= MISSED * found.alike, path.name
        assert len(found.wrong) <= WRONG * found.unlike, path.name
