"""What a call is booked at: answered, failed, left; of tiers, judges and classifiers."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from lc_asym_router import (
    Budget,
    BudgetExceededError,
    BudgetStore,
    Judge,
    Ledger,
    TiersFailedError,
)
from tests.conftest import frontier_model, record
from tests.money.budgets.budgeting import UP, few, priced, router
from tests.servers import Reply


@few
async def test_unknown_tokens_are_booked_at_all_that_was_reserved(small, frontier, ask, store):
    frontier.default = Reply("hm", usage=False)
    budget = Budget(usd=1, tokens=1_000, store=store)
    await ask(router(small, frontier, budget), UP)
    now = budget.balance()
    assert 100 < now["tokens"]["spent"] < 400
    assert now["usd"]["spent"] > 100 * 10 / 1e6


@few
async def test_a_refused_connection_is_not_booked_in_usd(small, frontier, ask, store):
    frontier.stop()
    budget = Budget(usd=1, tokens=1000, calls=5, store=store)
    with pytest.raises(TiersFailedError):
        await ask(router(small, frontier, budget), UP)
    spent = {unit: now["spent"] for unit, now in budget.balance().items()}
    assert spent == {"usd": 0, "tokens": 0, "calls": 1}


@few
async def test_a_call_lost_half_way_is_booked_by_what_came_or_else_whole(
    small, frontier, ask, store
):
    frontier.default = Reply("a b c d", drop_after=2)
    budget = Budget(usd=1, store=store)
    with pytest.raises(TiersFailedError) as failed:
        await ask(router(small, frontier, budget), UP)
    (attempt,) = failed.value.record["attempts"]
    spent = budget.balance()["usd"]["spent"]
    if attempt.get("usage_estimated"):
        assert 0 < spent == pytest.approx(attempt["cost_usd"])
    else:  # nothing had come that anybody could count
        assert spent > 0.001
    assert budget.balance()["usd"]["reserved"] == 0


@few
@pytest.mark.parametrize("hang", ["before", "middle"])
async def test_a_call_that_a_time_out_ended_is_booked_by_what_came_or_else_whole(
    small, frontier, ask, store, tmp_path, hang
):
    """The router can't know whether its server had counted it: nothing is made up, and none free."""
    frontier.default = Reply("a b c d", hang=hang)
    budget = Budget(usd=1, store=store)
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        routed = router(small, frontier, budget, deadline=4)
        with pytest.raises(TiersFailedError) as failed:
            await ask(routed, UP, {"callbacks": [ledger]})
        (attempt,) = failed.value.record["attempts"]
        spent = budget.balance()["usd"]["spent"]
        unknown = ledger.rows()[0]["unknown_cost"]
    assert "Timeout" in attempt["error"]
    if attempt.get("usage_estimated"):
        assert hang == "middle"
        assert (spent, unknown) == (pytest.approx(attempt["cost_usd"]), 0)
    else:
        assert (attempt["usage"], attempt["cost_usd"], unknown) == (None, None, 1)
        assert spent > 0.001


async def test_cancelled_calls_are_booked_whole(small, frontier, store):
    frontier.default = Reply("late", hang="before")
    budget = Budget(usd=1, store=store)
    task = asyncio.create_task(router(small, frontier, budget).ainvoke(UP))
    await asyncio.to_thread(frontier.wait_requests, 1)
    reserved = budget.balance()["usd"]["reserved"]
    assert reserved > 0.001
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert budget.balance()["usd"] == {
        "limit": 1, "spent": reserved, "reserved": 0, "left": pytest.approx(1 - reserved)
    }  # fmt: skip


def test_a_task_left_to_an_ending_loop_is_booked(small, frontier, store):
    frontier.default = Reply("late", hang="before")
    budget = Budget(usd=1, store=store)

    async def leave():
        task = asyncio.create_task(router(small, frontier, budget).ainvoke(UP))
        await asyncio.to_thread(frontier.wait_requests, 1)
        return task

    asyncio.run(leave())
    now = budget.balance()["usd"]
    assert now["spent"] > 0.001
    assert now["reserved"] == 0


async def test_cancelled_while_it_reserves_nothing_is_kept(small, frontier, tmp_path):
    """The thread that reserves can't be stopped: it gives back what it has got too late."""
    store = BudgetStore(tmp_path / "b.sqlite3")
    budget = Budget(usd=1, store=store)
    routed = router(small, frontier, budget)
    free, entered = threading.Event(), threading.Event()
    reserve = store._vault.reserve

    def slow(*args):
        refused = reserve(*args)
        entered.set()
        free.wait(5)
        return refused

    store._vault.reserve = slow
    task = asyncio.create_task(routed.ainvoke(UP))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    free.set()
    for _ in range(500):
        if budget.balance()["usd"]["reserved"] == 0:
            break
        await asyncio.sleep(0.02)
    now = budget.balance()["usd"]
    assert (now["spent"], now["reserved"]) == (0, 0)
    assert not frontier.requests


def test_a_stream_left_by_its_reader_is_booked(small, frontier, store):
    frontier.default = Reply("a b c d e f", chunk_delay=0.05)
    budget = Budget(usd=1, store=store)
    stream = router(small, frontier, budget).stream(UP)
    next(stream)
    stream.close()
    for _ in range(200):
        if budget.balance()["usd"]["spent"]:
            break
        threading.Event().wait(0.02)
    now = budget.balance()["usd"]
    assert 2 * 2.5 / 1e6 < now["spent"] < 0.001  # by what was received, not all that was reserved
    assert now["reserved"] == 0


@few
async def test_a_judges_calls_are_reserved_and_booked(small, frontier, ask, store):
    judge = frontier_model(frontier, max_tokens=20)
    budget = Budget(calls=5, usd=1, store=store)
    routed = router(small, frontier, budget, verify=Judge(judge))
    frontier.default = Reply('{"answer": true}')
    answer = await ask(routed, "hi")
    made = len(small.requests) + len(frontier.requests)
    assert frontier.requests
    now = budget.balance()
    assert now["calls"]["spent"] == made == record(answer)["budget"]["charged"]["calls"]
    assert now["usd"]["spent"] == pytest.approx(priced(frontier), abs=1e-9)
    assert now["usd"]["reserved"] == 0


@few
async def test_a_judge_without_room_is_not_asked(small, frontier, ask, store):
    judge = frontier_model(frontier, max_tokens=20)
    budget = Budget(usd=1e-6, store=store)
    routed = router(small, frontier, budget, verify=Judge(judge))
    with pytest.raises(BudgetExceededError, match="Before that"):
        await ask(routed, "hi")
    assert not frontier.requests
    assert budget.balance()["usd"]["reserved"] == 0


@few
async def test_a_classifier_without_room_falls_back(small, frontier, ask, store):
    budget = Budget(calls=1, store=store)
    routed = router(small, frontier, budget, classify="judge")
    with pytest.raises(BudgetExceededError):
        await ask(routed, "hi")
    assert len(small.requests) + len(frontier.requests) == 1  # the judge's; the tier had no room


@few
async def test_no_paid_call_while_the_database_is_down(small, frontier, ask, tmp_path):
    (tmp_path / "file").write_text("no folder")
    store = BudgetStore(f"sqlite:///{tmp_path}/file/b.sqlite3")
    routed = router(small, frontier, Budget(usd=1, store=store))
    with pytest.raises(BudgetExceededError, match="can't be asked"):
        await ask(routed, UP)
    assert not frontier.requests
    assert (await ask(routed, "hi")).text == "a small answer"  # it is free
    (tmp_path / "file").unlink()
    assert (await ask(routed, UP)).text == "a frontier answer"


def test_what_could_not_be_booked_is_booked_later(small, frontier, tmp_path, caplog):
    store = BudgetStore(tmp_path / "b.sqlite3")
    budget = Budget(usd=1, store=store)
    routed = router(small, frontier, budget)
    settle = store._vault.settle
    store._vault.settle = lambda *_: 1 / 0
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        assert routed.invoke(UP).text == "a frontier answer"
    assert "can't be written" in caplog.text
    assert budget.balance()["usd"]["spent"] == 0
    assert budget.balance()["usd"]["reserved"] > 0.001
    store._vault.settle = settle
    routed.invoke(UP)
    assert budget.balance()["usd"]["spent"] == pytest.approx(priced(frontier), abs=2e-9)
    assert budget.balance()["usd"]["reserved"] == 0
