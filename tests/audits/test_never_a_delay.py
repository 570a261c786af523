"""An audit never slows a request, which waits for none, whatever workers and databases do."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from lc_asym_router import Audit, Price, Tier
from lc_asym_router.audits.auditor import Auditor
from lc_asym_router.audits.rungs import Goal
from lc_asym_router.graph.calls.meter import AuditMeter
from lc_asym_router.money.database.sql_store import Store
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Labels
from lc_asym_router.tiers.ladder import Ladder

WAITS = {
    *(threading.Condition.wait, threading.Condition.wait_for, threading.Event.wait),
    *(threading.Thread.join, threading.Semaphore.acquire, threading.Barrier.wait),
    *(time.sleep, sqlite3.connect, socket.create_connection, socket.getaddrinfo),
    Store.transaction.__wrapped__,
}
CODES = {code for each in WAITS if (code := getattr(each, "__code__", None)) is not None}
MOST_CALLS = 1_200
"""Calls that one request makes for its audit; it makes no more of them with what waits, or was seen."""


class Waited(AssertionError):
    """A request waited."""


class Scripted(BaseChatModel):
    """Answers, raises, or does not come back until the end, as the script says."""

    script: list[str]
    end: Any
    look: Any

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
        self.look()
        what = self.script.pop(0) if self.script else "answer"
        if what == "hang":
            self.end.wait()
        if what == "raise":
            raise RuntimeError("no answer")
        return ChatResult(generations=[ChatGeneration(message=AIMessage("12"))])

    @property
    def _llm_type(self) -> str:
        return "scripted"


@contextmanager
def watched(calls: list[int]) -> Iterator[None]:
    """Let this thread make no call that may wait; count all that it makes."""
    own = threading.current_thread()

    def look(frame: Any, event: str, what: Any) -> None:
        if event == "call":
            calls[0] += 1
            if frame.f_code in CODES and not starting(frame):
                raise Waited(frame.f_code.co_qualname)
        elif event == "c_call":
            calls[0] += 1
            if what in WAITS:
                raise Waited(what.__qualname__)

    assert own is threading.main_thread()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def starting(frame: Any) -> bool:
    """Whether it is the system's own wait until a thread that was begun is there."""
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False


def auditor(audit: Audit, ladder: Ladder, target: bool) -> Auditor:
    meter = lambda: AuditMeter(lambda *_: Price(1, 1), Labels("audit", "a", "r", "frontier"))  # noqa: E731
    goal = Goal(0.3, 1, share=0.5, first=3, start=0) if target else None
    return Auditor(audit, ladder, meter, goal=goal, names=["own"], lower=Lower())


class Lower:
    """Hands on whatever a lower tier answers."""

    def tier(self, request: Request) -> tuple[Tier | None, int]:
        return None, 0

    def accepted(self, request: Request, name: str, message: AIMessage, rung: int) -> int:
        return rung


def ask(one: Auditor, tier: str, draft: bool) -> list[int]:
    """What a request does for its audit: begin, draw, submit; how many calls that makes."""
    calls, request = [0], Request(messages=(HumanMessage("How many are a dozen?"),))
    record = {"tier": tier, "id": "1", "attempts": [{"check": "form"}]}
    rejected = ("small", AIMessage("11")) if draft and tier == "frontier" else None
    with watched(calls):
        if one.keeper is not None:
            record["rung"] = one.begin()
        draw = one.draw(request, AIMessage("12"), record, ["team"], [], rejected)
        if draw is not None:
            one.submit(draw)
    return calls


databases = st.sampled_from([None, "there", "away", "hangs"])
requests = st.lists(
    st.tuples(st.sampled_from(["small", "frontier"]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=25,
)


@settings(max_examples=30)
@given(
    asked=requests,
    script=st.lists(st.sampled_from(["answer", "raise", "hang"]), max_size=10),
    database=databases,
    workers=st.integers(1, 2),
    queue=st.integers(1, 3),
    target=st.booleans(),
    judged=st.booleans(),
)
def test_whatever_the_workers_do_a_request_waits_for_none(
    tmp_path_factory, asked, script, database, workers, queue, target, judged
):
    end, file = threading.Event(), tmp_path_factory.mktemp("counts") / "audits.sqlite3"
    locks: list[Any] = []
    kept: list[Any] = []

    def look() -> None:
        """A thread that calls a model or a database has none of the locks that requests take."""
        if any(lock._is_owned() for lock in locks):
            kept.append(threading.current_thread().name)
            raise Waited("a request would wait for that")

    model = Scripted(script=list(script), end=end, look=look)
    small = Scripted(script=[], end=end, look=look)
    ladder = Ladder((Tier(small, "small"), Tier(model, "frontier")))
    audit = Audit(
        share=0.5,
        first=3,
        seed=1,
        url=None if database is None else file,
        workers=workers,
        queue=queue,
        timeout=600.0,
        judge="frontier" if judged else None,
    )
    one = auditor(audit, ladder, target)
    one.store._lock = threading.RLock()
    locks += [one.store._lock, one._changed]
    if one.keeper is not None:
        one.keeper._lock = threading.RLock()
        locks.append(one.keeper._lock)
    if database is not None:
        there = one.store._store.transaction

        def transaction(**given: Any) -> Any:
            look()
            if database == "hangs":
                end.wait()
            if database != "there":
                raise OSError("the database is away")
            return there(**given)

        one.store._store.transaction = transaction
    try:
        for tier, draft, busy in asked:
            if busy:  # others look at the report meanwhile
                one.store.counts()
            (calls,) = ask(one, tier, draft)
            assert calls < MOST_CALLS
            assert len(one._waiting) <= queue
            assert len(one._threads) <= workers
    finally:
        end.set()
        one.close(5.0)
    assert not kept


@pytest.mark.parametrize("wait", [lambda e: e.wait(0), lambda e: time.sleep(0)])
def test_a_request_that_waits_would_be_caught(wait):
    with pytest.raises(Waited), watched([0]):
        wait(threading.Event())


def test_a_request_that_opens_a_database_would_be_caught(tmp_path):
    from lc_asym_router.audits.audit_store import AuditStore

    store = AuditStore(tmp_path / "audits.sqlite3")
    with pytest.raises(Waited), watched([0]), store._store.transaction(writing=False):
        pass
    store.close()
