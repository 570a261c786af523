"""A target that processes share: one that is killed loses nothing, eight keep one state."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.keeper import AnsweredRequest, Keeper, reports_of
from lc_asym_router.audits.rungs import Goal
from tests.conftest import frontier_model, small_model
from tests.servers import Reply

ROUTER = """
import sys, time
from lc_asym_router import AsymRouter, Audit
from lc_asym_router.audits import Rung
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
router = AsymRouter(
    small=ChatOllama(model="small-model", base_url=sys.argv[1]),
    frontier=ChatOpenAI(model="frontier-model", base_url=sys.argv[2], api_key="none"),
    classify=None, verify="form",
    audit=Audit(share=1.0, first=20, target=0.3, rungs=[Rung()], url=sys.argv[3], timeout=60.0),
)
"""
KILLED = (
    ROUTER
    + """
while router.target.handed_on == 0:
    router.invoke("How many are a dozen?")
    assert router.flush_audits()
print("answered", flush=True)
time.sleep(600)
"""
)
ASKING = (
    ROUTER
    + """
for _ in range(15):
    router.invoke("How many are a dozen?")
    assert router.flush_audits()
router.close_audits(30.0)
"""
)


def urls(small, frontier):
    return [small_model(small).base_url, str(frontier_model(frontier).openai_api_base)]


@pytest.mark.full
def test_an_audit_that_was_paid_for_when_the_process_was_killed_is_a_loss_until_it_is_known(
    small, frontier, tmp_path
):
    file = tmp_path / "audits.sqlite3"
    small.default = frontier.default = "Answer: 12"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *urls(small, frontier), str(file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while not _handed_on(file):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    store = AuditStore(file)
    assert store.flush()
    ((_, report),) = reports_of(store)
    store.close()
    # Whatever it had handed on is there, and lost unless its audit had ended.
    assert report.handed_on >= 1
    assert report.requests >= 20
    assert report.losses is not None
    assert report.losses * report.requests <= report.handed_on


def _handed_on(file):
    if not file.exists():
        return False
    store = AuditStore(file)
    try:
        return store.flush() and any(report.handed_on for _, report in reports_of(store))
    finally:
        store.close()


@pytest.mark.full
def test_eight_processes_share_one_state(small, frontier, tmp_path):
    file = tmp_path / "audits.sqlite3"
    small.default = frontier.default = Reply("Answer: 12")
    processes = [
        subprocess.Popen([sys.executable, "-c", ASKING, *urls(small, frontier), str(file)])
        for _ in range(8)
    ]
    assert [process.wait() for process in processes] == [0] * 8
    store = AuditStore(file)
    assert store.flush()
    ((shadow, report),) = reports_of(store)
    store.close()
    assert not shadow
    # None of their requests is missing, and what one has explored loosens them all.
    assert report.requests == 8 * 15
    assert report.rung == "as set"
    assert report.handed_on > 0
    assert report.losses == 0
    assert len(frontier.requests) == 8 * 15


def answer(keeper, *, handed_on, drawn=True, probability=1.0):
    begun = keeper.begin()
    one = AnsweredRequest(
        begun["number"], handed_on, probability, drawn, begun["since"], tuple(begun["restarts"])
    )
    keeper.answered(one)
    return one


@pytest.mark.full
@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), max_size=40))
def test_processes_that_write_in_any_order_come_to_the_same_counts(tmp_path_factory, events):
    """What three processes count, each by itself, is what one would have counted."""
    file = tmp_path_factory.mktemp("shared") / "audits.sqlite3"
    goal = Goal(0.3, 1, start=0, first=5)
    stores = [AuditStore(file) for _ in range(3)]
    keepers = [Keeper(goal, ["own"], "worse", store) for store in stores]
    alone = Keeper(goal, ["own"], "worse", AuditStore())
    for who, lost, flushes in events:
        for keeper in (keepers[who], alone):
            keeper.begin()
            one = AnsweredRequest(0, True, 1.0, True, 0, (0,))
            keeper.answered(one)
            keeper.compared(one, 0, lost)
        if flushes and stores[who].flush():
            keepers[who].refresh()
    for store in stores:
        assert store.flush()
    for store, keeper in zip(stores, keepers, strict=True):
        assert store.flush()
        keeper.refresh()
        assert keeper.state.requests == alone.state.requests == len(events)
        assert keeper.state.handed_on == alone.state.handed_on
        store.close()


def test_of_two_moves_at_once_the_stricter_one_holds(tmp_path):
    file = tmp_path / "audits.sqlite3"
    goal = Goal(0.3, 1, start=0, first=0)
    stores = [AuditStore(file) for _ in range(2)]
    one, other = (Keeper(goal, ["own"], "worse", store) for store in stores)
    for keeper, lost in ((one, False), (other, True)):
        for _ in range(30):
            keeper.compared(answer(keeper, handed_on=False), 0, lost)
    assert {move.why for move in one.moves} <= {"opened", "closed"}
    for store in (*stores, *stores):
        assert store.flush()
    one.refresh()
    other.refresh()
    assert one.state.rung == other.state.rung
    assert one.state.is_open == other.state.is_open
    for store in stores:
        store.close()


def test_a_log_of_moves_that_changed_no_rung_is_taken_over(tmp_path):
    """To open a rung is a move, and changes none."""
    file = tmp_path / "audits.sqlite3"
    goal = Goal(0.3, 1, start=0, first=5)
    stores = [AuditStore(file) for _ in range(2)]
    one, other = (Keeper(goal, ["own"], "worse", store) for store in stores)
    for _ in range(4):
        one.begin()
        request = AnsweredRequest(0, True, 1.0, True, 0, (0,))
        one.answered(request)
        one.compared(request, 0, False)
    assert {move.why for move in one.moves} == {"opened"}
    assert stores[0].flush()
    assert stores[1].flush()
    other.refresh()
    assert other.state.requests == one.state.requests == 4
    assert other.state.moves == one.state.moves
    assert other.state.is_open
    for store in stores:
        store.close()


def test_a_request_that_never_ends_is_under_way_for_ten_minutes_and_no_longer():
    now = [0.0]
    keeper = Keeper(Goal(0.3, 1), ["own"], "worse", AuditStore(), lambda: now[0])
    for _ in range(5):
        keeper.begin()
    assert len(keeper._begun) == 5
    now[0] = 700.0
    keeper.begin()
    assert len(keeper._begun) == 1


def test_deciding_touches_no_database(tmp_path):
    """On the request's path nothing but memory is read and written."""
    store = AuditStore(tmp_path / "audits.sqlite3")
    keeper = Keeper(Goal(0.3, 1), ["own"], "worse", store)

    def fail(**_: object) -> None:
        raise AssertionError("a request waited for the database")

    assert store._store is not None
    store._store.transaction = fail  # type: ignore[method-assign, assignment]
    for _ in range(30):
        answer(keeper, handed_on=False)
    assert keeper.state.requests == 30
