"""A clock that stands still while anybody works, and jumps where everybody waits.

It is handed in with `CLOCK`; an event loop goes by it too. Nothing in a test with it goes by the wall
clock: only how long nobody has moved before it jumps does.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from lc_asym_router._internal.deadline import CLOCK, Clock

TICK = 0.002
QUIET = 60
"""Ticks in which nothing has come before it is taken that nothing will."""
START = 1_800_000_000.0


class VirtualClock(Clock):
    """Jumps to the first moment at which somebody's wait is over."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.over = threading.Event()
        self._until: dict[object, float] = {}
        self._lock = threading.Lock()

    def now(self) -> float:
        return START + self.seconds

    def elapsed(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.wait_for(lambda: False, seconds)

    def wait(self, result: Future[Any], seconds: float) -> bool:
        return self.wait_for(result.done, seconds)

    def wait_for(self, done: Callable[[], Any], seconds: float) -> bool:
        """Wait until it is done, or so many seconds have passed here."""
        key, until, quiet, over = object(), self.seconds + max(0.0, seconds), 0, self.over
        with self._lock:
            self._until[key] = until
        try:
            while not done() and self.seconds < until and not over.is_set():
                time.sleep(TICK)
                quiet += 1
                if quiet >= QUIET:
                    self.jump()
                    quiet = 0
        finally:
            with self._lock:
                del self._until[key]
        return bool(done())

    def jump(self) -> None:
        with self._lock:
            if self._until:
                self.seconds = max(self.seconds, min(self._until.values()))

    def hang(self) -> None:
        """Block this thread until the test is over."""
        over = self.over
        over.wait()

    def compute(self) -> None:
        """Compute until the test is over, as code does that never lets go of its thread."""
        over = self.over
        while not over.is_set():
            sum(range(2_000))


class VirtualSelector(selectors.DefaultSelector):
    """Waits for sockets and threads in earnest, and lets the clock jump over what is left."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        found: list[Any] = []

        def come() -> bool:
            found.extend(super(VirtualSelector, self).select(0))
            return bool(found)

        if timeout is None:
            return super().select(TICK)
        self.clock.wait_for(come, timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        super().__init__(VirtualSelector(clock))

    def time(self) -> float:
        return self.clock.elapsed()


@contextmanager
def virtual_time(clock: VirtualClock) -> Iterator[VirtualClock]:
    """Go by a clock of one's own in this block; what hangs or computes at its end is let go."""
    clock.over = threading.Event()
    mark = CLOCK.set(clock)
    try:
        yield clock
    finally:
        clock.over.set()
        CLOCK.reset(mark)
