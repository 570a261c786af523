"""Many requests at once, as many as a level says: in threads, or in tasks.

`run`, `evaluate` and `Decomposer.map` all stand on these two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from queue import SimpleQueue
from typing import Any, TypeVar

from lc_asym_router._internal.imports import installed, needed
from lc_asym_router.batch.level import ConcurrencyLevel


class NoBar:
    """Shows no progress."""

    def update(self) -> None:
        """Count one more."""

    def set_postfix_str(self, text: str, *, refresh: bool) -> None:
        """Take a text that would stand behind the bar."""

    def close(self) -> None:
        """Do nothing."""


def progress_bar(total: int | None, unit: str, progress: bool | None, initial: int = 0) -> Any:
    """Return a progress bar on stderr.

    Args:
        total: How many there are, or `None` where that is not known.
        unit: What is counted.
        progress: Whether to show it; `None` shows it on a terminal, where tqdm is installed.
        initial: How many are done.

    Raises:
        ConfigurationError: It is to be shown, and tqdm is not installed.
    """
    if not progress and not installed("tqdm"):
        return NoBar()
    return needed("tqdm", "evals").tqdm(
        total=total,
        initial=initial,
        unit=unit,
        disable=None if progress is None else not progress,
    )


T = TypeVar("T")
R = TypeVar("R")

DRAIN = 60.0
"""Seconds that requests which are under way may still take when a run is cancelled."""
READ = 64
"""Rows that are read at once, off the event loop."""


def pump(
    rows: Iterator[T],
    ask: Callable[[T], R],
    ended: Callable[[R], None],
    level: ConcurrencyLevel,
    going: Callable[[], bool],
) -> None:
    """Ask rows in threads, until there are no more of them.

    Threads take half the processor time of tasks: an HTTP client's async half costs that much. What
    raises, or interrupts, starts nothing new; those that are under way are waited for.

    Args:
        rows: The rows, read no further than they are asked.
        ask: Asks one, in a thread with a copy of the caller's context variables.
        ended: Called with each result, in the caller's thread.
        level: How many run at once.
        going: Whether further rows may be asked.
    """
    context, done, under_way = copy_context(), SimpleQueue[Future[R]](), 0
    with ThreadPoolExecutor(level.most) as pool:
        while True:
            while going() and under_way < level.limit:
                taken = list(islice(rows, 1))
                if not taken:
                    break
                future = pool.submit(context.copy().run, ask, taken[0])
                future.add_done_callback(done.put)
                under_way += 1
            if not under_way:
                return
            ended(done.get().result())
            under_way -= 1


async def apump(
    rows: Iterator[T],
    ask: Callable[[T], Coroutine[Any, Any, R]],
    ended: Callable[[R], None],
    level: ConcurrencyLevel,
    going: Callable[[], bool],
) -> None:
    """The async twin of `pump`, in tasks; rows are read in a thread, `READ` at once.

    A cancelled run waits up to `DRAIN` seconds for those that are under way.
    """
    waiting: list[T] = []
    more = True
    under_way: set[asyncio.Task[R]] = set()
    try:
        while True:
            while going() and len(under_way) < level.limit:
                if not waiting and more:
                    waiting = await asyncio.to_thread(lambda: list(islice(rows, READ)))
                    more = bool(waiting)
                if not waiting:
                    break
                under_way.add(asyncio.create_task(ask(waiting.pop(0))))
            if not under_way:
                return
            finished, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                ended(task.result())
    except BaseException:
        await _drained(under_way)
        raise


async def _drained(under_way: set[asyncio.Task[Any]]) -> None:
    """Wait for running requests, which are being paid for; cancel what is late."""
    if under_way:
        ended, late = await asyncio.wait(under_way, timeout=DRAIN)
        for task in late:
            task.cancel()
        for task in ended:
            task.exception()  # looked at, so that asyncio does not report it as forgotten
