"""Anthropic's Messages: what a body is translated to, and that answers are what its SDK reads."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from anthropic.types.shared import ErrorResponse
from hypothesis import given, settings
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import TypeAdapter

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols.messages import Messages
from tests.gateway.protocols.events import (
    REQUEST,
    USAGE,
    answered,
    call,
    events_in,
    merged,
    streams,
)

PROTOCOL = Messages()
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"name": "look", "description": "Looks.", "input_schema": SCHEMA}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "sky"}}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "aGk="}


def body(*asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "auto", "max_tokens": 50, "messages": list(asked) or [USER], **more}


def translated(*asked: dict[str, Any], **more: Any) -> list[BaseMessage]:
    return list(PROTOCOL.parse(body(*asked, **more)).messages)


def arguments(**more: Any) -> dict[str, Any]:
    return dict(PROTOCOL.parse(body(**more)).kwargs)


def whole(message: AIMessage, finish: str = "stop") -> dict[str, Any]:
    made = PROTOCOL.answer(PROTOCOL.parse(body()), answered(message, finish))
    Message.model_validate(made)
    return made


def streamed(
    *chunks: AIMessageChunk, message: AIMessage, finish: str = "stop"
) -> list[dict[str, Any]]:
    stream = PROTOCOL.stream(PROTOCOL.parse(body()), REQUEST)
    made = stream.begin() + b"".join(map(stream.chunk, chunks))
    events = events_in(made + stream.end(answered(message, finish)))
    for each in events:
        EVENT.validate_python(each)
    return events


def gathered(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What Anthropic's SDK makes of the events."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for each in events:
        snapshot = accumulate_event(
            event=EVENT.validate_python(each), current_snapshot=snapshot, json_bufs=buffers
        )
    return Message.model_validate(snapshot.model_dump()).model_dump()


def test_conversation() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [{"type": "text", "text": "blue"}, {"type": "image", "source": PIXEL}],
        "is_error": True,
    }
    found = translated(
        USER,
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, CALL]},
        {"role": "user", "content": [{"type": "text", "text": "and?"}, result]},
        system=[{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}],
    )
    assert [type(each) for each in found] == [
        SystemMessage,
        HumanMessage,
        AIMessage,
        ToolMessage,
        HumanMessage,
    ]
    system, user, answer, tool, more = found
    assert system.content[0]["cache_control"] == {"type": "ephemeral"}  # type: ignore[index]
    assert (user.content, answer.text, more.content) == ("hi", "I look.", "and?")
    assert answer.tool_calls[0]["args"] == {"at": "sky"}  # type: ignore[attr-defined]
    assert (tool.tool_call_id, tool.status) == ("toolu_1", "error")  # type: ignore[attr-defined]
    assert tool.content == [
        {"type": "text", "text": "blue"},
        {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
    ]


def test_thinking_stays_with_the_call_that_it_was_for() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    answer = translated(USER, {"role": "assistant", "content": [thought, hidden, CALL]}, USER)[1]
    assert answer.content == [thought, hidden]
    assert answer.response_metadata["model_provider"] == "anthropic"


def test_arguments() -> None:
    found = arguments(
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "look", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 1024},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        metadata={"user_id": "u"},
        service_tier="auto",
    )
    function = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
    schema = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert found == {
        "max_tokens": 50,
        "stop": ["END"],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "look",
        "parallel_tool_calls": False,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def test_a_tool_keeps_its_cache_marker() -> None:
    tool = {**TOOL, "cache_control": {"type": "ephemeral"}}
    assert arguments(tools=[tool])["tools"] == [tool]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("max_tokens", {"max_tokens": None}),
    ("messages", {"messages": []}),
    ("messages[0].content", {"messages": [{"role": "user", "content": 5}]}),
    ("messages[0].role", {"messages": [{"role": "tool", "content": "x"}]}),
    (
        "messages[0].content[0].text",
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
    ),
    (
        "messages[0].content[0].source.type",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}],
                }
            ]
        },
    ),
    (
        "messages[0].content[0].type",
        {"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
    ),
    ("messages", {"messages": [USER, {"role": "assistant", "content": "It is"}]}),
    (
        "messages[0].content",
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "none"}]}
            ]
        },
    ),
    ("tools[0].type", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("tools[0].input_examples", {"tools": [{**TOOL, "input_examples": []}]}),
    ("tool_choice", {"tool_choice": {"type": "any"}}),
    ("tool_choice.name", {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}),
    ("container", {"container": "c"}),
    ("mcp_servers", {"mcp_servers": []}),
    ("temperature", {"temperature": 2}),
    ("top_k", {"top_k": "5"}),
    ("service_tier", {"service_tier": "standard_only"}),
    ("metadata.team", {"metadata": {"team": "a"}}),
    (
        "output_config.format.name",
        {"output_config": {"format": {"type": "json_schema", "schema": {}, "name": "x"}}},
    ),
    (
        "output_config.format.schema",
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "no type"}}}},
    ),
    ("tools[0].input_schema", {"tools": [{**TOOL, "input_schema": {"properties": []}}]}),
]


@pytest.mark.parametrize(("param", "given"), REFUSED, ids=[param for param, _ in REFUSED])
def test_what_is_not_supported_is_named(param: str, given: dict[str, Any]) -> None:
    asked = {name: value for name, value in body(**given).items() if value is not None}
    with pytest.raises(GatewayError) as raised:
        PROTOCOL.parse(asked)
    assert raised.value.param == param
    assert param.split(".")[0] in str(raised.value)


def test_no_error_quotes_a_text() -> None:
    with pytest.raises(GatewayError) as raised:
        PROTOCOL.parse(body(USER, system=[{"type": "text", "text": "SECRET", "more": "SECRET"}]))
    assert "SECRET" not in str(raised.value)
    assert raised.value.param == "system[0].more"


def test_counting_needs_no_limit() -> None:
    asked = {"model": "auto", "messages": [USER], "tools": [TOOL]}
    found = PROTOCOL.parse_count(asked)
    assert (found.messages[0].content, list(found.kwargs)) == ("hi", ["tools"])
    MessageTokensCount.model_validate({"input_tokens": 1})


def test_whole_answer() -> None:
    answer = AIMessage(
        content=[
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I look."},
        ],
        tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "1"}],
        response_metadata={"model_provider": "anthropic", "stop_reason": "tool_use"},
        usage_metadata={
            "input_tokens": 100,
            "output_tokens": 5,
            "total_tokens": 105,
            "input_token_details": {"cache_read": 60, "cache_creation": 10},
            "output_token_details": {"reasoning": 2},
        },
    )
    made = whole(answer, "tool_calls")
    assert made["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "1", "name": "look", "input": {"at": "sky"}},
    ]
    assert made["stop_reason"] == "tool_use"
    assert made["usage"] == {
        "input_tokens": 30,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
    }


@pytest.mark.parametrize(
    ("finish", "metadata", "reason"),
    [
        ("stop", {"finish_reason": "stop"}, "end_turn"),
        ("length", {"done_reason": "length"}, "max_tokens"),
        ("content_filter", {"finish_reason": "content_filter"}, "refusal"),
        ("tool_calls", {}, "tool_use"),
        ("stop", {"stop_reason": "stop_sequence", "stop_sequence": "END"}, "stop_sequence"),
    ],
)
def test_stop_reasons(finish: str, metadata: dict[str, Any], reason: str) -> None:
    message = AIMessage("x", response_metadata=metadata)
    end = {"stop_reason": reason, "stop_sequence": metadata.get("stop_sequence")}
    made = whole(message, finish)
    assert {name: made[name] for name in end} == end
    assert streamed(message=message, finish=finish)[-2]["delta"] == end


def test_other_models_thinking_and_refusals() -> None:
    thought = AIMessage("x", additional_kwargs={"reasoning_content": "hm"})
    assert whole(thought)["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "x"},
    ]
    refused = AIMessage(
        "", additional_kwargs={"refusal": "No."}, response_metadata={"model_provider": "openai"}
    )
    assert whole(refused)["stop_reason"] == "refusal"
    assert whole(refused)["content"] == [{"type": "text", "text": "No."}]


def test_a_cut_off_call_keeps_what_there_is() -> None:
    answer = AIMessage(
        "",
        invalid_tool_calls=[{"name": "look", "args": '{"at": "sk', "id": "1", "error": None}],  # type: ignore[list-item]
        response_metadata={"finish_reason": "length"},
    )
    made = whole(answer, "length")
    assert (made["content"][0]["input"], made["stop_reason"]) == ({"at": "sk"}, "max_tokens")


def test_stream() -> None:
    thought = {"type": "thinking", "thinking": "hm", "index": 0}
    signed = {"type": "thinking", "signature": "s", "index": 0}
    metadata = {"model_provider": "anthropic"}
    events = streamed(
        AIMessageChunk(content=[thought], response_metadata=metadata),
        AIMessageChunk(content=[signed], response_metadata=metadata),
        AIMessageChunk(content="I "),
        AIMessageChunk(content="look."),
        call("1", at="sky"),
        call("2"),
        message=AIMessage("I look.", usage_metadata=USAGE),
        finish="tool_calls",
    )
    assert [each["type"].removeprefix("content_block_") for each in events] == [
        "message_start",
        *("start", "delta", "delta", "stop"),
        *("start", "delta", "delta", "stop"),
        *("start", "delta", "stop"),
        *("start", "delta", "stop"),
        "message_delta",
        "message_stop",
    ]
    assert events[-2]["router"] == {"tier": "small"}
    made = gathered(events)
    assert [block["type"] for block in made["content"]] == [
        "thinking",
        "text",
        "tool_use",
        "tool_use",
    ]
    assert made["content"][0]["signature"] == "s"
    assert made["content"][2]["input"] == {"at": "sky"}
    assert (made["stop_reason"], made["usage"]["input_tokens"]) == ("tool_use", 9)


@settings(max_examples=40)
@given(streams())
def test_a_stream_adds_up_to_the_whole_answer(chunks: list[AIMessageChunk]) -> None:
    message = merged(chunks)
    made = gathered(streamed(*chunks, message=message))
    expected = Message.model_validate({**whole(message), "model": "auto"}).model_dump()
    expected.pop("router")  # in a stream it is with the last event
    assert made == expected


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 504])
def test_errors(status: int) -> None:
    made = PROTOCOL.error(GatewayError(status, "no"))
    assert ErrorResponse.model_validate(made).error.message == "no"
