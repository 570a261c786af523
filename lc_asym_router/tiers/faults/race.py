"""Race two calls for one result: the second starts if the first is late, the first good one wins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

GRACE = 0.05
"""Seconds for a loser that was told to stop: its run should end before the winner goes on, but the
winner is in a hurry."""


@dataclass
class Race(Generic[T]):
    """The result of a race.

    Attributes:
        results: The results of both calls, in order; `None` where one was stopped or never started.
        started: How many were started, 1 or 2.
        winner: 0 or 1; `None` where neither was good.
    """

    results: list[T | None] = field(default_factory=lambda: [None, None])
    started: int = 1
    winner: int | None = None


def race(
    calls: tuple[Callable[[], T], Callable[[], T]],
    after: float,
    good: Callable[[T], bool],
    stop: Callable[[int], None],
) -> Race[T]:
    """Run the first call, and the second concurrently if the first takes too long.

    Args:
        calls: Both calls, each run in a thread of its own with this context. Exceptions are raised.
        after: Seconds that the first has to itself.
        good: Whether a result wins; if the first is done in time but not good, the second is not
            started.
        stop: Called with 0 or 1 to end that call, whose result is no longer needed.
    """
    run = Race[T]()
    ended: SimpleQueue[tuple[int, T | None, BaseException | None]] = SimpleQueue()
    threads: list[threading.Thread] = []

    def start(number: int) -> None:
        def go() -> None:
            try:
                ended.put((number, calls[number](), None))
            except BaseException as error:  # handed to the waiting caller, whatever it is
                ended.put((number, None, error))

        name = f"lc-asym-router-hedge-{number}"
        thread = threading.Thread(target=copy_context().run, args=(go,), daemon=True, name=name)
        threads.append(thread)
        thread.start()

    pending = {0}
    start(0)
    try:
        while pending:
            try:
                number, result, error = ended.get(timeout=after if run.started == 1 else None)
            except Empty:
                run.started = 2
                pending.add(1)
                start(1)
                continue
            pending.discard(number)
            if error is not None:
                raise error
            run.results[number] = result
            if result is not None and good(result):
                run.winner = number
                break
        return run
    finally:
        for number in pending:
            stop(number)
        for number in pending:
            threads[number].join(GRACE)


async def arace(
    calls: tuple[Callable[[], Awaitable[T]], Callable[[], Awaitable[T]]],
    after: float,
    good: Callable[[T], bool],
) -> Race[T]:
    """The async twin of `race`; who is not waited for any more is cancelled."""
    run = Race[T]()

    async def go(number: int) -> T:
        return await calls[number]()

    tasks = [asyncio.create_task(go(0))]
    try:
        await asyncio.wait(tasks, timeout=after)
        if not tasks[0].done():
            run.started = 2
            tasks.append(asyncio.create_task(go(1)))
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for number, task in enumerate(tasks):
                if task in done:
                    run.results[number] = task.result()
                    if run.winner is None and good(task.result()):
                        run.winner = number
            if run.winner is not None:
                break
        return run
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
