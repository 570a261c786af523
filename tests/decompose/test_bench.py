"""`make bench-decompose` where the shared data are not there: on made-up rows, and it says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router.decompose import StructuralPlanner
from lc_asym_router.evals import load
from lc_asym_router.evals.example import write_example
from tests.benchmarks import decompose
from tests.benchmarks.replay import compounds


def test_it_runs_on_example_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decompose, "DATA", tmp_path / "nothing")
    monkeypatch.setattr(sys, "argv", ["decompose", "--requests", "6", "--minutes", "0"])
    decompose.main()
    printed = capsys.readouterr().out
    assert "is not there: made-up example rows are used" in printed
    assert "| example (6) | parts | **" in printed
    assert "| example | 6 | 6 | 0 | 0 | 0 | 0 of 400 |" in printed


def test_a_question_comes_in_one_request_and_is_a_step_of_it(tmp_path: Path) -> None:
    made = compounds(load(write_example(tmp_path / "rows.jsonl")), 1000)
    ids = [row.id for each in made for row in each.rows]
    assert len(ids) == len(set(ids))
    for each in made:
        plan = StructuralPlanner()(each.text)
        assert plan is not None
        assert [step.instruction for step in plan.steps] == [row.query for row in each.rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. Paris\n2. 391", ["Paris", "391"]),
        ("**1. What is A?**\n\nParis\n\n**2. What is B?**\n\n391.", ["Paris", "391."]),
        ("Paris\n391", ["Paris", "391"]),
        ("Paris and 391", ["Paris and 391"] * 2),
    ],
)
def test_what_an_answer_says_to_each_question(text: str, found: list[str]) -> None:
    said = decompose.sections(AIMessage(text), ["What is A?", "What is B?"])
    assert [part.strip(" *\n") for part in said] == found
