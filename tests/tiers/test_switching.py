"""Tools, schemas and histories, each in the dialect of the tier that they go to."""

from __future__ import annotations

import copy

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from lc_asym_router import AsymRouter, NoTierError, Tier
from lc_asym_router.errors import UnreadableOutputError
from lc_asym_router.tiers.conversation import fit
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply, ToolCall


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return city


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(ge=0)


class Place(TypedDict):
    """A place."""

    name: str


PERSON = '{"name": "Ann", "age": 3}'
JSON_SCHEMA = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


# tools --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"tool_choice": "any"},
        {"tool_choice": "weather"},
        {"strict": True},
        {"parallel_tool_calls": False},
        {"tool_choice": "auto", "strict": True, "parallel_tool_calls": True},
        {"prompt_cache_key": "k", "cache_control": {"type": "ephemeral"}},
    ],
)
async def test_each_tier_gets_its_own_dialect(make, ask, small, frontier, kwargs):
    call = ToolCall("weather", {"city": "Bonn"})
    small.script(Reply(tool_calls=[call]))
    frontier.script(Reply(tool_calls=[call]))
    bound = make(classify="keyword").bind_tools([weather, Person], **kwargs)
    for asked, tier in [("hi", "small"), ("debug", "frontier")]:
        answer = await ask(bound, asked)
        assert record(answer)["tier"] == tier, record(answer)["attempts"]
        assert answer.tool_calls[0]["args"] == {"city": "Bonn"}
    sent = frontier.requests[0].body
    assert [t["function"]["name"] for t in sent["tools"]] == ["weather", "Person"]
    assert bool(sent["tools"][0]["function"].get("strict")) is bool(kwargs.get("strict"))
    if "parallel_tool_calls" in kwargs:
        assert sent["parallel_tool_calls"] is kwargs["parallel_tool_calls"]
    assert "cache_control" not in sent
    names = [t["function"]["name"] for t in small.requests[0].body["tools"]]
    assert names == ["weather", "Person"]


def test_bound_tools_are_seen_by_prebuilt_agents(make):
    bound = make().bind_tools([weather])
    assert bound.kwargs["tools"][0]["function"]["name"] == "weather"


async def test_openai_dicts_bound_past_bind_tools(make, ask, small):
    bound = make().bind(tools=make().bind_tools([weather]).kwargs["tools"])
    small.script(Reply(tool_calls=[ToolCall("weather", {"city": 7})]))
    answer = await ask(bound, "hi")
    assert record(answer)["escalated"]
    assert "don't validate" in record(answer)["attempts"][0]["reason"]


async def test_a_providers_own_tools_rule_a_tier_out(make, ask, small, frontier):
    bound = make().bind_tools([{"type": "web_search"}, weather])
    decision = make().decide("hi", **bound.kwargs)
    assert decision.tier == "frontier"
    assert "does not run the tool 'web_search'" in decision.reason
    with pytest.raises(NoTierError, match="web_search_20250305"):
        make().invoke(
            "hi", **make().bind_tools([{"type": "web_search_20250305", "name": "s"}]).kwargs
        )


async def test_a_tier_that_calls_no_tools(small, frontier):
    router = AsymRouter(
        small=Tier(small_model(small), tools=False),
        frontier=frontier_model(frontier),
        verify="form",
    )
    assert router.decide("hi").tier == "small"
    assert router.decide("hi", **router.bind_tools([weather]).kwargs).tier == "frontier"


async def test_half_a_tool_call_is_none(small, frontier):
    """ChatOpenAI repairs the cut arguments of a streamed call into a valid call."""
    router = AsymRouter(
        tiers=[Tier(frontier_model(frontier), "one"), Tier(small_model(small), "two")],
        verify="form",
    )
    frontier.script(Reply(tool_calls=[ToolCall("weather", '{"city": "Bonn", ')]))
    bound = router.bind_tools([weather])
    chunks = [chunk async for chunk in bound.astream("hi")]
    assert record(chunks[-1])["escalated"]
    assert "no JSON object" in record(chunks[-1])["attempts"][0]["reason"]


# structured output --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("schema", [Person, JSON_SCHEMA], ids=["pydantic", "JSON schema"])
@pytest.mark.parametrize("route", ["small", "frontier", "escalated"])
async def test_structured_output(make, small, frontier, method, schema, route):
    good = (
        Reply(tool_calls=[ToolCall("Person", {"name": "Ann", "age": 3})])
        if method == "function_calling"
        else Reply(PERSON)
    )
    bad = (
        Reply(tool_calls=[ToolCall("Person", {"name": "DRAFTTEXT", "age": -3})])
        if method == "function_calling"
        else Reply('{"name": "DRAFTTEXT", "age": -3}')
    )
    small.script(bad if route == "escalated" else good)
    frontier.script(good)
    kwargs = {"method": method} if method else {}
    asked = "debug" if route == "frontier" else "Give me JSON"
    model = make().with_structured_output(schema, include_raw=True, **kwargs)
    said = await model.ainvoke(asked)
    expected = Person(name="Ann", age=3) if schema is Person else {"name": "Ann", "age": 3}
    assert said["parsed"] == expected
    assert said["parsing_error"] is None
    assert record(said["raw"])["tier"] == ("small" if route == "small" else "frontier")
    assert "DRAFTTEXT" not in repr(said)
    if route == "escalated":
        assert "does not validate" in record(said["raw"])["attempts"][0]["reason"]


async def test_a_typed_dict_and_strict(make, ask, small, frontier):
    small.script('{"name": "Rome"}')
    assert await ask(make().with_structured_output(Place), "Where?") == {"name": "Rome"}
    small.script(PERSON)
    frontier.script(PERSON)
    strict = make().with_structured_output(Person, method="json_schema", strict=True)
    assert await ask(strict, "Who?") == Person(name="Ann", age=3)
    assert await ask(strict, "debug: who?") == Person(name="Ann", age=3)
    schema = frontier.requests[-1].body["response_format"]["json_schema"]
    assert schema["strict"] is True


async def test_only_the_frontiers_failure_reaches_the_caller(make, small, frontier):
    small.script("no JSON")
    frontier.script("no JSON either")
    with pytest.raises(UnreadableOutputError) as caught:
        await make().with_structured_output(Person, method="json_mode").ainvoke("Give JSON")
    assert caught.value.message.text == "no JSON either"
    assert "no JSON either" not in str(caught.value)
    small.script("no JSON")
    frontier.script("no JSON either")
    raw = make().with_structured_output(Person, method="json_mode", include_raw=True)
    said = await raw.ainvoke("Give JSON")
    assert said["raw"].text == "no JSON either"
    assert said["parsed"] is None
    assert isinstance(said["parsing_error"], UnreadableOutputError)


def test_an_unknown_argument(make):
    with pytest.raises(ValueError, match="does not know mode"):
        make().with_structured_output(Person, mode="x")


# histories ----------------------------------------------------------------------------------------

OPENAI_RESPONSES = AIMessage(
    [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xx"},
        {"type": "text", "text": "Hello.", "annotations": []},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "refusal", "refusal": "no"},
    ],
    id="msg_123",
    response_metadata={"model_provider": "openai"},
    additional_kwargs={"reasoning": {"id": "rs_1"}},
)
ANTHROPIC = AIMessage(
    [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Hello.", "cache_control": {"type": "ephemeral"}},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bonn"}},
    ],
    tool_calls=[{"name": "weather", "args": {"city": "Bonn"}, "id": "toolu_1"}],
    response_metadata={"model_provider": "anthropic"},
)
REFUSED = AIMessage(
    "", additional_kwargs={"refusal": "I won't."}, response_metadata={"model_provider": "openai"}
)
OLLAMA_CALL = AIMessage(
    "",
    tool_calls=[{"name": "weather", "args": {}, "id": "x" * 60}],
    response_metadata={"model_provider": "ollama"},
    additional_kwargs={"reasoning_content": "thinking"},
)
HISTORY = [
    SystemMessage([{"type": "text", "text": "Be nice.", "cache_control": {"type": "ephemeral"}}]),
    HumanMessage("one"),
    OPENAI_RESPONSES,
    HumanMessage("two"),
    ANTHROPIC,
    ToolMessage("rain", tool_call_id="toolu_1"),
    AIMessage(
        [{"type": "thinking", "thinking": "who made me?"}, {"type": "text", "text": "Rain."}]
    ),
    HumanMessage("three"),
    OLLAMA_CALL,
    ToolMessage("sun", tool_call_id="x" * 60),
    REFUSED,
    HumanMessage([{"type": "text", "text": "four", "cache_control": {"type": "ephemeral"}}]),
]


async def test_a_mixed_history_is_taken_by_both_tiers(make, ask, small, frontier):
    before = copy.deepcopy(HISTORY)
    for forced, server in (("small", small), ("frontier", frontier)):
        answer = await ask(make(), HISTORY, {"configurable": {"tier": forced}})
        assert record(answer)["tier"] == forced, record(answer)["attempts"]
        body = server.requests[-1].body
        assert "cache_control" not in repr(body)
        assert "who made me" not in repr(body)
        assert "signature" not in repr(body)
        for message in body["messages"]:
            for call in message.get("tool_calls") or ():
                assert len(call.get("id") or "") <= 40
    sent = frontier.requests[-1].body["messages"]
    called = sent[8]["tool_calls"][0]["id"]
    assert sent[9]["tool_call_id"] == called
    assert before == HISTORY


def test_a_models_own_messages_pass_as_they_are(small, frontier):
    gpt, llama = frontier_model(frontier), small_model(small)
    claude = ChatAnthropic(model="claude-haiku-4-5", api_key="x")
    (same,) = fit([OPENAI_RESPONSES], frontier_model(frontier, use_responses_api=True))
    assert same is OPENAI_RESPONSES
    (read,) = fit([OPENAI_RESPONSES], gpt)  # chat completions refuse a search in an answer
    assert read.content == "Hello."
    (plain,) = fit([OPENAI_RESPONSES], llama)
    assert plain.content == "Hello."
    assert plain.id is None
    _, kept = fit([ANTHROPIC], claude)  # which wants a human to begin
    assert kept is ANTHROPIC
    (refused,) = fit([REFUSED], llama)
    assert refused.content == "I won't."
