"""A concurrency limit with a bounded queue, shared by threads and tasks."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from lc_asym_router._internal.deadline import CLOCK
from lc_asym_router.errors import AttemptTimeoutError, ConfigurationError, QueueFullError

POLL = 0.05
"""Seconds between two looks of a waiting thread at whether its reader is still there."""


class Slots:
    """A number of concurrent calls; waiting callers are served first come, first served.

    Args:
        limit: Maximum number of concurrent calls, at least 1.
        queue: Maximum number of waiting callers; `None` for no limit, 0 for none.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    def __init__(self, limit: int, queue: int | None = None) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigurationError(
                f"Tier(max_concurrency={limit!r}) is a whole number from 1 on; leave it out for no "
                "limit."
            )
        if queue is not None and (
            isinstance(queue, bool) or not isinstance(queue, int) or queue < 0
        ):
            raise ConfigurationError(
                f"Tier(max_queue={queue!r}) is a whole number from 0 on; leave it out for no limit."
            )
        self.limit = limit
        self.queue = queue
        self._lock = threading.Lock()
        self._free = limit
        self._waiting: deque[Future[None]] = deque()

    @property
    def busy(self) -> int:
        """Calls under way."""
        with self._lock:
            return self.limit - self._free

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        with self._lock:
            return len(self._waiting)

    def acquire(self, seconds: float | None = None, look: Callable[[], None] | None = None) -> None:
        """Take a slot, or wait for one.

        Args:
            seconds: How long to wait at most; `None` for as long as it takes.
            look: Called now and then while waiting; what it raises ends the wait.

        Raises:
            QueueFullError: Too many wait already.
            AttemptTimeoutError: None came free in time.
        """
        turn = self._join()
        if turn is None:
            return
        clock = CLOCK.get()
        until = None if seconds is None else clock.elapsed() + seconds
        try:
            while not clock.wait(
                turn, POLL if until is None else min(POLL, until - clock.elapsed())
            ):
                if look is not None:
                    look()
                if until is not None and clock.elapsed() >= until:
                    raise AttemptTimeoutError(seconds or 0.0, asked=False)
        except BaseException:
            self._leave(turn)
            raise

    async def aacquire(self, seconds: float | None = None) -> None:
        """The async twin of `acquire`; a cancelled waiter gives its place up."""
        turn = self._join()
        if turn is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(asyncio.wrap_future(turn))
        except TimeoutError:
            self._leave(turn)
            raise AttemptTimeoutError(seconds or 0.0, asked=False) from None
        except BaseException:
            self._leave(turn)
            raise

    def release(self) -> None:
        """Give a slot back: to the one that has waited longest, where anyone waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set_result(None)
            else:
                self._free += 1

    def _join(self) -> Future[None] | None:
        """Take a free slot at once (`None`), or a place in the queue."""
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                return None
            if self.queue is not None and len(self._waiting) >= self.queue:
                raise QueueFullError(self.limit, len(self._waiting))
            turn: Future[None] = Future()
            self._waiting.append(turn)
            return turn

    def _leave(self, turn: Future[None]) -> None:
        """Leave the queue; a slot that has been given meanwhile goes on to the next."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self.release()

    def __repr__(self) -> str:
        return f"Slots({self.busy}/{self.limit} busy, {self.waiting} waiting)"
