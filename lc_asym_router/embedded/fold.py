"""Combine a streamed chat completion into a whole one.

llama.cpp stops generating when the reader of a stream disconnects, but runs an unstreamed
completion to its end even if nobody waits for it. So every completion is streamed from it, and
combined here for clients that want it whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from lc_asym_router.embedded.tool_text import calls_in

_KEPT = ("id", "created", "model", "system_fingerprint", "usage", "timings")


class Fold:
    """Collects the chunks of one stream."""

    def __init__(self) -> None:
        """Start without chunks."""
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Add a chunk."""
        self._head.update({key: chunk[key] for key in _KEPT if chunk.get(key) is not None})
        for piece in chunk.get("choices") or ():
            index = piece.get("index", 0)
            empty = {"index": index, "finish_reason": None, "message": {"role": "assistant"}}
            choice = self._choices.setdefault(index, empty)
            choice["finish_reason"] = piece.get("finish_reason") or choice["finish_reason"]
            _add_delta(choice["message"], piece.get("delta") or {})
            if (piece.get("logprobs") or {}).get("content"):
                logprobs = choice.setdefault("logprobs", {"content": []})
                logprobs["content"] += piece["logprobs"]["content"]

    def whole(self, offered: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the completion.

        Args:
            offered: Names of the tools of the request; text that is nothing but calls to
                them becomes tool calls.
        """
        choices = [choice for _, choice in sorted(self._choices.items())]
        for choice in choices:
            message = choice["message"]
            message.setdefault("content", None if message.get("tool_calls") else "")
            calls = calls_in(message["content"] or "", offered) if offered else []
            if calls and not message.get("tool_calls"):
                message["content"] = None
                message["tool_calls"] = [call.openai(_call_id()) for call in calls]
                if choice["finish_reason"] == "stop":
                    choice["finish_reason"] = "tool_calls"
        return {**self._head, "object": "chat.completion", "choices": choices}


def unfold(completion: Mapping[str, Any], *, usage: bool) -> Iterator[dict[str, Any]]:
    """Split a whole completion into the chunks of a stream.

    Args:
        completion: What `Fold.whole` returned.
        usage: Whether the client asked for a closing chunk with the usage.
    """
    kept = ("id", "created", "model", "system_fingerprint")
    head = {key: completion[key] for key in kept if key in completion}
    head["object"] = "chat.completion.chunk"
    for choice in completion["choices"]:
        delta = dict(choice["message"])
        if delta.get("tool_calls"):
            delta["tool_calls"] = [
                {"index": n, **call} for n, call in enumerate(delta["tool_calls"])
            ]
        choice_chunk = {"index": choice["index"], "delta": delta, "finish_reason": None}
        if "logprobs" in choice:
            choice_chunk["logprobs"] = choice["logprobs"]
        yield {**head, "choices": [choice_chunk]}
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield {**head, "choices": [end]}
    if usage:
        yield {**head, "choices": [], "usage": completion.get("usage")}


def _add_delta(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name in ("content", "reasoning_content"):
        if delta.get(name):
            message[name] = (message.get(name) or "") + delta[name]
    for piece in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        at = piece.get("index", 0)
        while len(calls) <= at:
            empty = {"name": "", "arguments": ""}
            calls.append({"id": _call_id(), "type": "function", "function": empty})
        calls[at]["id"] = piece.get("id") or calls[at]["id"]
        for key, text in (piece.get("function") or {}).items():
            calls[at]["function"][key] = calls[at]["function"].get(key, "") + (text or "")


def _call_id() -> str:
    return f"call_{secrets.token_hex(8)}"
