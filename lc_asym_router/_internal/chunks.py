"""Convert messages to chunks, and chunks to the message that they add up to."""

from __future__ import annotations

import json
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    message_chunk_to_message,
)
from langchain_core.messages.tool import invalid_tool_call

Draft = list[AIMessageChunk] | AIMessage

_WHOLE = 2**63
"""What checkpoints (msgpack) hold of whole numbers lies between this one's negative and itself."""
_DEEP = 500
"""Arguments that are nested deeper stay as they are."""


def is_deeper(value: Any, depth: int) -> bool:
    """Whether lists and dicts are nested deeper than that; no recursion, so that any depth is seen."""
    level = [value]
    while level:
        if depth < 0:
            return True
        depth -= 1
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += [item for item in each.values() if isinstance(item, dict | list)]
            elif isinstance(each, list):
                inner += [item for item in each if isinstance(item, dict | list)]
        level = inner
    return False


def keepable(message: AIMessage) -> AIMessage:
    """A message that every checkpointer can keep: whole numbers of more than 64 bits in the arguments
    of its tool calls as text, which a tool's schema reads as the same number."""
    if not message.tool_calls or is_deeper([message.tool_calls, message.content], _DEEP):
        return message
    calls, content = _kept(message.tool_calls), _kept(message.content)
    if calls == message.tool_calls and content == message.content:
        return message
    return message.model_copy(update={"tool_calls": calls, "content": content})


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_kept(each) for each in value]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole and not -_WHOLE <= value < 2 * _WHOLE else value


def as_chunks(draft: Draft) -> list[AIMessageChunk]:
    """Return the chunks of a draft as they arrived; a whole message as one chunk."""
    return draft if isinstance(draft, list) else [as_chunk(draft)]


def as_chunk(message: AIMessage) -> AIMessageChunk:
    """Return a whole message as a single chunk."""
    if isinstance(message, AIMessageChunk):
        return message
    return AIMessageChunk(
        **{
            **message.model_dump(exclude={"type", "tool_calls", "invalid_tool_calls"}),
            "tool_call_chunks": [
                {
                    "name": call["name"],
                    "args": _arguments(call["args"]),
                    "id": call["id"],
                    "index": index,
                    "type": "tool_call_chunk",
                }
                for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls])
            ],
            "chunk_position": "last",
        }
    )


def _arguments(args: Any) -> str:
    return args if isinstance(args, str) else json.dumps(args or {})


def as_message(draft: Draft) -> AIMessage:
    """Return the message that a draft's chunks add up to."""
    if isinstance(draft, AIMessage) and not isinstance(draft, AIMessageChunk):
        return draft
    chunks = as_chunks(draft)
    # All at once: one after the other, a call's arguments would be read anew with each chunk.
    whole = cast("AIMessageChunk", chunks[0] + cast("Any", chunks[1:])) if chunks[1:] else chunks[0]
    return _strict(whole, cast("AIMessage", message_chunk_to_message(whole)))


def _strict(whole: AIMessageChunk, message: AIMessage) -> AIMessage:
    """Undo LangChain's repair of incomplete tool calls.

    LangChain completes a streamed call's partial JSON (`'{"a": 1, '` becomes `{"a": 1}`), so that a
    call that was cut off looks complete. It must be an invalid tool call instead.
    """
    broken = [chunk for chunk in whole.tool_call_chunks if not _is_object(chunk["args"])]
    if not broken:
        return message
    ids = {chunk["id"] for chunk in broken}
    return message.model_copy(
        update={
            "tool_calls": [call for call in message.tool_calls if call["id"] not in ids],
            "invalid_tool_calls": [
                invalid_tool_call(
                    name=chunk["name"], args=chunk["args"], id=chunk["id"], error="not whole"
                )
                for chunk in broken
            ],
        }
    )


def _is_object(args: str | None) -> bool:
    try:
        return not args or isinstance(json.loads(args), dict)
    except (ValueError, RecursionError):
        return False
