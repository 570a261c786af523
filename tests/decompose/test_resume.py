"""A run that was killed is taken up; steps that had ended are not paid for again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from lc_asym_router import Verdict
from tests.conftest import record
from tests.decompose.world import WHOLE, World, plan_of, result
from tests.servers import Reply


class FinishedRequest(BaseCallbackHandler):
    """A handler that wants records."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_router_record(self, told: Any) -> None:
        """Take one in."""
        self.told.append(told)


def start(world: World, database: Path, what: str, kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.decompose.crashing", str(database)]
    command += [world.small.url, world.frontier.url, what, kind]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.full
@pytest.mark.parametrize("kind", ["graph", "parent"])
def test_a_killed_process(world: World, tmp_path: Path, kind: str) -> None:
    world.bad = {"t0"}  # so that one that had escalated is among those that had ended
    world.replies["small", "t2"] = Reply(hang="before")
    crashing = start(world, tmp_path / "runs.sqlite3", "ask", kind)
    deadline = time.monotonic() + 60
    while len(world.asked()) < 5 or world.small.open_requests != 1:
        assert time.monotonic() < deadline, crashing.poll()
        time.sleep(0.05)
    time.sleep(0.5)  # the checkpointer writes in the background
    crashing.kill()
    crashing.wait()
    assert sorted(task for task, _ in world.asked()) == ["t0", "t0", "t1", "t2", "t3"]
    before = world.spent()

    del world.replies["small", "t2"]
    resumed = start(world, tmp_path / "runs.sqlite3", "resume", kind)
    out, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, err
    *lines, cost = out.strip().splitlines()
    for place in range(5):
        assert result(f"t{place}") in lines
    after = world.asked()[5:]
    assert [task for task, _ in after] == ["t2", "t4"]
    seen = str(after[1][1].body["messages"])
    assert result("t1") in seen  # of the run that was killed
    assert result("t2") in seen
    assert before < world.spent()
    assert float(cost) == pytest.approx(world.spent())  # what was spent before the crash is in it


@pytest.mark.full
def test_a_process_that_is_interrupted_begins_no_further_step(world: World, tmp_path: Path) -> None:
    with world.held("t2") as gate:
        asking = start(world, tmp_path / "runs.sqlite3", "ask", "graph")
        deadline = time.monotonic() + 60
        while len(world.asked()) < 4 or world.small.open_requests != 1:
            assert time.monotonic() < deadline, asking.poll()
            time.sleep(0.05)
        asking.send_signal(signal.SIGINT)
        time.sleep(0.5)
        gate.set()
        _, err = asking.communicate(timeout=60)
    assert asking.returncode != 0
    assert "KeyboardInterrupt" in err
    assert sorted(task for task, _ in world.asked()) == ["t0", "t1", "t2", "t3"]

    resumed = start(world, tmp_path / "runs.sqlite3", "resume", "graph")
    _, err = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, err
    assert [task for task, _ in world.asked()][4:] == ["t4"]


@pytest.mark.parametrize("twin", ["sync", "async"])
async def test_a_step_that_asks_a_person(world: World, twin: str) -> None:
    """A check that interrupts: what needs the step waits for the answer, all else is done."""

    def asks(attempt: Any) -> Verdict:
        if "t0" in attempt.text:
            return Verdict(interrupt("is it good?") == "yes", reason="a person says so")
        return Verdict(True)

    router = world.router(verify=asks)
    plan = plan_of([[], [], [0], [1], [2]])
    graph = world.decomposer(plan, router, join="template", checkpointer=InMemorySaver()).graph
    config: Any = {"configurable": {"thread_id": "1"}}

    async def run(given: Any) -> Any:
        return graph.invoke(given, config) if twin == "sync" else await graph.ainvoke(given, config)

    stopped = await run({"messages": [("human", WHOLE)]})
    assert [each.value for each in stopped["__interrupt__"]] == ["is it good?"]
    assert sorted(task for task, _ in world.asked()) == ["t0", "t1", "t3"]
    said = (await run(Command(resume="yes")))["messages"][-1]
    assert all(result(f"t{place}") in said.text for place in range(5))
    # What the person was asked about is not asked of the model again.
    assert sorted(task for task, _ in world.asked()) == [f"t{place}" for place in range(5)]
    assert record(said)["cost_usd"] == pytest.approx(world.spent())


@pytest.mark.full
@pytest.mark.parametrize("twin", ["sync", "async"])
@pytest.mark.parametrize("kind", ["graph", "parent"])
@pytest.mark.parametrize("bound", [1, 4])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_two_steps_that_ask_a_person(
    world: World, twin: str, kind: str, bound: int, durability: Any
) -> None:
    """Each is answered by its id, one after the other or both at once."""
    told = FinishedRequest()

    def asks(attempt: Any) -> Verdict:
        name = re.search(r"resultt([01])", attempt.text)
        return Verdict(name is None or interrupt(name[1]) == "yes", reason="a person says so")

    saver = InMemorySaver()
    decomposer = world.decomposer(
        plan_of([[], [], [0, 1]]),
        world.router(verify=asks),
        join="template",
        max_concurrency=bound,
        checkpointer=saver if kind == "graph" else None,
    )
    graph: Any = decomposer.graph
    if kind == "parent":
        parent = StateGraph(MessagesState)
        parent.add_node("answer", decomposer.graph)
        parent.add_edge(START, "answer")
        graph = parent.compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "1"}, "callbacks": [told]}

    async def run(given: Any) -> Any:
        if twin == "sync":
            return graph.invoke(given, config, durability=durability)
        return await graph.ainvoke(given, config, durability=durability)

    out = await run({"messages": [("human", WHOLE)]})
    asked = {each.value: each.id for each in out["__interrupt__"]}
    assert sorted(asked) == ["0", "1"]
    out = await run(Command(resume={asked["1"]: "yes"}))
    assert [each.id for each in out["__interrupt__"]] == [asked["0"]]
    said = (await run(Command(resume={asked["0"]: "yes"})))["messages"][-1]
    assert all(result(f"t{place}") in said.text for place in range(3))
    assert [task for task, _ in world.asked()].count("t0") == 1
    assert len(world.asked()) == 3
    assert record(said)["cost_usd"] == pytest.approx(world.spent())
    assert [each.outcome for each in told.told] == ["answered"]


async def test_one_thread_asks_again(world: World) -> None:
    """A thread's second request has no answers of the first one's plan."""
    decomposer = world.decomposer(plan_of([[], []]), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    for turn in (1, 2):
        said = decomposer.graph.invoke({"messages": [("human", WHOLE)]}, config)["messages"]
        assert len(said) == 2 * turn
        assert len(world.asked()) == 2 * turn
        assert len(record(said[-1])["attempts"]) == 2
    said = (await decomposer.graph.ainvoke({"messages": [("human", WHOLE)]}, config))["messages"]
    assert len(world.asked()) == 6


def test_a_run_that_raised_is_taken_up(world: World) -> None:
    """The whole request fails too; when the frontier is back, only that call is made."""
    world.left_out = {"t0"}
    world.replies["frontier", "whole"] = Reply(status=500, error="boom")
    decomposer = world.decomposer(plan_of([[], []]), join="small", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    with pytest.raises(Exception, match="No tier could answer"):
        decomposer.graph.invoke({"messages": [("human", WHOLE)]}, config)
    asked = len(world.asked())
    del world.replies["frontier", "whole"]
    said = decomposer.graph.invoke(None, config)["messages"][-1]
    assert said.text == "the whole answer"
    assert len(world.asked()) == asked + 1
