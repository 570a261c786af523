"""The way in to a tier: past its breaker and its queue, and out again."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import AttemptTimeoutError
from lc_asym_router.tiers.faults.breaker import Breaker, Permit
from lc_asym_router.tiers.faults.concurrency import Slots
from lc_asym_router.tiers.faults.error_kinds import shows_it_down

KEPT = 256
"""Calls whose time is remembered."""
ENOUGH = 20
"""Calls under which a 95th percentile says nothing."""


@dataclass(frozen=True)
class Guard:
    """What stands before a tier, for all requests of the process.

    Attributes:
        breaker: Its breaker, or `None`.
        slots: Its limit on calls at once, or `None`.
        seconds: How long its latest good calls took.
    """

    breaker: Breaker | None
    slots: Slots | None
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT), compare=False)

    @property
    def p95(self) -> float | None:
        """95 of 100 of its latest good calls took no longer, in seconds; `None` under 20 calls."""
        taken = sorted(self.seconds)
        return taken[math.ceil(0.95 * len(taken)) - 1] if len(taken) >= ENOUGH else None

    @contextmanager
    def entered(
        self, seconds: float | None, last: bool, look: Callable[[], None] | None = None
    ) -> Iterator[Permit]:
        """Go in to make one call, and tell the permit how it went.

        Args:
            seconds: Time left for waiting; `None` for any.
            last: Whether no other tier is left to ask.
            look: Called now and then while waiting; what it raises ends the wait.

        Raises:
            CircuitOpenError: The breaker is open.
            QueueFullError: Too many wait already.
            AttemptTimeoutError: There is no time left, or no slot came free in it.
        """
        self._in_time(seconds, last)
        if self.slots is not None:
            self.slots.acquire(seconds, look)
        try:
            with permitted(self.breaker, last=last) as permit:
                yield permit
        finally:
            if self.slots is not None:
                self.slots.release()

    @asynccontextmanager
    async def aentered(self, seconds: float | None, last: bool) -> AsyncIterator[Permit]:
        """The async twin of `entered`."""
        self._in_time(seconds, last)
        if self.slots is not None:
            await self.slots.aacquire(seconds)
        try:
            with permitted(self.breaker, last=last) as permit:
                yield permit
        finally:
            if self.slots is not None:
                self.slots.release()

    def _in_time(self, seconds: float | None, last: bool) -> None:
        """Refuse at once what would be refused after the wait."""
        if seconds is not None and seconds <= 0:
            raise AttemptTimeoutError(0.0, asked=False)
        if self.breaker is not None:
            self.breaker.refuse(last=last)


@contextmanager
def permitted(breaker: Breaker | None, *, last: bool = False) -> Iterator[Permit]:
    """Make a call in this block if the breaker lets it; an exception that leaves it is judged.

    Raises:
        CircuitOpenError: It is open.
    """
    permit = breaker.enter(last=last) if breaker is not None else Permit(None)
    try:
        yield permit
        permit.settle(True)  # where nothing was said in the block
    except Exception as error:
        permit.settle(False if shows_it_down(error) else None, describe_error(error))
        raise
    finally:
        permit.settle(None)  # left half-way
