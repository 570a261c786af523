"""The slots against a model of them: tasks that come, go and are cancelled in any order."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lc_asym_router.errors import AttemptTimeoutError, ConfigurationError, QueueFullError
from lc_asym_router.tiers.faults.concurrency import Slots


class Holder:
    """A task that takes a slot and holds it until it is told to go."""

    def __init__(self, slots: Slots, loop: asyncio.AbstractEventLoop) -> None:
        self.inside = False
        self.go = asyncio.Event()
        self.task = loop.create_task(self._run(slots))

    async def _run(self, slots: Slots) -> None:
        await slots.aacquire()
        try:
            self.inside = True
            await self.go.wait()
        finally:
            self.inside = False
            slots.release()


class SlotsMachine(RuleBasedStateMachine):
    """Slots, and who should be inside and who in the queue, in order."""

    @initialize(limit=st.integers(1, 3), queue=st.sampled_from([None, 0, 1, 3]))
    def start(self, limit: int, queue: int | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.slots = Slots(limit, queue)
        self.inside: list[Holder] = []
        self.waiting: list[Holder] = []

    def _turn(self) -> None:
        """Let all tasks go as far as they can."""

        async def turn() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    def _next(self) -> None:
        while self.waiting and len(self.inside) < self.slots.limit:
            self.inside.append(self.waiting.pop(0))

    @rule()
    def come(self) -> None:
        full = self.slots.queue is not None and len(self.waiting) >= self.slots.queue
        refused = len(self.inside) >= self.slots.limit and full
        holder = Holder(self.slots, self.loop)
        self._turn()
        if refused:
            with pytest.raises(QueueFullError):
                holder.task.result()
            return
        self.waiting.append(holder)
        self._next()

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), cancelled=st.booleans())
    def go(self, data: st.DataObject, cancelled: bool) -> None:
        holder = self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1)))
        if cancelled:
            holder.task.cancel()
        else:
            holder.go.set()
        self._turn()
        self._next()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave_the_queue(self, data: st.DataObject) -> None:
        holder = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        holder.task.cancel()
        self._turn()

    @precondition(lambda self: self.inside and self.waiting)
    @rule()
    def leave_just_as_the_turn_comes(self) -> None:
        """The slot that it was given goes on to the next."""
        done, lucky = self.inside.pop(0), self.waiting.pop(0)
        done.go.set()
        while self.slots.waiting > len(self.waiting):  # until the slot is handed over
            self.loop.run_until_complete(asyncio.sleep(0))
        lucky.task.cancel()
        self._turn()
        if lucky.inside:  # it was quicker
            self.inside.append(lucky)
        self._next()

    @invariant()
    def as_it_should_be(self) -> None:
        if not hasattr(self, "slots"):
            return
        self._turn()
        assert (self.slots.busy, self.slots.waiting) == (len(self.inside), len(self.waiting))
        assert all(holder.inside for holder in self.inside)
        assert not any(holder.inside for holder in self.waiting)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for holder in (*self.inside, *self.waiting):
                holder.task.cancel()
            self._turn()
            assert (self.slots.busy, self.slots.waiting) == (0, 0)
            self.loop.close()


TestSlots = SlotsMachine.TestCase
TestSlots.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


async def test_threads_tasks_time_outs_and_cancellations_together() -> None:
    """Never more than the limit inside; in the end all slots are free."""
    slots, inside, most, lock = Slots(3), 0, 0, threading.Lock()
    ended: dict[str, int] = {"done": 0, "late": 0, "cancelled": 0}
    dice = random.Random(6)

    def enter(step: int) -> None:
        nonlocal inside, most
        with lock:
            inside += step
            most = max(most, inside)

    def in_thread(seconds: float | None, pause: float) -> None:
        try:
            slots.acquire(seconds)
        except AttemptTimeoutError:
            with lock:
                ended["late"] += 1
            return
        enter(1)
        time.sleep(pause)
        enter(-1)
        slots.release()
        with lock:
            ended["done"] += 1

    async def in_task(seconds: float | None, pause: float) -> None:
        try:
            await slots.aacquire(seconds)
        except AttemptTimeoutError:
            with lock:
                ended["late"] += 1
            return
        try:
            enter(1)
            await asyncio.sleep(pause)
        finally:
            enter(-1)
            slots.release()
        with lock:
            ended["done"] += 1

    def times() -> tuple[float | None, float]:
        # Half a millisecond is over before a slot is free, on machines of any speed.
        return dice.choice([None, 0.0005, 0.05]), dice.choice([0.0, 0.001, 0.005])

    with ThreadPoolExecutor(16) as pool:
        loop = asyncio.get_running_loop()
        jobs: list[Any] = []
        for _ in range(300):
            jobs.append(loop.run_in_executor(pool, in_thread, *times()))
            task = asyncio.create_task(in_task(*times()))
            if dice.random() < 0.3:
                loop.call_later(dice.choice([0, 0.001, 0.01, 0.05]), task.cancel)
            jobs.append(task)
            await asyncio.sleep(0.001)
        for outcome in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(outcome, asyncio.CancelledError):
                ended["cancelled"] += 1
            else:
                assert outcome is None
    assert most == 3
    assert sum(ended.values()) == 600
    assert min(ended.values()) > 0
    assert (slots.busy, slots.waiting) == (0, 0)


def test_a_look_ends_a_wait() -> None:
    slots = Slots(1)
    slots.acquire()

    class GoneError(Exception):
        pass

    def look() -> None:
        raise GoneError

    with pytest.raises(GoneError):
        slots.acquire(None, look)
    assert (slots.busy, slots.waiting) == (1, 0)
    slots.release()
    assert slots.busy == 0


@pytest.mark.parametrize("given", [(0, None), (True, None), (1.5, None), (1, -1), (1, True)])
def test_settings_that_make_no_sense(given: Any) -> None:
    with pytest.raises(ConfigurationError):
        Slots(*given)
