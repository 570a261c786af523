"""The faces of a graph that the router is part of: as the model of a node, or as a subgraph."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from tests.behaviour.properties.cases import Batch, Case, Setting
from tests.behaviour.properties.faces import v3_event, v3_whole
from tests.behaviour.properties.seen import Seen, joined, raw
from tests.behaviour.properties.world import World


def node_parent(model: Any, caught: list[Any], saver: Any) -> Any:
    """A graph whose node asks the model, by `invoke` or `ainvoke`."""

    def agent(state: Any) -> Any:
        return {"messages": [raw(model.invoke(state["messages"]))]}

    async def aagent(state: Any) -> Any:
        return {"messages": [raw(await model.ainvoke(state["messages"]))]}

    return _parent(RunnableLambda(agent, aagent), caught, saver)


def streaming_parent(model: Any, caught: list[Any], saver: Any) -> Any:
    """A graph whose node streams the model, and adds the chunks up."""

    def agent(state: Any) -> Any:
        parts = [raw(chunk) for chunk in model.stream(state["messages"]) if _has_raw(chunk)]
        return {"messages": [joined(parts)]}

    async def aagent(state: Any) -> Any:
        parts = [raw(c) async for c in model.astream(state["messages"]) if _has_raw(c)]
        return {"messages": [joined(parts)]}

    return _parent(RunnableLambda(agent, aagent), caught, saver)


def _has_raw(chunk: Any) -> bool:
    return not isinstance(chunk, dict) or "raw" in chunk


def _parent(node: Any, caught: list[Any], saver: Any = None) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("answer", node)
    graph.add_node("after", lambda state: caught.append(state["messages"][-1]))
    graph.add_edge(START, "answer")
    graph.add_edge("answer", "after")
    graph.add_edge("after", END)
    return graph.compile(checkpointer=saver)


def parent_of(world: World, setting: Setting, case: Case, caught: list[Any], saver: Any) -> Any:
    kind = case.extra["parent"]
    if kind == "node":
        return node_parent(world.bound(setting), caught, saver)
    if kind == "streaming node":
        return streaming_parent(world.bound(setting), caught, saver)
    inner = world.router(setting).graph
    if kind == "subgraph":
        return _parent(inner, caught, saver)
    return _parent(_parent(inner, []), caught, saver)


def _parent_call(
    world: World, setting: Setting, case: Case, seen: Seen
) -> tuple[Any, dict[str, Any], dict[str, Any], list[Any], Any]:
    caught: list[Any] = []
    saver = InMemorySaver() if case.extra["saver"] else None
    graph = parent_of(world, setting, case, caught, saver)
    config = {**seen.config, "configurable": {"thread_id": "1"}}
    inputs = {"messages": [HumanMessage(case.prompt)]}
    modes = case.extra["modes"]
    seen.streams = "messages" in modes or case.extra["parent"] == "streaming node"
    return graph, inputs, config, caught, saver


def _stream_kwargs(case: Case) -> dict[str, Any]:
    modes = case.extra["modes"]
    mode = modes[0] if len(modes) == 1 else list(modes)
    return {"stream_mode": mode, "subgraphs": case.extra["subgraphs"]}


def _take_item(case: Case, seen: Seen, item: Any) -> None:
    seen.everything.append(item)
    modes = case.extra["modes"]
    if case.extra["subgraphs"]:
        item = item[1:] if len(modes) > 1 else item[1]
    mode, data = item if len(modes) > 1 else (modes[0], item)
    if mode == "messages" and isinstance(data[0], AIMessage):
        seen.take("messages", data[0])


def _finish_parent(case: Case, seen: Seen, caught: list[Any], saver: Any) -> None:
    (seen.answer,) = caught
    _look_into(case, seen, saver)


def _look_into(case: Case, seen: Seen, saver: Any) -> None:
    """A router that is a node's model writes nothing of its own to the parent's database."""
    if saver is not None and "node" in case.extra["parent"]:
        written = repr([saver.storage, saver.writes, saver.blobs])
        plain = written.encode("ascii", "backslashreplace").decode("unicode_escape")
        seen.everything.append(plain.encode("latin1", "replace").decode(errors="replace"))
        seen.everything.append(written)
        assert {c.config["configurable"]["checkpoint_ns"] for c in saver.list(None)} <= {""}


def p_stream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph, inputs, config, caught, saver = _parent_call(world, setting, case, seen)
    try:
        for item in graph.stream(inputs, config, **_stream_kwargs(case)):
            _take_item(case, seen, item)
    finally:
        _look_into(case, seen, saver)
    _finish_parent(case, seen, caught, saver)


async def p_astream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph, inputs, config, caught, saver = _parent_call(world, setting, case, seen)
    try:
        async for item in graph.astream(inputs, config, **_stream_kwargs(case)):
            _take_item(case, seen, item)
    finally:
        _look_into(case, seen, saver)
    _finish_parent(case, seen, caught, saver)


async def p_events(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph, inputs, config, caught, saver = _parent_call(world, setting, case, seen)
    seen.streams = True
    async for event in graph.astream_events(inputs, config, version="v2"):
        seen.everything.append(event)
        if event["event"] == "on_chat_model_stream":
            seen.take("on_chat_model_stream", event["data"]["chunk"])
    _finish_parent(case, seen, caught, saver)


def p_v3(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph, inputs, config, caught, saver = _parent_call(world, setting, case, seen)
    seen.streams = True
    try:
        for event in graph.stream_events(inputs, config, version="v3"):
            _take_v3(seen, event)
    finally:
        v3_whole(seen, most=1 if setting.checked else 2)  # an unchecked empty one is heard too
    _finish_parent(case, seen, caught, saver)


async def p_av3(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph, inputs, config, caught, saver = _parent_call(world, setting, case, seen)
    seen.streams = True
    try:
        async for event in await graph.astream_events(inputs, config, version="v3"):
            _take_v3(seen, event)
    finally:
        v3_whole(seen, most=1 if setting.checked else 2)  # an unchecked empty one is heard too
    _finish_parent(case, seen, caught, saver)


def _take_v3(seen: Seen, event: Any) -> None:
    data = event["params"]["data"]
    if event["method"] == "messages" and isinstance(data[0], AIMessage):
        seen.take("v3 messages", data[0])
    elif event["method"] == "messages":
        v3_event(seen, data[0])
    seen.everything.append(event)


SYNC_PARENTS = {"p_stream": p_stream, "p_v3": p_v3}
ASYNC_PARENTS = {"p_astream": p_astream, "p_events": p_events, "p_av3": p_av3}


def fit_parents(batch: Batch) -> Batch:
    """A subgraph has its parent's state alone: no tools and no schema are bound to it."""
    if batch.setting.bound != "plain":
        for case in batch.cases:
            if "node" not in case.extra["parent"]:
                case.extra = {**case.extra, "parent": "node"}
    return batch
