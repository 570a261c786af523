"""A streamed completion as a whole one, and the tool calls that a model wrote as text."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.embedded.request_limits import deeper_than

_FENCE = "```"
_TAG = re.compile(r"</?tool_calls?>")
_OPENINGS = ("{", "[", _FENCE, "<tool_call")
_MOST_DEPTH = 100


@dataclass(frozen=True)
class TextToolCall:
    """A tool call found in text.

    Attributes:
        name: The tool, one of those that were offered.
        arguments: Its arguments.
    """

    name: str
    arguments: dict[str, Any]

    def openai(self, call_id: str) -> dict[str, Any]:
        """Return the call in OpenAI's form, whose arguments are a JSON string."""
        function = {"name": self.name, "arguments": json.dumps(self.arguments)}
        return {"id": call_id, "type": "function", "function": function}


def offered_names(tools: Any) -> frozenset[str]:
    """Return the names of the tools of a request (OpenAI's and Ollama's form agree here).

    Raises:
        BadRequest: When the tools are no list of objects.
    """
    if not tools:
        return frozenset()
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise BadRequest("tools must be a list of objects")
    functions = [tool.get("function") or {} for tool in tools]
    if not all(isinstance(function, Mapping) for function in functions):
        raise BadRequest("the function of a tool must be an object")
    return frozenset(str(function["name"]) for function in functions if function.get("name"))


def may_become_calls(text: str) -> bool:
    """Return whether a text that is still growing could turn out to be tool calls."""
    start = text.lstrip()
    return not start or any(
        start.startswith(opening) or opening.startswith(start) for opening in _OPENINGS
    )


def calls_in(text: str, offered: frozenset[str]) -> list[TextToolCall]:
    """Parse a complete text as tool calls.

    Args:
        text: The whole answer.
        offered: The names of the tools that the request offered.

    Returns:
        The calls in order; empty when the text is anything but calls to offered tools.
    """
    stripped = _TAG.sub("", text).strip()
    found = _json_values(_without_fence(stripped))
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    calls = [_call(value, offered) for value in found]
    return [call for call in calls if call is not None] if all(calls) else []


def readable(text: str) -> bool:
    """Return whether a model's JSON can be parsed: it may nest brackets without end."""
    return not deeper_than(text, _MOST_DEPTH)


def _without_fence(text: str) -> str:
    """Remove a code fence around the whole text."""
    inside = text[len(_FENCE) : -len(_FENCE)]
    if text != f"{_FENCE}{inside}{_FENCE}":
        return text
    return inside.removeprefix("json").strip()


def _json_values(text: str) -> list[Any]:
    """Parse consecutive JSON values; empty when there is anything else between them."""
    if not readable(text):
        return []
    decoder = json.JSONDecoder()
    values, at = [], 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            while at < len(text) and text[at] in " \t\r\n":
                at += 1
    except ValueError:
        return []
    return values


def _call(value: Any, offered: frozenset[str]) -> TextToolCall | None:
    if not isinstance(value, dict):
        return None
    name = value.get("name")
    if not isinstance(name, str) or name not in offered:
        return None
    arguments = value.get("arguments", value.get("parameters"))
    return TextToolCall(name, arguments) if isinstance(arguments, dict) else None


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
