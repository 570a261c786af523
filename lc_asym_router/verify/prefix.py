"""Checks that can be decided on the beginning of an answer, so that a bad one is ended early."""

from __future__ import annotations

from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk

from lc_asym_router.records.request import Request
from lc_asym_router.tiers.provider import tokens_of


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
        self.logprobs.extend(token["logprob"] for token in tokens_of(chunk.response_metadata))
