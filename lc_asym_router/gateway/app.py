"""`gateway_app`: the application, to be served or mounted."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.embedded.connection_limits import unless_gone
from lc_asym_router.embedded.request_limits import Limits
from lc_asym_router.gateway.access import Access, Caller, LoopbackAccess
from lc_asym_router.gateway.answering import Call, events
from lc_asym_router.gateway.errors import GatewayError, error_of
from lc_asym_router.gateway.page.page_routes import Page
from lc_asym_router.gateway.protocols import Answered, Heading, ParsedRequest, WireProtocol
from lc_asym_router.gateway.protocols.messages import Messages
from lc_asym_router.gateway.protocols.openai_chat import OpenAIChat
from lc_asym_router.gateway.protocols.responses import Responses
from lc_asym_router.gateway.responses import EventStream, json_response, read_body
from lc_asym_router.gateway.routes import Routes
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.records.request import estimated_tokens
from lc_asym_router.router.router import AsymRouter

needed("starlette", "gateway")

from starlette.applications import Starlette  # noqa: E402
from starlette.requests import ClientDisconnect, Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import BaseRoute, Route  # noqa: E402

logger = logging.getLogger(__name__)

MESSAGES = Messages()
PROTOCOLS: tuple[WireProtocol, ...] = (OpenAIChat(), Responses(), MESSAGES)
"""The protocols that are served, each at its own path."""
COMMENT_SECONDS = 5.0
"""After how long without a piece of an answer a stream sends a comment, in seconds."""


def gateway_app(
    routers: AsymRouter | Mapping[str, AsymRouter],
    keys: Access | None = None,
    ledger: Ledger | None = None,
    budgets: Sequence[Budget] = (),
    *,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    comment_seconds: float = COMMENT_SECONDS,
) -> Starlette:
    """Build the application: OpenAI's protocol before routers.

    Args:
        routers: A router; or several by their names, of which the first is "auto".
        keys: Who may ask; without it, this machine alone.
        ledger: Stores the record of every request, and is flushed when the application ends.
        budgets: Budgets of all requests, besides the routers' own.
        host: The address that is listened on, for `Host` headers where there are no keys.
        limits: Of bodies: their size and depth.
        comment_seconds: After how long without a piece of an answer a stream sends a comment.

    Raises:
        ConfigurationError: Two models have one name, or a budget is invalid.
    """
    routes, access = Routes(routers, budgets), keys or LoopbackAccess(host)
    gateway = Gateway(routes, access, ledger, limits or Limits(), comment_seconds)
    page = Page(routes, access, ledger)
    return Starlette(routes=[*gateway.routes, *page.routes], lifespan=gateway.lifespan)


class Gateway:
    """The handlers, by route.

    Args:
        routes: What answers to which model's name.
        access: Who may ask.
        ledger: Stores records, or `None`.
        limits: Of bodies.
        comment_seconds: As for `gateway_app`.
    """

    def __init__(
        self,
        routes: Routes,
        access: Access,
        ledger: Ledger | None,
        limits: Limits,
        comment_seconds: float,
    ) -> None:
        self._models = routes
        self._access = access
        self._ledger = ledger
        self._limits = limits
        self._comment_seconds = comment_seconds

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes."""
        asked = [
            Route(each.path, self._asking(each), methods=["POST"], name=each.name)
            for each in PROTOCOLS
        ]
        return [
            *asked,
            Route(f"{MESSAGES.path}/count_tokens", self.count_tokens, methods=["POST"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """Write the ledger's queue before the server ends."""
        async with self._ledger.lifespan() if self._ledger else nullcontext():
            yield

    async def health(self, request: Request) -> Response:
        """Answer ``GET /health``: that the process serves."""
        return json_response({"status": "ok"})

    async def models(self, request: Request) -> Response:
        """Answer ``GET /v1/models``."""
        try:
            caller = await self._access.admit(request.headers, None, 0)
        except GatewayError as error:
            return _refused(PROTOCOLS[0], error)
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "lc-asym-router"}
            for name in self._models.models
            if caller.models is None or name in caller.models
        ]
        return json_response({"object": "list", "data": data})

    async def count_tokens(self, request: Request) -> Response:
        """Answer ``POST /v1/messages/count_tokens``: the router's own estimate."""
        try:
            parsed = MESSAGES.parse_count(await read_body(request, self._limits))
            caller = await self._access.admit(request.headers, None, 0)
            self._models.find(parsed.model, caller)
        except GatewayError as error:
            return _refused(MESSAGES, error)
        tokens = estimated_tokens(parsed.messages, parsed.kwargs.get("tools"))
        return json_response({"input_tokens": tokens})

    # asking ---------------------------------------------------------------------------------

    def _asking(self, protocol: WireProtocol) -> Callable[[Request], Awaitable[Response]]:
        async def ask(request: Request) -> Response:
            try:
                return await self._ask(protocol, request)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody reads it
            except Exception as error:
                found = error_of(error)
                if found.status == 500:
                    logger.exception("A request failed.")
                return _refused(protocol, found)

        return ask

    async def _ask(self, protocol: WireProtocol, request: Request) -> Response:
        # Of who may not ask, no body is read.
        await self._access.admit(request.headers, None, 0)
        body = await read_body(request, self._limits)
        parsed = protocol.parse(body)
        tokens = estimated_tokens(parsed.messages, parsed.kwargs.get("tools"))
        caller = await self._access.admit(request.headers, parsed.model, tokens)
        route = self._models.find(parsed.model, caller)
        heading = Heading(uuid.uuid4().hex, parsed.model, int(time.time()))
        callbacks = (self._ledger,) if self._ledger is not None else ()
        call = Call(route, parsed, heading, caller, callbacks)
        if parsed.stream:
            return await self._stream(protocol, request, parsed, call, tokens)
        answered = None
        try:
            answered = await unless_gone(request, call.whole())
        finally:
            await self._settle(caller, tokens, answered)
        return json_response(protocol.answer(parsed, answered), headers=_headers(answered))

    async def _stream(
        self,
        protocol: WireProtocol,
        request: Request,
        parsed: ParsedRequest,
        call: Call,
        tokens: int,
    ) -> Response:
        writer = protocol.stream(parsed, call.heading)
        pieces = events(call.chunks(), writer, self._comment_seconds)

        async def sent() -> AsyncGenerator[bytes, None]:
            answered = None
            try:
                async for piece in pieces:
                    if isinstance(piece, Answered):
                        answered = piece
                    else:
                        yield piece
            finally:
                await pieces.aclose()
                await self._settle(call.caller, tokens, answered)

        stream = sent()
        # An error before the first piece has a status of its own.
        first = await unless_gone(request, anext(stream))

        async def whole() -> AsyncGenerator[bytes, None]:
            try:
                yield first
                async for piece in stream:
                    yield piece
            finally:
                await stream.aclose()

        return EventStream(whole(), {"x-router-request-id": call.heading.request_id})

    async def _settle(self, caller: Caller, estimated: int, answered: Answered | None) -> None:
        tokens = answered.router["usage"]["total_tokens"] if answered else None
        await self._access.settle(caller, estimated, tokens)


def _headers(answered: Answered) -> dict[str, str]:
    found = {
        "x-router-request-id": answered.heading.request_id,
        "x-router-tier": str(answered.router["tier"]),
    }
    if (cost := answered.router["cost_usd"]) is not None:
        found["x-router-cost-usd"] = f"{cost:.9f}"
    return found


def _refused(protocol: WireProtocol, error: GatewayError) -> Response:
    return json_response(protocol.error(error), error.status, error.headers)
