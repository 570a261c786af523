"""A stranger's requests, byte by byte: each gets an answer or is closed, and the server goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lc_asym_router.embedded import EmbeddedServer, Limits
from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.embedded.ollama_api import to_openai

from .raw import answer, connect, head, receive

CLOSE = "Connection: close"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(["smollm2:135m"], limits=Limits(connections=16, body_bytes=5000)) as made:
        yield made


def said(server: EmbeddedServer, request: bytes) -> bytes:
    with connect(server) as peer:
        peer.sendall(request)
        return receive(peer)


def serves(server: EmbeddedServer) -> bool:
    return httpx.get(f"{server.url}/api/version", headers=server.headers).status_code == 200


WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
REQUESTS: dict[str, tuple[str, tuple[str, ...], bytes, set[int]]] = {
    "absolute": ("GET http://evil.example/api/tags", (CLOSE,), b"", {404}),
    "connect": ("CONNECT evil.example:80", (CLOSE,), b"", {404}),
    "asterisk": ("OPTIONS *", (CLOSE,), b"", {404}),
    "dots": ("GET /api/../../etc/passwd", (CLOSE,), b"", {404}),
    "escaped dots": ("GET /%2e%2e/%2e%2e/etc/passwd", (CLOSE,), b"", {404}),
    "escaped slash": ("GET /api%2ftags%2f..", (CLOSE,), b"", {404}),
    "null": ("GET /api/%00tags", (CLOSE,), b"", {404}),
    "no UTF-8": ("GET /api/%ff%fe%zz", (CLOSE,), b"", {404}),
    "two slashes": ("GET //evil.example/api/tags", (CLOSE,), b"", {404}),
    "redirect": ("GET //evil.example//", (CLOSE,), b"", {404}),
    "parameters": ("GET /api/tags;x=1?y=%0d%0aSet-Cookie:a", (CLOSE,), b"", {404}),
    "trace": ("TRACE /api/tags", (CLOSE,), b"", {405}),
    "lower case": ("get /api/tags", (CLOSE,), b"", {405}),
    "both lengths": ("POST /api/chat", (CHUNKED, "Content-Length: 5", CLOSE), b"0\r\n\r\n", {411}),
    "chunk size": ("POST /api/chat", (CHUNKED,), b"zz\r\n{}\r\n0\r\n\r\n", {400, 411}),
    "chunk under 0": ("POST /api/chat", (CHUNKED,), b"-1\r\n{}\r\n0\r\n\r\n", {400, 411}),
    "chunk over all": ("POST /api/chat", (CHUNKED,), b"f" * 20 + b"\r\n{}", {400, 411}),
    "coded": ("POST /api/chat", ("Transfer-Encoding: gzip, chunked",), b"0\r\n\r\n", {411, 501}),
    "length under 0": ("POST /api/chat", ("Content-Length: -5",), b"{}", {400}),
    "length with a sign": ("POST /api/chat", ("Content-Length: +2",), b"{}", {400}),
    "two lengths": ("POST /api/chat", ("Content-Length: 2", "Content-Length: 3"), b"{}x", {400}),
    "packed": (
        "POST /api/chat",
        ("Content-Encoding: gzip", "Content-Length: 4", CLOSE),
        b"\x1f\x8b\x08\x00",
        {400},
    ),
    "spaced name": ("GET /api/tags", ("Host : evil.example", CLOSE), b"", {400}),
    "many heads": ("GET /api/tags", tuple(f"X-{n}: a" for n in range(3000)), b"", {431}),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_that_no_client_sends(server: EmbeddedServer, case: str) -> None:
    line, fields, body, statuses = REQUESTS[case]
    heard = said(server, head(server, line, *fields) + body)
    assert int(heard.split()[1]) in statuses
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"evil.example" not in heard
    assert b"Traceback" not in heard
    assert serves(server)


def test_no_websocket(server: EmbeddedServer) -> None:
    with connect(server) as peer:
        peer.sendall(head(server, "GET /api/chat", *WEBSOCKET))
        assert answer(peer)[0] == 405
    assert serves(server)


def test_half_closed(server: EmbeddedServer) -> None:
    """The one who asks says nothing more: a whole request is answered, half a one is closed."""
    for request, status in (
        (head(server, "GET /api/version"), b"200"),
        (head(server, "POST /api/chat", "Content-Length: 100") + b'{"mo', b""),
    ):
        with connect(server) as peer:
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
            heard = receive(peer)
            assert heard.split()[1] == status if status else heard == b""
    assert serves(server)


def test_pipelined_requests_are_each_answered(server: EmbeddedServer) -> None:
    asked = head(server, "GET /api/version") * 40 + head(server, "GET /api/version", CLOSE)
    assert said(server, asked).count(b"HTTP/1.1 200") == 41


@pytest.mark.full
def test_hundreds_of_connections(server: EmbeddedServer) -> None:
    peers = []
    try:
        for _ in range(300):
            peers.append(connect(server))
            peers[-1].sendall(b"GET / HT")
        assert serves(server)
    finally:
        for each in peers:
            each.close()


NUMBERS: list[Any] = [-1, 0, 10**400, -(10**30), 2**63, 0.5, 1e308, -0.0, True, "7", [], {}, None]


@pytest.mark.parametrize(
    "name", ["num_predict", "num_ctx", "temperature", "top_p", "top_k", "seed", "stop", "no_such"]
)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: repr(number)[:12])
def test_any_number_in_the_options_is_a_value_or_a_bad_request(name: str, number: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "options": {name: number}}
    try:
        asked = to_openai(body)
    except BadRequest:
        return
    assert json.loads(json.dumps(asked, allow_nan=False)) == asked
