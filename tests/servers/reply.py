"""What a test server does with one request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal


@dataclass(frozen=True)
class ToolCall:
    """A tool call of a reply; ``args`` given as a string is sent as it is, malformed or not."""

    name: str
    args: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class Reply:
    """The script of one answer, with the faults to commit on the way.

    The answer is a row of *pieces*: the reasoning (Ollama only), the chunks of the text, the
    refusal (OpenAI only), the tool calls (OpenAI streams each as two pieces, the arguments cut
    in half; Ollama as one). Faults are counted in pieces. An answer that is not streamed takes
    as long as a streamed one (``chunk_delay`` adds up), and its faults cut its body in half.
    """

    text: str = ""
    chunks: Sequence[str] | None = None
    """Pieces in which the text is streamed; default: split after spaces."""
    tool_calls: Sequence[ToolCall] = ()
    finish: str = "stop"
    """'length', 'content_filter', ...; 'stop' becomes 'tool_calls' when there are some (OpenAI)."""
    refusal: str | None = None
    """OpenAI's refusal field."""
    reasoning: str | None = None
    """Ollama's ``thinking`` field; left out when the request says ``think: false``."""
    input_tokens: int = 7
    output_tokens: int | None = None
    """Default: how many chunks, tool calls, refusals and reasonings there are, at least 1."""
    usage: bool = True
    """False: token counts are left out of the answer."""
    logprobs: Sequence[Mapping[str, float]] | None = None
    """Per output token its most likely tokens, the chosen one first; sent only if asked for."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """More response headers; ``{'Connection': 'close'}`` is obeyed."""
    body: bytes | None = None
    """Raw override of the response body, streamed or not."""
    error: str | None = None
    """Error text in the protocol's own form: the body if status >= 400, else an error object
    sent inside the stream in place of its end (or as the 200 body, not streamed)."""
    error_code: str | None = None
    """OpenAI's ``error.code``, e.g. 'context_length_exceeded'; default by status."""
    delay: float = 0.0
    """Seconds before the first byte."""
    hold: Event | None = None
    """No byte leaves before this is set."""
    pieces_first: int = 0
    """How many pieces of a streamed answer leave before ``hold`` is set, all the same."""
    chunk_delay: float = 0.0
    """Seconds between pieces. Without it all pieces leave in one write."""
    drip: tuple[int, float] | None = None
    """Leave so many bytes of the body (or of ``raw``) at a time, so many seconds apart."""
    hang: Literal[None, "before", "head", "middle"] = None
    """Fall silent before the head, after it, or after the first piece, until the client goes."""
    drop_after: int | None = None
    """Close the connection after so many pieces, the body unfinished as HTTP sees it; 0: after
    the head, before any body; -1: without even a head."""
    drop_after_bytes: int | None = None
    """Close the connection after so many bytes of the response, its head among them."""
    reset: bool = False
    """Where the connection is dropped, reset it."""
    truncate_after: int | None = None
    """After so many pieces end the body in a way HTTP finds correct, but without the protocol's
    own end (no ``done: true`` line, no finish reason, usage or ``[DONE]``)."""
    garbage: bytes | None = None
    """Raw bytes put after the first piece (write your own newlines)."""
    endless: bytes | None = None
    """Sent over and over in place of the pieces, until the client goes."""
    raw: bytes | None = None
    """Sent in place of the whole response, its head too; then the connection is closed."""

    @property
    def parts(self) -> list[str]:
        """The pieces of the text."""
        if self.chunks is not None:
            return list(self.chunks)
        return re.findall(r"\S*\s+|\S+", self.text)

    @property
    def full_text(self) -> str:
        """The text as the client should see it."""
        return self.text if self.chunks is None else "".join(self.chunks)

    @property
    def tokens(self) -> tuple[int, int]:
        """The input and output tokens this reply reports."""
        if self.output_tokens is not None:
            return self.input_tokens, self.output_tokens
        extras = len(self.tool_calls) + bool(self.refusal) + bool(self.reasoning)
        return self.input_tokens, max(1, len(self.parts) + extras)


ReplyLike = Reply | str | Callable[[dict[str, Any]], Reply | str]


def as_reply(item: ReplyLike, body: dict[str, Any]) -> Reply:
    """Resolve what was scripted; a callable that fails becomes a status 500 with its error."""
    if callable(item):
        try:
            item = item(body)
        except Exception as error:  # told to the client: the test then sees it
            return Reply(status=500, error=f"{type(error).__name__}: {error}")
    return Reply(text=item) if isinstance(item, str) else item
