"""The level finds how many requests a server takes at once."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import ConfigurationError
from lc_asym_router.batch.level import MOST, ConcurrencyLevel


class Simulated:
    """A server with so many slots, and perhaps a rate limit, in virtual time."""

    def __init__(self, slots, seconds=1.0, refuses_over=None):
        self.now = 0.0
        self.slots, self.seconds, self.refuses_over = slots, seconds, refuses_over
        self.level = ConcurrencyLevel(clock=lambda: self.now)
        self.free = [0.0] * slots

    def run(self, requests):
        """The mean level of the last half of the requests."""
        running, levels, begun = [], [], 0
        while begun < requests or running:
            while begun < requests and len(running) < self.level.limit:
                refused = self.refuses_over is not None and len(running) >= self.refuses_over
                if refused:
                    end = self.now + 0.1
                else:
                    start = max(self.now, heapq.heappop(self.free))
                    end = start + self.seconds * (0.8 + 0.4 * (begun * 7919 % 100) / 100)
                    heapq.heappush(self.free, end)
                heapq.heappush(running, (end, begun, self.now, refused))
                begun += 1
            end, _, started, refused = heapq.heappop(running)
            self.now = max(self.now, end)
            self.level.ended(self.now - started, throttled=refused)
            levels.append(self.level.limit)
            assert 1 <= self.level.limit <= MOST
        late = levels[len(levels) // 2 :]
        return sum(late) / len(late)


@pytest.mark.parametrize("slots", [1, 4, 16, 48])
def test_it_finds_the_servers_slots(slots):
    """Near the slots from below, and never a long queue: some more than them at most."""
    level = Simulated(slots).run(4_000)
    assert 0.6 * slots <= level <= max(2.5 * slots, 12)


@pytest.mark.parametrize("limit", [3, 10, 40])
def test_a_rate_limit_is_obeyed(limit):
    level = Simulated(MOST, refuses_over=limit).run(4_000)
    assert 0.4 * limit <= level <= 1.5 * limit + 1


def test_one_burst_of_refusals_cuts_once():
    now = [0.0]
    level = ConcurrencyLevel(start=40, clock=lambda: now[0])
    for _ in range(40):
        level.ended(1.0, throttled=True)
    assert level.limit == 28
    now[0] = 1.5
    level.ended(1.0, throttled=True)
    assert level.limit == 19


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.floats(0, 10)), max_size=300))
def test_it_stays_within_its_bounds(events):
    now = [0.0]
    level = ConcurrencyLevel(clock=lambda: now[0])
    for seconds, throttled, later in events:
        now[0] += later
        level.ended(seconds, throttled=throttled)
        assert 1 <= level.limit <= MOST


def test_a_fixed_level_stays():
    level = ConcurrencyLevel.of(5)
    for _ in range(100):
        level.ended(1.0, throttled=True)
    assert level.limit == 5
    for wrong in (0, -1, True):
        with pytest.raises(ConfigurationError, match="at least 1"):
            ConcurrencyLevel.of(wrong)
