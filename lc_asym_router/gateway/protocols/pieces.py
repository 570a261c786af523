"""What an answer consists of, for every protocol: texts, thinking, refusals and tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage


@dataclass(frozen=True)
class Text:
    """Text of an answer, or a part of it."""

    text: str


@dataclass(frozen=True)
class RefusalPiece:
    """A model's refusal where its provider marks it as one, or a part of it."""

    text: str


@dataclass(frozen=True)
class Thinking:
    """A model's thinking, or a part of it.

    Attributes:
        text: The thinking, or its summary.
        signature: Its maker's signature, or "".
        encrypted: What its maker gives in place of a text, or "".
    """

    text: str
    signature: str = ""
    encrypted: str = ""


@dataclass(frozen=True)
class ToolCallPiece:
    """A tool call, whole.

    Attributes:
        id: Its id, sealed.
        name: The tool's name.
        arguments: A JSON object; of a call that was cut off what there is of it.
    """

    id: str
    name: str
    arguments: str


Piece = Text | RefusalPiece | Thinking | ToolCallPiece


def pieces_of(message: AIMessage) -> Iterator[Piece]:
    """The pieces of a whole message or of a chunk whose calls are whole; calls come last."""
    if isinstance(message.content, str) and not message.additional_kwargs:
        if message.content:
            yield Text(message.content)
    else:
        for block in message.content_blocks:
            if (piece := _piece(block)) is not None:
                yield piece
    for call in message.tool_calls:
        yield ToolCallPiece(call["id"] or "", call["name"], json.dumps(call["args"]))
    for broken in message.invalid_tool_calls:
        yield ToolCallPiece(broken["id"] or "", broken["name"] or "", broken["args"] or "")


def _piece(block: Mapping[str, Any]) -> Piece | None:
    """A standard content block's piece; `None` for calls, which the message lists, and for what only
    a provider's own tools write."""
    kind = block.get("type")
    if kind == "text":
        return Text(block["text"]) if block.get("text") else None
    if kind == "refusal":
        return RefusalPiece(block["refusal"]) if block.get("refusal") else None
    if kind == "reasoning":
        extras = block.get("extras") or {}
        encrypted = extras.get("encrypted_content") or block.get("encrypted_content") or ""
        said = Thinking(block.get("reasoning") or "", extras.get("signature") or "", encrypted)
        return said if said != Thinking("") else None
    if kind == "non_standard":
        value = block.get("value") or {}
        if value.get("type") == "redacted_thinking":
            return Thinking("", encrypted=str(value.get("data") or ""))
    return None
