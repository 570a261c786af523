"""The breaker against a model of it: calls that begin, end and are left in any order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lc_asym_router import Breaker
from lc_asym_router.errors import CircuitOpenError, ConfigurationError
from lc_asym_router.tiers.faults.breaker import Permit
from tests.behaviour.faults.rig import Clock

COOLDOWN = 10.0


def comes_to(true: Callable[[], bool]) -> bool:
    """Wait for a condition that another thread brings about; whether it has come."""
    end = time.monotonic() + 10
    while not (come := true()) and time.monotonic() < end:
        time.sleep(0.0005)
    return come


class BreakerMachine(RuleBasedStateMachine):
    """A breaker, and what it should be."""

    @initialize(failures=st.integers(1, 4))
    def start(self, failures: int) -> None:
        self.clock = Clock()
        self.noticed: list[str] = []
        self.breaker = Breaker(
            failures,
            COOLDOWN,
            clock=self.clock,
            on_change=lambda breaker: self.noticed.append(breaker.state),
        )
        self.under_way: list[Permit] = []
        self.current: set[int] = set()
        """Calls that began since the state last changed: no others say anything of it."""
        self.in_a_row = 0
        self.opened_at: float | None = None
        self.probe: Permit | None = None
        self.changes = 0

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None

    def _cool(self) -> bool:
        return self.opened_at is not None and self.clock.now >= self.opened_at + COOLDOWN

    def _changed(self, opened_at: float | None) -> None:
        self.changes += (opened_at is None) != (self.opened_at is None)
        self.opened_at = opened_at
        self.in_a_row = 0
        self.probe = None
        self.current.clear()

    @rule()
    def enter(self) -> None:
        lets = not self.is_open or (self._cool() and self.probe is None)
        if not lets:
            for ask in (self.breaker.refuse, self.breaker.enter):
                with pytest.raises(CircuitOpenError) as caught:
                    ask()
                assert 0 <= caught.value.seconds <= COOLDOWN
            return
        self.breaker.refuse()
        permit = self.breaker.enter()
        self.under_way.append(permit)
        self.current.add(id(permit))
        if self.is_open:
            self.probe = permit

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), went=st.sampled_from([True, False, None]), twice=st.booleans())
    def settle(self, data: st.DataObject, went: bool | None, twice: bool) -> None:
        at = data.draw(st.integers(0, len(self.under_way) - 1))
        permit = self.under_way.pop(at)
        counts, was_probe = id(permit) in self.current, permit is self.probe
        self.current.discard(id(permit))
        permit.settle(went)
        if twice:
            permit.settle(not went)  # a second word is not heard
        if not counts:
            return
        if was_probe:
            self.probe = None
            if went is not None:
                self._changed(None if went else self.clock.now)
        elif went:
            self.in_a_row = 0
        elif went is False:
            self.in_a_row += 1
            if self.in_a_row >= self.breaker.failures:
                self._changed(self.clock.now)

    @rule(seconds=st.sampled_from([0.5, 5.0, 9.5, COOLDOWN, 100.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def reset(self) -> None:
        self.breaker.reset()
        self._changed(None)

    @invariant()
    def as_it_should_be(self) -> None:
        if not hasattr(self, "breaker"):
            return
        expected = "closed" if not self.is_open else "half_open" if self._cool() else "open"
        assert self.breaker.state == expected
        left = self.opened_at + COOLDOWN - self.clock.now if self.opened_at is not None else 0
        assert self.breaker.opens_in == pytest.approx(max(0.0, left))
        assert comes_to(lambda: len(self.noticed) >= self.changes)
        assert len(self.noticed) == self.changes


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_one_probe_of_many_threads() -> None:
    """Over and over: 16 threads at the moment at which the cooldown is over."""
    clock = Clock()
    breaker = Breaker(1, COOLDOWN, clock=clock)
    breaker.enter().settle(False)
    for went in [None, False, None, False] * 25:
        clock.now += COOLDOWN
        barrier, got = threading.Barrier(16), list[Permit]()

        def enter(barrier: threading.Barrier = barrier, got: list[Permit] = got) -> None:
            barrier.wait()
            try:
                got.append(breaker.enter())
            except CircuitOpenError:
                return

        threads = [threading.Thread(target=enter) for _ in range(16)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(got) == 1
        got[0].settle(went)
    assert breaker.state in ("open", "half_open")


def test_a_listener_that_fails_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []

    def fail(breaker: Breaker) -> None:
        called.append(breaker.state)  # its lock is free
        raise RuntimeError("no")

    breaker = Breaker(1, on_change=fail)
    for _ in range(2):
        breaker.enter().settle(False)
        breaker.reset()
    assert comes_to(lambda: len(called) == 4 and breaker._notices.idle)
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "Traceback" in caplog.text
    assert "on_change" in caplog.text


def test_nobody_waits_for_a_listener_that_hangs() -> None:
    over, called = threading.Event(), list[str]()

    def hang(breaker: Breaker) -> None:
        called.append(breaker.state)
        over.wait()

    breaker = Breaker(1, on_change=hang)
    for _ in range(100):
        breaker.enter().settle(False)
        assert breaker.state == "open"
        breaker.reset()
    assert comes_to(lambda: bool(called))
    assert len(called) == 1  # and one thread, however many changes there are
    assert sum(each.name == "lc-asym-router-notices" for each in threading.enumerate()) == 1
    over.set()
    assert comes_to(lambda: breaker._notices.idle)
    assert len(called) == 200


@pytest.mark.parametrize(
    "given",
    [
        *({"failures": each} for each in (0, True, 1.5, -1, "5", float("nan"), None)),
        *({"cooldown": each} for each in (0, -0.0, float("nan"), -float("inf"), True, "30", None)),
    ],
)
def test_settings_that_make_no_sense(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        Breaker(**given)


@pytest.mark.parametrize("cooldown", [10**400, float("inf"), 1e308])
def test_a_cooldown_without_end_is_bounded(cooldown: Any) -> None:
    breaker = Breaker(1, cooldown)
    breaker.enter().settle(False)
    assert 0 < breaker.opens_in <= 1e9
