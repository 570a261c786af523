"""Refusals, each in the form of the protocol that was asked, wherever a request is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.embedded.loopback import AdmissionMiddleware
from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.http_streams import json_response
from lc_asym_router.gateway.protocols import WireProtocol
from lc_asym_router.gateway.protocols.messages import Messages
from lc_asym_router.gateway.protocols.openai_chat import OpenAIChat
from lc_asym_router.gateway.protocols.responses import Responses

needed("starlette", "gateway")

from starlette.datastructures import Headers  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.types import Scope  # noqa: E402

MESSAGES = Messages()
PROTOCOLS: tuple[WireProtocol, ...] = (OpenAIChat(), Responses(), MESSAGES)
"""The protocols that are served, each at its own path."""
ANTHROPIC = "anthropic-version"
"""The header that Anthropic's clients send with each request: it tells on paths of no protocol."""


def protocol_of(path: str, headers: Mapping[str, str]) -> WireProtocol:
    """The protocol in whose form a request is refused.

    Args:
        path: Its path in this application.
        headers: Its headers, with names in lower case.
    """
    of_others: WireProtocol = MESSAGES if ANTHROPIC in headers else PROTOCOLS[0]
    return next((p for p in PROTOCOLS if f"{path}/".startswith(f"{p.path}/")), of_others)


def refused(scope: Scope, error: GatewayError) -> Response:
    """The response to a request that is not answered."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    body = protocol_of(path, Headers(scope=scope)).error(error)
    return json_response(body, error.status, error.headers)


def refusal_bytes(path: str, status: int, text: str) -> bytes:
    """An error's JSON, where a connection is given up before there is a request.

    Args:
        path: The path that is asked, as far as it is known.
        status: The HTTP status.
        text: What is wrong, and what to do instead.
    """
    found = protocol_of(path.partition("?")[0], {}).error(GatewayError(status, text))
    return json.dumps(found).encode()


async def no_route(request: Request, error: Any) -> Response:
    """Answer what the application has no path or method for."""
    if error.status_code == 405:
        text = f"This path takes {(error.headers or {}).get('Allow', 'another method')} alone."
    elif request.url.path.endswith("/"):
        text = "There is no such path here: none has a slash at its end. Leave it out."
    else:
        text = "There is no such path here; see the guide's list of what is served."
    found = GatewayError(error.status_code, text, headers=dict(error.headers or {}))
    return refused(request.scope, found)


class GatewayAdmission(AdmissionMiddleware):
    """Refuses heads that are too large, and more requests than are served at once."""

    def _refused(
        self, scope: Scope, status: int, text: str, headers: Mapping[str, str]
    ) -> Response:
        return refused(scope, GatewayError(status, text, headers=dict(headers)))
