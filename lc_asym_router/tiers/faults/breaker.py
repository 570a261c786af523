"""The circuit breaker, which stops calls to a tier that is down, and the guard that uses it.

Nygard, "Release It!" (2007). None of the kept libraries (pybreaker, purgatory, aiobreaker) has one
state for sync and async callers, so the state machine is our own.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from typing import Literal, Self

from lc_asym_router._internal.deadline import bounded
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import AttemptTimeoutError, CircuitOpenError, ConfigurationError
from lc_asym_router.tiers.faults.concurrency import Slots
from lc_asym_router.tiers.faults.error_kinds import indicates_outage, may_be_the_requests
from lc_asym_router.tiers.faults.notices import Notices

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after a number of failures in a row, and lets one probe through after a cooldown.

    Threads, tasks and tiers may share one object. Only failures of the tier itself count (no
    connection, timeouts, 5xx, a wrong key, a missing model), not those of a request (400) or of a
    busy server (429).

    A 500 may be the fault of what was asked. So of one caller's requests that end in such errors only
    one counts for everybody: where `failures` in a row were fewer callers' than that, it is open for
    those alone, and another caller's request is let through. If that goes well, it closes.

    Args:
        failures: Number of failures in a row that open it, at least 1.
        cooldown: Seconds after which a probe is let through.
        last_resort: Whether it lets a call through even while open, if no other tier can be asked: then
            requests succeed as soon as the last tier recovers. `False` fails fast there too.
        on_change: Called with the breaker after each change of its state, one call after the other in
            a thread of its own: no request waits for it. What it raises is logged.
        clock: Returns the time in seconds, monotonic.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    def __init__(
        self,
        failures: int = 5,
        cooldown: float = 30.0,
        *,
        last_resort: bool = True,
        on_change: Callable[[Breaker], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(failures, bool) or not isinstance(failures, int) or failures < 1:
            raise ConfigurationError(f"Breaker(failures={failures!r}) is a whole number from 1 on.")
        number = isinstance(cooldown, int | float) and not isinstance(cooldown, bool)
        if not (number and cooldown > 0):
            raise ConfigurationError(f"Breaker(cooldown={cooldown!r}) is a time over 0 seconds.")
        self.failures = failures
        self.cooldown = bounded(cooldown)
        self.last_resort = last_resort
        who = "Breaker(on_change=...)"
        self._notices = Notices(who, lambda: on_change(self)) if on_change is not None else None
        self._clock = clock
        self._lock = threading.Lock()
        self._epoch = 0  # of the state; what began in an earlier one says nothing of this one
        self._failed = 0  # in a row, as are the next two
        self._down = 0  # of them, those that were nobody's request's fault
        self._callers: set[str] = set()  # whose requests the others were
        self._opened: float | None = None
        self._probing = False
        self._why = ""

    @property
    def state(self) -> State:
        """ "closed", "open" (for some callers, or all), or "half_open" once a probe may go through or
        is under way."""
        with self._lock:
            return self._state()

    @property
    def opens_in(self) -> float:
        """Seconds until a probe is let through; 0 where it is not open."""
        with self._lock:
            return self._left()

    @property
    def at_rest(self) -> bool:
        """Whether it is closed, and the latest call succeeded."""
        with self._lock:
            return self._opened is None and not self._failed

    def reset(self) -> None:
        """Close it, regardless of earlier failures."""
        with self._lock:
            changed = self._opened is not None
            self._close()
        if changed:
            self._changed()

    def enter(self, *, last: bool = False, caller: CallerId | None = None) -> Permit:
        """Ask to make a call.

        Args:
            last: Whether no other tier is left to ask.
            caller: Whose request it is, where that is known; asked for where it matters.

        Raises:
            CircuitOpenError: It is open, or a probe is under way.
        """
        with self._lock:
            if self._opened is None:
                return Permit(self, self._epoch, probe=False, caller=caller)
            if last and self.last_resort:
                return Permit(self, self._epoch, probe=True, caller=caller)
            if self._lets(caller):
                return Permit(self, self._epoch, probe=False, caller=caller)
            if self._probing or self._left() > 0:
                raise CircuitOpenError(self._left(), self._why)
            self._probing = True
            return Permit(self, self._epoch, probe=True, caller=caller)

    def refuse(self, *, last: bool = False, caller: CallerId | None = None) -> None:
        """Raise what `enter` would raise now. It takes no probe's place.

        Raises:
            CircuitOpenError: See `enter`.
        """
        with self._lock:
            passing = self._opened is None or (last and self.last_resort) or self._lets(caller)
            if not passing and (self._probing or self._left() > 0):
                raise CircuitOpenError(self._left(), self._why)

    def _lets(self, caller: CallerId | None) -> bool:
        """Whether it is open for others alone."""
        return caller is not None and not self._for_all() and caller() not in self._callers

    def _for_all(self) -> bool:
        """Whether the failures in a row speak of the tier: `failures` callers', or more than one's."""
        weight = self._down + len(self._callers)
        return weight >= self.failures and (self._down > 0 or weight > 1)

    def _settle(self, permit: Permit, succeeded: bool | None, why: str, caller: str | None) -> None:
        with self._lock:
            if permit.epoch != self._epoch:
                return
            before = self._opened is not None
            if permit.probe:
                self._probing = False
            if succeeded:
                if before:
                    self._close()
                self._forget()
            elif succeeded is False:
                self._failed += 1
                self._why = why
                if caller is None:
                    self._down += 1
                else:
                    self._callers.add(caller)
                another = before and not permit.probe  # whose request it was not open for
                if self._for_all() if another else permit.probe or self._failed >= self.failures:
                    self._epoch += 1
                    self._opened = self._clock()
            changed = before != (self._opened is not None)
        if changed:
            self._changed()

    def _close(self) -> None:
        self._epoch += 1
        self._opened, self._probing = None, False
        self._forget()

    def _forget(self) -> None:
        self._failed, self._down = 0, 0
        self._callers.clear()

    def _left(self) -> float:
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self.cooldown - self._clock())

    def _state(self) -> State:
        if self._opened is None:
            return "closed"
        return "open" if self._left() > 0 else "half_open"

    def _changed(self) -> None:
        if self._notices is not None:
            self._notices.add()

    def __repr__(self) -> str:
        return f"Breaker({self.state}, failures={self.failures}, cooldown={self.cooldown:g})"


CallerId = Callable[[], str]
"""Says whose request a call is made for, in a few characters."""


class Permit:
    """Permission to make one call, in its block; its result is reported once, later reports are
    ignored. An exception that leaves the block is judged.
    """

    def __init__(
        self,
        breaker: Breaker | None,
        epoch: int = 0,
        *,
        probe: bool = False,
        caller: CallerId | None = None,
    ) -> None:
        self.epoch = epoch
        self.probe = probe
        self._breaker = breaker
        self._caller = caller

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.settle(True)  # where nothing was said in the block
        elif isinstance(error, Exception):
            down = False if indicates_outage(error) else None
            self.settle(down, describe_error(error), at_fault(error, self._caller))
        else:
            self.settle(None)  # left half-way

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.__exit__(kind, error, trace)

    def settle(self, succeeded: bool | None, why: str = "", caller: str | None = None) -> None:
        """The call has gone well (`True`), has shown the tier down (`False`), or says nothing.

        Args:
            succeeded: Which of these.
            why: What failed, in one line without anybody's text, for who is not let in then.
            caller: Whose request may be at fault itself; `None` where the tier is.
        """
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker._settle(self, succeeded, why, caller)


def at_fault(error: BaseException, caller: CallerId | None) -> str | None:
    """Whose request may have brought a failure about; `None` where that is the tier's own."""
    return caller() if caller is not None and may_be_the_requests(error) else None


# the guard before a tier --------------------------------------------------------------------

TIMES = 256
"""Calls whose time is remembered."""
ENOUGH = 20
"""Calls under which a 95th percentile, or the greatest length, says nothing."""
BRIEF, LONG = 64, 1 << 20
"""Output tokens of an answer that is too short to be worth ending early, and of one that is not."""


@dataclass(frozen=True)
class Guard:
    """Admits the process's calls to a tier: its breaker and its queue.

    Attributes:
        breaker: The breaker, or `None`.
        slots: The concurrency limit, or `None`.
        seconds: Durations of the latest successful calls, in seconds.
        lengths: Output tokens of the latest answers, as far back as `ENOUGH`; `LONG` where one was
            ended early, or nobody knows.
    """

    breaker: Breaker | None
    slots: Slots | None
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES), compare=False)
    lengths: deque[int] = field(default_factory=lambda: deque(maxlen=ENOUGH), compare=False)

    @property
    def p95(self) -> float | None:
        """The 95th percentile of the latest successful calls' durations, in seconds; `None` under
        20 calls.
        """
        taken = sorted(self.seconds)
        return taken[math.ceil(0.95 * len(taken)) - 1] if len(taken) >= ENOUGH else None

    def entered(
        self,
        seconds: float | None,
        last: bool,
        look: Callable[[], None] | None = None,
        caller: CallerId | None = None,
    ) -> AbstractContextManager[Permit]:
        """Wait to be admitted, make one call in this block, and report its result to the permit.

        Args:
            seconds: Time left for waiting; `None` for any.
            last: Whether no other tier is left to ask.
            look: Called now and then while waiting; what it raises ends the wait.
            caller: Says whose request it is.

        Raises:
            CircuitOpenError: The breaker is open.
            QueueFullError: Too many calls wait already.
            AttemptTimeoutError: There is no time, or no slot became free in it.
        """
        self._in_time(seconds, last, caller)
        if self.slots is None:
            return permitted(self.breaker, last=last, caller=caller)
        return self._in_slot(self.slots, seconds, last, look, caller)

    @contextmanager
    def _in_slot(
        self,
        slots: Slots,
        seconds: float | None,
        last: bool,
        look: Callable[[], None] | None,
        caller: CallerId | None,
    ) -> Iterator[Permit]:
        slots.acquire(seconds, look)
        try:
            with permitted(self.breaker, last=last, caller=caller) as permit:
                yield permit
        finally:
            slots.release()

    def aentered(
        self, seconds: float | None, last: bool, caller: CallerId | None = None
    ) -> AbstractAsyncContextManager[Permit]:
        """The async twin of `entered`."""
        self._in_time(seconds, last, caller)
        if self.slots is None:
            return permitted(self.breaker, last=last, caller=caller)
        return self._in_slot_async(self.slots, seconds, last, caller)

    @asynccontextmanager
    async def _in_slot_async(
        self, slots: Slots, seconds: float | None, last: bool, caller: CallerId | None
    ) -> AsyncIterator[Permit]:
        await slots.aacquire(seconds)
        try:
            with permitted(self.breaker, last=last, caller=caller) as permit:
                yield permit
        finally:
            slots.release()

    def _in_time(self, seconds: float | None, last: bool, caller: CallerId | None) -> None:
        """Refuse at once what would be refused after the wait."""
        if seconds is not None and seconds <= 0:
            raise AttemptTimeoutError(0.0, asked=False)
        if self.breaker is not None:
            self.breaker.refuse(last=last, caller=caller)


def permitted(
    breaker: Breaker | None, *, last: bool = False, caller: CallerId | None = None
) -> Permit:
    """The permission to make a call in its block, if the breaker lets it.

    Raises:
        CircuitOpenError: It is open.
    """
    return Permit(None) if breaker is None else breaker.enter(last=last, caller=caller)
