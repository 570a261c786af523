"""A fork waits for blocks whose locks a child would inherit, and they for it."""

from __future__ import annotations

import os
import threading
import time

import pytest

from lc_asym_router._internal import forks
from lc_asym_router._internal.forks import ForkGate

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def forked(gate: ForkGate) -> int:
    """The exit code of a child that uses the gate as its parent can."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with gate.busy():
                code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(ready: object) -> None:
    for _ in range(6_000):
        if ready():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_a_fork_waits_for_another_threads_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "FORK_SECONDS", 600.0)
    gate, inside, leave, order = ForkGate(), threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        with gate.busy(), gate.busy():  # a block within a block is one
            inside.set()
            leave.wait()
            order.append("left")

    def fork() -> None:
        assert forked(gate) == 0
        order.append("forked")

    worker, forking = threading.Thread(target=work), threading.Thread(target=fork)
    worker.start()
    inside.wait()
    forking.start()
    wait_for(lambda: gate._forks)
    leave.set()
    worker.join()
    forking.join()
    assert order == ["left", "forked"]
    assert (gate._forks, gate._inside) == (0, 0)


def test_a_block_waits_for_a_fork_under_way() -> None:
    gate, entered = ForkGate(), threading.Event()

    def work() -> None:
        with gate.busy():
            entered.set()

    gate._close()
    worker = threading.Thread(target=work)
    worker.start()
    wait_for(lambda: gate._changed._waiters)  # type: ignore[attr-defined]
    assert not entered.is_set()
    gate._open()
    worker.join()
    assert entered.is_set()


def test_a_thread_may_fork_in_its_own_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "FORK_SECONDS", 600.0)
    gate = ForkGate()
    with gate.busy():
        assert forked(gate) == 0
    assert forked(gate) == 0


def test_who_never_leaves_keeps_no_fork_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "FORK_SECONDS", 0.0)
    gate, inside, leave = ForkGate(), threading.Event(), threading.Event()

    def work() -> None:
        with gate.busy():
            inside.set()
            leave.wait()

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait()
    assert forked(gate) == 0
    leave.set()
    worker.join()
