"""A gateway on a real port, in a thread, as its clients meet it."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Self

import uvicorn
from openai import AsyncOpenAI, OpenAI

from lc_asym_router.embedded.connection_limits import ConnectionGuard, LimitedConfig
from lc_asym_router.embedded.request_limits import Limits
from lc_asym_router.gateway.processes import watched_app
from lc_asym_router.gateway.refusals import refusal_bytes


class Served:
    """An application served on loopback until its block ends.

    Args:
        app: The application.
        limits: Of connections.
    """

    def __init__(self, app: Any, limits: Limits | None = None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        guard = ConnectionGuard(limits or Limits(), errors=refusal_bytes)
        self.server = uvicorn.Server(LimitedConfig(watched_app(app, guard), guard))
        self._thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            time.sleep(0.005)
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def client(self, **settings: Any) -> OpenAI:
        """OpenAI's own client, which asks once."""
        known = {"api_key": "any", "max_retries": 0, "timeout": 120}
        return OpenAI(base_url=f"{self.url}/v1", **(known | settings))

    def async_client(self, **settings: Any) -> AsyncOpenAI:
        """Its async twin."""
        known = {"api_key": "any", "max_retries": 0, "timeout": 120}
        return AsyncOpenAI(base_url=f"{self.url}/v1", **(known | settings))
