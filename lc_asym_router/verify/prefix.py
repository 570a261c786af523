"""The beginning of an answer, for checks that can fail it before it is complete."""

from __future__ import annotations

from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk

from lc_asym_router.records.request import Request
from lc_asym_router.tiers.provider import tokens_of


@dataclass
class Prefix:
    """The part of an answer that has arrived; grows chunk by chunk.

    Attributes:
        request: The request.
        provider: The model's provider ("ollama", "openai", ...).
        text: The text so far.
        chunks: Number of chunks with text so far, which is about the number of output tokens.
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
        """Add a chunk."""
        if said := chunk.text:
            self.text += said
            self.chunks += 1
        self.called = self.called or bool(chunk.tool_call_chunks)
        self.logprobs.extend(token["logprob"] for token in tokens_of(chunk.response_metadata))
