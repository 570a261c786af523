"""Side by side, what happens when a part fails, and leaving half-way."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from lc_asym_router import (
    Budget,
    BudgetExceededError,
    RequestLog,
    TiersFailedError,
    UnverifiedError,
)
from tests.conftest import record
from tests.decompose.test_properties import ask, most_at_once
from tests.decompose.world import BAD, WHOLE, World, plan_of, result
from tests.servers import Reply

LONG = 0.6
"""Seconds that a task takes where it matters that others run beside it."""


@pytest.mark.parametrize("face", ["invoke", "ainvoke", "stream", "astream"])
def test_what_can_run_side_by_side_does(world: World, face: str) -> None:
    plan = plan_of([[], [], [], [0, 1], [2]])
    world.delays = {f"t{place}": LONG for place in range(5)}
    ask(world.decomposer(plan, join="template"), face)
    began = {task: each.started for task, each in world.asked()}
    ended = {task: each.finished for task, each in world.asked()}
    for wave in (("t0", "t1", "t2"), ("t3", "t4")):
        assert max(began[task] for task in wave) < min(ended[task] for task in wave)


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
def test_a_failed_step_escalates_alone(world: World, face: str) -> None:
    world.bad = {"t1"}
    _, answer = ask(world.decomposer(plan_of([[], [], []])), face)
    assert [task for task, _ in world.asked("frontier")] == ["t1"]
    found = record(answer)
    assert found["escalated"]
    assert found["tier"] == "frontier"
    tiers = [step["record"]["tier"] for step in found["decomposition"]["steps"]]
    assert tiers == ["small", "frontier", "small"]


@pytest.mark.parametrize("face", ["invoke", "ainvoke", "stream", "astream", "graph", "agraph"])
def test_a_join_that_leaves_a_part_out_goes_whole_to_the_frontier(world: World, face: str) -> None:
    world.left_out = {"t1"}
    chunks, answer = ask(world.decomposer(plan_of([[], [], []]), join="small"), face)
    assert "".join(chunks) == answer.text == "the whole answer"
    assert [task for task, _ in world.asked("frontier")] == ["whole"]
    found = record(answer)
    assert found["decomposition"]["join"]["unused"] == ["t1"]
    assert found["decomposition"]["reason"] == "frontier: the join leaves out t1"
    assert found["cost_usd"] == pytest.approx(world.spent())
    assert len(found["attempts"]) == len(world.asked())
    assert found["escalated"]


@pytest.mark.parametrize("face", ["invoke", "ainvoke", "stream", "astream", "graph"])
def test_a_step_that_no_tier_can_answer_goes_whole_to_the_frontier(world: World, face: str) -> None:
    world.bad = {"t1"}
    world.replies["frontier", "t1"] = Reply(status=500, error="boom")
    _, answer = ask(world.decomposer(plan_of([[], [], [0]])), face)
    assert answer.text == "the whole answer"
    assert "step 't1' has no answer" in record(answer)["decomposition"]["reason"]
    assert len(record(answer)["attempts"]) == len(world.asked())


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
def test_an_empty_frontier_answer_is_no_part(world: World, face: str) -> None:
    world.bad = {"t0"}
    world.replies["frontier", "t0"] = Reply("")
    _, answer = ask(world.decomposer(plan_of([[], []])), face)
    assert answer.text == "the whole answer"
    assert "the answer is empty" in record(answer)["decomposition"]["reason"]


@pytest.mark.parametrize("face", ["invoke", "ainvoke", "stream", "astream", "graph"])
def test_when_the_whole_fails_too_the_error_carries_every_call(world: World, face: str) -> None:
    world.left_out = {"t0"}
    world.replies["frontier", "whole"] = Reply(status=500, error="boom")
    with pytest.raises(TiersFailedError) as raised:
        ask(world.decomposer(plan_of([[], []]), join="small"), face)
    tasks = [attempt.get("step") for attempt in raised.value.attempts]
    assert tasks == ["t0", "t1", "join", None]
    assert raised.value.record["decomposition"]["join"]["unused"] == ["t0"]


@pytest.mark.parametrize("join", ["small", "frontier"])
def test_a_join_that_no_tier_can_make(world: World, join: str) -> None:
    for tier in ("small", "frontier"):
        world.replies[tier, "join"] = Reply(status=500, error="boom")
    _, answer = ask(world.decomposer(plan_of([[], []]), join=join), "invoke")
    assert answer.text == "the whole answer"
    assert record(answer)["decomposition"]["reason"] == "frontier: no tier could join the answers"


def test_without_escalation_nothing_goes_up(world: World) -> None:
    config: Any = {"configurable": {"escalate": False}}
    world.bad = {"t1"}
    with pytest.raises(UnverifiedError):
        world.decomposer(plan_of([[], []])).invoke(WHOLE, config)
    world.begin()
    world.left_out = {"t0"}
    with pytest.raises(UnverifiedError) as raised:
        world.decomposer(plan_of([[], []]), join="small").invoke(WHOLE, config)
    assert len(raised.value.attempts) == 3
    assert not world.frontier.requests


def test_a_budget_that_is_used_up_ends_it(world: World) -> None:
    router = world.router(budgets=[Budget(calls=3, per="thread")])
    decomposer = world.decomposer(plan_of([[]] * 5), router, max_concurrency=1)
    with pytest.raises(BudgetExceededError):
        decomposer.invoke(WHOLE, {"configurable": {"thread_id": "a"}})
    assert len(world.asked()) == 3


async def test_cancellation_stops_every_step(world: World) -> None:
    for name in ("t0", "t1", "t2"):
        world.replies["small", name] = Reply(hang="before")
    task = asyncio.create_task(world.decomposer(plan_of([[], [], [], [0]])).ainvoke(WHOLE))
    assert await asyncio.to_thread(world.small.wait_requests, 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.small.wait_idle()
    assert all(each.closed_by_client for _, each in world.asked())
    assert len(world.asked()) == 3
    assert not world.frontier.requests


async def test_a_failing_step_leaves_the_others_paid_for(world: World) -> None:
    """A step that fails does not take back the others; they are not asked again."""
    world.bad = {"t0"}
    world.replies["frontier", "t0"] = Reply(status=500, error="boom")
    world.delays["t1"] = 0.3
    answer = await world.decomposer(plan_of([[], []])).ainvoke(WHOLE)
    done = {s["id"]: s["record"] for s in record(answer)["decomposition"]["steps"]}
    assert done["t1"]["attempts"][0]["passed"]
    assert [task for task, _ in world.asked()].count("t1") == 1


@pytest.mark.parametrize("face", ["stream", "astream"])
async def test_a_reader_that_leaves_stops_the_steps(world: World, face: str) -> None:
    """It leaves while the steps are still being written, before there is anything to read."""
    words = Reply(" ".join(["word"] * 400), chunk_delay=0.02)
    for name in ("t0", "t1"):
        world.replies["small", name] = words
    decomposer = world.decomposer(plan_of([[], []]))
    if face == "astream":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                async for _ in decomposer.astream(WHOLE):
                    raise AssertionError("nothing can have come yet")
    else:
        from lc_asym_router.graph.streaming import Sink, StreamClosed
        from lc_asym_router.records.request import Request

        sink = Sink(lambda chunk: None)
        asyncio.get_running_loop().call_later(0.4, sink.close)
        request = Request().with_messages(decomposer._convert_input(WHOLE).to_messages())
        with pytest.raises(StreamClosed):
            await asyncio.to_thread(decomposer._answerer.answer, request, {}, sink)
    assert world.small.wait_idle(3)
    assert all(each.closed_by_client for _, each in world.asked())


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
def test_a_deadline_is_the_requests_not_each_steps(world: World, face: str) -> None:
    # The whole request too: a machine that stalls while it is planned leaves it whole.
    world.delays = dict.fromkeys(("t0", "t1", "t2", "whole"), 0.5)
    router = world.router(deadline=0.8)
    with pytest.raises(TiersFailedError):
        ask(world.decomposer(plan_of([[], [0], [1]]), router), face)
    assert "t2" not in [task for task, _ in world.asked()]


@pytest.mark.parametrize("bound", [1, 2, None])
def test_a_calls_own_bound_wins(world: World, bound: int | None) -> None:
    world.delays = {f"t{place}": 0.2 for place in range(6)}
    given: Any = {"messages": [("human", WHOLE)]}
    graph = world.decomposer(plan_of([[]] * 6), max_concurrency=3).graph
    graph.invoke(given, {"max_concurrency": bound})
    assert most_at_once([each for _, each in world.asked()]) == (bound or 3)


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
def test_when_a_step_has_no_answer_no_other_begins(world: World, face: str) -> None:
    """What is under way is ended; what waits for a free place or for its needs is not paid for."""
    for tier in ("small", "frontier"):
        world.replies[tier, "t0"] = Reply(status=400, error="boom")
    plan = plan_of([[], [], [], [1]])
    with world.held("t1") as gate:

        def release() -> None:
            assert world.frontier.wait_requests()
            time.sleep(2)  # by then it is known that no tier can answer t0
            gate.set()

        threading.Thread(target=release).start()
        _, answer = ask(world.decomposer(plan, max_concurrency=2), face)
    assert answer.text == "the whole answer"
    assert {task for task, _ in world.asked()} == {"t0", "t1", "whole"}


def test_a_log_of_requests_takes_the_record(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world.bad = {"t0"}
    router = world.router(callbacks=[RequestLog()])
    world.decomposer(plan_of([[], []]), router).invoke(WHOLE)
    told = [each.getMessage() for each in caplog.records if each.name.startswith("lc_asym_router")]
    assert len(told) == 1  # one request, and the handler did not fail on it
    assert told[0].startswith("answered by frontier")


@pytest.mark.parametrize("face", ["stream", "astream"])
def test_no_draft_is_ever_streamed(world: World, face: str) -> None:
    world.bad = {"t0", "t1", "join"}
    chunks, answer = ask(world.decomposer(plan_of([[], [0]])), face)
    assert BAD not in "".join(chunks)
    assert result("t1") in answer.text
