"""A connection pool for each event loop.

A provider's async client keeps its connections open for the next call. They belong to the event loop
that opened them: a call from another one (the next `asyncio.run`, a thread with a loop of its own)
fails on them, or waits for ever.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import (
    another_pool,
    async_transports,
    replace_pool,
    transport_pool,
)


class PoolPerLoop:
    """In a transport's place of its pool: a pool for each event loop, all with the same settings.

    Args:
        pool: The transport's own.
    """

    def __init__(self, pool: Any) -> None:
        self._settings = pool
        self._lock = threading.Lock()
        self._pools: dict[asyncio.AbstractEventLoop, Any] = {}

    @property
    def pool(self) -> Any:
        """The pool of the running loop. Those of loops that are closed go: nobody can close their
        connections in order, and what nobody refers to is closed by its socket's end."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._pools:
                self._pools = {each: p for each, p in self._pools.items() if not each.is_closed()}
                self._pools[loop] = another_pool(self._settings)
            return self._pools[loop]

    async def handle_async_request(self, request: Any) -> Any:
        """Ask over a connection of the running loop."""
        return await self.pool.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        await self.pool.aclose()

    async def __aenter__(self) -> PoolPerLoop:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_swapping = threading.Lock()


def connect_per_loop(model: BaseChatModel) -> None:
    """Let a model's async client be called from any event loop; done once for each client.

    What is known of no httpx client is as it was (Gemini's client keeps sessions by loop itself).
    """
    for transport in async_transports(model):
        if isinstance(transport_pool(transport), PoolPerLoop):
            continue
        with _swapping:
            pool = transport_pool(transport)
            if not isinstance(pool, PoolPerLoop) and another_pool(pool) is not None:
                replace_pool(transport, PoolPerLoop(pool))
