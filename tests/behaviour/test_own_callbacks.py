"""A router with callbacks of its own keeps its parent's, and its graph has them too."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import Decomposer, Ledger

ASKED = {"messages": [HumanMessage("hi")]}


class Seen(BaseCallbackHandler):
    """Counts runs and records."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.metadata: list[Any] = []

    def on_chain_start(self, *args: Any, name: str = "", metadata: Any = None, **more: Any) -> None:
        self.counts[name] += 1
        self.metadata.append(metadata or {})

    def on_chat_model_start(self, *args: Any, **more: Any) -> None:
        self.counts["model"] += 1

    def on_router_record(self, finished: Any) -> None:
        self.counts["record"] += 1


def as_node(router: Any) -> Any:
    """A hand-written node that calls the router without a config."""

    def node(state: Any) -> Any:
        return {"messages": [router.invoke(state["messages"])]}

    async def anode(state: Any) -> Any:
        return {"messages": [await router.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", RunnableLambda(node, anode))
    graph.add_edge(START, "answer")
    return graph.compile()


def as_subgraph(router: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("answer", router.graph)
    graph.add_edge(START, "answer")
    return graph.compile()


PARENTS = {"node": as_node, "subgraph": as_subgraph, "graph": lambda router: router.graph}


async def run(graph: Any, way: str, config: Any = None) -> list[Any]:
    if way == "invoke":
        return graph.invoke(ASKED, config)["messages"]
    if way == "ainvoke":
        return (await graph.ainvoke(ASKED, config))["messages"]
    if way == "stream":
        return list(graph.stream(ASKED, config, stream_mode="messages"))
    return [part async for part in graph.astream(ASKED, config, stream_mode="messages")]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize("parent", PARENTS)
async def test_both_get_every_run_once(make, parent, way):
    own, outer = Seen(), Seen()
    router = make(callbacks=[own])
    await run(PARENTS[parent](router), way, {"callbacks": [outer]})
    for seen in (own, outer):
        assert seen.counts["model"] == 1
        assert seen.counts["record"] == 1
        assert seen.counts["AsymRouter"] >= 1


@pytest.mark.parametrize("parent", PARENTS)
async def test_one_that_is_named_twice_is_called_once(make, parent):
    both = Seen()
    router = make(callbacks=[both])
    await run(PARENTS[parent](router), "ainvoke", {"callbacks": [both]})
    assert both.counts["model"] == both.counts["record"] == 1


async def test_a_call_with_the_routers_own_handler_calls_it_once(make, ask):
    both = Seen()
    await ask(make(callbacks=[both]), "hi", {"callbacks": [both]})
    assert both.counts["model"] == both.counts["record"] == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_streaming_parent_sees_the_tokens_all_the_same(make, small, way):
    plain = await run(as_node(make()), way)
    with_own = await run(as_node(make(callbacks=[Seen()])), way)
    assert [part.text for part, _ in with_own] == [part.text for part, _ in plain]
    assert len(plain) > 1


@pytest.mark.parametrize("parent", PARENTS)
async def test_the_ledger_gets_its_row(make, tmp_path, parent):
    ledger = Ledger(tmp_path / "l.sqlite3")
    await run(PARENTS[parent](make(callbacks=[ledger])), "ainvoke")
    (row,) = ledger.rows()
    assert row["requests"] == 1
    ledger.close()


async def test_what_is_set_later_counts(make):
    """As LangChain itself does with metadata."""
    own, router = Seen(), make()
    graph = as_subgraph(router)
    router.callbacks, router.metadata = [own], {"tenant": "a"}
    await run(graph, "ainvoke")
    assert not own.counts  # this parent was built before
    await run(as_subgraph(router), "ainvoke")
    assert own.counts["record"] == 1
    assert any(each.get("tenant") == "a" for each in own.metadata)


async def test_of_a_decomposer_too(make):
    own, outer, inner = Seen(), Seen(), Seen()
    split = Decomposer(router=make(callbacks=[inner]), callbacks=[own])
    assert split.graph.config["max_concurrency"] == split.max_concurrency
    for parent in PARENTS.values():
        await run(parent(split), "ainvoke", {"callbacks": [outer]})
    for seen in (own, outer):
        assert seen.counts["model"] == 3
        assert seen.counts["record"] == 3
