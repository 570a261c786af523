"""The tool calls in a conversation, in a form that their reader's server takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router.records.request import LONGEST_ID, UNFIT_CALL
from lc_asym_router.tiers.providers.description import Provider

UNREADABLE = "unreadable_arguments"
"""The argument that holds the text of arguments that could not be read."""


def with_plain_calls(
    message: AIMessage, renamed: dict[str | None, str], provider: Provider
) -> AIMessage:
    """The message with calls that every server of its reader's takes: ids, names, arguments."""
    if message.invalid_tool_calls:
        message = _with_unreadable_calls(message)
    if provider.plain_call_names and any(UNFIT_CALL.search(c["name"]) for c in message.tool_calls):
        calls = [{**c, "name": UNFIT_CALL.sub("_", c["name"])} for c in message.tool_calls]
        message = _with_calls(message, calls)
    return _with_call_ids(message, renamed)


def _with_unreadable_calls(message: AIMessage) -> AIMessage:
    """The message with its unreadable calls as calls: their results follow, and strict servers
    refuse arguments that are no JSON."""
    made = [
        {
            "name": call["name"] or "unknown",
            "args": {UNREADABLE: call["args"] or ""},
            "id": call["id"],
            "type": "tool_call",
        }
        for call in message.invalid_tool_calls
    ]
    calls = [*message.tool_calls, *made]
    return _with_calls(message, calls).model_copy(update={"invalid_tool_calls": []})


def _with_calls(message: AIMessage, calls: Sequence[Any]) -> AIMessage:
    """The message with other calls, and without its client's own copies of them."""
    kwargs = {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"}
    content = message.content
    if not isinstance(content, str):
        content = [each for each in content if not _is_call(each)]
    return message.model_copy(
        update={"tool_calls": list(calls), "additional_kwargs": kwargs, "content": content}
    )


def _is_call(block: Any) -> bool:
    kinds = ("tool_use", "tool_call", "invalid_tool_call", "function_call")
    return isinstance(block, Mapping) and block.get("type") in kinds


def _with_call_ids(message: AIMessage, renamed: dict[str | None, str]) -> AIMessage:
    bad = [call["id"] for call in message.tool_calls if _unfit(call["id"])]
    if not bad:
        return message
    calls = []
    for place, call in enumerate(message.tool_calls):
        if _unfit(call["id"]):
            seed = call["id"] or f"{message.id}-{place}-{call['name']}"
            renamed[call["id"]] = f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
            calls.append({**call, "id": renamed[call["id"]]})
        else:
            calls.append(dict(call))
    return message.model_copy(update={"tool_calls": calls})


def _unfit(call_id: str | None) -> bool:
    return not call_id or len(call_id) > LONGEST_ID


def with_its_function(message: AIMessage) -> AIMessage:
    """The message with the call of a function, as OpenAI's first form has it, as a tool call."""
    called = message.additional_kwargs.get("function_call")
    if not isinstance(called, Mapping) or message.tool_calls or not called.get("name"):
        return message
    try:
        args = json.loads(called.get("arguments") or "{}")
    except (ValueError, TypeError, RecursionError):
        args = None
    if not isinstance(args, dict):
        args = {UNREADABLE: str(called.get("arguments"))}
    name = str(called["name"])
    call = {"name": name, "args": args, "id": id_of_function(name), "type": "tool_call"}
    kept = {
        key: value for key, value in message.additional_kwargs.items() if key != "function_call"
    }
    return message.model_copy(update={"tool_calls": [call], "additional_kwargs": kept})


def id_of_function(name: str | None) -> str:
    """The id of a function's call, which has none."""
    return f"call_{UNFIT_CALL.sub('_', name or 'function')[:32]}"
