"""A stream folded into a whole completion, and unfolded again."""

from __future__ import annotations

import json
from typing import Any

from lc_asym_router.embedded.tool_text import Fold, unfold

HEAD = {"id": "c1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
CALL = '{"name": "weather", "arguments": {"city": "Paris"}}'


def fold(*deltas: dict[str, Any], finish: str = "stop") -> Fold:
    folded = Fold()
    for delta in deltas:
        folded.add({**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    folded.add({**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    folded.add({**HEAD, "choices": [], "usage": {"total_tokens": 3}})
    return folded


def test_text() -> None:
    whole = fold({"role": "assistant", "content": None}, {"content": "Pa"}, {"content": "ris"})
    assert whole.whole() == {
        "id": "c1",
        "created": 1,
        "model": "m",
        "object": "chat.completion",
        "usage": {"total_tokens": 3},
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Paris"},
            }
        ],
    }


def test_nothing_said_is_an_empty_text() -> None:
    assert fold().whole()["choices"][0]["message"]["content"] == ""


def test_tool_call_deltas() -> None:
    first = {"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": "{}"}}
    whole = fold({"tool_calls": [first]}, {"tool_calls": [more]}, finish="tool_calls").whole()
    message = whole["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ]
    assert message["content"] is None


def test_call_as_text_becomes_a_call_only_for_an_offered_tool() -> None:
    called = fold({"content": CALL}).whole(frozenset({"weather"}))["choices"][0]
    function = called["message"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("weather", {"city": "Paris"})
    assert called["finish_reason"] == "tool_calls"
    for offered in (frozenset[str](), frozenset({"other"})):
        assert fold({"content": CALL}).whole(offered)["choices"][0]["message"]["content"] == CALL


def test_unfold_says_the_same() -> None:
    whole = fold({"content": CALL}).whole(frozenset({"weather"}))
    again = Fold()
    for chunk in unfold(whole, usage=True):
        again.add(chunk)
    assert again.whole() == whole
    assert len(list(unfold(whole, usage=False))) == 2
