"""Limits on the connections of the embedded server: their number, and how long a client may stall.

uvicorn bounds the size of a head and the time between two requests. It does not bound how many
connections there are before their heads are complete, nor how long a head or a body may take,
nor how long an answer may stay unread; each connection is an open file of the user's process.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from math import ceil
from typing import Any, TypeVar

from lc_asym_router.embedded.api_errors import BUSY_SECONDS, error_bytes, needs_extra
from lc_asym_router.embedded.loopback import head_too_large
from lc_asym_router.embedded.request_limits import Limits

with needs_extra():
    import h11
    import uvicorn
    from starlette.requests import ClientDisconnect, Request
    from uvicorn.protocols.http.h11_impl import H11Protocol

_Result = TypeVar("_Result")

_SWEEP_SECONDS = 0.25
_START_BYTES = 64


class ConnectionGuard:
    """Tracks the open connections of one server; used from its event loop only."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        errors: Callable[[str, int, str], bytes] = error_bytes,
    ) -> None:
        """Begin with none.

        Args:
            limits: What is allowed.
            clock: Gives the time in seconds.
            errors: Writes an error's JSON, by the path that is asked, the status and the text.
        """
        self.limits = limits
        self.clock = clock
        self.errors = errors
        self._open: dict[LimitedProtocol, None] = {}  # in the order of their arrival

    def admit(self, new: LimitedProtocol) -> None:
        """Add a connection; at the limit, the oldest one that has yet to send a request is closed."""
        others = [each for each in self._open if not each.closing]
        self._open[new] = None
        if len(others) < self.limits.connections:
            return
        owing = [each for each in others if each.owes]
        # Who was served before comes last: half-sent heads must not push it out.
        oldest = min(owing, key=lambda each: (each.served, each.since), default=new)
        oldest.give_up(503, "too many connections are open: close some, then ask again")

    def release(self, gone: LimitedProtocol) -> None:
        """Remove a connection that was closed."""
        self._open.pop(gone, None)

    def sweep(self) -> None:
        """Close the connections whose clients have stalled for too long."""
        now = self.clock()
        for each in tuple(self._open):
            each.check(now)

    async def watch(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep()


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration for one embedded server."""

    def __init__(
        self, app: Any, guard: ConnectionGuard, *, graceful_seconds: int = 1, **settings: Any
    ) -> None:
        """Configure the server of `app`, whose connections `guard` bounds.

        Args:
            app: The application.
            guard: The connections.
            graceful_seconds: How long the end waits for requests in service, in seconds.
            **settings: Further ones of uvicorn's.
        """
        super().__init__(
            app,
            loop="asyncio",
            http=LimitedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=graceful_seconds,
            backlog=guard.limits.backlog,
            timeout_keep_alive=ceil(guard.limits.head_seconds),
            h11_max_incomplete_event_size=guard.limits.head_bytes,
            **settings,
        )
        self.guard = guard

    def configure_logging(self) -> None:
        """Leave the loggers alone: the user's own uvicorn shares them."""


class LimitedProtocol(H11Protocol):
    """One connection.

    Attributes:
        since: When it began to owe what it owes, by the guard's clock, in seconds.
        served: Whether a request of it was answered.
    """

    def __init__(self, config: LimitedConfig, *args: Any, **kwargs: Any) -> None:
        """Begin; uvicorn calls it with what its own class wants."""
        super().__init__(config, *args, **kwargs)
        self._guard = config.guard
        self.since = self._guard.clock()
        self.served = False
        self._phase = self.conn.their_state
        self._start = b""
        self._stalled_since: float | None = None

    @property
    def closing(self) -> bool:
        """Whether its end has begun."""
        return self.transport.is_closing()

    @property
    def owes(self) -> bool:
        """Whether the client has to send more before there is a request to serve."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it."""
        super().connection_made(transport)
        self._guard.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._guard.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and note what the client owes after them."""
        if self.conn.their_state is h11.IDLE:
            self._start = (self._start + data[:_START_BYTES])[:_START_BYTES]
        try:
            super().data_received(data)
        except ValueError:  # h11 reads a Content-Length of thousands of digits as an int
            self.send_400_response("")
        self._note_phase()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        self.served = True
        self._start = b""
        super().on_response_complete()
        self._note_phase()

    def pause_writing(self) -> None:
        """Note that the client leaves its answer unread."""
        self._stalled_since = self._guard.clock()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads on."""
        self._stalled_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that can't be read; uvicorn calls it where h11 raised."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        too_large = status == 431
        text = head_too_large(self._guard.limits) if too_large else "this is no valid HTTP request"
        self.give_up(status, text)

    def check(self, now: float) -> None:
        """Close the connection if its client has stalled for too long."""
        limits = self._guard.limits
        if self._stalled_since is not None:
            if now - self._stalled_since > limits.stalled_seconds:
                self.transport.abort()
        elif self.closing:
            return
        elif self._phase is h11.IDLE and now - self.since > limits.head_seconds:
            self.give_up(408, f"the head did not arrive within {limits.head_seconds:g} s")
        elif self._phase is h11.SEND_BODY and now - self.since > limits.body_seconds:
            self.give_up(408, f"the body did not arrive within {limits.body_seconds:g} s")

    def give_up(self, status: int, text: str) -> None:
        """Close it, with an answer where the client has begun a request that has none yet."""
        if self.closing:
            return
        silent = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        if not silent and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(status, text)
        self.transport.close()

    def _answer(self, status: int, text: str) -> None:
        body = self._guard.errors(self._path(), status, text)
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        if status == 503:
            headers.append(("retry-after", BUSY_SECONDS))
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")

    def _path(self) -> str:
        """Return the path of the request whose first bytes have arrived, as far as it is known."""
        parts = self._start.split(b" ")
        return parts[1].decode("latin-1") if len(parts) > 1 else ""

    def _note_phase(self) -> None:
        if self.conn.their_state is not self._phase:
            self._phase = self.conn.their_state
            self.since = self._guard.clock()


async def unless_gone(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run `work` to its end, or cancel it when the client of `request` disconnects first.

    Raises:
        ClientDisconnect: When the client disconnected.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        for each in (task, watch):
            each.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
