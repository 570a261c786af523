"""In a chain, as an agent's model, as a subgraph: what is heard, and told, and by whom."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from lc_asym_router import Ledger
from tests.conftest import record
from tests.decompose.conftest import QUIET
from tests.decompose.world import BAD, WHOLE, World, plan_of, result
from tests.servers import Reply, ToolCall

pytestmark = QUIET

PLAN = plan_of([[], [], [0]])
IMAGE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
JOINED = " and ".join(result(f"t{place}") for place in range(3))


class Heard(BaseCallbackHandler):
    """A handler that wants records."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_router_record(self, told: Any) -> None:
        """Take one in."""
        self.told.append(told)


def test_in_a_chain(world: World) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", "{asked}")])
    chain = prompt | world.decomposer(PLAN) | StrOutputParser()
    assert chain.invoke({"asked": WHOLE}) == JOINED
    assert "".join(chain.stream({"asked": WHOLE})) == JOINED
    for _, each in world.asked():
        assert each.body["messages"][0] == {"role": "system", "content": "Be kind."}


def test_earlier_turns_are_there_for_each_step(world: World) -> None:
    history = [HumanMessage("Hi, I am Ada."), AIMessage("Hello Ada."), HumanMessage(WHOLE)]
    world.decomposer(PLAN).invoke(history)
    by_task = {task: each.body["messages"] for task, each in world.asked()}
    assert [m["content"] for m in by_task["t0"]] == ["Hi, I am Ada.", "Hello Ada.", "Do task t0."]
    assert [m["content"] for m in by_task["t2"]][2:] == ["Do task t0.", result("t0"), "Do task t2."]
    assert WHOLE in by_task["join"][-1]["content"]


def test_as_an_agents_model(world: World) -> None:
    agent = create_agent(model=world.decomposer(PLAN), tools=[])
    said = agent.invoke({"messages": [("human", WHOLE)]})["messages"][-1]
    assert said.text == JOINED
    assert record(said)["decomposition"]["split"]


def test_with_tools_the_request_goes_whole_to_the_router(world: World) -> None:
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"It rains in {city}."

    world.small.script(Reply(tool_calls=[ToolCall("weather", {"city": "Bonn"})]), "It rains.")
    agent = create_agent(model=world.decomposer(PLAN), tools=[weather])
    messages = agent.invoke({"messages": [("human", WHOLE)]})["messages"]
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[-1].text == "It rains."
    reasons = [record(messages[place])["decomposition"]["reason"] for place in (1, 3)]
    assert reasons == ["whole: tools are bound"] * 2
    assert record(messages[3])["decision"]["classifier"] == "sticky"


def test_with_a_schema_the_request_goes_whole_to_the_router(world: World) -> None:
    class Size(BaseModel):
        """A size."""

        size: int

    world.small.script(Reply('{"size": 3}'))
    said = world.decomposer(PLAN).with_structured_output(Size, include_raw=True).invoke(WHOLE)
    assert said["parsed"] == Size(size=3)
    assert record(said["raw"])["decomposition"]["reason"] == "whole: an output schema is bound"


@pytest.mark.parametrize(
    ("asked", "config", "kwargs", "why"),
    [
        (WHOLE, {}, {"stop": ["END"]}, "stop words"),
        (WHOLE, {"configurable": {"tier": "small"}}, {}, "names the tier"),
        ([HumanMessage(WHOLE), SystemMessage("Be kind.")], {}, {}, "not a human's"),
        (
            [HumanMessage([{"type": "text", "text": WHOLE}, IMAGE])],
            {},
            {},
            "more than text",
        ),
    ],
)
def test_what_else_goes_whole(world: World, asked: Any, config: Any, kwargs: Any, why: str) -> None:
    answer = world.decomposer(PLAN).invoke(asked, config, **kwargs)
    assert why in record(answer)["decomposition"]["reason"]
    assert len(world.asked()) == 1


# streams -----------------------------------------------------------------------------------------


def parent_of(world: World, kind: str, saver: Any = None, **settings: Any) -> Any:
    """A parent graph with the decomposer as a node's model, or as a subgraph."""
    decomposer = world.decomposer(PLAN, **settings)
    node = decomposer.graph
    if kind == "node":

        def agent(state: Any) -> Any:
            return {"messages": [decomposer.invoke(state["messages"])]}

        async def aagent(state: Any) -> Any:
            return {"messages": [await decomposer.ainvoke(state["messages"])]}

        node = RunnableLambda(agent, aagent)
    graph = StateGraph(MessagesState)
    graph.add_node("answer", node)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


async def collect(graph: Any, is_async: bool, **kwargs: Any) -> list[Any]:
    given = {"messages": [HumanMessage(WHOLE)]}
    config = {"configurable": {"thread_id": "1"}}
    if is_async:
        return [item async for item in graph.astream(given, config, **kwargs)]
    return list(graph.stream(given, config, **kwargs))


@pytest.fixture(params=["node", "subgraph"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


ENDS = {
    "joined": ({}, {}, JOINED),
    "joined by the frontier": ({}, {"join": "frontier"}, JOINED),
    "by template": ({}, {"join": "template"}, None),
    "escalated": ({"bad": {"t0", "t1", "join"}}, {}, JOINED),
    "whole after all": ({"left_out": {"t1"}}, {}, "the whole answer"),
    "whole": ({}, {"planner": lambda text: None}, "the whole answer"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("subgraphs", [False, True])
async def test_messages_mode_shows_the_answer_once_and_no_step(
    world: World, kind: str, is_async: bool, subgraphs: bool, end: str
) -> None:
    how, settings, expected = ENDS[end]
    vars(world).update(how)
    graph = parent_of(world, kind, **settings)
    seen = await collect(graph, is_async, stream_mode="messages", subgraphs=subgraphs)
    parts = [item[1][0] if subgraphs else item[0] for item in seen]
    said = "".join(part.text for part in parts if part.type != "human")
    if expected is None:
        assert [said.count(result(f"t{place}")) for place in range(3)] == [1, 1, 1]
        assert said.startswith("**1. Do task t0.**")
    else:
        assert said == expected
    assert BAD not in repr(seen)


@pytest.mark.full
@pytest.mark.parametrize("mode", ["updates", "values", "custom", "debug", "tasks", "checkpoints"])
@pytest.mark.parametrize("end", ["escalated", "whole after all"])
async def test_no_mode_shows_what_failed_its_check(
    world: World, kind: str, is_async: bool, mode: str, end: str
) -> None:
    how, settings, _ = ENDS[end]
    vars(world).update(how)
    graph = parent_of(world, kind, InMemorySaver(), **settings)
    seen = await collect(graph, is_async, stream_mode=mode, subgraphs=True)
    assert BAD not in repr(seen)
    if end == "whole after all":  # the join that was rejected
        assert f"{result('t0')} and {result('t2')}" not in repr(seen)
    if mode in ("updates", "values"):
        assert "'results'" not in repr(seen)  # nor what is the graph's own


async def test_events_show_the_answer_once_and_no_step(world: World, kind: str) -> None:
    world.bad = {"t0", "join"}
    graph = parent_of(world, kind)
    events = [
        event
        async for event in graph.astream_events({"messages": [HumanMessage(WHOLE)]}, version="v2")
    ]
    assert BAD not in repr(events)
    chunks = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(chunks) == JOINED


async def test_events_of_the_model_itself(world: World) -> None:
    decomposer = world.decomposer(PLAN)
    events = [event async for event in decomposer.astream_events(WHOLE, version="v2")]
    chunks = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(chunks) == JOINED
    stream = decomposer.stream_events(WHOLE, version="v3")
    assert "".join(stream.text) == JOINED


def test_a_parents_database_holds_no_draft(world: World) -> None:
    world.bad = {"t0", "t1", "join"}
    saver = InMemorySaver()
    parent_of(world, "node", saver).invoke(
        {"messages": [HumanMessage(WHOLE)]}, {"configurable": {"thread_id": "1"}}
    )
    assert {c.config["configurable"]["checkpoint_ns"] for c in saver.list(None)} == {""}
    saver = InMemorySaver()
    parent_of(world, "subgraph", saver).invoke(
        {"messages": [HumanMessage(WHOLE)]}, {"configurable": {"thread_id": "1"}}
    )
    assert BAD not in repr([saver.storage, saver.writes, saver.blobs])


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_join_streams_as_soon_as_it_has_used_every_part(
    world: World, is_async: bool
) -> None:
    """What comes after the last part comes live; what came before it is held until then."""
    tail = [f"word{number} " for number in range(20)]
    chunks = [f"{JOINED} ", *tail]
    world.replies["frontier", "join"] = Reply(chunks=chunks, chunk_delay=0.08)
    decomposer = world.decomposer(PLAN, join="frontier")
    if is_async:
        came = [(time.monotonic(), chunk.text) async for chunk in decomposer.astream(WHOLE)]
    else:
        came = [(time.monotonic(), chunk.text) for chunk in decomposer.stream(WHOLE)]
    text = "".join(part for _, part in came)
    assert text == "".join(chunks)
    first = next(at for at, part in came if part)
    assert came[-1][0] - first > 0.3, "it came all at once"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_join_that_breaks_after_it_was_seen_is_no_answer(
    world: World, is_async: bool
) -> None:
    chunks = [f"{JOINED} ", "more ", "and ", "more "]
    world.replies["frontier", "join"] = Reply(chunks=chunks, chunk_delay=0.02, drop_after=3)
    decomposer = world.decomposer(PLAN, join="frontier")
    seen = ""
    with pytest.raises(Exception, match="No tier could answer") as raised:
        if is_async:
            async for chunk in decomposer.astream(WHOLE):
                seen += chunk.text
        else:
            for chunk in decomposer.stream(WHOLE):
                seen += chunk.text
    assert seen.startswith(JOINED)
    assert len(raised.value.record["attempts"]) == 4
    assert [task for task, _ in world.asked("frontier")] == ["join"]


# who is told, and what is counted ------------------------------------------------------------------


@pytest.mark.parametrize("end", ["escalated", "whole after all", "whole"])
async def test_each_request_is_told_once_with_every_call(
    world: World, kind: str, is_async: bool, end: str
) -> None:
    how, settings, _ = ENDS[end]
    vars(world).update(how)
    heard, graph = Heard(), parent_of(world, kind, **settings)
    given, config = {"messages": [HumanMessage(WHOLE)]}, {"callbacks": [heard]}
    with get_usage_metadata_callback() as counted:
        if is_async:
            await graph.ainvoke(given, config)
        else:
            graph.invoke(given, config)
    (told,) = heard.told
    calls = [*told.record["attempts"], *told.record["side_calls"]]
    assert len(calls) == len(world.asked())
    assert told.record["cost_usd"] == pytest.approx(world.spent())
    assert counted.usage_metadata["small-model"]["output_tokens"] == world.small.tokens[1]


def test_the_routers_own_ledger_books_it_as_one_request(world: World, tmp_path: Any) -> None:
    world.bad = {"t1"}
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite3")
    world.decomposer(PLAN, world.router(callbacks=[ledger])).invoke(WHOLE, {"tags": ["team"]})
    ledger.flush()
    (row,) = ledger.rows(None, None, None)
    ledger.close()
    assert row["requests"] == 1
    assert row["cost_usd"] == pytest.approx(world.spent())


async def test_what_a_cancelled_request_had_spent_is_told(world: World) -> None:
    import asyncio

    heard = Heard()
    world.replies["small", "t1"] = Reply(hang="before")
    decomposer = world.decomposer(PLAN)
    task = asyncio.create_task(decomposer.ainvoke(WHOLE, {"callbacks": [heard]}))
    assert await asyncio.to_thread(world.small.wait_requests, 3)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (told,) = heard.told
    assert {(a["step"], a["error"]) for a in told.record["attempts"]} == {
        ("t0", None),
        ("t1", "left"),
        ("t2", None),  # it needs t0 alone
    }


def test_an_error_is_told_once_with_every_call(world: World) -> None:
    heard = Heard()
    world.left_out = {"t0"}
    world.replies["frontier", "whole"] = Reply(status=500, error="boom")
    with pytest.raises(Exception, match="No tier could answer"):
        world.decomposer(PLAN).invoke(WHOLE, {"callbacks": [heard]})
    (told,) = heard.told
    assert len(told.record["attempts"]) == len(world.asked())
    assert told.answer is None
    assert "Do task" not in repr(told.record), "errors hold no text of a request"


@pytest.mark.full
async def test_many_at_once_on_one_decomposer(world: World) -> None:
    import asyncio

    decomposer = world.decomposer(PLAN, max_concurrency=2)
    answers = await asyncio.gather(*(decomposer.ainvoke(WHOLE) for _ in range(12)))
    assert {answer.text for answer in answers} == {JOINED}
    total = sum(record(answer)["cost_usd"] for answer in answers)
    assert total == pytest.approx(world.spent())
    assert len({record(answer)["id"] for answer in answers}) == 12
