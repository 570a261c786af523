"""Async work that is cancelled once, and then ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_ending: set[asyncio.Task[Any]] = set()
"""Tasks that nobody waits for any more: the event loop itself keeps but weak references."""


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; where the waiting is cancelled too, it ends by itself."""
    task.cancel()
    _ending.add(task)
    task.add_done_callback(_ended)
    await asyncio.wait({task})


def _ended(task: asyncio.Task[Any]) -> None:
    _ending.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that it is not logged as lost


def cancelled_once(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The function as a task of its own, which its caller's cancellation cancels once.

    An anyio scope (Starlette's streaming, an MCP server, a task group) cancels what it awaits again
    and again until it is gone. What closes a call's connection, and what books it, awaits too: it
    would be cancelled in its turn, and the call below would run to its end.
    """

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await function(*args, **kwargs)

    async def once(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(run(*args, **kwargs))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await cancel(task)
            raise
        return task.result()

    return once
