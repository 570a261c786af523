"""Chat completions through OpenAI's own client."""

from __future__ import annotations

import json
import re

import pytest
from openai import BadRequestError, NotFoundError

from tests.gateway.serving import Served
from tests.servers import Reply, ToolCall


def ask(**more):
    return {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], **more}


def test_a_whole_answer(gateway: Served, small, frontier):
    small.script(Reply("a small answer", input_tokens=10, output_tokens=5))
    raw = gateway.client().chat.completions.with_raw_response.create(**ask())
    answer = raw.parse()
    assert answer.choices[0].message.content == "a small answer"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "small-model"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 5)
    assert answer.router["tier"] == raw.headers["x-router-tier"] == "small"
    assert raw.headers["x-router-request-id"] == answer.router["request_id"]
    assert float(raw.headers["x-router-cost-usd"]) == pytest.approx(answer.router["cost_usd"])


def test_a_stream(gateway: Served, small, frontier):
    stream = gateway.client().chat.completions.create(
        **ask(model="frontier", stream=True, stream_options={"include_usage": True})
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "a frontier answer"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    last = chunks[-1]
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == frontier.tokens
    assert last.router["tier"] == "frontier"


def test_models_are_listed(gateway: Served):
    client = gateway.client()
    listed = list(client.models.list())
    assert [each.id for each in listed] == ["auto", "small", "frontier"]
    assert [client.models.retrieve(each.id) for each in listed] == listed
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("nowhere")
    assert caught.value.code == "model_not_found"


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALL = Reply(tool_calls=[ToolCall("weather", {"city": "Paris"}, id="call_1")])


def test_a_tool_call(gateway: Served, small, frontier):
    frontier.script(CALL)
    answer = gateway.client().chat.completions.create(
        **ask(model="frontier", tools=[TOOL], tool_choice="required")
    )
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls[0].function.name == "weather"
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Paris"}
    assert frontier.requests[-1].body["tool_choice"] == "required"
    assert frontier.requests[-1].body["tools"] == [TOOL]


def test_a_streamed_tool_call(gateway: Served, small, frontier):
    frontier.script(CALL)
    with gateway.client().chat.completions.stream(**ask(model="frontier", tools=[TOOL])) as stream:
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"city": "Paris"},
    )
    assert final.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("tier", ["small", "frontier"])
def test_a_tool_loop_stays_on_its_tier(gateway: Served, small, frontier, tier, streamed):
    server = small if tier == "small" else frontier
    server.script(CALL, "It is sunny.")
    client = gateway.client()
    messages = [{"role": "user", "content": "The weather in Paris?"}]

    def create(model, messages):
        given = {"model": model, "messages": messages, "tools": [TOOL]}
        if not streamed:
            whole = client.chat.completions.create(**given)
            return whole, whole.router
        with client.chat.completions.stream(**given) as stream:
            last = [event.chunk for event in stream if event.type == "chunk"][-1]
            return stream.get_final_completion(), last.router

    called = create(tier, messages)[0].choices[0].message
    id = called.tool_calls[0].id
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,80}", id)
    messages += [
        called.to_dict(),
        {"role": "tool", "tool_call_id": id, "content": "sunny"},
    ]
    _, router = create("auto", messages)
    assert router["decision"]["classifier"] == "sticky"
    assert router["tier"] == tier
    sent = server.requests[-1].body["messages"]
    if tier == "frontier":
        assert [each.get("tool_call_id") for each in sent] == [None, None, "call_1"]
        assert sent[1]["tool_calls"][0]["id"] == "call_1"
    assert id not in json.dumps(sent)


def test_a_forged_tier_is_not_believed(gateway: Served, small, frontier):
    client = gateway.client()
    id = "call_1-t1c1-" + "0" * 24
    messages = [
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": id, "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="auto", messages=messages, tools=[TOOL])
    assert answer.router["decision"]["classifier"] != "sticky"


SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def test_structured_output(gateway: Served, small, frontier):
    small.script("not JSON")
    frontier.script('{"city": "Paris"}')
    answer = gateway.client().chat.completions.create(**ask(response_format=SCHEMA))
    assert json.loads(answer.choices[0].message.content) == {"city": "Paris"}
    assert answer.router["escalated"] is True
    small.script('{"city": "Rome"}')
    answer = gateway.client().chat.completions.create(**ask(response_format=SCHEMA))
    assert answer.router["tier"] == "small"


def test_json_object(gateway: Served, small, frontier):
    frontier.script("{}")
    asked = ask(model="frontier", response_format={"type": "json_object"})
    assert gateway.client().chat.completions.create(**asked).choices[0].message.content == "{}"
    assert frontier.requests[-1].body["response_format"] == {"type": "json_object"}


def test_an_image_and_parameters_reach_the_model(gateway: Served, small, frontier):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}
    content = [{"type": "text", "text": "What is it?"}, image]
    gateway.client().chat.completions.create(
        model="frontier",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": content},
        ],
        max_completion_tokens=9,
        temperature=0.5,
        seed=3,
        stop=["END"],
        n=1,
        user="somebody",
        metadata={"team": "a"},
    )
    body = frontier.requests[-1].body
    assert body["messages"][1]["content"] == content
    assert body["messages"][0]["content"] == "Be brief."
    assert body["max_completion_tokens"] == 9
    assert (body["temperature"], body["seed"], body["stop"]) == (0.5, 3, ["END"])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"functions": [{}]}, "functions"),
        ({"extra_body": {"best_of": 2}}, "best_of"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"audio": {"voice": "x", "format": "mp3"}}, "audio"),
        ({"store": True}, "store"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0]"),
        ({"max_tokens": 0}, "max_completion_tokens"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_is_not_supported_is_named(gateway: Served, small, frontier, more, param):
    with pytest.raises(BadRequestError) as caught:
        gateway.client().chat.completions.create(**ask(**more))
    assert caught.value.param == param
    assert not small.requests


def test_a_conversation_without_a_question(gateway: Served):
    with pytest.raises(BadRequestError, match="no human message"):
        gateway.client().chat.completions.create(
            model="auto", messages=[{"role": "system", "content": "x"}]
        )


def test_a_model_that_is_not_there(gateway: Served):
    with pytest.raises(NotFoundError, match="auto, small, frontier") as caught:
        gateway.client().chat.completions.create(**ask(model="gpt-9"))
    assert caught.value.code == "model_not_found"


async def test_the_async_client(gateway: Served, small, frontier):
    async with gateway.async_client() as client:
        answer = await client.chat.completions.create(**ask())
        assert answer.choices[0].message.content == "a small answer"
        stream = await client.chat.completions.create(**ask(stream=True))
        chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "a small answer"
    assert chunks[-1].router["tier"] == "small"


def test_a_cut_off_answer_says_so(gateway: Served, small, frontier):
    frontier.script(Reply("a long", finish="length"))
    answer = gateway.client().chat.completions.create(**ask(model="frontier"))
    assert answer.choices[0].finish_reason == "length"
