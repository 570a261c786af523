"""Token logprobs, wherever a provider puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel


def tokens_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tokens with their logprobs, from a message's or a chunk's `response_metadata`.

    ChatOpenAI puts them under `logprobs.content` as dicts, ChatOllama in a list under `logprobs` as
    objects of Ollama's client.

    Returns:
        For each token a dict with `token`, `logprob` (nats) and, where given, `top_logprobs`.
    """
    given = metadata.get("logprobs")
    tokens = given.get("content") if isinstance(given, Mapping) else given
    if not isinstance(tokens, Sequence) or isinstance(tokens, str):
        return []
    plain = (token.model_dump() if isinstance(token, BaseModel) else token for token in tokens)
    return [
        dict(token)
        for token in plain
        if isinstance(token, Mapping) and isinstance(token.get("logprob"), int | float)
    ]
