"""What a wire protocol is to the gateway: one file a protocol, each a `WireProtocol`.

A protocol translates, and does nothing else: it reads a body into a `ParsedRequest`, and writes an
answer, the events of a stream, and errors. Routing, access, headers, time limits, comments that keep a
stream open, disconnects and the sealing of tool calls' ids are the gateway's (`gateway/app.py` and
`gateway/answering.py`).

To add one: write a class with the methods of `WireProtocol`, and add it to `PROTOCOLS` in
`gateway/refusals.py`. What it does not serve it refuses with `http_errors.unsupported(param, why)`, and
what is wrong with `http_errors.invalid(param, why)`; nothing that a client sends is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from lc_asym_router.gateway.http_errors import GatewayError


@dataclass(frozen=True)
class ParsedRequest:
    """A request, read. Its repr has no text of the messages.

    Attributes:
        messages: The conversation, oldest first, system messages included.
        kwargs: Arguments for the router's call under its own names: `tools` (OpenAI's format),
            `tool_choice` ("auto", "any", "none" or a tool's name), `parallel_tool_calls`, `stop` (a
            list), `temperature`, `max_tokens`, `response_format`, `seed`, ...
        model: What the client asks for: "auto", a tier's or a router's name.
        stream: Whether the answer is streamed.
        include_usage: Whether a stream tells its usage (OpenAI's `stream_options`).
        user: Whom the client asks for, or `None`.
        metadata: The client's own metadata.
        body: The body as it came, for protocols that repeat it.
    """

    messages: tuple[BaseMessage, ...] = field(repr=False)
    kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    model: str = "auto"
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Heading:
    """What is known of an answer before it comes.

    Attributes:
        request_id: The request's id, a UUID in hex: `x-router-request-id`, and what feedback names.
        model: What the client has asked for.
        created: When, in seconds since 1970.
    """

    request_id: str
    model: str
    created: int


@dataclass(frozen=True)
class GatewayAnswer:
    """An answer that is there.

    Attributes:
        heading: What was known before.
        message: The answer, whole, with sealed ids of tool calls. Of a stream: its chunks merged.
        model: The name of the model that answered.
        finish: Why it ended: "stop", "length", "tool_calls" or "content_filter".
        router: What the router did, as JSON: the value of `router` in a body.
    """

    heading: Heading
    message: AIMessage = field(repr=False)
    model: str
    finish: str
    router: Mapping[str, Any]


class StreamWriter(Protocol):
    """Writes one streamed answer as server-sent events: `begin`, any `chunk`s, then `end` or `error`.

    Each method returns the bytes to send now, perhaps none.
    """

    def begin(self) -> bytes:
        """The first events: an answer is about to come. Not called where an error comes first."""
        ...

    def chunk(self, chunk: AIMessageChunk) -> bytes:
        """A piece of the answer. Text comes as the model writes it; tool calls come whole, each in one
        chunk with all its arguments, before the end. The chunk may be empty."""
        ...

    def end(self, answered: GatewayAnswer) -> bytes:
        """The last events: why it ended, the answer's own usage, and what the router did."""
        ...

    def error(self, error: GatewayError) -> bytes:
        """The stream breaks off."""
        ...


class WireProtocol(Protocol):
    """A protocol that clients speak.

    Attributes:
        name: Names it in metrics: "openai-chat".
        path: Where its requests are posted: "/v1/chat/completions".
    """

    name: str
    path: str

    def parse(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Read a request.

        Raises:
            GatewayError: Something in it is wrong, or not served (status 400); it is named.
        """
        ...

    def answer(self, parsed: ParsedRequest, answered: GatewayAnswer) -> dict[str, Any]:
        """The body of a whole answer."""
        ...

    def stream(self, parsed: ParsedRequest, heading: Heading) -> StreamWriter:
        """What writes a streamed answer."""
        ...

    def error(self, error: GatewayError) -> dict[str, Any]:
        """The body of an error."""
        ...


def event(data: str, name: str | None = None) -> bytes:
    """One server-sent event.

    Args:
        data: Its data, in one line.
        name: Its name, or `None`.
    """
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode()
