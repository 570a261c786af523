"""Close the connections of a sync call from another thread.

An async call is cancelled, which closes its connection. A sync one can't be: it is blocked in a
read. So while it runs under a time limit, its HTTP client's event hooks limit each read to the
remaining time, and keep a reference to the connection's socket, which is shut down when the time is
up.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import http_clients

LATER = 0.1
"""Seconds from a call's limit to the end of a wait in its HTTP client."""


class Connections:
    """The connections of one call.

    Args:
        seconds: How long the call may take.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[Any] = []
        self._up = False

    @contextmanager
    def open(self, model: BaseChatModel) -> Iterator[None]:
        """Track the connections that calls of the model open in this block, in this thread."""
        _hook(model)
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            with self._lock:
                self._sockets.clear()  # back in the pool, for others

    def close(self) -> None:
        """Close what is still open."""
        with self._lock:
            self._up = True
            for each in self._sockets:
                _shut(each)
            self._sockets.clear()

    @property
    def closed(self) -> bool:
        """Whether the connections were closed from outside."""
        return self._up

    def asking(self, request: Any) -> None:
        """A request is about to leave: bound each of its waits by the time that is left.

        And a little more, so that the call's own limit is what ends it: the waits' bound is for a
        connection that has no socket to shut down yet.
        """
        left = max(0.0, self._until - time.monotonic()) + LATER
        given = request.extensions.get("timeout") or {}
        bounded = {
            wait: min(left, given[wait]) if given.get(wait) is not None else left
            for wait in ("connect", "read", "write", "pool")
        }
        request.extensions = {**request.extensions, "timeout": bounded}

    def answered(self, response: Any) -> None:
        """A response's head has come; its body is still to be read."""
        stream = response.extensions.get("network_stream")
        found = stream.get_extra_info("socket") if stream is not None else None
        if found is None:
            return
        with self._lock:
            if self._up:
                _shut(found)
            else:
                self._sockets.append(found)


_current: ContextVar[Connections | None] = ContextVar("lc_asym_router_line", default=None)
_hooking = threading.Lock()


def _hook(model: BaseChatModel) -> None:
    """Install the hooks on the model's HTTP client, once; outside an `open` block they do nothing."""
    for client in http_clients(model):
        hooks = getattr(client, "event_hooks", None)
        if not isinstance(hooks, dict):
            continue
        with _hooking:
            if _asking not in hooks["request"]:
                hooks["request"].append(_asking)
                hooks["response"].append(_answered)


def _asking(request: Any) -> None:
    if connections := _current.get():
        connections.asking(request)


def _answered(response: Any) -> None:
    if connections := _current.get():
        connections.answered(response)


def _shut(found: Any) -> None:
    with contextlib.suppress(OSError):
        found.shutdown(socket.SHUT_RDWR)
