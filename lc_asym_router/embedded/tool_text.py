"""Parse tool calls that a model wrote as text.

The coder models know the format of tool calls from their prompt template, but omit the tags that
llama.cpp looks for: they answer with bare JSON, or with JSON in a code fence. Ollama treats bare
JSON as a call, and so does this. Only an answer that consists of calls to offered tools is treated
so: prose about JSON stays prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lc_asym_router.embedded.errors import BadRequest
from lc_asym_router.embedded.json_body import deeper_than

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
