"""Calls to llama.cpp's own server, cancelled when the client that wanted them disconnects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from lc_asym_router.embedded.api_errors import EngineError, needs_extra
from lc_asym_router.embedded.engine import Engine
from lc_asym_router.embedded.tool_text import Fold

with needs_extra():
    import anyio
    import httpx
    from starlette.responses import StreamingResponse
    from starlette.types import Receive, Scope, Send


class UpstreamError(Exception):
    """llama.cpp rejected a request.

    Attributes:
        status: The HTTP status for the client.
        text: A description of the error.
        body: llama.cpp's answer as it came.
    """

    def __init__(self, status: int, text: str, body: bytes) -> None:
        """Store llama.cpp's answer."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.body = body


def make_client(most_connections: int) -> httpx.AsyncClient:
    """Make the client for all calls: no timeout, since models are slow, and no proxy.

    Args:
        most_connections: Connections open at once; further calls wait.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=10),
        limits=httpx.Limits(max_connections=most_connections, max_keepalive_connections=8),
        trust_env=False,
    )


async def open_completion(
    client: httpx.AsyncClient, engine: Engine, body: Mapping[str, Any]
) -> httpx.Response:
    """Ask for a chat completion as a stream and wait for the head of the answer.

    Returns:
        A response whose body has not been read; whoever gets it closes it.

    Raises:
        EngineError: When llama.cpp's process is gone.
        UpstreamError: When llama.cpp answers with an error.
    """
    request = client.build_request(
        "POST",
        f"{engine.url}/v1/chat/completions",
        json={**body, "stream": True},
        headers={**engine.headers, "Accept-Encoding": "identity"},
    )
    try:
        response = await client.send(request, stream=True)
        if response.status_code < 400:
            return response
        try:
            content = await response.aread()
        finally:
            await response.aclose()
    except httpx.TransportError as error:
        raise gone(engine, error) from error
    raise UpstreamError(response.status_code, _reason(content), content)


async def folded(engine: Engine, response: httpx.Response) -> Fold:
    """Read a stream to its end and close it.

    Raises:
        EngineError: When llama.cpp's process goes meanwhile.
        UpstreamError: When llama.cpp reports an error.
    """
    fold = Fold()
    try:
        async for event in sse_events(response):
            fold.add(event)
    except httpx.TransportError as error:
        raise gone(engine, error) from error
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
    return fold


async def sse_events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON of each server-sent event, up to ``[DONE]``.

    Raises:
        UpstreamError: When an event is an error.
        httpx.TransportError: When llama.cpp's process goes meanwhile.
    """
    async for line in response.aiter_lines():
        kind, _, data = line.partition(":")
        data = data.strip()
        if kind not in ("data", "error") or not data:
            continue
        if data == "[DONE]":
            return
        event = json.loads(data)
        if kind == "error" or "error" in event:
            raise UpstreamError(500, _reason(data.encode()), data.encode())
        yield event


def gone(engine: Engine, error: Exception) -> EngineError:
    """Return the error for a worker process that has died, and keep other requests from using it."""
    if not isinstance(error, httpx.TimeoutException):
        engine.lose()
    return EngineError(
        f"llama.cpp went away while it ran {engine.model.name!r} "
        f"({type(error).__name__}). It starts anew at the next request."
    )


def _reason(content: bytes) -> str:
    """Return the message in one of llama.cpp's error bodies."""
    try:
        error = json.loads(content)
        error = error.get("error", error)
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, AttributeError):
        return content.decode(errors="replace") or "llama.cpp gave no reason"


class ClosingStream(StreamingResponse):
    """A stream that closes its source however it ends.

    Starlette cancels a stream whose client has gone, but leaves closing its generator to the
    garbage collector; llama.cpp would go on generating until then.
    """

    def __init__(
        self, content: AsyncIterator[bytes], source: httpx.Response, media_type: str
    ) -> None:
        """Stream `content`, which is made from `source`."""
        super().__init__(content, media_type=media_type)
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or as much as the client takes."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._source.aclose()
