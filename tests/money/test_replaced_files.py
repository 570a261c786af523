"""A database file that is deleted or replaced while it is in use, and one that others have locked."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lc_asym_router import Budget, BudgetExceededError, BudgetStore, Ledger
from lc_asym_router.money.budgets.amounts import Balance, Claim
from tests.money.budgets.budgeting import UP, few, router
from tests.money.conftest import query


def delete(path):
    path.unlink()


def delete_all(path):
    for each in path.parent.glob(path.name + "*"):
        each.unlink()


def move_away(path):
    path.rename(path.with_suffix(".away"))


def put_an_empty_one(path):
    delete_all(path)
    path.touch()


def put_an_older_one(path):
    delete_all(path)
    shutil.copy(path.with_suffix(".older"), path)


ways = pytest.mark.parametrize(
    "replace", [delete, delete_all, move_away, put_an_empty_one, put_an_older_one]
)


@ways
@few
async def test_a_budget_stays_used_up(small, frontier, ask, tmp_path, replace, caplog):
    path = tmp_path / "b.sqlite3"
    older = BudgetStore(path.with_suffix(".older"))
    older.reserve("1", [Claim("day|day|calls|2001-01-01", 3, 1, 60.0)])
    older.close()
    store = BudgetStore(path)
    budget = Budget(calls=3, per="thread", store=store)
    routed = router(small, frontier, budget)
    for _ in range(2):
        await ask(routed, UP)
    replace(path)
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        await ask(routed, UP)
    assert "deleted or replaced" in caplog.text
    for _ in range(3):
        with pytest.raises(BudgetExceededError):
            await ask(routed, UP)
    assert len(frontier.requests) == 3
    assert budget.balance()["calls"]["spent"] == 3
    store.close()
    assert query(f"sqlite:///{path}", "SELECT spent FROM asym_budgets WHERE spent > 0") == [(3,)]


@ways
def test_calls_under_way_are_settled_in_the_new_file(tmp_path, replace):
    path = tmp_path / "b.sqlite3"
    BudgetStore(path.with_suffix(".older")).reserve("1", [Claim("b", 3, 1, 60.0)])
    store = BudgetStore(path)
    claim = Claim("a", 3, 2, 600.0)
    assert store.reserve("1", [claim]) is None
    replace(path)
    assert store.reserve("2", [claim]) is not None  # the first one's reservation counts
    store.settle("1", {"a": 2})
    assert store.balance("a") == Balance(2, 0)


def test_a_file_replaced_in_the_middle_of_a_transaction(tmp_path):
    path = tmp_path / "b.sqlite3"
    store = BudgetStore(path)
    store.reserve("1", [Claim("a", 3, 1, 600.0)])
    bring = store._vault._transaction
    times = []

    def transaction(work, until):
        def then_delete(connection):
            found = work(connection)
            if not times:
                times.append(1)
                path.unlink()
            return found

        return bring(then_delete, until)

    store._vault._transaction = transaction
    assert store.reserve("2", [Claim("a", 3, 1, 600.0)]) is None
    assert store.balance("a") == Balance(0, 2)
    assert store.reserve("3", [Claim("a", 3, 2, 600.0)]) is not None


@ways
def test_the_ledger_goes_on_in_the_new_file(make, tmp_path, replace, caplog):
    path = tmp_path / "ledger.sqlite3"
    with Ledger(path.with_suffix(".older")) as older:
        older.rows()
    with Ledger(path, flush_seconds=0) as ledger:
        routed = make(callbacks=[ledger])
        routed.invoke("hi")
        ledger.flush()
        replace(path)
        with caplog.at_level(logging.WARNING, "lc_asym_router"):
            routed.invoke("hello")
            ledger.flush()
        assert "deleted or replaced" in caplog.text
        assert ledger.rows()[0]["requests"] == 1
    assert query(f"sqlite:///{path}", "SELECT count(*) FROM asym_requests") == [(1,)]


# waiting ------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path):
    """A budget whose file another process writes to, and does not end."""
    path = tmp_path / "b.sqlite3"
    store = BudgetStore(path)
    store.balance("a")  # makes the tables
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield store, other
    other.close()
    store.close()


@few
async def test_waiting_for_a_lock_counts_against_the_deadline(small, frontier, ask, locked):
    store, _ = locked
    routed = router(small, frontier, Budget(calls=3, store=store), deadline=0.5)
    started = time.monotonic()
    with pytest.raises(BudgetExceededError, match="can't be asked"):
        await ask(routed, UP)
    assert time.monotonic() - started < 20  # SQLite's own limit is 30 s
    assert not frontier.requests


def test_the_store_waits_no_longer_than_it_may(locked):
    store, other = locked
    with pytest.raises(Exception, match="locked"):
        store.reserve("1", [Claim("a", 3, 1, 60.0)], 0.05)
    other.execute("ROLLBACK")
    assert store.reserve("1", [Claim("a", 3, 1, 60.0)], 0.05) is None


def test_threads_wait_for_their_turn_no_longer_either(locked):
    store, _ = locked
    with ThreadPoolExecutor(1) as another:
        another.submit(store._vault._turn.acquire).result()
        with pytest.raises(TimeoutError):
            store.reserve("1", [Claim("a", 3, 1, 60.0)], 0.05)
        another.submit(store._vault._turn.release).result()


def test_what_is_settled_late_is_booked(small, frontier, locked):
    """The answer is there by its deadline, and is paid for once the lock is gone."""
    store, other = locked
    other.execute("ROLLBACK")
    budget = Budget(calls=3, store=store)
    routed = router(small, frontier, budget, deadline=3)
    settle = store._vault.settle

    def lock_first(*args, **kwargs):
        other.execute("BEGIN IMMEDIATE")
        store._vault.settle = settle
        return settle(*args, **kwargs)

    store._vault.settle = lock_first
    assert routed.invoke(UP).text == "a frontier answer"
    other.execute("ROLLBACK")
    routed.invoke(UP)
    assert budget.balance()["calls"]["spent"] == 2


class Hanging(BudgetStore):
    """A store of somebody's own that never answers in time, and answers later."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()
        self.done = threading.Event()

    def reserve(self, id, claims, seconds=None):
        self.go.wait(30)
        return super().reserve(id, claims)

    def settle(self, id, amounts, seconds=None):
        super().settle(id, amounts)
        self.done.set()


@few
async def test_a_store_that_hangs_ends_no_deadline(small, frontier, ask):
    store = Hanging()
    budget = Budget(calls=3, store=store)
    routed = router(small, frontier, budget, deadline=0.3)
    try:
        with pytest.raises(BudgetExceededError, match="no answer within"):
            await ask(routed, UP)
    finally:
        store.go.set()
    await asyncio.to_thread(store.done.wait, 10)
    assert budget.balance()["calls"] == {"limit": 3, "spent": 0, "reserved": 0, "left": 3}
