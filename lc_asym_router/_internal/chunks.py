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
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
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
    except ValueError:
        return False
