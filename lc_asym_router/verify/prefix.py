"""Checks that can be decided on the beginning of an answer, so that a bad one is ended early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk

from lc_asym_router.request import Request


@dataclass
class Prefix:
    """What has come of an answer so far; grows chunk by chunk.

    Attributes:
        request: What was asked.
        provider: Whose model answers ("ollama", "openai", ...).
        text: The text so far.
        chunks: How many chunks have come that hold text: about the output tokens so far.
        logprobs: The logprob of each token so far, where the server gives them.
        called: Whether a tool call has begun.
    """

    request: Request
    provider: str = ""
    text: str = ""
    chunks: int = 0
    logprobs: list[float] = field(default_factory=list)
    called: bool = False

    def add(self, chunk: AIMessageChunk) -> None:
        """Take in one more chunk."""
        if said := chunk.text:
            self.text += said
            self.chunks += 1
        self.called = self.called or bool(chunk.tool_call_chunks)
        self.logprobs.extend(token_logprobs(chunk.response_metadata))


def token_logprobs(metadata: Mapping[str, Any]) -> list[float]:
    """The logprobs of the tokens, from a message's or a chunk's `response_metadata`.

    ChatOpenAI puts them under `logprobs.content`, ChatOllama in a list under `logprobs`.
    """
    given = metadata.get("logprobs")
    tokens = given.get("content") if isinstance(given, Mapping) else given
    if not isinstance(tokens, Sequence) or isinstance(tokens, str):
        return []
    return [
        float(token["logprob"])
        for token in tokens
        if isinstance(token, Mapping) and isinstance(token.get("logprob"), int | float)
    ]
