"""The router inside LangGraph: as a node's model, and as a subgraph, at any nesting."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from lc_asym_router import Verdict
from tests.conftest import record
from tests.servers import Reply

DRAFT = "I'm sorry, but I can't help with DRAFTTEXT that."


def node_parent(router, **compile_args):
    """A parent graph whose node calls the router as a chat model."""

    def agent(state):
        return {"messages": [router.invoke(state["messages"])]}

    async def aagent(state):
        return {"messages": [await router.ainvoke(state["messages"])]}

    from langchain_core.runnables import RunnableLambda

    graph = StateGraph(MessagesState)
    graph.add_node("agent", RunnableLambda(agent, aagent))
    graph.add_edge(START, "agent")
    return graph.compile(**compile_args)


def subgraph_parent(router, depth=1, **compile_args):
    """A parent graph that holds the router's graph as a node, so many levels down."""
    inner = router.graph
    for _ in range(depth):
        graph = StateGraph(MessagesState)
        graph.add_node("answer", inner)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        inner = graph.compile(**(compile_args if _ == depth - 1 else {}))
    return inner


PARENTS = {
    "node": node_parent,
    "subgraph": subgraph_parent,
    "two levels down": lambda router, **k: subgraph_parent(router, depth=2, **k),
}


@pytest.fixture(params=PARENTS)
def parent(request):
    return PARENTS[request.param]


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


async def collect(graph, is_async, *args, **kwargs):
    if is_async:
        return [item async for item in graph.astream(*args, **kwargs)]
    return list(graph.stream(*args, **kwargs))


def text_of(parts):
    return "".join(
        part.text for part in parts if isinstance(part, AIMessageChunk) or part.type == "ai"
    )


ROUTES = {
    "small": (["a small answer"], "hi", "a small answer"),
    "frontier": ([], "debug", "a frontier answer"),
    "escalated": ([Reply(DRAFT)], "hi", "a frontier answer"),
    "small raises": ([Reply(status=500, error="boom")], "hi", "a frontier answer"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("subgraphs", [False, True])
async def test_messages_mode_shows_the_answer_once(make, small, parent, is_async, route, subgraphs):
    replies, asked, expected = ROUTES[route]
    small.script(*replies)
    graph = parent(make())
    seen = await collect(
        graph,
        is_async,
        {"messages": [HumanMessage(asked)]},
        stream_mode="messages",
        subgraphs=subgraphs,
    )
    parts = [item[1][0] if subgraphs else item[0] for item in seen]
    said = [part for part in parts if part.type != "human"]
    assert text_of(said) == expected or (route == "x")
    assert "DRAFTTEXT" not in repr(seen)


@pytest.mark.parametrize("route", ["small", "frontier"])
async def test_a_node_is_seen_as_with_a_bare_model(make, small, is_async, route):
    """The tokens belong to the node that called the router, as a bare model's would."""
    replies, asked, expected = ROUTES[route]
    small.script(*replies)
    seen = await collect(
        node_parent(make()), is_async, {"messages": [HumanMessage(asked)]}, stream_mode="messages"
    )
    assert {metadata["langgraph_node"] for _, metadata in seen} == {"agent"}
    assert len([part for part, _ in seen if part.text]) == 3
    assert text_of([part for part, _ in seen]) == expected


@pytest.mark.parametrize("mode", ["updates", "values", "custom", "debug", "tasks", "checkpoints"])
async def test_no_mode_shows_a_failed_draft(make, small, parent, is_async, mode):
    small.script(Reply(DRAFT))
    graph = parent(make(), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    seen = await collect(
        graph,
        is_async,
        {"messages": [HumanMessage("hi")]},
        config,
        stream_mode=mode,
        subgraphs=True,
    )
    assert "DRAFTTEXT" not in repr(seen)
    if mode not in ("custom", "checkpoints"):
        assert "a frontier answer" in repr(seen)


async def test_events_show_no_failed_draft(make, small, parent):
    small.script(Reply(DRAFT))
    events = [
        event async for event in parent(make()).astream_events({"messages": [HumanMessage("hi")]})
    ]
    assert "DRAFTTEXT" not in repr(events)
    chunks = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(chunks) == "a frontier answer"


async def test_events_show_a_small_answer_as_a_models(make, parent):
    events = [
        event async for event in parent(make()).astream_events({"messages": [HumanMessage("hi")]})
    ]
    kinds = [e["event"] for e in events if "chat_model" in e["event"]]
    assert kinds[0] == "on_chat_model_start"
    assert kinds[-1] == "on_chat_model_end"
    chunks = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(chunks) == "a small answer"


async def test_tokens_are_counted_once_in_a_parent(make, small, parent, is_async):
    small.script(Reply(DRAFT, input_tokens=3, output_tokens=5))
    graph = parent(make())
    with get_usage_metadata_callback() as counted:
        await collect(graph, is_async, {"messages": [HumanMessage("hi")]}, stream_mode="messages")
    assert counted.usage_metadata["small-model"]["total_tokens"] == 8
    assert counted.usage_metadata["frontier-model"]["input_tokens"] == 7


async def test_a_checkpointed_parent_keeps_its_conversation(make, small, parent, is_async):
    saver = InMemorySaver()
    graph = parent(make(), checkpointer=saver)
    config = {"configurable": {"thread_id": "1"}}
    small.script("first", Reply(DRAFT))
    for asked in ("one", "two"):
        await collect(graph, is_async, {"messages": [HumanMessage(asked)]}, config)
    messages = graph.get_state(config).values["messages"]
    assert [m.text for m in messages] == ["one", "first", "two", "a frontier answer"]
    assert record(messages[-1])["escalated"]
    assert len(small.requests[1].body["messages"]) == 3


async def test_the_face_writes_no_draft_to_the_parents_database(make, small, is_async):
    saver = InMemorySaver()
    graph = node_parent(make(), checkpointer=saver)
    small.script(Reply(DRAFT))
    config = {"configurable": {"thread_id": "1"}}
    await collect(graph, is_async, {"messages": [HumanMessage("hi")]}, config)
    namespaces = {c.config["configurable"]["checkpoint_ns"] for c in saver.list(None)}
    assert namespaces == {""}


async def test_an_interrupt_in_a_check_passes_through_and_resumes(make, small, frontier, parent):
    """A person approves the draft; the classifier and the small tier are not asked again."""

    def approved(attempt):
        return Verdict(bool(interrupt("approve?")), reason="not approved")

    graph = parent(make(verify=approved), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    paused = graph.invoke({"messages": [HumanMessage("hi")]}, config)
    assert paused["__interrupt__"][0].value == "approve?"
    done = graph.invoke(Command(resume=True), config)
    assert done["messages"][-1].text == "a small answer"
    assert not frontier.requests


def test_the_graph_reads_like_the_picture(make):
    drawn = make().graph.get_graph()
    edges = {(e.source, e.target) for e in drawn.edges}
    assert edges == {
        ("__start__", "classify"),
        ("classify", "small"),
        ("classify", "frontier"),
        ("small", "verify"),
        ("small", "frontier"),
        ("small", "__end__"),
        ("verify", "small"),
        ("verify", "frontier"),
        ("verify", "__end__"),
        ("frontier", "__end__"),
    }
