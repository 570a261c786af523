"""The HTTP application: Ollama's protocol and OpenAI's over the same engines."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from lc_asym_router.embedded import ollama_info
from lc_asym_router.embedded.api_errors import (
    BadRequest,
    EngineError,
    MissingExtraError,
    WeightsError,
    error_response,
    needs_extra,
)
from lc_asym_router.embedded.catalog import EmbeddedModel
from lc_asym_router.embedded.connection_limits import ConnectionGuard, unless_gone
from lc_asym_router.embedded.engine import Engine
from lc_asym_router.embedded.loopback import AccessMiddleware
from lc_asym_router.embedded.ollama_api import DEFAULT_MAX_TOKENS, Reply, to_openai
from lc_asym_router.embedded.pool import EnginePool
from lc_asym_router.embedded.request_limits import read_object
from lc_asym_router.embedded.tool_text import Fold, offered_names, unfold
from lc_asym_router.embedded.upstream import (
    ClosingStream,
    UpstreamError,
    folded,
    gone,
    make_client,
    open_completion,
    sse_events,
)

with needs_extra():
    import httpx
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

_Handler = Callable[[Request], Awaitable[Response]]
_LIMITS = ("max_tokens", "max_completion_tokens", "n_predict")


class NotFound(Exception):
    """There is no such model (HTTP status 404)."""


def make_app(
    pool: EnginePool, guard: ConnectionGuard, *, token: str, host: str = "127.0.0.1"
) -> Starlette:
    """Build the application.

    Args:
        pool: The engines. The application doesn't stop them.
        guard: The connections that the application has swept while it runs.
        token: What a client has to send.
        host: The address that is listened on.
    """
    faces = Handlers(pool, guard)
    access = Middleware(AccessMiddleware, token=token, host=host, limits=guard.limits)
    return Starlette(
        routes=[
            Route("/", faces.root, methods=["GET"]),
            Route("/api/version", faces.version, methods=["GET"]),
            Route("/api/tags", faces.tags, methods=["GET"]),
            Route("/api/show", _guarded(faces.show), methods=["POST"]),
            Route("/api/chat", _guarded(faces.chat), methods=["POST"]),
            Route("/v1/models", faces.openai_models, methods=["GET"]),
            Route("/v1/chat/completions", _guarded(faces.completions), methods=["POST"]),
        ],
        middleware=[access],
        exception_handlers={HTTPException: _no_route, Exception: _unforeseen},
        lifespan=faces.lifespan,
    )


class Handlers:
    """The handlers, by route."""

    def __init__(self, pool: EnginePool, guard: ConnectionGuard) -> None:
        """Serve the models of `pool` over the connections of `guard`."""
        self._pool = pool
        self._guard = guard
        self._client: httpx.AsyncClient

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Keep one client to llama.cpp open, and the connections swept, while it runs."""
        sweeper = asyncio.create_task(self._guard.watch())
        try:
            async with make_client(self._guard.limits.requests) as self._client:
                yield
        finally:
            sweeper.cancel()

    async def root(self, _request: Request) -> Response:
        """Answer ``GET /``: what this server is."""
        return PlainTextResponse("The embedded server of lc-asym-router is running")

    async def version(self, _request: Request) -> Response:
        """Answer ``GET /api/version``."""
        return JSONResponse({"version": ollama_info.VERSION})

    async def tags(self, _request: Request) -> Response:
        """Answer ``GET /api/tags``."""
        return JSONResponse(ollama_info.tags(self._pool.models))

    async def show(self, request: Request) -> Response:
        """Answer ``POST /api/show``."""
        body = await self._body(request)
        return JSONResponse(
            ollama_info.model_info(self._find(body.get("model") or body.get("name")))
        )

    async def openai_models(self, _request: Request) -> Response:
        """Answer ``GET /v1/models``."""
        data = [
            {"id": model.name, "object": "model", "created": 0, "owned_by": "lc-asym-router"}
            for model in self._pool.models
        ]
        return JSONResponse({"object": "list", "data": data})

    async def chat(self, request: Request) -> Response:
        """Answer ``POST /api/chat``."""
        began_ns = time.perf_counter_ns()
        body = await self._body(request)
        model = self._find(body.get("model"))
        if body.get("tools") and not model.tools:
            raise BadRequest(f'"{model.name}" does not support tools')
        translated = to_openai(body)
        engine = await unless_gone(request, self._pool.engine(model))
        reply = Reply(body, began_ns=began_ns, load_ns=time.perf_counter_ns() - began_ns)
        if not translated["messages"]:
            return JSONResponse(reply.load_only(), media_type="application/x-ndjson")
        if not translated["stream"]:
            fold = await unless_gone(request, self._complete(engine, translated))
            return JSONResponse(reply.whole(fold.whole()))
        response = await unless_gone(request, open_completion(self._client, engine, translated))
        lines = _ndjson(engine, response, reply)
        return ClosingStream(lines, response, "application/x-ndjson")

    async def completions(self, request: Request) -> Response:
        """Answer ``POST /v1/chat/completions``.

        A stream passes through as it is, with one exception: where tools are offered, a call
        can only be told from text at the end, so that such a stream comes in one piece.
        """
        body = await self._body(request)
        model = self._find(body.get("model"))
        body = with_limit(body)
        stream_options = body.get("stream_options") or {}
        if not isinstance(stream_options, dict):
            raise BadRequest("stream_options must be an object")
        usage = bool(stream_options.get("include_usage"))
        offered = offered_names(body.get("tools"))
        engine = await unless_gone(request, self._pool.engine(model))
        if offered or not body.get("stream"):
            completion = (await unless_gone(request, self._complete(engine, body))).whole(offered)
            if not body.get("stream"):
                return JSONResponse(completion)
            chunks = [json.dumps(chunk) for chunk in unfold(completion, usage=usage)]
            text = "".join(f"data: {event}\n\n" for event in [*chunks, "[DONE]"])
            return Response(text, media_type="text/event-stream")
        response = await unless_gone(request, open_completion(self._client, engine, body))
        return ClosingStream(_raw(engine, response), response, "text/event-stream")

    async def _body(self, request: Request) -> dict[str, Any]:
        """Read the JSON object of a request, whatever content type the client claims."""
        return read_object(await request.body(), self._guard.limits.json_depth)

    async def _complete(self, engine: Engine, body: dict[str, Any]) -> Fold:
        body = {**body, "stream_options": {"include_usage": True}}
        return await folded(engine, await open_completion(self._client, engine, body))

    def _find(self, name: object) -> EmbeddedModel:
        if not name:
            raise BadRequest("model is required")
        model = self._pool.model(name)
        if model is None:
            raise NotFound(ollama_info.not_found(str(name), self._pool.models))
        return model


def with_limit(body: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAI body that limits the tokens to generate, by its own limit or ours."""
    if any(isinstance(body.get(name), int) and body[name] > 0 for name in _LIMITS):
        return body
    unlimited = {key: value for key, value in body.items() if key not in _LIMITS}
    return {**unlimited, "max_tokens": DEFAULT_MAX_TOKENS}


async def _ndjson(engine: Engine, response: httpx.Response, reply: Reply) -> AsyncIterator[bytes]:
    """Translate a stream; an error in its midst becomes its last line, as in Ollama."""
    try:
        async for event in sse_events(response):
            for line in reply.feed(event):
                yield _line(line)
        for line in reply.finish():
            yield _line(line)
    except UpstreamError as error:
        yield _line({"error": error.text})
    except httpx.TransportError as error:
        yield _line({"error": str(gone(engine, error))})


async def _raw(engine: Engine, response: httpx.Response) -> AsyncIterator[bytes]:
    """Pass a stream through; when llama.cpp dies in its midst, say so as OpenAI would."""
    try:
        async for piece in response.aiter_raw():
            yield piece
    except httpx.TransportError as error:
        failure = {"error": {"message": str(gone(engine, error)), "type": "server_error"}}
        yield b"data: " + json.dumps(failure).encode() + b"\n\n"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _guarded(handler: _Handler) -> _Handler:
    """Answer the errors of a handler in the form of its protocol."""

    async def guarded(request: Request) -> Response:
        path = request.url.path
        try:
            return await handler(request)
        except BadRequest as error:
            return error_response(path, 400, str(error))
        except NotFound as error:
            return error_response(path, 404, str(error), code="model_not_found")
        except UpstreamError as error:
            return error_response(path, error.status, error.text)
        except (EngineError, WeightsError, MissingExtraError) as error:
            return error_response(path, 500, str(error))
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it

    return guarded


def _no_route(request: Request, error: Exception) -> Response:
    """Answer a request for an unknown path or method."""
    assert isinstance(error, HTTPException)
    text = f"{error.detail}: this server has /api/chat, /api/show, /api/tags and /v1"
    return error_response(request.url.path, error.status_code, text, headers=error.headers)


def _unforeseen(request: Request, _error: Exception) -> Response:
    """Answer after an error of the server itself, without its details."""
    return error_response(request.url.path, 500, "the embedded server failed: please report it")
