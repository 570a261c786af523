"""A split request shows its plan: each step with tier, cost and what came of it, and the join."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router import TiersFailedError
from lc_asym_router.notebook import Record, save
from lc_asym_router.notebook.markup import standalone
from lc_asym_router.notebook.timeline import request_svg
from lc_asym_router.records.plan_rows import plan_rows
from tests.decompose.world import WHOLE, World, plan_of
from tests.notebook.looking import EVIL, SEEN, Page, damaged, drawn, safe
from tests.servers import Reply

NEEDS = ([], [], [0, 1])


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.begin()
    yield made
    made.close()


@pytest.fixture
def answered(world: World) -> AIMessage:
    """An answer in three parts; the small model failed one of them, and joined them all."""
    world.bad = {"t1"}
    return world.decomposer(plan_of(NEEDS), join="small").invoke(WHOLE)


def bars(html: str) -> list[str]:
    """The kind of each bar, in order."""
    return [kind for kind in Page(html).classes("rect") if kind != "paper"]


def test_every_step_with_its_tier_cost_and_verdict_and_the_join(answered):
    record = Record.of(answered)
    rows = {row.name: row for row in plan_rows(record)}
    assert list(rows) == ["t0", "t1", "t2", "join"]
    assert rows["t0"].result == "small passed: it is bad"
    assert rows["t1"].result == (
        "small discarded, checked: it is bad; frontier answered, not checked"
    )
    assert rows["t2"].result == "after t0, t1: small passed: it is bad"
    assert rows["t1"].tiers == "small > frontier"
    assert (rows["join"].title, rows["join"].tiers) == ("by small", "small")
    page = safe(record)
    for told in ("split into 3 steps", *(f"Do task t{place}." for place in range(3))):
        assert told in page.text
    assert "small > frontier, $0.00005" in page.text
    assert answered.text in page.text
    assert bars(record._repr_html_()) == ["good", "bad", "calm", "good", "good"]


def test_the_rows_come_to_what_the_request_cost(answered):
    costs = [row.cost_usd for row in plan_rows(Record.of(answered))]
    assert math.fsum(costs) == pytest.approx(answered.response_metadata["router"]["cost_usd"])


def test_a_step_begins_when_all_that_it_needs_has_ended(answered):
    first, second, third, join = plan_rows(Record.of(answered))
    assert first.begun == second.begun == 0
    assert third.begun == max(first.end, second.end)
    assert join.begun == third.end


def test_a_template_asks_no_model(world):
    answer = world.decomposer(plan_of(NEEDS), join="template").invoke(WHOLE)
    join = plan_rows(Record.of(answer))[-1]
    assert (join.title, join.result, join.cost_usd) == (
        "by template",
        "put together without a model",
        None,
    )
    assert join.result in safe(Record.of(answer)).text


def test_a_join_that_was_thrown_away_and_the_whole_request_after_it(world):
    world.left_out = {"t1"}
    record = Record.of(world.decomposer(plan_of(NEEDS), join="small").invoke(WHOLE))
    *_, join, whole = plan_rows(record)
    assert join.result.endswith("discarded, it leaves out t1")
    assert (whole.name, whole.result) == ("whole", "frontier answered, not checked")
    assert whole.begun == join.end
    assert "the whole request after all" in safe(record).text
    assert bars(record._repr_html_())[-2:] == ["bad", "calm"]


def test_a_step_without_an_answer_and_one_that_was_never_asked(world):
    world.bad = {"t1"}
    world.replies["frontier", "t1"] = Reply(status=500, error="boom")
    record = Record.of(world.decomposer(plan_of(NEEDS), join="small").invoke(WHOLE))
    rows = {row.name: row for row in plan_rows(record)}
    assert "; no answer: " in rows["t1"].result
    assert rows["t1"].kind == "fail"
    assert rows["t2"].result == "after t0, t1: not asked"
    assert "join" not in rows
    assert rows["whole"].tiers == "frontier"
    safe(record)


def test_a_planner_that_asks_a_model_comes_first(world):
    parts = [
        {"id": name, "instruction": f"Do task {name}.", "needs": [], "difficulty": "unknown"}
        for name in ("t0", "t1")
    ]
    world.replies["frontier", "whole"] = Reply(json.dumps({"parts": parts}))
    record = Record.of(world.decomposer(None, planner="chat", join="template").invoke(WHOLE))
    rows = plan_rows(record)
    assert [row.name for row in rows] == ["plan", "t0", "t1", "join"]
    assert rows[1].begun == rows[2].begun == rows[0].end
    assert record.cost_usd == pytest.approx(math.fsum(row.cost_usd or 0 for row in rows))
    assert "to plan" in safe(record).text
    assert "to plan, classify and check" in repr(record)


def test_a_request_that_was_not_split_keeps_its_timeline(world):
    record = Record.of(world.decomposer(None).invoke(WHOLE))
    page = safe(record)
    assert "not split : whole: " in page.text
    assert "The timeline of a request" in page.text
    assert not plan_rows(record)


def test_an_error_has_its_plan_without_what_was_asked(world):
    world.bad = {"t1"}
    world.replies["frontier", "t1"] = Reply(status=500, error="boom")
    world.replies["frontier", "whole"] = Reply(status=500, error="boom")
    with pytest.raises(TiersFailedError) as raised:
        world.decomposer(plan_of(NEEDS)).invoke(WHOLE)
    record = Record.of(raised.value)
    page = safe(record)
    assert "no answer" in page.text
    assert "Do task" not in page.text
    assert "no tier answered by" in page.text


def test_plain_text_tells_the_plan_but_not_what_was_asked(answered):
    lines = repr(Record.of(answered)).splitlines()
    assert lines[1:5] == [
        "step t0: small passed: it is bad",
        "step t1: small discarded, checked: it is bad; frontier answered, not checked",
        "step t2: after t0, t1: small passed: it is bad",
        "join: small passed: it is bad",
    ]
    assert lines[5].startswith("attempt 1: step t0: small (small-model) passed")
    assert "Do task" not in "\n".join(lines)
    assert answered.text not in "\n".join(lines)


def test_the_drawing_is_a_file_too(answered, tmp_path):
    save(answered, tmp_path / "plan.svg")
    texts = drawn((tmp_path / "plan.svg").read_text(encoding="utf-8"))
    assert {"t0", "t1", "t2", "join", "Do task t0."} <= set(texts)
    assert "@media (prefers-color-scheme:dark)" in (tmp_path / "plan.svg").read_text()


@pytest.mark.full
def test_every_field_may_be_missing(answered):
    for part in damaged(answered.response_metadata["router"], ("decomposition",)):
        record = Record.of(part)
        assert "nan" not in safe(record).text
        assert repr(record)
        drawn(standalone(request_svg(record)))


def test_a_record_that_somebody_made_up():
    """Every text in it is foreign; steps that wait for each other, or for nobody, have a place."""
    call = {"tier": EVIL, "model": EVIL, "check": EVIL, "reason": EVIL, "passed": False}
    step = {"title": EVIL, "error": EVIL, "record": {"attempts": [call]}}
    made_up = {
        "decomposition": {
            "planner": EVIL,
            "reason": EVIL,
            "steps": [
                {**step, "id": EVIL, "needs": ["b", EVIL, "no step"]},
                {**step, "id": "b", "needs": [EVIL]},
                {**step, "id": "b"},
            ],
            "join": {"by": EVIL, "record": {"attempts": [call]}, "unused": [EVIL]},
        }
    }
    record = Record.of(made_up)
    page = safe(record)
    assert page.text.count(SEEN) > 3
    assert len(plan_rows(record)) == 4
    drawn(standalone(request_svg(record)))


@pytest.mark.parametrize("nonsense", [3, "x", [], {"steps": "x"}, {"plan": {"steps": [None, 3]}}])
def test_nonsense_is_no_plan(nonsense):
    record = Record.of({"decomposition": nonsense})
    assert safe(record)
    assert [row.result for row in plan_rows(record)] == (
        ["not asked"] * 2 if isinstance(nonsense, dict) and "plan" in nonsense else []
    )
