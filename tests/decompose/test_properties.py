"""Random plans over real HTTP: order, once each, bounds, what a step sees, and what it all costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage

from lc_asym_router import Plan, PlanError, Step
from tests.conftest import record
from tests.decompose.world import BAD, WHOLE, World, plan_of, result
from tests.servers import Reply

COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@st.composite
def dags(draw: st.DrawFn, most: int = 6) -> list[list[int]]:
    """For each step the earlier ones that it needs."""
    size = draw(st.integers(2, most))
    return [
        sorted(draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else [])
        for place in range(size)
    ]


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, list[str]]]:
    """Steps in any order with any needs, cycles and unknown ones among them."""
    names = [f"t{place}" for place in range(draw(st.integers(1, 6)))]
    needs = st.lists(st.sampled_from([*names, "nobody"]), max_size=3)
    return [(name, draw(needs)) for name in draw(st.permutations(names))]


@given(graphs())
@settings(**COMMON)
def test_a_plan_is_a_graph_without_cycles_or_it_is_refused(
    graph: list[tuple[str, list[str]]],
) -> None:
    needs = {name: [need for need in each if need != name] for name, each in graph}
    reached: set[str] = set()
    for _ in graph:
        reached |= {name for name in needs if set(needs[name]) <= reached}
    fine = reached == set(needs)
    steps = [Step(name, "do", tuple(n for n in each if n != name)) for name, each in graph]
    if not fine:
        with pytest.raises(PlanError, match=r"is no step|wait for each other"):
            Plan(steps)
        return
    plan = Plan(steps)
    done: set[str] = set()
    for wave in plan.waves:
        for step in wave:
            assert set(step.needs) <= done
        done |= {step.id for step in wave}
    assert sorted(done) == sorted(needs)
    assert sum(map(len, plan.waves)) == len(plan)
    assert Plan.from_dict(plan.to_dict()) == plan


@given(
    needs=dags(),
    data=st.data(),
    face=st.sampled_from(["invoke", "ainvoke", "stream", "astream", "graph", "agraph"]),
    join=st.sampled_from(["auto", "template", "small", "frontier"]),
    bound=st.integers(1, 4),
)
@settings(max_examples=40, **COMMON)
def test_any_plan_is_carried_out(
    shared_world: World,
    needs: list[list[int]],
    data: st.DataObject,
    face: str,
    join: str,
    bound: int,
) -> None:
    world = shared_world
    world.begin()
    names = [f"t{place}" for place in range(len(needs))]
    world.bad = data.draw(st.sets(st.sampled_from([*names, "join"])))
    for name in names:
        world.delays[name] = data.draw(st.sampled_from([0.0, 0.0, 0.01]))
    hints = data.draw(
        st.dictionaries(st.integers(0, len(needs) - 1), st.sampled_from(["small", "frontier"]))
    )
    plan = plan_of(needs, hints)
    decomposer = world.decomposer(plan, join=join, max_concurrency=bound)
    with get_usage_metadata_callback() as counted:
        chunks, answer = ask(decomposer, face)
    _judge_answer(world, plan, join, chunks, answer)
    _judge_calls(world, plan, hints, bound)
    _judge_money(world, record(answer), counted.usage_metadata)


@pytest.mark.full
@given(
    needs=dags(),
    data=st.data(),
    face=st.sampled_from(["invoke", "ainvoke", "stream", "astream", "graph", "agraph"]),
    bound=st.integers(2, 4),
)
@settings(max_examples=25, **COMMON)
def test_a_step_waits_for_its_own_needs_alone(
    shared_world: World, needs: list[list[int]], data: st.DataObject, face: str, bound: int
) -> None:
    """One step's answer is held back until all are done that don't need it: none of them waits."""
    world = shared_world
    world.begin()
    held = data.draw(st.integers(0, len(needs) - 1))
    waiting = {held}
    for place, each in enumerate(needs):
        if waiting & set(each):
            waiting.add(place)
    free = {f"t{place}" for place in range(len(needs)) if place not in waiting}
    world.bad = data.draw(st.sets(st.sampled_from([f"t{place}" for place in range(len(needs))])))
    name = f"t{held}"
    with world.held(name, free):
        ask(world.decomposer(plan_of(needs), join="template", max_concurrency=bound), face)
    first: dict[str, float] = {}
    for task, each in world.asked():
        first.setdefault(task, each.over or 0.0)
    assert all(first[task] <= first[name] for task in free)


@given(
    needs=dags(),
    data=st.data(),
    face=st.sampled_from(["ainvoke", "astream", "agraph"]),
    bound=st.integers(1, 4),
    later=st.sampled_from([0.0, 0.01, 0.05]),
)
@settings(max_examples=20, **COMMON)
def test_cancellation_stops_all(
    shared_world: World,
    needs: list[list[int]],
    data: st.DataObject,
    face: str,
    bound: int,
    later: float,
) -> None:
    """At any time: what is under way is hung up, what waits never begins, and nothing goes up."""
    world = shared_world
    world.begin()
    names = [f"t{place}" for place in range(len(needs))]
    for name in data.draw(st.sets(st.sampled_from(names), min_size=1)):
        world.replies["small", name] = Reply(hang="before")
    decomposer = world.decomposer(plan_of(needs), max_concurrency=bound)

    async def astream() -> None:
        async for _ in decomposer.astream(WHOLE):
            pass

    async def run() -> None:
        call = {
            "ainvoke": lambda: decomposer.ainvoke(WHOLE),
            "astream": astream,
            "agraph": lambda: decomposer.graph.ainvoke({"messages": [("human", WHOLE)]}),
        }[face]
        task: asyncio.Task[Any] = asyncio.ensure_future(call())
        assert await asyncio.to_thread(world.small.wait_requests, 1)
        await asyncio.sleep(later)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(world.small.wait_idle)
        asked = len(world.asked())
        await asyncio.sleep(0.05)
        assert len(world.asked()) == asked

    asyncio.run(run())
    assert not world.frontier.requests
    assert all(each.closed_by_client or each.done for _, each in world.asked())


def ask(model: Any, face: str) -> tuple[list[str], AIMessage]:
    """Ask through a face: the texts in the order in which they came, and the whole answer."""
    if face in ("graph", "agraph"):
        graph = {"messages": [("human", WHOLE)]}
        if face == "graph":
            answer = model.graph.invoke(graph)["messages"][-1]
        else:
            answer = asyncio.run(model.graph.ainvoke(graph))["messages"][-1]
        return [answer.text], answer
    if face in ("invoke", "ainvoke"):
        answer = model.invoke(WHOLE) if face == "invoke" else asyncio.run(model.ainvoke(WHOLE))
        return [answer.text], answer

    async def astream() -> list[Any]:
        return [chunk async for chunk in model.astream(WHOLE)]

    chunks = list(model.stream(WHOLE)) if face == "stream" else asyncio.run(astream())
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return [chunk.text for chunk in chunks], whole


def _judge_answer(
    world: World, plan: Plan, join: str, chunks: list[str], answer: AIMessage
) -> None:
    """The answer holds every part once, and nothing that failed its check."""
    assert "".join(chunks) == answer.text
    for step in plan.steps:
        assert answer.text.count(result(step.id)) == 1
    assert BAD not in repr(answer.text)
    by_template = join == "template" or (join == "auto" and plan.independent)
    found = record(answer)["decomposition"]
    assert (found["join"]["by"] == "template") == by_template
    assert [step["id"] for step in found["steps"]] == [step.id for step in plan.steps]


def _judge_calls(world: World, plan: Plan, hints: dict[int, str], bound: int) -> None:
    asked = world.asked()
    calls = {name: [each for task, each in asked if task == name] for name, _ in asked}
    for place, step in enumerate(plan.steps):
        on_small, on_top = (
            sum(task == step.id for task, _ in world.asked(tier)) for tier in ("small", "frontier")
        )
        up = hints.get(place) == "frontier"
        assert on_small == (0 if up else 1)
        assert on_top == (1 if up or step.id in world.bad else 0)
        began = calls[step.id][0].started
        for need in step.needs:
            ended = calls[need][-1].over
            assert ended is not None
            assert ended <= began, f"{step.id} began before {need} had ended"
        for call in calls[step.id]:
            text = str(call.body["messages"])
            seen = {other.id for other in plan.steps if result(other.id) in text}
            assert seen == set(step.needs)
            assert BAD not in text
    for call in calls.get("join", []):
        text = str(call.body["messages"])
        assert BAD not in text
        assert all(result(step.id) in text for step in plan.steps)
    assert most_at_once([each for _, each in asked]) <= bound


def most_at_once(calls: list[Any]) -> int:
    """The most calls that a server worked on at one time."""
    edges = sorted(edge for call in calls for edge in ((call.started, 1), (call.over or 1e18, -1)))
    now = most = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most


def _judge_money(world: World, found: dict[str, Any], usage: dict[str, Any]) -> None:
    assert found["cost_usd"] == pytest.approx(world.spent())
    for server, model in ((world.small, "small-model"), (world.frontier, "frontier-model")):
        counted = usage.get(model, {"input_tokens": 0, "output_tokens": 0})
        assert (counted["input_tokens"], counted["output_tokens"]) == server.tokens
    calls = [*found["attempts"], *found["side_calls"]]
    assert len(calls) == len(world.asked())
    assert found["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in calls))
    parts = found["decomposition"]
    own = sum(step["record"]["cost_usd"] for step in parts["steps"])
    own += (parts["join"]["record"] or {"cost_usd": 0})["cost_usd"]
    assert own == pytest.approx(found["cost_usd"])
    assert found["saved_usd"] == pytest.approx(found["frontier_cost_usd"] - found["cost_usd"])
