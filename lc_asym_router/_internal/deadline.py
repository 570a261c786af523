"""Waiting for somebody else's code: with a time limit, off the event loop, and for async code from
sync code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lc_asym_router._internal.imports import after_fork

T = TypeVar("T")

GRACE = 0.25
"""Seconds for a call that was told to end: its run should end before its caller goes on."""
AT_ONCE = 64
"""Threads that run users' code beside an event loop; what comes beyond waits for its turn."""
LONG_TEXT = 20_000
"""Characters of a text from which on it is read beside the event loop."""
ABANDONED = 64
"""Calls of one kind that were given up on and still run. At so many no further one is begun."""


LONGEST = 1e9
"""No wait is longer, in seconds: about 32 years."""


def bounded(seconds: float) -> float:
    """A time that every kind of wait can take, in seconds in [0, `LONGEST`]; 0 for NaN."""
    return float(min(max(0.0, seconds), LONGEST)) if seconds == seconds else 0.0


class LateError(TimeoutError):
    """A call has not ended in time, or was not begun because too many others have not."""


class Clock:
    """Time, as deadlines of sync code see it; those of async code go by their event loop's."""

    now: Callable[[], float] = staticmethod(time.time)
    """The time of day, in seconds since the epoch."""
    elapsed: Callable[[], float] = staticmethod(time.monotonic)
    """Seconds since some moment."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, result: Future[Any], seconds: float) -> bool:
        """Wait for a thread's result; whether it has come."""
        return bool(concurrent.futures.wait([result], bounded(seconds)).done)


CLOCK: ContextVar[Clock] = ContextVar("lc_asym_router_clock", default=Clock())  # noqa: B039
"""The clock that requests go by; a simulation or a test hands in one of its own."""


def now() -> float:
    """The time of day on the request's clock, in seconds since the epoch."""
    return CLOCK.get().now()


# threads ------------------------------------------------------------------------------------


@dataclass(eq=False)
class ThreadCall:
    """A call in a thread.

    Attributes:
        call: What to run.
        context: What it runs in.
        result: What comes of it.
        abandoned: Nobody waits for it any more.
    """

    call: Callable[[], Any]
    context: Context
    result: Future[Any] = field(default_factory=Future)
    abandoned: bool = False

    def run(self) -> None:
        """Run it; whatever it raises is handed to who waits."""
        if not self.result.set_running_or_notify_cancel():
            return
        try:
            found = self.context.run(self.call)
        except StopIteration as error:  # no future can hold one
            self.result.set_exception(RuntimeError(f"raised {error!r}"))
        except BaseException as error:  # whatever it is: who waits gets it
            self.result.set_exception(error)
        else:
            self.result.set_result(found)


_in_thread: ContextVar[bool] = ContextVar("lc_asym_router_in_thread", default=False)


class Threads:
    """Daemon threads for calls that may never end, so that they hold up nobody's exit.

    A thread can't be killed: an abandoned call goes on, and its result is dropped.

    Args:
        abandoned: How many abandoned calls may run before no further one is begun.
    """

    def __init__(self, abandoned: int = ABANDONED) -> None:
        self._most = abandoned
        self.forget()
        after_fork(self.forget)

    def forget(self) -> None:
        """In a forked child: the threads are its parent's."""
        self._lock = threading.Lock()
        self._running = 0
        self._abandoned = 0
        self._waiting: deque[ThreadCall] = deque()

    @property
    def abandoned(self) -> int:
        """Calls that nobody waits for and that still run."""
        return self._abandoned

    def submit(self, call: Callable[[], Any], *, queued: bool) -> ThreadCall:
        """Run a call in a thread, in a copy of this context.

        Args:
            call: What to run.
            queued: Whether it may wait until one of `AT_ONCE` others has ended. A call within
                another one never waits, for that one waits for it.

        Raises:
            LateError: Too many abandoned calls still run.
        """
        queued = queued and not _in_thread.get()
        job = ThreadCall(call, copy_context())
        job.context.run(_in_thread.set, True)
        with self._lock:
            if self._abandoned >= self._most:
                raise LateError(
                    f"not begun: {self._abandoned} calls that did not end in time still run"
                )
            if queued and self._running >= AT_ONCE:
                self._waiting.append(job)
                return job
            self._running += 1
        self._start(job)
        return job

    def abandon(self, job: ThreadCall, *, drop: bool = True) -> None:
        """Wait for a job no more.

        Args:
            job: The job.
            drop: Whether one that waits for its turn need not be done at all.
        """
        with self._lock:
            if job.result.done() or job.abandoned:
                return
            if job in self._waiting:
                if drop:
                    self._waiting.remove(job)
                    job.result.cancel()
                return
            job.abandoned = True
            self._abandoned += 1
            self._running -= 1
            following = self._next()
        if following is not None:
            self._start(following)

    def _next(self) -> ThreadCall | None:
        """The job that has waited longest, counted as running; the lock is held."""
        if not self._waiting:
            return None
        self._running += 1
        return self._waiting.popleft()

    def _start(self, job: ThreadCall) -> None:
        thread = threading.Thread(
            target=self._work, args=(job,), daemon=True, name="lc-asym-router-deadline"
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            with self._lock:
                self._running -= 1
            job.result.set_exception(error)

    def _work(self, job: ThreadCall | None) -> None:
        while job is not None:
            job.run()
            with self._lock:
                if job.abandoned:
                    self._abandoned -= 1
                    return
                self._running -= 1
                job = self._next()


USER_CODE = Threads()
"""Checks, classifiers and caches of the user's own."""
CALLS = Threads(abandoned=256)
"""Calls of models. Their connections are closed when they are late, which ends nearly all of them."""
STORES = Threads()
"""Databases."""


# time limits --------------------------------------------------------------------------------


def within(
    seconds: float | None,
    call: Callable[[], T],
    late: Callable[[], object] | None = None,
    *,
    threads: Threads = USER_CODE,
) -> T:
    """Run `call`, and stop waiting for it after a time limit.

    Args:
        seconds: How long it may take; `None` for no limit, and no thread.
        call: What to run.
        late: Called when the time is up, to make the call end: it is then waited for a moment.
        threads: Where it runs.

    Raises:
        LateError: It took longer, or too many calls before it did.
    """
    if seconds is None:
        return call()
    seconds = bounded(seconds)
    job, clock = threads.submit(call, queued=False), CLOCK.get()
    try:
        if not clock.wait(job.result, seconds):
            if late is not None:
                late()
                clock.wait(job.result, GRACE)
            raise LateError(f"no answer in time, within {seconds:g} s")
    finally:
        threads.abandon(job)
    return job.result.result()  # type: ignore[no-any-return]


async def off_loop(call: Callable[[], T], *, threads: Threads = USER_CODE) -> T:
    """Run `call` in a thread beside the event loop; cancelled, nobody waits for it any more.

    Raises:
        LateError: Too many calls that were given up on still run.
    """
    job = threads.submit(call, queued=True)
    try:
        return await asyncio.wrap_future(job.result)
    finally:
        threads.abandon(job)


async def aread(call: Callable[[], T], *texts: str) -> T:
    """Run what reads texts: where they are long, in a thread beside the event loop."""
    return call() if sum(map(len, texts)) < LONG_TEXT else await off_loop(call)


def finished(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable from sync code, whether or not an event loop runs in this thread."""

    async def wait() -> T:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    job = USER_CODE.submit(lambda: asyncio.run(wait()), queued=False)
    return job.result.result()  # type: ignore[no-any-return]


_stubborn: set[asyncio.Future[Any]] = set()
"""Tasks that go on though they were cancelled."""


async def awithin(seconds: float | None, call: Callable[[], Awaitable[T]]) -> T:
    """The async twin of `within`; a late call is cancelled, and left where it goes on all the same.

    Raises:
        LateError: It took longer, or too many calls before it did.
    """
    if seconds is None:
        return await call()
    seconds = bounded(seconds)
    if len(_stubborn) >= ABANDONED:
        raise LateError(f"not begun: {len(_stubborn)} calls that did not end in time still run")
    task = asyncio.ensure_future(call())
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        late = not task.done()
        if late:
            await _ended(task)
    if late:
        raise LateError(f"no answer in time, within {seconds:g} s")
    return task.result()


async def _ended(task: asyncio.Future[Any]) -> None:
    """Cancel a task, and wait for its end a moment."""
    _stubborn.add(task)
    task.add_done_callback(_dropped)
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE)


def _dropped(task: asyncio.Future[Any]) -> None:
    _stubborn.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that the loop says nothing of it
