"""Requests byte by byte, as no client library sends them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from lc_asym_router.embedded import EmbeddedServer

# Long enough for a stalled machine: a test that waits so long has failed.
PATIENCE = 30.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def wait_for_sweeps(self, count: int = 3) -> None:
        """Wait until the server, with nothing else to do, has looked that often."""
        until = self.looks + count
        assert wait_until(lambda: self.looks >= until)


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def connect(server: EmbeddedServer) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)


def head(server: EmbeddedServer, line: str, *more: str, host: str = "127.0.0.1") -> bytes:
    """A request's head with the server's token."""
    fields = [f"Host: {host}", f"Authorization: {server.headers['Authorization']}", *more]
    return "\r\n".join([f"{line} HTTP/1.1", *fields, "", ""]).encode()


def receive(peer: socket.socket) -> bytes:
    """Read to the end of the connection, or nothing when it was reset."""
    received = b""
    try:
        while piece := peer.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def answer(peer: socket.socket) -> tuple[int, Any]:
    """Read one answer with a known length: its status and its JSON."""
    file = peer.makefile("rb")
    status = int(file.readline().split()[1])
    length = 0
    while field := file.readline().strip():
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, json.loads(file.read(length))


def words(path: str, error: Any) -> str:
    """The text of an error, which must be in the form of the path's protocol."""
    if path.startswith("/v1"):
        assert set(error["error"]) == {"message", "type", "param", "code"}
        return str(error["error"]["message"])
    assert set(error) == {"error"}
    assert isinstance(error["error"], str)
    return error["error"]
