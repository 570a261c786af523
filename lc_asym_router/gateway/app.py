"""`gateway_app`: the application, to be served or mounted."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.schemas import validate_json
from lc_asym_router.embedded.connection_limits import unless_gone
from lc_asym_router.embedded.request_limits import Limits
from lc_asym_router.gateway.access import Access, Caller, LoopbackAccess
from lc_asym_router.gateway.answering import RouterCall, event_stream
from lc_asym_router.gateway.databases import Databases
from lc_asym_router.gateway.http_errors import (
    BUSY_SECONDS,
    GatewayError,
    error_of,
    invalid,
    logged,
    unsupported,
)
from lc_asym_router.gateway.http_streams import (
    EventStream,
    json_response,
    read_body,
)
from lc_asym_router.gateway.page.page_routes import Page
from lc_asym_router.gateway.prometheus import Metrics
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, WireProtocol
from lc_asym_router.gateway.protocols.messages_answer import model_body, models_body
from lc_asym_router.gateway.refusals import (
    ANTHROPIC,
    MESSAGES,
    PROTOCOLS,
    GatewayAdmission,
    no_route,
    refused,
)
from lc_asym_router.gateway.routes import AUTO, Routes
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.records.request import estimated_tokens
from lc_asym_router.router.router import AsymRouter

needed("starlette", "gateway")

from starlette.applications import Starlette  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.requests import ClientDisconnect, Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import BaseRoute, Route  # noqa: E402

GONE = 499
"""The status in the metrics of a request whose client has left."""
DEFAULT_LIMITS = Limits(connections=1024, body_bytes=16 * 2**20)
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
    """Build the application: OpenAI's and Anthropic's protocols before routers.

    Args:
        routers: A router; or several by their names, of which the first is "auto".
        keys: Who may ask; without it, this machine alone.
        ledger: Stores the record of every request, and is flushed when the application ends.
        budgets: Budgets of all requests, besides the routers' own.
        host: The address that is listened on, for `Host` headers where there are no keys.
        limits: Of heads, bodies, and requests that are served at once.
        comment_seconds: After how long without a piece of an answer a stream sends a comment.

    Raises:
        ConfigurationError: Two models have one name, or a budget is invalid.
    """
    routes, access = Routes(routers, budgets, ledger), keys or LoopbackAccess(host)
    limits = limits or DEFAULT_LIMITS
    gateway = Gateway(routes, access, ledger, limits, comment_seconds)
    page = Page(routes, access, ledger)
    app = Starlette(
        routes=[*gateway.routes, *page.routes],
        exception_handlers={404: no_route, 405: no_route},
        middleware=[Middleware(GatewayAdmission, limits=limits)],
        lifespan=gateway.lifespan,
    )
    # Starlette would send the client to whatever host its `Host` header names.
    app.router.redirect_slashes = False
    return app


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
        self._metrics = Metrics()
        self._databases = Databases(routes.routers.values(), ledger, access)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes."""
        asked = [
            Route(each.path, self._asking(each), methods=["POST"], name=each.name)
            for each in PROTOCOLS
        ]
        return [
            *asked,
            Route(
                f"{MESSAGES.path}/count_tokens",
                self._admitting(self.count_tokens),
                methods=["POST"],
            ),
            Route("/v1/models", self._admitting(self.models), methods=["GET"]),
            # Routers' names are in the names of their tiers, behind a slash.
            Route("/v1/models/{name:path}", self._admitting(self.model), methods=["GET"]),
            Route("/v1/feedback", self._admitting(self.feedback), methods=["POST"]),
            Route("/ready", self._admitting(self.ready), methods=["GET"]),
            Route("/metrics", self._admitting(self.metrics), methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """Load what requests need before the server begins; write the ledger's queue before it ends."""
        # jsonschema with its formats takes seconds to import: not on the loop, in the first
        # request for an object.
        await asyncio.to_thread(validate_json, None, {})
        async with self._ledger.lifespan() if self._ledger else nullcontext():
            yield

    async def health(self, request: Request) -> Response:
        """Answer ``GET /health``: that the process serves."""
        return json_response({"status": "ok"})

    async def ready(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /ready``: whether each router has a tier that may be asked, and each database
        answers."""
        states = {
            name: {tier: breaker.state for tier, breaker in router.breakers.items()}
            for name, router in self._models.routers.items()
        }
        closed = [
            name
            for name, tiers in states.items()
            if tiers and all(state == "open" for state in tiers.values())
        ]
        if closed:
            text = f"All tiers of {', '.join(closed)} have failed lately and are not asked now."
            raise GatewayError(503, text, code="unavailable", retry_after=BUSY_SECONDS)
        if failing := await self._databases.failing():
            # Addresses are for who runs the gateway; its log has them too.
            named = (f"{use} ({why})" if caller.admin else use for use, why in failing)
            text = f"The database of the {'; of the '.join(named)} does not answer."
            raise GatewayError(503, text, code="unavailable", retry_after=BUSY_SECONDS)
        return json_response({"status": "ready", "breakers": states})

    async def metrics(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /metrics`` in Prometheus' text format."""
        if not caller.admin:
            raise GatewayError(403, "Metrics are for an admin key.", code="forbidden")
        text = self._metrics.text(self._models.routers, self._ledger)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def models(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /v1/models``, in the form of Anthropic's API where its clients ask."""
        names = self._models.names(caller)
        if ANTHROPIC in request.headers:
            return json_response(models_body(names, request.query_params))
        return json_response({"object": "list", "data": [_openai_model(name) for name in names]})

    async def model(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /v1/models/NAME``: whether it is among the models, likewise."""
        name = request.path_params["name"]
        if name not in self._models.names(caller):
            raise self._models.unknown(name, caller)
        body = model_body if ANTHROPIC in request.headers else _openai_model
        return json_response(body(name))

    async def count_tokens(self, request: Request, caller: Caller) -> Response:
        """Answer ``POST /v1/messages/count_tokens``: the router's own estimate."""
        parsed = MESSAGES.parse_count(await read_body(request, self._limits))
        self._models.find(parsed.model, caller)
        tokens = estimated_tokens(parsed.messages, parsed.kwargs.get("tools"))
        return json_response({"input_tokens": tokens})

    async def feedback(self, request: Request, caller: Caller) -> Response:
        """Answer ``POST /v1/feedback``: what a user thought of an answer."""
        body = await read_body(request, self._limits)
        request_id, score, comment = map(body.get, ("request_id", "score", "comment"))
        if not isinstance(request_id, str):
            raise invalid("request_id", "the header x-router-request-id of the answer.")
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise invalid("score", "a number from 0 (bad) to 1 (good).")
        if comment is not None and not isinstance(comment, str):
            raise invalid("comment", "a text.")
        if unknown := sorted(set(body) - {"request_id", "score", "comment"}):
            raise unsupported(unknown[0], "request_id, score and comment are.")
        if self._ledger is None:
            raise GatewayError(501, "This gateway has no ledger to keep feedback in.")
        router = self._models.find(AUTO, Caller()).router
        router.feedback(_run_id(request_id), float(score), comment)
        return json_response({"request_id": request_id, "score": score}, 202)

    def _admitting(
        self,
        handler: Callable[[Request, Caller], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        """Admit who asks no model, and write errors in a protocol's form."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request, await self._access.admit(request.headers, None, 0))
            except ClientDisconnect:
                return Response(status_code=GONE)
            except Exception as error:
                return refused(request.scope, logged(error))

        return handle

    # asking ---------------------------------------------------------------------------------

    def _asking(self, protocol: WireProtocol) -> Callable[[Request], Awaitable[Response]]:
        async def ask(request: Request) -> Response:
            counted = _Counted(self._metrics, protocol.name)
            try:
                return await self._ask(protocol, request, counted)
            except ClientDisconnect:
                counted.end(GONE)
                return Response(status_code=GONE)  # nobody reads it
            except Exception as error:
                found = logged(error)
                counted.end(found.status)
                return refused(request.scope, found)

        return ask

    async def _ask(self, protocol: WireProtocol, request: Request, counted: _Counted) -> Response:
        # Of who may not ask, no body is read.
        await self._access.admit(request.headers, None, 0)
        body = await read_body(request, self._limits)
        parsed = protocol.parse(body)
        tokens = estimated_tokens(parsed.messages, parsed.kwargs.get("tools"))
        caller = await self._access.admit(request.headers, parsed.model, tokens)
        answered, streamed = None, False
        try:
            route = self._models.find(parsed.model, caller)
            counted.model = route.model
            heading = Heading(uuid.uuid4().hex, parsed.model, int(time.time()))
            call = RouterCall(route, parsed, heading, caller)
            if streamed := parsed.stream:
                return await self._stream(protocol, request, call, tokens, counted)
            answered = await unless_gone(request, call.whole())
        finally:
            if not streamed:  # a stream settles at its own end
                await self._settle(caller, tokens, answered)
        counted.end(200, answered)
        return json_response(protocol.answer(parsed, answered), headers=_headers(answered))

    async def _stream(
        self,
        protocol: WireProtocol,
        request: Request,
        call: RouterCall,
        tokens: int,
        counted: _Counted,
    ) -> Response:
        writer = protocol.stream(call.parsed, call.heading)
        pieces = event_stream(call.chunks(), writer, self._comment_seconds)

        async def sent() -> AsyncGenerator[bytes, None]:
            status, answered = GONE, None
            try:
                async for piece in pieces:
                    if isinstance(piece, GatewayAnswer):
                        status, answered = 200, piece
                    elif isinstance(piece, GatewayError):
                        status = piece.status
                    else:
                        yield piece
            except Exception as error:
                status = error_of(error).status
                raise
            finally:
                await pieces.aclose()
                await self._settle(call.caller, tokens, answered)
                counted.end(status, answered)

        stream = sent()
        # An error before the first piece has a status of its own.
        first = await unless_gone(request, anext(stream))
        return EventStream(first, stream, {"x-router-request-id": call.heading.request_id})

    async def _settle(self, caller: Caller, estimated: int, answered: GatewayAnswer | None) -> None:
        tokens = answered.router["usage"]["total_tokens"] if answered else None
        await self._access.settle(caller, estimated, tokens)


class _Counted:
    """One request in the metrics, from its arrival to its end; only the first end counts."""

    def __init__(self, metrics: Metrics, protocol: str) -> None:
        self.model = ""
        self._metrics = metrics
        self._protocol = protocol
        self._began = time.monotonic()
        self._under_way = True
        metrics.in_flight += 1

    def end(self, status: int, answered: GatewayAnswer | None = None) -> None:
        """It has ended."""
        if self._under_way:
            self._under_way = False
            self._metrics.in_flight -= 1
            seconds = time.monotonic() - self._began
            self._metrics.ended(self._protocol, self.model, status, seconds, answered)


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "lc-asym-router"}


def _run_id(request_id: str) -> str:
    """The run's id as records have it, of the header's.

    Raises:
        GatewayError: It is none.
    """
    try:
        return str(uuid.UUID(request_id))
    except ValueError:
        raise invalid("request_id", "the header x-router-request-id of the answer.") from None


def _headers(answered: GatewayAnswer) -> dict[str, str]:
    found = {
        "x-router-request-id": answered.heading.request_id,
        "x-router-tier": str(answered.router["tier"]),
    }
    if (cost := answered.router["cost_usd"]) is not None:
        found["x-router-cost-usd"] = f"{cost:.9f}"
    return found
