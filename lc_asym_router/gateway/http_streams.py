"""Reading requests and sending streams over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.tasks import cancel
from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.embedded.request_limits import Limits, read_object
from lc_asym_router.gateway.http_errors import NO_RETRY, GatewayError

needed("starlette", "gateway")

from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.types import Receive, Scope, Send  # noqa: E402

EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx would collect the events
}


async def read_body(request: Request, limits: Limits) -> dict[str, Any]:
    """Read a request's JSON object.

    Raises:
        GatewayError: It is too large (413), compressed (415), or no JSON object (400).
        starlette.requests.ClientDisconnect: The client has gone.
    """
    given = request.headers.get("content-length", "")
    if given.isdecimal() and len(given) < 20 and int(given) > limits.body_bytes:
        raise _too_large(limits)
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limits.body_bytes:
            raise _too_large(limits)
        pieces.append(piece)
    # Looked at once the body is read: a connection that is closed before takes the answer with it.
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        text = "Bodies are not decompressed here: send the JSON as it is, without Content-Encoding."
        raise GatewayError(415, text, code="unsupported_encoding", headers=NO_RETRY)
    try:
        return read_object(b"".join(pieces), limits.json_depth)
    except BadRequest as error:
        raise GatewayError(400, str(error), code="invalid_json") from None


def _too_large(limits: Limits) -> GatewayError:
    return GatewayError(
        413,
        f"The body is over {limits.body_bytes} bytes: send fewer or smaller messages.",
        code="request_too_large",
        headers={"connection": "close"},
    )


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response of JSON."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, dict(headers or {}), "application/json")


class EventStream(Response):
    """A stream of events that closes its source however it ends: a client that leaves ends the call.

    Args:
        first: What is sent first.
        events: What follows.
        headers: Further headers.
    """

    def __init__(
        self, first: bytes, events: AsyncGenerator[bytes, None], headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers={**EVENT_STREAM, **headers})
        del self.headers["content-length"]
        self._first = first
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or as much as the client takes."""
        sending = asyncio.create_task(self._send(send))
        watching = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await cancel(watching)
            await cancel(sending)
            await self._events.aclose()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async for each in self._events:
            await send({"type": "http.response.body", "body": each, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
