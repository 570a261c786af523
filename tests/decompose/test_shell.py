"""`ask --decompose`, and the drawings."""

from __future__ import annotations

import json

import pytest

from lc_asym_router.decompose import ascii_drawing, mermaid
from lc_asym_router.shell import main
from tests.conftest import record
from tests.decompose.test_properties import ask
from tests.decompose.world import World, plan_of
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers import Reply
from tests.shell.conftest import served  # noqa: F401

ASKED = '1. What is the capital of France?\n2. Please debug my <b>head</b>.\n3. Who wrote "Faust"?'


def test_ask_decompose(served, capsys, small):  # noqa: F811
    small.script("Paris.", Reply("Goethe."))
    assert main(["ask", "--no-verify", "--decompose", ASKED]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("**1. What is the capital of France?**\n\n")
    assert "**2. Please debug my <b>head</b>.**\n\na frontier answer\n" in out
    lines = err.splitlines()
    assert lines[2].startswith("plan (structure): 3 steps, joined by template: not all prices are")
    assert lines[3] == "  |-- 1 [small]    What is the capital of France?"
    assert lines[4] == "  |-- 2 [frontier] Please debug my <b>head</b>."
    assert lines[6] == "  '-- template"
    assert lines[7].startswith("attempt 1: step 1: small (small-model) answered")
    assert lines[-1].startswith("in all: ")


def test_ask_decompose_as_json_and_as_mermaid(served, capsys):  # noqa: F811
    assert main(["ask", "--no-verify", "--decompose", "--json", ASKED]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [step["id"] for step in data["decomposition"]["steps"]] == ["1", "2", "3"]
    assert main(["ask", "--no-verify", "--decompose", "--draw", "mermaid", ASKED]) == 0
    err = capsys.readouterr().err
    assert "flowchart TD" in err
    assert 's2["2: Please debug my &lt;b&gt;head&lt;/b&gt;.<br/><b>frontier</b>"]' in err
    assert "&quot;Faust&quot;" in err


def test_ask_decompose_one_task(served, capsys):  # noqa: F811
    assert main(["ask", "--no-verify", "--decompose", "hi"]) == 0
    out, err = capsys.readouterr()
    assert out == "a small answer\n"
    assert "plan (none): whole: one task\n  '-- [small] the whole request\n" in err


def test_ask_decompose_with_a_chat_planner(served, capsys, frontier):  # noqa: F811
    parts = [
        {"id": name, "instruction": f"do {name}", "needs": [], "difficulty": "unknown"}
        for name in ("first", "second")
    ]
    frontier.script(Reply(json.dumps({"parts": parts})))
    assert (
        main(["ask", "--no-verify", "--decompose", "--planner", "chat", "do all of it " * 60]) == 0
    )
    err = capsys.readouterr().err
    assert "plan (chat): 2 steps" in err
    assert "side calls: 1 to plan, classify and check" in err


@pytest.mark.parametrize("face", ["invoke"])
def test_drawings_of_every_end(world: World, face: str) -> None:
    plan = plan_of([[], [], [0, 1]])
    world.bad = {"t1"}
    _, answer = ask(world.decomposer(plan), face)
    drawn = ascii_drawing(record(answer)).splitlines()
    assert drawn[1:] == [
        "  |-- t0 [small]            Do task t0.",
        "  |-- t1 [small > frontier] Do task t1.",
        "  |-- t2 [small]            Do task t2.  <- t0, t1",
        "  '-- join [small]",
    ]
    chart = mermaid(record(answer)).splitlines()
    assert "  s1 --> s3" in chart
    assert "  s2 --> s3" in chart
    assert chart[-1] == "  s3 --> join"
    world.begin()
    world.left_out = {"t1"}
    _, answer = ask(world.decomposer(plan), face)
    assert "[frontier] the whole request after all" in ascii_drawing(record(answer))
    _, answer = ask(world.decomposer(None), face)
    assert "whole" in mermaid(record(answer))
    bare = world.router().invoke("task t1")
    assert ascii_drawing(record(bare)) == (
        "plan (none): not asked for\n  '-- [small] the whole request"
    )
