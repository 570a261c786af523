"""OpenAI's Responses: what a body is translated to, and that answers are what its SDK reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols.responses import Responses
from tests.gateway.protocols.events import (
    REQUEST,
    USAGE,
    answered,
    call,
    events_in,
    merged,
    streams,
)

PROTOCOL = Responses()
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA}
USER = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": "sky"}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "blue"}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "x",
}


def translated(*items: dict[str, Any], **more: Any) -> list[BaseMessage]:
    return list(PROTOCOL.parse({"model": "auto", "input": list(items), **more}).messages)


def arguments(**more: Any) -> dict[str, Any]:
    return dict(PROTOCOL.parse({"model": "auto", "input": "hi", **more}).kwargs)


def whole(message: AIMessage, finish: str = "stop", **request: Any) -> dict[str, Any]:
    parsed = PROTOCOL.parse({"model": "auto", "input": "hi", **request})
    made = PROTOCOL.answer(parsed, answered(message, finish))
    Response.model_validate(made)
    return made


def streamed(
    *chunks: AIMessageChunk, message: AIMessage, finish: str = "stop"
) -> list[dict[str, Any]]:
    stream = PROTOCOL.stream(PROTOCOL.parse({"model": "auto", "input": "hi"}), REQUEST)
    made = stream.begin() + b"".join(map(stream.chunk, chunks))
    events = events_in(made + stream.end(answered(message, finish)))
    for each in events:
        EVENT.validate_python(each)
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    return events


def gathered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items as they ended, once their deltas add up to them."""
    items = [each["item"] for each in events if each["type"] == "response.output_item.done"]
    deltas = [""] * len(items)
    for each in events:
        if each["type"].endswith(".delta"):
            deltas[each["output_index"]] += each["delta"]
    for item, delta in zip(items, deltas, strict=True):
        parts = item.get("content") or item.get("summary") or ()
        said = "".join(part.get("text", part.get("refusal", "")) for part in parts)
        assert said + item.get("arguments", "") == delta
    return items


def test_conversation() -> None:
    shown = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"}
    said = {"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}
    found = translated(
        {"role": "developer", "content": "Be kind."},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}, shown],
        },
        REASONING,
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [said],
        },
        CALL,
        OUTPUT,
        instructions="Be short.",
    )
    kinds = [SystemMessage, SystemMessage, HumanMessage, AIMessage, ToolMessage]
    assert [type(each) for each in found] == kinds
    image = {"type": "image_url", "image_url": {"url": shown["image_url"], "detail": "low"}}
    assert found[2].content == [{"type": "text", "text": "hi"}, image]
    answer = found[3]
    assert isinstance(answer, AIMessage)
    assert answer.content == [REASONING, {"type": "text", "text": "I look."}]
    assert [(each["id"], each["args"]) for each in answer.tool_calls] == [("c1", {"at": "sky"})]
    assert (found[4].content, found[4].tool_call_id) == ("blue", "c1")  # type: ignore[attr-defined]


def test_two_turns_are_two_messages() -> None:
    said = {"role": "assistant", "content": "one"}
    found = translated(USER, said, USER, CALL, {**CALL, "call_id": "c2"}, OUTPUT, said, said)
    texts = [
        (type(each).__name__, each.text, len(getattr(each, "tool_calls", ()))) for each in found
    ]
    assert texts == [
        ("HumanMessage", "hi", 0),
        ("AIMessage", "one", 0),
        ("HumanMessage", "hi", 0),
        ("AIMessage", "", 2),
        ("ToolMessage", "blue", 0),
        ("AIMessage", "one", 0),
        ("AIMessage", "one", 0),
    ]


def test_a_call_with_broken_arguments_is_kept_as_one() -> None:
    answer = translated(USER, {**CALL, "arguments": '{"at'}, OUTPUT)[1]
    assert isinstance(answer, AIMessage)
    assert answer.invalid_tool_calls[0]["args"] == '{"at'


def test_arguments() -> None:
    found = arguments(
        max_output_tokens=50,
        temperature=1.5,
        top_p=0.9,
        tools=[{**TOOL, "strict": True}],
        tool_choice={"type": "function", "name": "look"},
        parallel_tool_calls=False,
        text={
            "format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True},
            "verbosity": "low",
        },
        reasoning={"effort": "low", "summary": "auto"},
        store=False,
        include=["reasoning.encrypted_content"],
        truncation="disabled",
        service_tier="auto",
        metadata={"a": "b"},
        previous_response_id=None,
    )
    function = {"name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True}
    schema = {"name": "answer", "schema": SCHEMA, "strict": True}
    assert found == {
        "max_tokens": 50,
        "temperature": 1.5,
        "top_p": 0.9,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "look",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "verbosity": "low",
        "reasoning_effort": "low",
    }
    assert arguments(tools=[TOOL], tool_choice="required")["tool_choice"] == "any"
    assert arguments(text={"format": {"type": "json_object"}})["response_format"] == {
        "type": "json_object"
    }
    assert arguments(text={"format": {"type": "text"}}, tool_choice="auto") == {}


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("store", {"store": True}),
    ("previous_response_id", {"previous_response_id": "resp_1"}),
    ("conversation", {"conversation": "conv_1"}),
    ("input[1].type", {"input": [USER, {"type": "item_reference", "id": "rs_1"}]}),
    ("input", {"input": []}),
    ("input", {"input": None}),
    ("input[0].type", {"input": [{"type": "web_search_call", "id": "ws_1"}]}),
    (
        "input[0].content[0].file_id",
        {
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_image", "image_url": "x", "file_id": "f"}],
                }
            ]
        },
    ),
    ("tools[0].type", {"tools": [{"type": "web_search"}]}),
    ("tools[0].defer_loading", {"tools": [{**TOOL, "defer_loading": True}]}),
    ("tool_choice", {"tool_choice": "required"}),
    ("tool_choice.name", {"tools": [TOOL], "tool_choice": {"type": "function", "name": "x"}}),
    ("background", {"background": True}),
    ("truncation", {"truncation": "auto"}),
    ("include[0]", {"include": ["message.output_text.logprobs"]}),
    ("reasoning.summary", {"reasoning": {"summary": "detailed"}}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("max_tool_calls", {"max_tool_calls": 3}),
    ("max_output_tokens", {"max_output_tokens": 0}),
    ("unheard_of", {"unheard_of": 1}),
    (
        "text.format.schema",
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "no type"}}}},
    ),
]


@pytest.mark.parametrize(("param", "given"), REFUSED)
def test_what_is_not_supported_is_named(param: str, given: dict[str, Any]) -> None:
    body = {"model": "auto", "input": "hi", **given}
    with pytest.raises(GatewayError) as raised:
        PROTOCOL.parse({name: value for name, value in body.items() if value is not None})
    assert (raised.value.param, raised.value.status) == (param, 400)
    assert PROTOCOL.error(raised.value)["error"]["param"] == param


def test_whole_answer() -> None:
    message = AIMessage(
        content=[{**REASONING}, {"type": "text", "text": "I look."}],
        tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "1"}],
        response_metadata={"model_provider": "openai"},
        usage_metadata={
            **USAGE,
            "input_token_details": {"cache_read": 3},
            "output_token_details": {"reasoning": 2},
        },
    )
    made = whole(message, "tool_calls", instructions="Be short.", temperature=0.5)
    reasoning, said, called = made["output"]
    assert (reasoning["summary"], reasoning["encrypted_content"]) == (REASONING["summary"], "x")
    assert said["content"][0]["text"] == "I look."
    assert (called["call_id"], called["arguments"]) == ("1", '{"at": "sky"}')
    assert {item["status"] for item in made["output"]} == {made["status"]} == {"completed"}
    assert made["usage"]["input_tokens_details"]["cached_tokens"] == 3
    assert made["usage"]["output_tokens_details"]["reasoning_tokens"] == 2
    assert (made["instructions"], made["temperature"], made["store"]) == ("Be short.", 0.5, False)
    assert made["router"] == {"tier": "small"}


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_incomplete(finish: str, reason: str) -> None:
    made = whole(AIMessage("x"), finish)
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": reason})
    last = streamed(AIMessageChunk(content="x"), message=AIMessage("x"), finish=finish)[-1]
    assert last["type"] == "response.incomplete"


def test_a_refusal() -> None:
    kwargs = {"refusal": "No."}
    metadata = {"model_provider": "openai"}
    message = AIMessage("", additional_kwargs=kwargs, response_metadata=metadata)
    part = whole(message)["output"][0]["content"][0]
    assert part == {"type": "refusal", "refusal": "No."}
    chunk = AIMessageChunk(content="", additional_kwargs=kwargs, response_metadata=metadata)
    assert gathered(streamed(chunk, message=message))[0]["content"] == [part]


def test_stream() -> None:
    events = streamed(
        AIMessageChunk(content="I "),
        AIMessageChunk(content="look."),
        call("1", at="sky"),
        call("2"),
        message=AIMessage("I look.", usage_metadata=USAGE),
        finish="tool_calls",
    )
    assert [each["type"].removeprefix("response.") for each in events] == [
        "created",
        "in_progress",
        *("output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done"),
        *("content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    last = events[-1]["response"]
    assert (last["usage"]["total_tokens"], last["router"]) == (13, {"tier": "small"})


@settings(max_examples=40)
@given(streams())
def test_a_stream_adds_up_to_the_whole_answer(chunks: list[AIMessageChunk]) -> None:
    message = merged(chunks)
    events = streamed(*chunks, message=message)
    expected = whole(message)
    assert events[-1]["response"] == expected
    assert gathered(events) == expected["output"]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 502, 504])
def test_an_error_in_a_stream(status: int) -> None:
    stream = PROTOCOL.stream(PROTOCOL.parse({"model": "auto", "input": "hi"}), REQUEST)
    stream.begin()
    (told,) = events_in(stream.error(GatewayError(status, "no")))
    EVENT.validate_python(told)
    assert (told["type"], told["message"], told["sequence_number"]) == ("error", "no", 2)
