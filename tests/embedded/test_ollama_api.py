"""The translation between Ollama's protocol and OpenAI's."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lc_asym_router.embedded.ollama_api import (
    DEFAULT_MAX_TOKENS,
    BadRequest,
    Reply,
    call_to_ollama,
    messages_to_openai,
    to_openai,
)
from lc_asym_router.embedded.tool_text import calls_in, may_become_calls

USER = {"role": "user", "content": "hi"}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = '{"name": "weather", "arguments": {"city": "Paris"}}'


def body(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER], **more}


def reply(**more: Any) -> Reply:
    return Reply(body(**more), began_ns=time.perf_counter_ns(), load_ns=7)


def streamed(pieces: list[str], **more: Any) -> list[dict[str, Any]]:
    translator = reply(**more)
    lines = []
    for piece in pieces:
        lines += translator.feed({"choices": [{"delta": {"content": piece}}]})
    lines += translator.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    return lines + translator.finish()


def test_defaults() -> None:
    assert to_openai(body()) == {
        "model": "m",
        "messages": [USER],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": DEFAULT_MAX_TOKENS,
    }


@pytest.mark.parametrize(("limit", "tokens"), [(5, 5), (-1, 512), (-2, 512), (0, 512), (None, 512)])
def test_limit(limit: int | None, tokens: int) -> None:
    assert to_openai(body(options={"num_predict": limit}))["max_tokens"] == tokens


def test_options_keep_their_names_and_zeros() -> None:
    options = {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 3,
        "min_p": 0.1,
        "seed": 0,
        "stop": ["x"],
        "repeat_penalty": 1.1,
        "presence_penalty": 0.2,
        "frequency_penalty": 0.3,
    }
    translated = to_openai(body(options={**options, "num_ctx": 99, "top_k": 3}, stream=False))
    assert {key: translated[key] for key in options} == options
    assert "num_ctx" not in translated
    assert "stream_options" not in translated


def test_format() -> None:
    assert to_openai(body(format="json"))["response_format"] == {"type": "json_object"}
    schema = {"type": "object"}
    form = to_openai(body(format=schema))["response_format"]
    assert form["json_schema"]["schema"] == schema
    assert "response_format" not in to_openai(body(format=""))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"messages": [{**USER, "images": ["aGk="]}]}, "image"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role"),
        ({"messages": "hi"}, "list"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "string"),
        ({"format": 3}, "format"),
        ({"options": 3}, "options"),
        ({"think": True}, "thinking"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "tool call"),
    ],
)
def test_bad_requests(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        to_openai(body(**wrong))


def test_tool_turn_gets_ids_that_match() -> None:
    calls = [{"function": {"name": name, "arguments": {"n": 1}}} for name in ("a", "b")]
    _, assistant, first, second = messages_to_openai(
        [
            USER,
            {"role": "assistant", "content": "", "tool_calls": calls},
            {"role": "tool", "content": "B", "tool_name": "b"},
            {"role": "tool", "content": "A"},
        ]
    )
    ids = {call["function"]["name"]: call["id"] for call in assistant["tool_calls"]}
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"n": 1}
    assert (first["tool_call_id"], second["tool_call_id"]) == (ids["b"], ids["a"])


def test_given_ids_are_kept() -> None:
    call = {"id": "x1", "function": {"name": "a", "arguments": {}}}
    _, result = messages_to_openai(
        [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "x1"}]
    )
    assert result["tool_call_id"] == "x1"


def test_whole_answer() -> None:
    answer = reply().whole(
        {
            "choices": [{"finish_reason": "length", "message": {"content": "Paris"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            "timings": {"prompt_ms": 1.5, "predicted_ms": 2.5},
        }
    )
    assert answer["message"] == {"role": "assistant", "content": "Paris"}
    assert (answer["done"], answer["done_reason"]) == (True, "length")
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (3, 2)
    assert (answer["prompt_eval_duration"], answer["eval_duration"]) == (1_500_000, 2_500_000)
    assert answer["load_duration"] == 7
    assert answer["total_duration"] > 0
    assert answer["created_at"].endswith("Z")


def test_stream_of_text() -> None:
    *pieces, last = streamed(["Pa", "ris"])
    assert [piece["message"]["content"] for piece in pieces] == ["Pa", "ris"]
    assert not any(piece["done"] for piece in pieces)
    assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "stop", "")


def test_stream_of_tool_call_deltas() -> None:
    translator = reply(tools=TOOLS)
    for function in ({"name": "weather", "arguments": ""}, {"arguments": '{"city":'}):
        call = {"index": 0, "function": function}
        assert translator.feed({"choices": [{"delta": {"tool_calls": [call]}}]}) == []
    call = {"index": 0, "function": {"arguments": '"Paris"}'}}
    translator.feed({"choices": [{"delta": {"tool_calls": [call]}}]})
    first, last = translator.finish()
    assert first["message"]["tool_calls"] == [call_to_ollama("weather", {"city": "Paris"})]
    assert last["done"]


@pytest.mark.parametrize("text", [CALL, f"```json\n{CALL}\n```", f"<tool_call>{CALL}</tool_call>"])
def test_call_written_as_text_becomes_a_call(text: str) -> None:
    wanted = [call_to_ollama("weather", {"city": "Paris"})]
    first, last = streamed(list(text), tools=TOOLS)
    assert first["message"] == {"role": "assistant", "content": "", "tool_calls": wanted}
    assert last["done"]
    answer = reply(tools=TOOLS).whole({"choices": [{"message": {"content": text}}]})
    assert answer["message"]["tool_calls"] == wanted
    assert answer["message"]["content"] == ""


def test_text_that_only_began_like_a_call_is_passed_on_whole() -> None:
    lines = streamed(["``", "`py", "\nx\n```", " done"], tools=TOOLS)
    assert "".join(line["message"]["content"] for line in lines) == "```py\nx\n``` done"
    lines = streamed(["{", "not json"], tools=TOOLS)
    assert "".join(line["message"]["content"] for line in lines) == "{not json"


def test_text_that_is_no_call_streams_live() -> None:
    *_, last = lines = streamed(["Hel", "lo"], tools=TOOLS)
    assert len(lines) == 3
    assert last["message"]["content"] == ""


def test_calls_in() -> None:
    offered = frozenset({"weather"})
    assert [call.arguments for call in calls_in(f"{CALL}\n{CALL}", offered)] == [
        {"city": "Paris"}
    ] * 2
    assert len(calls_in(f"[{CALL}]", offered)) == 1
    for text in ("", "Paris", "[]", f"Call: {CALL}", CALL.replace("weather", "other"), "{}", "3"):
        assert calls_in(text, offered) == []


@pytest.mark.parametrize("text", ["", " ", "`", "<tool", '{"name"', "[{"])
def test_may_become_calls(text: str) -> None:
    assert may_become_calls(text)


def test_cut_off_arguments_are_not_lost() -> None:
    assert call_to_ollama("a", '{"x": ')["function"]["arguments"] == {"raw": '{"x": '}


def test_logprobs_are_passed() -> None:
    assert to_openai(body(logprobs=True, top_logprobs=2))["top_logprobs"] == 2
    assert to_openai(body(logprobs=True))["top_logprobs"] == 1  # none for 0 in llama.cpp
    chosen = [{"token": "a", "logprob": -1.0}]
    (line,) = reply().feed(
        {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": chosen}}]}
    )
    assert line["logprobs"] == chosen


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        '{"a":' * 5000,
        '{"name": {}, "arguments": {}}',
        '{"name": ["weather"], "arguments": {}}',
        '{"name": null}',
        "```json" + "\n" * 200_000 + "x",  # a quadratic pattern takes minutes for it
        "```" + " " * 200_000 + "```x",
        "`````",
    ],
)
def test_what_a_model_may_write_is_no_call_and_no_error(text: str) -> None:
    assert calls_in(text, frozenset({"weather"})) == []
    assert streamed([text], tools=TOOLS)[-1]["done"]


def test_arguments_that_are_nested_too_deep_are_kept_as_text() -> None:
    deep = '{"a":' * 5000
    assert call_to_ollama("weather", deep)["function"]["arguments"] == {"raw": deep}
    assert call_to_ollama("weather", '{"a": [[1]]}')["function"]["arguments"] == {"a": [[1]]}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```{}```", "```\n\n{}\n\n```", "{}"])
def test_fence(fence: str) -> None:
    text = fence.replace("{}", CALL)
    assert [call.name for call in calls_in(text, frozenset({"weather"}))] == ["weather"]
