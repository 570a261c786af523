"""The walk without LangGraph's loop comes to the same as the graph: answer, record, errors, runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from langgraph.errors import GraphRecursionError, NodeCancelledError
from langgraph.graph import END, START, MessagesState, StateGraph

from lc_asym_router import AsymRouter
from lc_asym_router.graph.policy import Policy
from lc_asym_router.router import router as router_module
from tests.conftest import frontier_model, small_model
from tests.graph.both_ways import LangGraphCheck, Runs, count_walks, differences, forced
from tests.graph.cases import Call, Case, cases
from tests.graph.world import World
from tests.servers import OllamaServer, OpenAIServer, Reply


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("both"))
    yield made
    made.close()


def compare(world: World, case: Case) -> None:
    walked, ran = (world.outcome(case, walks) for walks in (True, False))
    assert list(differences(walked, ran)) == []


def scripted(*calls: Call, **more: Any) -> Case:
    """Requests that go up where nothing else is said."""
    replies = {"small": ["down"], "frontier": ["good"] * len(calls)}
    return Case(list(calls), replies, {"classify": "keyword"}, **more)


ONE_CALL = {"limit": {"usd": 0.00085}, "per": "thread", "then": "error", "in_file": True}
"""Room for one of the frontier's calls, which may take 0.000816 USD and takes 0.000052."""


@example(case=scripted(Call("ainvoke", ending=("cancel", 1)), Call("astream"), failures=1))
@example(
    case=scripted(
        Call("stream", True, None, ("close", 2)), Call("astream", True, None, ("close", 1))
    )
)
@example(case=scripted(Call("invoke", True), Call("stream", True), budget=ONE_CALL))
@given(case=cases())
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_both_ways_come_to_the_same(world: World, case: Case) -> None:
    compare(world, case)


@pytest.mark.parametrize("face", ["ainvoke", "astream"])
def test_both_ways_call_the_tier_above_a_late_one(world: World, face: str) -> None:
    """The late one is cancelled when the other has answered."""
    replies = {"small": ["silent"], "frontier": ["good"]}
    hedged = {"hedge": 0.001, "classify": "keyword"}
    compare(world, Case([Call(face), Call(face)], replies, hedged))
    assert [len(server.requests) for server in world.servers.values()] == [2, 0, 2]


@pytest.mark.full
@given(case=cases())
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_both_ways_come_to_the_same_in_many_cases(world: World, case: Case) -> None:
    compare(world, case)


@pytest.mark.parametrize(
    ("config", "way"),
    [({}, "walk"), ({"tags": ["a"]}, "walk"), ({"callbacks": [Runs()]}, "graph")],
    ids=["plain", "tags", "a handler"],
)
def test_who_listens_gets_the_graph(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch, config: Any, way: str
) -> None:
    taken = count_walks(monkeypatch)
    make().invoke("hi", config)
    assert taken == [way]


async def test_who_reads_events_sees_no_difference(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of events gets the answer's parts from the router itself, so the nodes are walked."""
    taken = count_walks(monkeypatch)
    events = [event["event"] async for event in make().astream_events("hi", version="v2")]
    assert taken == ["walk"]
    assert "on_chat_model_stream" in events


def test_a_graph_is_compiled_when_it_is_needed(
    small: OllamaServer, frontier: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Policy] = []
    build = router_module.build_graph
    monkeypatch.setattr(
        router_module,
        "build_graph",
        lambda *given, **how: (compiled.append(given[0]), build(*given, **how))[1],
    )
    router = AsymRouter(small=small_model(small), frontier=frontier_model(frontier), verify="form")
    router.invoke("hi")
    assert not compiled
    assert router.graph is router.graph
    assert len(compiled) == 1


def test_so_does_a_parent_graph(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, router = count_walks(monkeypatch), make()
    graph = StateGraph(MessagesState)
    graph.add_node("asks", lambda state: {"messages": [router.invoke(state["messages"])]})
    graph.add_edge(START, "asks")
    graph.add_edge("asks", END)
    graph.compile().invoke({"messages": [("user", "hi")]})
    assert taken == ["graph"]


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
def test_a_run_that_goes_on_and_on_ends(
    make: Callable[..., AsymRouter], monkeypatch: pytest.MonkeyPatch, walks: bool
) -> None:
    router = make()
    monkeypatch.setitem(vars(router.policy), "longest", 2)  # the three nodes are one too many
    assert isinstance(router.policy, Policy)
    with forced(walks), pytest.raises(GraphRecursionError, match="limit of 3"):
        router.invoke("hi")


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
async def test_a_cancelled_request_closes_the_call_below(
    make: Callable[..., AsymRouter], small: OllamaServer, frontier: OpenAIServer, walks: bool
) -> None:
    small.script(Reply("one two three", hang="middle"))
    with forced(walks):
        task = asyncio.create_task(make().ainvoke("hi"))
    await asyncio.to_thread(small.wait_requests)
    for _ in range(3):  # an anyio scope cancels again and again
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(small.wait_idle)
    assert small.requests[0].closed_by_client
    assert not frontier.requests


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
def test_a_reader_that_goes_ends_the_request(
    make: Callable[..., AsymRouter], small: OllamaServer, frontier: OpenAIServer, walks: bool
) -> None:
    small.script(Reply("one two three", hang="middle"))
    router = make(verify=None)
    with forced(walks):
        stream = router.stream("hi")
        next(stream)
        stream.close()
    assert small.wait_requests()
    assert not frontier.requests


@pytest.mark.parametrize("walks", [True, False], ids=["walk", "graph"])
@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
async def test_a_cancellation_that_is_nobodys_is_the_nodes_error(
    make: Callable[..., AsymRouter], face: str, walks: bool
) -> None:
    router = make(verify=LangGraphCheck("cancels"))
    with forced(walks), pytest.raises(NodeCancelledError, match="'verify'"):
        if face == "invoke":
            router.invoke("hi")
        else:
            await router.ainvoke("hi")
