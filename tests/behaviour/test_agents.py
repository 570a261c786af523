"""Agents: the router as the model of `create_agent`, and as middleware beside LangChain's own."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from lc_asym_router import AsymRouterMiddleware, ConfigurationError
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply, ToolCall


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


@tool
def risky(city: str) -> str:
    """Something that a person must approve."""
    return f"{interrupt('really?')} in {city}"


class Report(BaseModel):
    """A weather report."""

    city: str
    wet: bool


CALL = Reply(tool_calls=[ToolCall("weather", {"city": "Bonn"})])
WRONG = Reply(tool_calls=[ToolCall("wether", {"city": "DRAFTTEXT"})])
REPORT = ToolCall("Report", {"city": "Bonn", "wet": True})


@pytest.fixture(params=["model", "middleware", "middleware, agent's own frontier"])
def agent_of(request, make, small, frontier):
    """Builds an agent over the router, in each of its two faces."""

    def build(tools=(weather,), middleware=(), settings=None, **kwargs):
        settings = settings or {}
        if request.param == "model":
            return create_agent(make(**settings), list(tools), middleware=middleware, **kwargs)
        if request.param == "middleware":
            routed = AsymRouterMiddleware(make(**settings))
        else:
            routed = AsymRouterMiddleware(small=small_model(small), **settings)
        model = frontier_model(frontier)
        return create_agent(model, list(tools), middleware=[*middleware, routed], **kwargs)

    return build


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def run(request):
    async def invoke(agent, asked, config=None):
        given = {"messages": [HumanMessage(asked)]} if isinstance(asked, str) else asked
        if request.param:
            return await agent.ainvoke(given, config)
        return agent.invoke(given, config)

    return invoke


async def test_a_turn_stays_small_through_its_tool_loop(agent_of, run, small, frontier):
    asked = []

    def spy(messages):
        asked.append(messages)
        return 0.0

    small.script(CALL, "It rains.")
    said = await run(agent_of(settings={"classify": spy}), "Weather in Bonn?")
    assert [m.type for m in said["messages"]] == ["human", "ai", "tool", "ai"]
    assert said["messages"][-1].text == "It rains."
    assert len(asked) == 1
    assert not frontier.requests
    assert small.requests[0].body["tools"][0]["function"]["name"] == "weather"


async def test_a_bad_tool_call_escalates_and_the_turn_stays_up(agent_of, run, small, frontier):
    small.script(WRONG)
    frontier.script(CALL, "It rains.")
    said = await run(agent_of(), "Weather in Bonn?")
    assert said["messages"][-1].text == "It rains."
    first, last = said["messages"][1], said["messages"][-1]
    assert record(first)["escalated"]
    assert "not bound" in record(first)["attempts"][0]["reason"]
    assert record(last)["decision"]["classifier"] == "sticky"
    assert len(small.requests) == 1
    assert "DRAFTTEXT" not in repr(said)


async def test_parallel_tool_calls(agent_of, run, small):
    both = [ToolCall("weather", {"city": "Bonn"}), ToolCall("weather", {"city": "Rome"})]
    small.script(Reply(tool_calls=both), "Both wet.")
    said = await run(agent_of(), "Weather in Bonn and Rome?")
    assert [m.content for m in said["messages"] if m.type == "tool"] == [
        "It rains in Bonn.",
        "It rains in Rome.",
    ]


@pytest.mark.parametrize("strategy", [Report, ToolStrategy(Report)])
async def test_a_response_format(agent_of, run, small, frontier, strategy):
    small.script(Reply(tool_calls=[REPORT]))
    frontier.script(Reply(tool_calls=[REPORT]), Reply('{"city": "Bonn", "wet": true}'))
    said = await run(agent_of(response_format=strategy), "Report on Bonn")
    assert said["structured_response"] == Report(city="Bonn", wet=True)


async def test_a_providers_response_format_in_both_dialects(agent_of, run, small, frontier):
    agent = agent_of(tools=[], response_format=ProviderStrategy(Report))
    small.script('{"city": "Bonn", "wet": true}', '{"city": "Bonn"}')
    frontier.script('{"city": "Rome", "wet": false}')
    said = await run(agent, "Report on Bonn")
    assert said["structured_response"] == Report(city="Bonn", wet=True)
    assert set(small.requests[0].body["format"]["properties"]) == {"city", "wet"}
    said = await run(agent, "Report on Rome")
    assert said["structured_response"] == Report(city="Rome", wet=False)
    assert frontier.requests[0].body["response_format"]["type"] == "json_schema"


async def test_an_interrupt_in_a_tool_resumes_without_a_second_classification(
    agent_of, run, small, frontier
):
    asked = []

    def spy(messages):
        asked.append(messages)
        return 0.0

    small.script(Reply(tool_calls=[ToolCall("risky", {"city": "Bonn"})]), "Done.")
    agent = agent_of(tools=[risky], settings={"classify": spy}, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    paused = await run(agent, "Do it", config)
    assert paused["__interrupt__"][0].value == "really?"
    said = await run(agent, Command(resume="yes"), config)
    assert said["messages"][-1].text == "Done."
    assert said["messages"][-2].content == "yes in Bonn"
    assert len(asked) == 1
    assert not frontier.requests


async def test_a_human_in_the_loop(agent_of, run, small):
    small.script(CALL, "It rains.")
    agent = agent_of(
        middleware=[HumanInTheLoopMiddleware({"weather": True})], checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "1"}}
    paused = await run(agent, "Weather?", config)
    assert paused["__interrupt__"]
    said = await run(agent, Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert said["messages"][-1].text == "It rains."
    assert len(small.requests) == 2


async def test_beside_call_limits(agent_of, run, small):
    small.script(CALL, CALL, CALL)
    agent = agent_of(middleware=[ModelCallLimitMiddleware(run_limit=2, exit_behavior="end")])
    said = await run(agent, "Weather?")
    assert len(small.requests) == 2
    assert "limit" in said["messages"][-1].text.lower()


async def test_beside_retries(agent_of, run, small, frontier):
    small.script(Reply(status=500, error="x"), "now it is well")
    frontier.script(Reply(status=500, error="x"))
    agent = agent_of(middleware=[ModelRetryMiddleware(max_retries=1, initial_delay=0.0)])
    said = await run(agent, "hi")
    assert said["messages"][-1].text == "now it is well"


async def test_beside_fallbacks(make, run, small, frontier):
    """With the router as the model, LangChain's fallback takes over when every tier has failed."""
    small.script(Reply(status=500, error="x"))
    frontier.script(Reply(status=500, error="x"), "from the fallback")
    agent = create_agent(
        make(), [weather], middleware=[ModelFallbackMiddleware(frontier_model(frontier))]
    )
    said = await run(agent, "hi")
    assert said["messages"][-1].text == "from the fallback"


async def test_beside_summaries(agent_of, run, small, frontier):
    frontier.script("a summary")
    agent = agent_of(
        middleware=[
            SummarizationMiddleware(
                frontier_model(frontier), trigger=("messages", 4), keep=("messages", 1)
            )
        ]
    )
    asked = {"messages": [HumanMessage(f"question {n}") for n in range(6)]}
    said = await run(agent, asked)
    assert said["messages"][-1].text == "a small answer"
    assert len(small.requests) == 1


async def test_the_middlewares_state(make, run, small, frontier):
    small.script(Reply(""))
    agent = create_agent(
        frontier_model(frontier), [weather], middleware=[AsymRouterMiddleware(make())]
    )
    said = await run(agent, "hi")
    assert said["router_decision"]["tier"] == "small"
    assert said["router_record"]["escalated"]
    assert said["router_record"] == record(said["messages"][-1])


async def test_tokens_are_counted_once_in_an_agent(agent_of, run, small, frontier):
    small.script(Reply("", input_tokens=3, output_tokens=2), CALL, "It rains.")
    with get_usage_metadata_callback() as counted:
        await run(agent_of(settings={"small_attempts": 2}), "Weather?")
    assert counted.usage_metadata["small-model"]["total_tokens"] == sum(small.tokens)


@pytest.mark.parametrize("subgraphs", [False, True])
async def test_an_agents_stream(agent_of, small, frontier, subgraphs):
    small.script(WRONG)
    frontier.script(CALL, Reply("It rains in Bonn.", chunks=["It ", "rains ", "in Bonn."]))
    seen = [
        item
        async for item in agent_of().astream(
            {"messages": [HumanMessage("Weather?")]}, stream_mode="messages", subgraphs=subgraphs
        )
    ]
    parts = [item[1] if subgraphs else item for item in seen]
    texts = [part.text for part, _ in parts if part.type in ("ai", "AIMessageChunk") and part.text]
    assert texts == ["It ", "rains ", "in Bonn."]
    assert {meta["langgraph_node"] for _, meta in parts} == {"model", "tools"}
    assert "DRAFTTEXT" not in repr(seen)


async def test_a_sub_agent(make, run, small, frontier):
    """A tool that holds an agent of its own over the same router: its turn is its own."""
    inner = create_agent(make(), [])

    @tool
    def expert(question: str) -> str:
        """Ask an expert."""
        return inner.invoke({"messages": [HumanMessage(question)]})["messages"][-1].text

    small.script(Reply(tool_calls=[ToolCall("expert", {"question": "debug it"})]), "Thanks.")
    said = await run(create_agent(make(), [expert]), "hi")
    assert said["messages"][-2].content == "a frontier answer"
    assert said["messages"][-1].text == "Thanks."
    assert len(frontier.requests) == 1


def test_bad_settings(make, small):
    with pytest.raises(ConfigurationError, match="takes a router, or"):
        AsymRouterMiddleware()
    with pytest.raises(ConfigurationError, match="takes a router, or"):
        AsymRouterMiddleware(make(), threshold=0.2)
    with pytest.raises(ValueError, match="small= is missing"):
        AsymRouterMiddleware(frontier=small_model(small))
