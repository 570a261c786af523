"""The workers of one server tell each other which breakers have opened, and which have closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lc_asym_router.errors import CircuitOpenError
from lc_asym_router.tiers.faults.shared_breakers import Openings, SharedBreaker

ENDPOINT = ("openai", "a secret", "http://127.0.0.1:9/v1", "frontier-model")


class Worker:
    """A process's breaker, and what it exchanges."""

    def __init__(self, folder: Path, clock) -> None:
        self.breaker = SharedBreaker("frontier-model", lambda: clock[0])
        self.openings = Openings(folder, lambda: {ENDPOINT: self.breaker})

    def fail(self, caller: str | None = None) -> None:
        while self.breaker.state == "closed":
            self.breaker.enter().settle(False, "down", caller)

    def probe(self, succeeded: bool) -> None:
        self.breaker.enter().settle(succeeded, "still down")


def exchange(*workers: Worker) -> list[str]:
    for each in (*workers, *workers):
        each.openings.exchange()
    return [each.breaker.state for each in workers]


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def workers(tmp_path, clock) -> list[Worker]:
    return [Worker(tmp_path, clock) for _ in range(3)]


def test_what_one_finds_down_none_asks_and_one_probe_closes_it_for_all(workers, clock, tmp_path):
    first, second, third = workers
    assert exchange(*workers) == ["closed"] * 3
    second.fail()
    assert exchange(*workers) == ["open"] * 3
    with pytest.raises(CircuitOpenError, match="down"):
        third.breaker.enter()
    assert not any("secret" in each.name + each.read_text() for each in tmp_path.iterdir())
    clock[0] += first.breaker.cooldown
    assert exchange(*workers) == ["half_open"] * 3
    first.probe(False)  # its next wait is everybody's
    assert exchange(*workers) == ["open"] * 3
    assert {each.breaker.opens_in for each in workers} == {first.breaker.cooldown}
    clock[0] += first.breaker.cooldown
    third.probe(True)
    assert exchange(*workers) == ["closed"] * 3
    assert not [*tmp_path.iterdir()]


def test_who_comes_later_learns_of_it(workers, clock, tmp_path):
    workers[0].fail()
    exchange(*workers)
    late = Worker(tmp_path, clock)
    assert exchange(late) == ["open"]


def test_what_is_open_for_one_caller_alone_is_no_others_business(workers):
    workers[0].fail("one caller")
    assert exchange(*workers) == ["open", "closed", "closed"]
