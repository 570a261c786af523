"""The page's routes: static files that hold no data, and the JSON that wants a key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from lc_asym_router._internal.deadline import STORES, Clock, off_loop
from lc_asym_router._internal.display import renderer
from lc_asym_router._internal.imports import needed
from lc_asym_router.gateway.access import Access, Caller
from lc_asym_router.gateway.http_errors import GatewayError, logged
from lc_asym_router.gateway.http_streams import json_response
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import TAG
from lc_asym_router.gateway.page.page_data import SPANS, decisions, overview, state
from lc_asym_router.gateway.routes import Routes
from lc_asym_router.money.budgets.budget import utc_now
from lc_asym_router.money.ledger.handler import Ledger

needed("starlette", "gateway")

from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import BaseRoute, Route  # noqa: E402

STATIC = Path(__file__).parent / "static"
FILES = {
    "/": ("index.html", "text/html"),
    "/page/page.css": ("page.css", "text/css"),
    "/page/page.js": ("page.js", "text/javascript"),
    "/page/draw.js": ("draw.js", "text/javascript"),
}
SECURITY = {
    # Nothing from elsewhere, nothing inline, no frame; the drawing comes as an image of our own.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
KEPT_SECONDS = 2.0
"""How long what was read is given to others who ask the same, in seconds."""
_KEPT = 64
MOST_DECISIONS = 200


class Page:
    """The page at `/` and its data at `/api/`.

    Args:
        routes: The routers.
        access: Who may ask: an admin sees everything, any other key what it asked itself.
        ledger: Where the figures are from; `None` for none.
        now: The time, in UTC.
        clock: The clock that what was read is kept by.
    """

    def __init__(
        self,
        routes: Routes,
        access: Access,
        ledger: Ledger | None,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Clock | None = None,
    ) -> None:
        self._routers = routes.routers
        self._access = access
        self._ledger = ledger
        self._now = now
        self._clock = clock or Clock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, Any]] = OrderedDict()
        self._reading = asyncio.Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes."""
        asked: dict[str, Callable[[Request, Caller], Awaitable[Response]]] = {
            "/api/overview": self.overview,
            "/api/decisions": self.decisions,
            "/api/state": self.state,
            "/api/keys": self.keys,
            "/api/drawing": self.drawing,
        }
        return [
            *(Route(path, _static(*file), methods=["GET"]) for path, file in FILES.items()),
            *(Route(path, self._for(answer), methods=["GET"]) for path, answer in asked.items()),
        ]

    def _for(
        self, answer: Callable[[Request, Caller], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def ask(request: Request) -> Response:
            try:
                response = await answer(request, await self._access.admit(request.headers, None, 0))
            except Exception as error:
                response = _refused(logged(error))
            response.headers.update({**SECURITY, "cache-control": "no-store"})
            return response

        return ask

    async def overview(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /api/overview?span=24h&key=NAME``: totals, and hours or days."""
        span, tag = request.query_params.get("span", "24h"), _tag(request, caller)
        if span not in SPANS:
            raise GatewayError(400, f"span: give one of {', '.join(SPANS)}.", param="span")
        ledger = self._ledger
        if ledger is None:
            return json_response({"ledger": False})
        found = await self._read(
            ("overview", span, tag), lambda: overview(ledger, span, self._now(), tag)
        )
        return json_response({"ledger": True, "admin": caller.admin, **found})

    async def decisions(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /api/decisions?limit=50&key=NAME``: the last requests, without texts."""
        given, tag = request.query_params.get("limit", "50"), _tag(request, caller)
        if (
            not given.isdecimal()
            or not 1 <= len(given) <= 3
            or not 1 <= int(given) <= MOST_DECISIONS
        ):
            raise GatewayError(400, f"limit: give 1 to {MOST_DECISIONS}.", param="limit")
        ledger, limit = self._ledger, int(given)
        if ledger is None:
            return json_response({"ledger": False, "decisions": []})
        found = await self._read(("decisions", limit, tag), lambda: decisions(ledger, limit, tag))
        return json_response({"ledger": True, "decisions": found})

    async def state(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /api/state``: tiers, breakers, budgets, audits; for an admin."""
        _admin(caller)
        return json_response(await self._read(("state",), lambda: state(self._routers)))

    async def keys(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /api/keys``: limits and what is used; all keys for an admin, else one's own."""
        if not isinstance(self._access, KeyAccess):
            return json_response({"keys": None})
        tag = _tag(request, caller)
        name = None if tag is None else tag.removeprefix(TAG)
        return json_response({"keys": await self._access.report(name)})

    async def drawing(self, request: Request, caller: Caller) -> Response:
        """Answer ``GET /api/drawing?router=auto``: the router's graph as SVG; for an admin."""
        _admin(caller)
        name = request.query_params.get("router", "auto")
        router = self._routers.get(name)
        if router is None:
            there = ", ".join(self._routers)
            raise GatewayError(404, f"There is no router of this name; there are {there}.")
        draw = renderer("router_svg")
        text = await self._read(("drawing", name), lambda: draw(router.policy))
        return Response(text, media_type="image/svg+xml")

    async def _read(self, key: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        """What a database says, in a thread; one question at a time, so that a page that many look at
        takes little from who asks models."""
        async with self._reading:
            until, found = self._kept.get(key, (0.0, None))
            now = self._clock.elapsed()
            if found is None or not now < until:
                found = await off_loop(read, threads=STORES)
                self._kept[key] = (self._clock.elapsed() + KEPT_SECONDS, found)
                self._kept.move_to_end(key)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return found


def _static(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = (STATIC / name).read_bytes()
    headers = {**SECURITY, "cache-control": "no-cache"}

    async def answer(request: Request) -> Response:
        return Response(content, headers=headers, media_type=kind)

    return answer


def _refused(error: GatewayError) -> Response:
    body = {"error": {"message": error.message, "code": error.code, "param": error.param}}
    return json_response(body, error.status, error.headers)


def _admin(caller: Caller) -> None:
    if not caller.admin:
        raise GatewayError(
            403,
            "Only an admin key sees this (lc-asym-router keys add NAME --admin).",
            code="forbidden",
        )


def _tag(request: Request, caller: Caller) -> str | None:
    """The tag of the requests that are wanted and may be seen; `None` for all of them.

    Raises:
        GatewayError: They are another key's.
    """
    name = request.query_params.get("key")
    if caller.admin:
        return None if name is None else f"{TAG}{name}"
    if name not in (None, caller.name):
        raise GatewayError(403, "A key sees only what it asked itself.", code="forbidden")
    return f"{TAG}{caller.name}"
