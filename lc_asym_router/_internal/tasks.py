"""Async work that is cancelled once, and then ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextvars import copy_context
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


_OVER: Any = object()


async def stepped(stream: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """The stream, each step of it in a task, which its reader's cancellation cancels once.

    What `cancelled_once` is for a function: a stream's own end awaits too, and an anyio scope would
    cancel it before it has ended what it began.
    """
    context = copy_context()  # one for all steps: what one sets in it, another resets

    async def following() -> T:
        return await anext(stream, _OVER)

    closing = True
    try:
        while True:
            task = asyncio.create_task(following(), context=context)
            closing = False
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                await cancel(task)
                raise
            if (item := task.result()) is _OVER:
                return
            closing = True
            yield item
    finally:
        if closing:  # its reader has gone between two steps
            end = asyncio.create_task(stream.aclose(), context=context)
            try:
                await asyncio.wait({end})
            except asyncio.CancelledError:
                _ending.add(end)
                end.add_done_callback(_ended)
                raise
            end.result()
