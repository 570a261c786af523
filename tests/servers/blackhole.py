"""A machine that is off: its address takes no connection and refuses none."""

from __future__ import annotations

import contextlib
import socket
from typing import Self


class BlackHole:
    """An address on loopback that nobody can connect to; a try lasts until its time-out.

    Linux drops a connection's first packet where the listener's queue is full.
    """

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = int(self._listener.getsockname()[1])
        self._filling = [self._fill() for _ in range(4)]

    def _fill(self) -> socket.socket:
        each = socket.socket()
        each.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            each.connect(("127.0.0.1", self.port))
        return each

    @property
    def url(self) -> str:
        """Where nobody answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """The same with the prefix of OpenAI's API."""
        return f"{self.url}/v1"

    def stop(self) -> None:
        """Free the address."""
        for each in (*self._filling, self._listener):
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
