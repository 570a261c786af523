"""Access control of the embedded server: loopback host names, no foreign web page, and its own token.

The port is open to every program on the machine, and a web page can make a browser send requests to
it: directly, or by a host name of its own that resolves to 127.0.0.1 (DNS rebinding). So a request
must name a loopback host, come from no foreign page, and carry the token; all of that is checked
before a byte of its body is read.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from lc_asym_router.embedded.api_errors import BUSY_SECONDS, error_response, needs_extra
from lc_asym_router.embedded.request_limits import Limits

with needs_extra():
    from starlette.datastructures import Headers
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_CLOSING = {"Connection": "close"}
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})
# A client that is refused while it sends may lose the answer; a short body is let in first.
_DRAINED_BYTES = 64 * 2**10

_NO_TOKEN = (
    "this server takes requests with its own token only: make the client with embedded_small() "
    "or embedded_frontier(), or send the headers in EmbeddedServer.headers"
)
_FOREIGN_HOST = "this server answers to loopback names only: use 127.0.0.1, localhost or [::1]"
_FOREIGN_ORIGIN = "this server takes no requests from web pages of other hosts"


def head_too_large(limits: Limits) -> str:
    """Say what is wrong with a head."""
    return f"the head of the request is over {limits.head_bytes} bytes: send fewer headers"


class AdmissionMiddleware:
    """Passes requests on, or answers them with the reason why not, in their protocol's error format.

    Args:
        app: The application.
        limits: Of heads, and of requests in service.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._serving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _drain(headers, receive)
            await refusal(scope, receive, send)
            return
        self._serving += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._serving -= 1

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the response to a request that is rejected; `None` where it may pass."""
        # uvicorn looks at the size of heads that come in pieces, not of one that came at once.
        if head_bytes(scope) > self._limits.head_bytes:
            return self._refused(scope, 431, head_too_large(self._limits), _CLOSING)
        if (refusal := self._unwanted(scope["path"], headers)) is not None:
            return refusal
        if self._serving >= self._limits.requests:
            text = (
                f"{self._serving} requests are being served: wait for some to end, then ask again"
            )
            return self._refused(scope, 503, text, {**_CLOSING, "Retry-After": BUSY_SECONDS})
        return None

    def _refused(
        self, scope: Scope, status: int, text: str, headers: Mapping[str, str]
    ) -> Response:
        """Return a rejection in the form of the protocol that the request speaks."""
        return error_response(scope["path"], status, text, headers=headers)

    def _unwanted(self, path: str, headers: Headers) -> Response | None:
        """Return the response to a request that is not wanted for what its head says."""
        return None


class AccessMiddleware(AdmissionMiddleware):
    """Lets in what comes from this machine with the server's token, in one piece.

    Args:
        app: The application.
        token: What ``Authorization: Bearer ...`` must hold.
        host: The address that the server listens on.
        limits: Of heads and bodies, and of requests in service.
    """

    def __init__(self, app: ASGIApp, *, token: str, host: str, limits: Limits) -> None:
        super().__init__(app, limits=limits)
        self._token = token.encode()
        self._host = host.lower()

    def _unwanted(self, path: str, headers: Headers) -> Response | None:
        if not names_server(host_name(headers.get("host", "")), self._host):
            return error_response(path, 403, _FOREIGN_HOST, headers=_CLOSING)
        if not all(
            names_server(origin_name(each), self._host) for each in headers.getlist("origin")
        ):
            return error_response(path, 403, _FOREIGN_ORIGIN, headers=_CLOSING)
        if not self._has_token(headers.get("authorization", "")):
            asking = {**_CLOSING, "WWW-Authenticate": "Bearer"}
            return error_response(path, 401, _NO_TOKEN, code="invalid_api_key", headers=asking)
        if "transfer-encoding" in headers:
            text = "send the body in one piece, with its Content-Length"
            return error_response(path, 411, text, headers=_CLOSING)
        if int(headers.get("content-length", 0)) > self._limits.body_bytes:
            text = f"the body is over {self._limits.body_bytes} bytes: send fewer messages"
            return error_response(path, 413, text, headers=_CLOSING)
        return None

    def _has_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        # A comparison that ends at the first difference would tell how much was guessed right.
        same = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        return same and scheme.lower() == "bearer"


def head_bytes(scope: Scope) -> int:
    """The size of a request's head, but for the method and the version."""
    target = len(scope["raw_path"]) + len(scope["query_string"])
    return target + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


def names_server(name: str | None, host: str) -> bool:
    """Whether a host name is one that no other web page can use for itself.

    Args:
        name: The name, lower-case; `None` for none.
        host: The address that the server listens on.
    """
    if name is None:
        return False
    if name in ("localhost", host):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    # On every address there are names that we can't know; but rebinding needs a name.
    if host in _WILDCARDS:
        return True
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def host_name(header: str) -> str | None:
    """Read the name in a ``Host`` header, lower-case, or `None` when it holds none."""
    if any(each in header for each in "/@?#\\ \t,"):
        return None
    return _name(f"//{header}")


def origin_name(header: str) -> str | None:
    """Read the name of the host in an ``Origin`` header; ``null`` has none."""
    return _name(header) if header.startswith(("http://", "https://")) else None


def _name(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        _ = parts.port  # looked at for its error alone
        name = parts.hostname
    except ValueError:
        return None
    return (name.removesuffix(".") or None) if name else None


async def _drain(headers: Headers, receive: Receive) -> None:
    """Read a short body to its end; a client that asks first whether to send it sends none."""
    if "transfer-encoding" in headers or "expect" in headers:
        return
    if int(headers.get("content-length", 0)) > _DRAINED_BYTES:
        return
    while (message := await receive())["type"] == "http.request":
        if not message.get("more_body"):
            return
