"""OpenAI's own Python client before the gateway: chat completions and responses, and its twin."""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
import pytest

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
from tests.servers import Reply

CHAT_TOOL = {
    "type": "function",
    "function": {
        "name": LOOK["name"],
        "description": LOOK["description"],
        "parameters": LOOK["schema"],
        "strict": True,
    },
}
TOOL = {
    "type": "function",
    "name": LOOK["name"],
    "description": LOOK["description"],
    "parameters": LOOK["schema"],
    "strict": True,
}


@pytest.fixture(params=WAYS)
def client(request, gateway: Served, small, frontier) -> Any:
    return gateway.client() if request.param == "invoke" else gateway.async_client()


def user(text: str = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


async def streamed_message(manager: Any) -> Any:
    """The message of a stream, whichever twin's it is."""
    if hasattr(manager, "__aenter__"):
        async with manager as stream:
            return (await stream.get_final_completion()).choices[0].message
    with manager as stream:
        return stream.get_final_completion().choices[0].message


# chat completions -------------------------------------------------------------------------------


async def test_chat(client):
    made = await got(client.chat.completions.create(model="auto", messages=[user()]))
    assert made.choices[0].message.content == "a small answer"


async def test_chat_stream(client, small):
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    made = await got(client.chat.completions.create(model="auto", messages=[user()], **asked))
    chunks = await listed(made)
    said = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert said == "a small answer"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == small.tokens


@pytest.mark.parametrize("streamed", [False, True])
async def test_chat_tool_loop(client, frontier, streamed):
    frontier.script(CALLS, BLUE)
    messages: list[Any] = [user(HARD)]
    for _ in range(2):
        asked = {"model": "auto", "messages": messages, "tools": [CHAT_TOOL]}
        if streamed:
            message = await streamed_message(client.chat.completions.stream(**asked))
        else:
            message = (await got(client.chat.completions.create(**asked))).choices[0].message
        messages.append(message)
        for call in message.tool_calls or ():
            assert json.loads(call.function.arguments) == {"at": "sky"}
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "blue"})
    assert message.content == "The sky is blue."
    check_loop(frontier)


async def test_chat_object(client, small):
    small.script(ADA)
    made = await got(
        client.chat.completions.parse(model="auto", messages=[user()], response_format=Person)
    )
    assert made.choices[0].message.parsed == Person(name="Ada", age=36)
    assert made.router["tier"] == "small"


def test_nothing_slow_is_imported_on_the_loop(gateway):
    """Objects are validated with jsonschema, whose formats take seconds to import."""
    assert "jsonschema" in sys.modules


async def test_chat_errors(client, frontier):
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-9'"):
        await got(client.chat.completions.create(model="gpt-9", messages=[user()]))
    with pytest.raises(openai.BadRequestError) as refused:
        await got(client.chat.completions.create(model="auto", messages=[user()], n=2))
    assert refused.value.param == "n"
    frontier.script(Reply(status=429, error="slow down", headers={"retry-after": "7"}))
    with pytest.raises(openai.RateLimitError) as limited:
        await got(client.chat.completions.create(model="frontier", messages=[user()]))
    assert limited.value.response.headers["retry-after"] == "7"


# responses --------------------------------------------------------------------------------------


async def test_response(client, small):
    made = await got(client.responses.create(model="auto", input="hi", instructions="Be short."))
    assert (made.output_text, made.status) == ("a small answer", "completed")
    assert (made.usage.input_tokens, made.usage.output_tokens) == small.tokens
    assert (made.router["tier"], made.store) == ("small", False)
    roles = [each["role"] for each in small.requests[0].body["messages"]]
    assert roles == ["system", "user"]


async def test_response_stream(client, small):
    made = await got(client.responses.create(model="auto", input="hi", stream=True))
    events = await listed(made)
    said = [each.delta for each in events if each.type == "response.output_text.delta"]
    assert "".join(said) == "a small answer"
    assert [each.sequence_number for each in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert (last.response.usage.input_tokens, last.response.usage.output_tokens) == small.tokens
    assert last.response.router["tier"] == "small"


@pytest.mark.parametrize("streamed", [False, True])
async def test_response_tool_loop(client, frontier, streamed):
    frontier.script(CALLS, BLUE)
    items: list[Any] = [user(HARD)]
    for _ in range(2):
        made = await got(
            client.responses.create(model="auto", input=items, tools=[TOOL], stream=streamed)
        )
        response = (await listed(made))[-1].response if streamed else made
        items += response.output
        for call in response.output:
            if call.type == "function_call":
                assert json.loads(call.arguments) == {"at": "sky"}
                output = {"call_id": call.call_id, "output": "blue"}
                items.append({"type": "function_call_output", **output})
    assert response.output_text == "The sky is blue."
    check_loop(frontier)


async def test_response_object(client, small):
    small.script(ADA)
    made = await got(client.responses.parse(model="auto", input="hi", text_format=Person))
    assert made.output_parsed == Person(name="Ada", age=36)


async def test_response_errors(client, frontier):
    with pytest.raises(openai.BadRequestError, match="no responses are stored") as refused:
        await got(client.responses.create(model="auto", input="hi", previous_response_id="resp_1"))
    assert refused.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        await got(client.responses.create(model="gpt-9", input="hi"))
    frontier.script(Reply(status=429, error="slow down", headers={"retry-after": "7"}))
    with pytest.raises(openai.RateLimitError):
        await got(client.responses.create(model="frontier", input="hi"))


async def test_a_response_that_breaks_off(client, frontier):
    frontier.script(Reply("one two three", error="out of memory"))
    made = await got(client.responses.create(model="frontier", input="hi", stream=True))
    last = (await listed(made))[-1]
    assert (last.type, last.code) == ("error", "upstream_error")
