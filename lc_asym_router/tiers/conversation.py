"""Making a conversation fit for the provider that it goes to, without touching the caller's messages.

A conversation that changes its tier holds what another provider said: content blocks, reasoning,
refusals, server-side tool calls, cache settings, ids. What its own provider said passes as it is, so
that prompt caches and reasoning stay intact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

LONGEST_ID = 40
"""Characters that OpenAI allows in a tool call's id."""
CACHE_KEY = "cache_control"
"""Anthropic's cache marker: other providers reject it."""


def fit(messages: Sequence[BaseMessage], provider: str) -> list[BaseMessage]:
    """The messages as `provider` ("ollama", "openai", ...) can take them.

    - What another provider's model said is brought down to its text and its tool calls; a refusal
      stands as the text that it was.
    - Anthropic's cache markers are taken off for every other provider.
    - Tool-call ids that are missing or too long are replaced, alike in the call and in its result.

    Messages that fit already are handed through as they are.
    """
    renamed: dict[str | None, str] = {}
    fitted: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage):
            own = message.response_metadata.get("model_provider") in (None, provider)
            if not own or _strange(message, provider):
                message = _plain(message)
            message = _with_call_ids(message, renamed)
        elif isinstance(message, ToolMessage) and message.tool_call_id in renamed:
            message = message.model_copy(update={"tool_call_id": renamed[message.tool_call_id]})
        if provider != "anthropic":
            message = _without_cache_marks(message)
        fitted.append(message)
    return fitted


def _strange(message: AIMessage, provider: str) -> bool:
    """Whether a message of unknown making holds blocks that Ollama's client would reject."""
    if message.response_metadata.get("model_provider") or isinstance(message.content, str):
        return False
    known = {"text", "tool_use", "tool_call"} | ({"refusal"} if provider == "openai" else set())
    return any(
        isinstance(block, dict) and block.get("type") not in known for block in message.content
    )


def _plain(message: AIMessage) -> AIMessage:
    """Text and tool calls alone."""
    return AIMessage(
        content=message.text or _refusal(message),
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
        name=message.name,
    )


def _refusal(message: AIMessage) -> str:
    if refusal := message.additional_kwargs.get("refusal"):
        return str(refusal)
    blocks = message.content if isinstance(message.content, list) else []
    said = (block.get("refusal") for block in blocks if isinstance(block, dict))
    return " ".join(str(refusal) for refusal in said if refusal)


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


def _without_cache_marks(message: BaseMessage) -> BaseMessage:
    content = message.content
    if isinstance(content, str) or not any(map(_marked, content)):
        return message
    return message.model_copy(update={"content": [_unmarked(block) for block in content]})


def _marked(block: Any) -> bool:
    return isinstance(block, Mapping) and (
        CACHE_KEY in block or any(CACHE_KEY in part for part in _nested(block))
    )


def _nested(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = (block.get(key) for key in ("extras", "metadata"))
    return [part for part in parts if isinstance(part, Mapping)]


def _unmarked(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    return {
        key: _unmarked(value) if key in ("extras", "metadata") else value
        for key, value in block.items()
        if key != CACHE_KEY
    }
