"""Requests that end badly: every call is told once, whatever became of it, and nothing paid is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from lc_asym_router import (
    Budget,
    BudgetExceededError,
    ConfigurationError,
    Decomposer,
    Ledger,
    Plan,
    PlanError,
    Step,
    TiersFailedError,
    UnverifiedError,
    Verdict,
)
from tests.conftest import record
from tests.decompose.test_faces import Heard
from tests.decompose.test_properties import COMMON, ask, dags
from tests.decompose.world import WHOLE, World, plan_of, result
from tests.servers import Reply

ASKED: Any = {"messages": [("human", WHOLE)]}
SCHEMA = {
    "title": "Number",
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
}


def parent_of(decomposer: Decomposer, saver: Any = None, node: bool = False) -> Any:
    """A graph that the decomposer is a part of: its graph as a node, or a node that calls it."""
    graph = StateGraph(MessagesState)
    if node:
        graph.add_node("answer", lambda state: {"messages": [decomposer.invoke(state["messages"])]})
    else:
        graph.add_node("answer", decomposer.graph)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


def spent(told: list[Any]) -> float:
    """What records say was spent, in USD."""
    calls = [
        call
        for each in told
        for call in (*each.record["attempts"], *each.record["side_calls"])
        if call["cost_usd"] is not None
    ]
    return float(sum(call["cost_usd"] for call in calls))


@given(
    needs=dags(),
    data=st.data(),
    face=st.sampled_from(["invoke", "ainvoke", "stream", "astream", "graph", "agraph"]),
    bound=st.integers(1, 4),
)
@settings(max_examples=25, **COMMON)
def test_an_error_carries_every_call(
    shared_world: World, needs: list[list[int]], data: st.DataObject, face: str, bound: int
) -> None:
    world = shared_world
    world.begin()
    names = [f"t{place}" for place in range(len(needs))]
    world.bad = data.draw(st.sets(st.sampled_from(names), min_size=1))
    heard = Heard()
    decomposer = world.decomposer(plan_of(needs), max_concurrency=bound).with_config(
        {"configurable": {"escalate": False}, "callbacks": [heard]}
    )
    with pytest.raises(UnverifiedError) as raised:
        if face in ("graph", "agraph"):
            config: Any = {"configurable": {"escalate": False}, "callbacks": [heard]}
            graph = decomposer.bound.graph  # type: ignore[attr-defined]
            if face == "graph":
                graph.invoke(ASKED, config)
            else:
                asyncio.run(graph.ainvoke(ASKED, config))
        else:
            ask(decomposer, face)
    told = [attempt["step"] for attempt in raised.value.attempts]
    assert sorted(told) == sorted(task for task, _ in world.asked())
    assert raised.value.record["decomposition"]["split"]
    assert [each.outcome for each in heard.told] == ["failed"]
    assert spent(heard.told) == pytest.approx(world.spent())


@pytest.mark.parametrize("face", ["invoke", "graph"])
def test_a_budget_that_ends_it_loses_nothing(world: World, tmp_path: Path, face: str) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    router = world.router(budgets=[Budget(calls=3, per="thread")])
    decomposer = world.decomposer(plan_of([[]] * 5), router, max_concurrency=1)
    config: Any = {"configurable": {"thread_id": "a"}, "callbacks": [ledger]}
    with pytest.raises(BudgetExceededError) as raised:
        if face == "invoke":
            decomposer.invoke(WHOLE, config)
        else:
            decomposer.graph.invoke(ASKED, config)
    assert [attempt["step"] for attempt in raised.value.attempts] == ["t0", "t1", "t2"]
    ledger.flush()
    (row,) = ledger.rows(None, None, None)
    ledger.close()
    assert row["requests"] == 1
    assert row["cost_usd"] == pytest.approx(world.spent())


@pytest.mark.parametrize("face", ["face", "graph", "parent"])
@pytest.mark.parametrize("planner", ["callable", "chat"])
async def test_what_is_left_is_told_with_what_was_before(
    world: World, face: str, planner: str
) -> None:
    heard = Heard()
    world.replies["small", "t1"] = Reply(hang="before")
    settings_: dict[str, Any] = {}
    if planner == "chat":
        parts = [
            {"instruction": f"Do task t{n}.", "needs": [], "difficulty": "easy"} for n in (0, 1)
        ]
        plan = {"parts": [{"id": f"t{n}", **part} for n, part in enumerate(parts)]}
        world.frontier.script(Reply(json.dumps(plan)))
        settings_["planner"] = "chat"
    decomposer = world.decomposer(plan_of([[], []]), **settings_)
    config: Any = {"callbacks": [heard]}
    call = {
        "face": lambda: decomposer.ainvoke(WHOLE, config),
        "graph": lambda: decomposer.graph.ainvoke(ASKED, config),
        "parent": lambda: parent_of(decomposer).ainvoke(ASKED, config),
    }[face]
    task = asyncio.create_task(call())
    assert await asyncio.to_thread(world.small.wait_requests, 2)
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (told,) = heard.told
    assert {(each["step"], each["error"]) for each in told.record["attempts"]} == {
        ("t0", None),
        ("t1", "left"),
    }
    assert [each["purpose"] for each in told.record["side_calls"]] == ["plan"] * (planner == "chat")


@pytest.mark.parametrize("twin", ["sync", "async"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_a_step_that_raises_takes_no_other_down(
    world: World, twin: str, durability: Any
) -> None:
    """The others are under way: they are ended, kept, and not paid for again."""
    for tier in ("small", "frontier"):
        world.replies[tier, "t0"] = Reply(status=400, error="boom")
    graph = world.decomposer(
        plan_of([[], [], [0, 1]]), join="template", checkpointer=InMemorySaver()
    ).graph
    config: Any = {"configurable": {"thread_id": "1", "escalate": False}}

    async def run(given: Any) -> Any:
        if twin == "sync":
            return await asyncio.to_thread(graph.invoke, given, config, durability=durability)
        return await graph.ainvoke(given, config, durability=durability)

    world.delays["t1"] = 0.5
    with pytest.raises(TiersFailedError):
        await run(ASKED)
    assert [task for task, _ in world.asked()].count("t1") == 1
    before = len(world.asked())
    world.replies.clear()
    said = (await run(None))["messages"][-1]
    assert all(result(f"t{place}") in said.text for place in range(3))
    assert [task for task, _ in world.asked()][before:] == ["t0", "t2"]


@pytest.mark.parametrize("kind", ["graph", "parent", "node", "router in a node"])
@pytest.mark.parametrize("twin", ["sync", "async"])
async def test_durable_checkpoints(world: World, kind: str, twin: str) -> None:
    decomposer = world.decomposer(plan_of([[], []]), checkpointer=InMemorySaver())
    graph: Any = decomposer.graph
    if kind != "graph":
        inner: Any = (
            world.router() if kind == "router in a node" else world.decomposer(plan_of([[]] * 2))
        )
        graph = parent_of(inner, InMemorySaver(), node=kind != "parent")
    config: Any = {"configurable": {"thread_id": "1"}}
    if twin == "sync":
        said = graph.invoke(ASKED, config, durability="sync")["messages"][-1]
    else:
        said = (await graph.ainvoke(ASKED, config, durability="sync"))["messages"][-1]
    assert said.text


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
@pytest.mark.parametrize("broken", ["empty", "schema"])
def test_a_small_answer_without_form_escalates_alone(world: World, face: str, broken: str) -> None:
    """Whatever the router's own checks are."""
    world.replies["small", "t0"] = Reply("  " if broken == "empty" else '{"n": "x"}')
    schema = SCHEMA if broken == "schema" else None
    if schema:
        world.replies["frontier", "t0"] = Reply('{"n": 3}')
    plan = Plan([Step("t0", "Do task t0.", schema=schema), Step("t1", "Do task t1.")])
    _, answer = ask(world.decomposer(plan), face)
    assert [task for task, _ in world.asked("frontier")] == ["t0"]
    assert result("t1") in answer.text
    tiers = [step["record"]["tier"] for step in record(answer)["decomposition"]["steps"]]
    assert tiers == ["frontier", "small"]
    assert record(answer)["cost_usd"] == pytest.approx(world.spent())


def test_the_plans_cost_is_in_the_estimate(world: World) -> None:
    plan = {
        "parts": [
            {"id": name, "instruction": f"Do task t{n}.", "needs": [], "difficulty": "easy"}
            for n, name in enumerate(("join", "t1"))
        ]
    }
    world.frontier.script(Reply(json.dumps(plan)))
    answer = world.decomposer(None, planner="chat").invoke(WHOLE)
    found = record(answer)["decomposition"]
    (call,) = record(answer)["side_calls"]
    assert found["estimate"]["planned_usd"] == pytest.approx(call["cost_usd"])
    assert "for the plan)" in found["reason"]
    assert [step["id"] for step in found["steps"]] == [
        "join_",
        "t1",
    ]  # the join's own calls are "join"


@pytest.mark.parametrize("name", ["join", "a\nb"])
def test_ids_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(PlanError, match="give one line"):
        Step(name, "Do it.")


@pytest.mark.parametrize("model", ["router", "decomposer"])
@pytest.mark.parametrize("twin", ["sync", "async"])
async def test_an_interrupt_that_nobody_can_take_up(world: World, model: str, twin: str) -> None:
    router = world.router(verify=lambda attempt: Verdict(bool(interrupt("?"))))
    asked: Any = router if model == "router" else world.decomposer(plan_of([[], []]), router)
    with pytest.raises(ConfigurationError, match="graph with a checkpointer"):
        if twin == "sync":
            asked.invoke(WHOLE)
        else:
            await asked.ainvoke(WHOLE)
