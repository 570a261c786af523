"""Messages in the JSON format of the conventions, for spans with content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

_ROLES = {"human": "user", "ai": "assistant"}


def messages_json(messages: Sequence[BaseMessage], finish: str | None = None) -> str:
    """Return messages as the value of `gen_ai.input.messages` or `gen_ai.output.messages`.

    Args:
        messages: The messages. Of blocks other than text, only the type is included.
        finish: The output's finish reason.
    """
    finished: list[dict[str, Any]] = [
        {"role": _ROLES.get(message.type, message.type), "parts": _parts(message)}
        for message in messages
    ]
    if finish is not None:
        finished = [{**each, "finish_reason": finish} for each in finished]
    return json.dumps(finished, ensure_ascii=False, default=str)


def _parts(message: BaseMessage) -> list[dict[str, Any]]:
    if isinstance(message, ToolMessage):
        return [
            {
                "type": "tool_call_response",
                "id": message.tool_call_id,
                "response": message.text,
            }
        ]
    parts: list[dict[str, Any]] = []
    blocks = [message.content] if isinstance(message.content, str) else message.content
    for block in blocks:
        text = block if isinstance(block, str) else block.get("text")
        if isinstance(text, str):
            parts += [{"type": "text", "content": text}] if text else []
        elif isinstance(block, dict):
            parts.append({"type": str(block.get("type"))})
    if isinstance(message, AIMessage):
        parts += [
            {
                "type": "tool_call",
                "id": call["id"],
                "name": call["name"],
                "arguments": call["args"],
            }
            for call in message.tool_calls
        ]
    return parts
