"""Anthropic's own Python client before the gateway, and its twin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.gateway.app import gateway_app
from tests.conftest import small_model
from tests.gateway.loop import (
    ADA,
    BLUE,
    CALLS,
    HARD,
    LOOK,
    WAYS,
    Person,
    check_loop,
    got,
    listed,
)
from tests.gateway.serving import Served
from tests.servers import AnthropicServer, Reply

TOOL = {
    "name": LOOK["name"],
    "description": LOOK["description"],
    "input_schema": LOOK["schema"],
    "cache_control": {"type": "ephemeral"},
}


def client_of(served: Served, way: str = "invoke") -> Any:
    kind = anthropic.Anthropic if way == "invoke" else anthropic.AsyncAnthropic
    return kind(base_url=served.url, api_key="any", max_retries=0, timeout=30)


@pytest.fixture(params=WAYS)
def client(request, gateway: Served, small, frontier) -> Any:
    return client_of(gateway, request.param)


def asked(*messages: Any, model: str = "auto", **more: Any) -> dict[str, Any]:
    given = list(messages) or [{"role": "user", "content": "hi"}]
    return {"model": model, "max_tokens": 100, "messages": given, **more}


async def final(manager: Any) -> Any:
    """The message of a stream, whichever twin's it is."""
    if hasattr(manager, "__aenter__"):
        async with manager as stream:
            return await stream.get_final_message()
    with manager as stream:
        return stream.get_final_message()


async def test_text(client, small):
    made = await got(client.messages.create(**asked(system="Be short.", extra_body={"top_k": 5})))
    assert (made.content[0].text, made.stop_reason) == ("a small answer", "end_turn")
    assert (made.usage.input_tokens, made.usage.output_tokens) == small.tokens
    assert made.router["tier"] == "small"
    assert small.requests[0].body["options"]["num_predict"] == 100
    assert small.requests[0].body["options"]["top_k"] == 5


async def test_stream(client, small):
    made = await final(client.messages.stream(**asked()))
    assert (made.content[0].text, made.stop_reason) == ("a small answer", "end_turn")
    assert (made.usage.input_tokens, made.usage.output_tokens) == small.tokens


async def test_raw_stream(client):
    events = await listed(await got(client.messages.create(**asked(stream=True))))
    kinds = [each.type for each in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2].router["tier"] == "small"


@pytest.mark.parametrize("streamed", [False, True])
async def test_tool_loop(client, frontier, streamed):
    frontier.script(CALLS, BLUE)
    messages: list[Any] = [{"role": "user", "content": HARD}]
    for _ in range(2):
        given = asked(*messages, tools=[TOOL])
        call = client.messages.stream if streamed else client.messages.create
        message = await (final if streamed else got)(call(**given))
        messages.append({"role": "assistant", "content": message.content})
        uses = [each for each in message.content if each.type == "tool_use"]
        assert message.stop_reason == ("tool_use" if uses else "end_turn")
        if uses:
            assert uses[0].input == {"at": "sky"}
            result = {"type": "tool_result", "tool_use_id": uses[0].id, "content": "blue"}
            messages.append({"role": "user", "content": [result]})
    assert message.content[0].text == "The sky is blue."
    check_loop(frontier)


async def test_object(client, small):
    small.script(ADA)
    made = await got(client.messages.parse(**asked(), output_format=Person))
    assert made.parsed_output == Person(name="Ada", age=36)


async def test_counting(client):
    few = await got(client.messages.count_tokens(model="auto", messages=asked()["messages"]))
    more = await got(
        client.messages.count_tokens(model="auto", messages=asked()["messages"], tools=[TOOL])
    )
    assert 0 < few.input_tokens < more.input_tokens


async def test_errors(client, frontier):
    with pytest.raises(anthropic.NotFoundError, match="no model 'claude-9'"):
        await got(client.messages.create(**asked(model="claude-9")))
    with pytest.raises(anthropic.NotFoundError):
        await got(client.messages.count_tokens(model="claude-9", messages=asked()["messages"]))
    with pytest.raises(anthropic.BadRequestError, match="service_tier"):
        await got(client.messages.create(**asked(service_tier="standard_only")))
    frontier.script(Reply(status=429, error="slow down", headers={"retry-after": "7"}))
    with pytest.raises(anthropic.RateLimitError) as limited:
        await got(client.messages.create(**asked(model="frontier")))
    assert limited.value.response.headers["retry-after"] == "7"


async def test_a_stream_that_breaks_off(client, frontier):
    frontier.script(Reply("one two three", error="out of memory"))
    with pytest.raises(anthropic.APIStatusError, match="No tier could answer"):
        await final(client.messages.stream(**asked(model="frontier")))


# a tier of Anthropic's ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def upstream_claude() -> Iterator[AnthropicServer]:
    with AnthropicServer(default="an answer of Anthropic's") as server:
        yield server


@pytest.fixture(scope="module")
def claude_gateway(upstream_small, upstream_claude) -> Iterator[Served]:
    claude = ChatAnthropic(
        model="claude-opus-4-8",
        base_url=upstream_claude.url,
        api_key="x",
        max_retries=0,
        timeout=20,
    )
    router = AsymRouter(
        small=Tier(small_model(upstream_small), breaker=False),
        frontier=Tier(claude, breaker=False),
        verify="form",
        classify="keyword",
    )
    with Served(gateway_app(router)) as served:
        yield served


def test_what_only_anthropic_has_reaches_its_tier(claude_gateway, upstream_claude, small):
    marked = [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]
    sampling = {"temperature": 0.5, "top_k": 5, "thinking": {"type": "disabled"}}
    given = asked(system=marked, stop_sequences=["END"], extra_body=sampling)
    upstream_claude.reset()
    client = client_of(claude_gateway)
    client.messages.create(**{**given, "model": "frontier"})
    body = upstream_claude.requests[0].body
    assert (body["system"], body["stop_sequences"]) == (marked, ["END"])
    made = client.messages.create(**given)
    assert (made.router["tier"], "thinking" in small.requests[0].body) == ("small", False)
    assert small.requests[0].body["options"]["top_k"] == 5


@pytest.mark.parametrize("streamed", [False, True])
async def test_signed_thinking_goes_back_to_its_maker(claude_gateway, upstream_claude, streamed):
    upstream_claude.reset()
    thoughtful = Reply(reasoning="Hm.", tool_calls=CALLS.tool_calls)
    upstream_claude.script(thoughtful, BLUE, BLUE)
    client = client_of(claude_gateway)
    thinking = {"type": "enabled", "budget_tokens": 1024}
    given = asked({"role": "user", "content": HARD}, tools=[TOOL], thinking=thinking)
    given["max_tokens"] = 2000
    call = client.messages.stream if streamed else client.messages.create
    message = await (final if streamed else got)(call(**given))
    assert [each.type for each in message.content] == ["thinking", "tool_use"]
    use = message.content[1]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "blue"}
    given["messages"] += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    client.messages.create(**given)
    first, second = (each.body for each in upstream_claude.requests)
    assert first["thinking"] == thinking
    assert first["tools"][0]["cache_control"] == {"type": "ephemeral"}
    thought, called = second["messages"][1]["content"]
    assert (thought["thinking"], thought["signature"]) == ("Hm.", "sig-of-claude-opus-4-8")
    assert called["id"] == second["messages"][2]["content"][0]["tool_use_id"] == "call_sky"
    # With an id that no longer says who thought so, it goes back to nobody.
    forged = {**use.model_dump(), "id": "call_sky"}
    given["messages"][1]["content"] = [message.content[0], forged]
    result["tool_use_id"] = "call_sky"
    client.messages.create(**given)
    blocks = upstream_claude.requests[-1].body["messages"][1]["content"]
    assert [each["type"] for each in blocks] == ["tool_use"]


def test_models(gateway: Served):
    client = client_of(gateway)
    names = ["auto", "small", "frontier"]
    found = list(client.models.list())
    assert [(each.id, each.type, each.display_name) for each in found] == [
        (name, "model", name) for name in names
    ]
    assert [client.models.retrieve(each.id) for each in found] == found
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nowhere")
    assert [each.id for each in client.models.list(limit=1)] == names  # page by page
    assert [each.id for each in client.models.list(before_id="frontier", limit=1).data] == ["small"]
    for wrong in ({"after_id": "none"}, {"lifecycle": ["retired"]}, {"limit": 0}):
        with pytest.raises(anthropic.BadRequestError, match=next(iter(wrong))):
            client.models.list(**wrong)
