"""Tool calls that a model wrote as text.

The coder models know the form of a tool call from their prompt template, but leave out the
tags that llama.cpp looks for: they answer with the bare JSON, or with the JSON in a code
fence. Ollama takes bare JSON for a call; so does this. Only an answer that is nothing but
calls to tools that the request offered is taken, so that prose about JSON stays prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"\A```(?:json)?\s*(?P<inside>.*?)\s*```\Z", re.DOTALL)
_TAG = re.compile(r"</?tool_calls?>")
_OPENINGS = ("{", "[", "```", "<tool_call")


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


def offered_names(tools: Iterable[Mapping[str, Any]] | None) -> frozenset[str]:
    """Return the names of the tools of a request (OpenAI's and Ollama's form agree here)."""
    functions = (tool.get("function") or {} for tool in tools or ())
    return frozenset(str(function["name"]) for function in functions if function.get("name"))


def may_become_calls(text: str) -> bool:
    """Tell whether a text that is still growing could turn out to be tool calls."""
    start = text.lstrip()
    return not start or any(
        start.startswith(opening) or opening.startswith(start) for opening in _OPENINGS
    )


def calls_in(text: str, offered: frozenset[str]) -> list[TextToolCall]:
    """Read a finished text as tool calls.

    Args:
        text: The whole answer.
        offered: The names of the tools that the request offered.

    Returns:
        The calls in order; empty when the text is anything but calls to offered tools.
    """
    stripped = _TAG.sub("", text).strip()
    fenced = _FENCE.match(stripped)
    found = _json_values(fenced["inside"] if fenced else stripped)
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    calls = [_call(value, offered) for value in found]
    return [call for call in calls if call is not None] if all(calls) else []


def _json_values(text: str) -> list[Any]:
    """Read JSON values that follow one another; empty when anything else stands between."""
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
    if not isinstance(value, dict) or value.get("name") not in offered:
        return None
    arguments = value.get("arguments", value.get("parameters"))
    return TextToolCall(value["name"], arguments) if isinstance(arguments, dict) else None
