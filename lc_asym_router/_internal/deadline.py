"""Run other people's code with a time limit, and async code from sync code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def within(
    seconds: float | None, call: Callable[[], T], late: Callable[[], object] | None = None
) -> T:
    """Run `call`, and stop waiting for it after a time limit.

    A thread can't be killed: a late call continues in the background and its result is dropped. The
    thread is a daemon, so it does not delay the process's exit.

    Args:
        seconds: The limit in seconds; `None` for no limit, and no thread.
        call: The function to run.
        late: Called when the time is up, to make the call end; then it gets a moment to do so.

    Raises:
        TimeoutError: It took longer.
    """
    return call() if seconds is None else _in_thread(call, seconds, late)


def finished(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable from sync code, whether or not an event loop runs in this thread."""

    async def wait() -> T:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    return _in_thread(lambda: asyncio.run(wait()), None)


GRACE = 0.25
"""Seconds for a call that was told to end: its run should end before its caller goes on."""


def _in_thread(
    call: Callable[[], T], seconds: float | None, late: Callable[[], object] | None = None
) -> T:
    result: list[tuple[bool, T | BaseException]] = []
    context = copy_context()

    def run() -> None:
        try:
            result.append((True, context.run(call)))
        except BaseException as error:  # handed to the waiting caller, whatever it is
            result.append((False, error))

    thread = threading.Thread(target=run, daemon=True, name="lc-asym-router-deadline")
    thread.start()
    thread.join(seconds)
    if not result:
        if late is not None:
            late()
            thread.join(GRACE)
        raise TimeoutError(f"no answer within {seconds:g} s")
    done, value = result[0]
    if done:
        return value  # type: ignore[return-value]
    raise value  # type: ignore[misc]


async def awithin(seconds: float | None, call: Callable[[], Awaitable[T]]) -> T:
    """The async twin of `within`; a late call is cancelled.

    Raises:
        TimeoutError: It took longer.
    """
    if seconds is None:
        return await call()
    try:
        async with asyncio.timeout(seconds):
            return await call()
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error
