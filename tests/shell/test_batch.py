"""`lc-asym-router batch IN --out OUT`."""

from __future__ import annotations

import csv
import json

import pytest

from lc_asym_router.shell import main
from tests.servers import Reply


@pytest.fixture
def tickets(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text("id,ticket\n1,late\n2,broken\n")
    return path


def test_a_table_in_a_table_out(served, capsys, tickets, tmp_path):
    out = tmp_path / "out.csv"
    words = ["batch", str(tickets), "--out", str(out), "--prompt", "Classify: {ticket}"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"2 rows answered in {out}\n"
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["ticket"] for row in rows] == ["late", "broken"]
    assert [row["answer"] for row in rows] == ["a small answer"] * 2


def test_a_schema_and_the_result_as_json(served, capsys, small, tickets, tmp_path):
    small.default = '{"mood": "bad"}'
    schema = tmp_path / "schema.json"
    schema.write_text(
        '{"title": "Mood", "type": "object", "properties": {"mood": {"type": "string"}}}'
    )
    out = tmp_path / "out.jsonl"
    words = ["--schema", str(schema), "--prompt", "{ticket}", "--json"]
    assert main(["batch", str(tickets), "--out", str(out), *words]) == 0
    assert json.loads(capsys.readouterr().out)["answered"] == 2
    assert json.loads(out.read_text().splitlines()[0])["parsed"] == {"mood": "bad"}


def test_a_budget_of_the_description_ends_it(served, capsys, small, tickets, tmp_path):
    described = tmp_path / "router.toml"
    described.write_text(
        'verify = "form"\nclassify = "keyword"\n'
        'tiers = ["ollama:small-model", "openai:frontier-model"]\n'
        '[[budgets]]\ncalls = 1\nper = "day"\n'
    )
    out = tmp_path / "out.csv"
    words = ["batch", str(tickets), "--out", str(out), "--prompt", "{ticket}", "--concurrency", "1"]
    assert main([*words, "--router", str(described)]) == 3
    said = capsys.readouterr()
    assert said.out == f"1 rows answered in {out}\n"
    assert "Stopped: The budget 'day'" in said.err
    assert said.err.endswith("+00:00. Run it again to go on.\n")
    described.write_text(described.read_text().replace("calls = 1", "calls = 10"))
    assert main([*words, "--router", str(described)]) == 0
    assert len(small.requests) == 2


def test_what_failed_is_said(served, capsys, small, frontier, tickets, tmp_path):
    small.default = frontier.default = Reply(status=400, error="no")
    words = ["batch", str(tickets), "--out", str(tmp_path / "o.jsonl"), "--prompt", "{ticket}"]
    assert main(words) == 3
    assert "2 rows failed: run it again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--prompt", "{nothing}"], "no column 'nothing'"),
        (["--schema", "missing.json"], "--schema: missing.json can't be read"),
        (["--router", "r.toml", "--small", "x"], "leave --small and --frontier out"),
        ([], "Say what to ask"),
    ],
)
def test_bad_usage(served, capsys, tickets, tmp_path, words, told):
    assert main(["batch", str(tickets), "--out", str(tmp_path / "out.jsonl"), *words]) == 2
    assert told in capsys.readouterr().err
