"""Budgets on a router, against real servers: every scope, and what happens when one is used up."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph

from lc_asym_router import (
    AsymRouter,
    Budget,
    BudgetExceededError,
    BudgetStore,
    InvalidRequestError,
    Judge,
    Ledger,
    PerCall,
    PerSecond,
    Price,
    Tier,
    TiersFailedError,
)
from tests.conftest import FRONTIER_PRICE, frontier_model, record, small_model
from tests.money.budgeting import UP, priced, router
from tests.money.conftest import query
from tests.servers import Reply

few = pytest.mark.parametrize("ask", ["invoke", "astream"], indirect=True)
"""Two ways to ask, where the others would show no more."""


@pytest.fixture
def store(request, tmp_path):
    """In memory; in a file for every other of the six faces and of the tests."""
    number = sum(map(ord, request.node.name))
    store = BudgetStore(f"sqlite:///{tmp_path}/b.sqlite3" if number % 2 else None)
    yield store
    store.close()


async def test_a_call_is_booked_at_what_it_cost(small, frontier, ask, store):
    budget = Budget(usd=1, tokens=10_000, calls=10, store=store)
    answer = await ask(router(small, frontier, budget), UP)
    now = budget.balance()
    assert answer.text == "a frontier answer"
    assert now["usd"]["spent"] == pytest.approx(priced(frontier), abs=1e-9)
    assert now["tokens"]["spent"] == sum(frontier.tokens)
    assert now["calls"]["spent"] == 1
    assert all(part["reserved"] == 0 for part in now.values())
    account = record(answer)["budget"]
    assert account["exhausted"] == []
    assert account["charged"]["usd"] == pytest.approx(record(answer)["cost_usd"])


def test_a_router_without_budgets_has_no_account(make):
    assert "budget" not in record(make().invoke(UP))


@few
async def test_error_says_which_budget_and_when_it_opens(small, frontier, ask, store):
    budget = Budget(calls=1, name="trial", store=store)
    routed = router(small, frontier, budget)
    await ask(routed, UP)
    with pytest.raises(BudgetExceededError, match="'trial'") as caught:
        await ask(routed, UP)
    found = caught.value.exhausted
    assert (found.budget, found.unit, found.limit, found.spent, found.reserved, found.needed) == (
        ("trial", "calls", 1, 1, 0, 1)
    )
    assert found.opens_at is not None
    assert "It opens again at" in str(caught.value)
    assert found.opens_at in str(caught.value)
    assert "1 calls spent" in str(caught.value)
    assert caught.value.record["budget"]["exhausted"] == [found.to_dict()]
    assert isinstance(caught.value, TiersFailedError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert len(frontier.requests) == 1


async def test_small_answers_where_the_frontier_has_no_room(small, frontier, ask, store):
    budget = Budget(usd=1e-6, on_exhausted="small", store=store)
    answer = await ask(router(small, frontier, budget), UP)
    assert answer.text == "a small answer"
    assert record(answer)["tier"] == "small"
    assert record(answer)["decision"]["tier"] == "frontier"
    (mark,) = record(answer)["budget"]["exhausted"]
    assert (mark["budget"], mark["tier"], mark["unit"]) == ("day", "frontier", "usd")
    assert not frontier.requests


@pytest.mark.parametrize("asked", ["hi", UP])
async def test_a_small_answer_that_fails_its_check_never_leaves(small, frontier, ask, asked):
    small.default = "secret nonsense"
    budget = Budget(usd=1e-6, on_exhausted="small")
    routed = router(small, frontier, budget, verify=lambda attempt: False)
    with pytest.raises(BudgetExceededError, match="Before that") as caught:
        await ask(routed, asked)
    assert "rejected by" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(small.requests) == 1
    assert not frontier.requests


@few
async def test_a_failed_small_tier_is_said_too(small, frontier, ask):
    small.script(Reply(status=500))
    routed = router(small, frontier, Budget(usd=1e-6, on_exhausted="small"))
    with pytest.raises(BudgetExceededError, match="500") as caught:
        await ask(routed, UP)
    assert len(caught.value.exceptions) == 1


async def test_a_callable_answers(small, frontier, ask):
    said = []

    def instead(exhausted):
        said.append(exhausted)
        return "come back tomorrow"

    answer = await ask(router(small, frontier, Budget(usd=1e-6, on_exhausted=instead)), UP)
    assert answer.text == "come back tomorrow"
    assert record(answer)["tier"] is None
    assert record(answer)["cost_usd"] == 0
    assert said[0].tier == "frontier"


@few
async def test_an_async_callable_chooses(small, frontier, ask):
    async def instead(exhausted):
        await asyncio.sleep(0)
        return "small"

    answer = await ask(router(small, frontier, Budget(usd=1e-6, on_exhausted=instead)), UP)
    assert answer.text == "a small answer"


def test_a_callable_may_give_a_message_or_raise(small, frontier):
    budget = Budget(usd=1e-6, on_exhausted=lambda _: AIMessage("no", id="mine"))
    assert router(small, frontier, budget).invoke(UP).id == "mine"
    budget = Budget(usd=1e-6, on_exhausted=lambda _: 7)
    with pytest.raises(ValueError, match="returned a int"):
        router(small, frontier, budget).invoke(UP)


def test_what_is_free_may_always_be_asked(small, frontier):
    routed = router(small, frontier, Budget(usd=1e-6))
    assert routed.invoke("hi").text == "a small answer"


@few
async def test_a_paid_small_tier_is_under_budget_too(small, frontier, ask):
    routed = AsymRouter(
        small=Tier(small_model(small, num_predict=50), price=Price(1, 1)),
        frontier=Tier(frontier_model(frontier, max_tokens=50), price=FRONTIER_PRICE),
        budgets=[Budget(usd=1e-6, on_exhausted="small")],
        classify="keyword",
    )
    with pytest.raises(BudgetExceededError, match="'small'"):
        await ask(routed, "hi")
    assert not small.requests


# scopes -------------------------------------------------------------------------------------


@few
async def test_per_thread(small, frontier, ask, store):
    budget = Budget(calls=1, per="thread", store=store)
    routed = router(small, frontier, budget)

    def thread(name):
        return {"configurable": {"thread_id": name}}

    await ask(routed, UP, thread("a"))
    await ask(routed, UP, thread("b"))
    await ask(routed, UP)
    for config in (thread("a"), thread("b"), None):
        with pytest.raises(BudgetExceededError) as caught:
            await ask(routed, UP, config)
        assert caught.value.exhausted.opens_at is None
    assert budget.balance("a")["calls"]["spent"] == 1
    assert budget.balance()["calls"]["spent"] == 1


@few
async def test_per_tag(small, frontier, ask, store):
    budget = Budget(calls=2, per="tag", store=store)
    one = Budget(calls=3, per="tag", tag="team-a", store=store)
    routed = router(small, frontier, budget, one)
    await ask(routed, UP, {"tags": ["team-a", "x"]})
    await ask(routed, UP, {"tags": ["team-a"]})
    with pytest.raises(BudgetExceededError, match="team-a"):
        await ask(routed, UP, {"tags": ["team-a"]})
    await ask(routed, UP, {"tags": ["x"]})
    with pytest.raises(BudgetExceededError, match="'x'"):
        await ask(routed, UP, {"tags": ["y", "x"]})
    assert budget.balance("team-a")["calls"]["spent"] == 2
    assert budget.balance("y")["calls"] == {"limit": 2, "spent": 0, "reserved": 0, "left": 2}
    assert one.balance()["calls"]["spent"] == 2


@few
async def test_per_day(small, frontier, ask, store, monkeypatch):
    day = "lc_asym_router.money.budgets.scopes.today"
    routed = router(small, frontier, Budget(calls=1, store=store))
    monkeypatch.setattr(day, lambda: "2026-01-31")
    await ask(routed, UP)
    with pytest.raises(BudgetExceededError) as caught:
        await ask(routed, UP)
    assert caught.value.exhausted.opens_at == "2026-02-01T00:00:00+00:00"
    monkeypatch.setattr(day, lambda: "2026-02-01")
    await ask(routed, UP)


@few
async def test_per_request_caps_the_amplification(small, frontier, ask):
    budget = Budget(calls=2, per="request")
    routed = router(small, frontier, budget, verify=lambda attempt: False, small_attempts=2)
    for _ in range(2):
        with pytest.raises(BudgetExceededError, match="2 calls per request") as caught:
            await ask(routed, "hi")
        assert caught.value.record["budget"]["charged"]["calls"] == 2
    assert len(small.requests) == 4
    assert not frontier.requests


@few
async def test_a_cap_on_tokens_per_request(small, frontier, ask):
    routed = router(small, frontier, Budget(tokens=400, per="request"))
    assert (await ask(routed, UP)).text == "a frontier answer"
    with pytest.raises(BudgetExceededError, match="400 tokens per request"):
        await ask(routed, UP + " " * 400)


@few
async def test_several_budgets_all_count(small, frontier, ask, store):
    """One in a store of its own that has room gets its reservation back."""
    wide, narrow = Budget(usd=1, name="wide"), Budget(calls=1, name="narrow", store=store)
    routed = router(small, frontier, wide, narrow)
    await ask(routed, UP)
    with pytest.raises(BudgetExceededError, match="narrow"):
        await ask(routed, UP)
    assert wide.balance()["usd"]["reserved"] == 0
    assert wide.balance()["usd"]["spent"] == pytest.approx(priced(frontier), abs=1e-9)


def test_the_first_budget_that_has_no_room_decides(small, frontier):
    soft = Budget(calls=1, name="soft", on_exhausted="small", per="tag")
    hard = Budget(calls=3, name="hard")
    routed = router(small, frontier, soft, hard)
    assert [routed.invoke(UP, {"tags": ["t"]}).text for _ in range(1)] == ["a frontier answer"]
    with pytest.raises(BudgetExceededError, match="soft"):  # "small" is a call as well
        routed.invoke(UP, {"tags": ["t"]})


def test_a_subgraph_is_under_the_budget(small, frontier):
    budget = Budget(calls=1, per="thread")
    parent = StateGraph(MessagesState)
    parent.add_node("answer", router(small, frontier, budget).graph)
    parent.add_edge("__start__", "answer")
    graph = parent.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage(UP)]}, config)
    with pytest.raises(BudgetExceededError):
        graph.invoke({"messages": [HumanMessage(UP)]}, config)
    assert budget.balance("t")["calls"]["spent"] == 1


# what is booked -----------------------------------------------------------------------------


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
async def test_a_call_lost_half_way_is_booked_whole(small, frontier, ask, store):
    frontier.default = Reply("a b c d", drop_after=2)
    budget = Budget(usd=1, store=store)
    with pytest.raises(TiersFailedError):
        await ask(router(small, frontier, budget), UP)
    assert budget.balance()["usd"]["spent"] > 0.001
    assert budget.balance()["usd"]["reserved"] == 0


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
    for _ in range(100):
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
    assert budget.balance()["usd"]["spent"] > 0.001
    assert budget.balance()["usd"]["reserved"] == 0


# side calls ---------------------------------------------------------------------------------


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


# faults of the store ------------------------------------------------------------------------


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


# what a user writes wrongly -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "limits nothing"),
        ({"usd": 0}, "over 0"),
        ({"usd": float("nan")}, "over 0"),
        ({"calls": True}, "over 0"),
        ({"usd": 1, "per": "week"}, "per 'request'"),
        ({"usd": 1, "on_exhausted": "stop"}, "on_exhausted"),
        ({"usd": 1, "tag": "a"}, "per='tag'"),
        ({"usd": 1, "name": "a|b"}, "60 characters"),
        ({"usd": 1, "lease": 0}, "seconds"),
        ({"usd": 1, "max_output_tokens": 1.5}, "whole number"),
        ({"usd": 1, "store": 7}, "BudgetStore"),
        ({"usd": 1, "store": "mysql://h/d"}, "SQLite and PostgreSQL"),
    ],
)
def test_a_budget_that_makes_no_sense(settings, said):
    with pytest.raises(ValueError, match=said):
        Budget(**settings)


def test_a_tier_without_a_price_is_an_error_at_construction(small, frontier):
    with pytest.raises(ValueError, match=r"price=Price\(input, output\)"):
        AsymRouter(
            small=small_model(small),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
            budgets=[Budget(usd=1)],
        )


def test_a_paid_tier_without_a_limit_needs_the_budgets(small, frontier):
    tiers = {
        "small": Tier(small_model(small), price=PerCall(0)),
        "frontier": Tier(frontier_model(frontier), price=FRONTIER_PRICE),
    }
    with pytest.raises(ValueError, match=r"max_output_tokens"):
        AsymRouter(**tiers, budgets=[Budget(usd=1)])
    routed = AsymRouter(**tiers, budgets=[Budget(usd=1, max_output_tokens=64)], classify="keyword")
    routed.invoke(UP)
    routed.invoke("hi")
    assert frontier.requests[0].body["max_completion_tokens"] == 64
    assert "num_predict" not in small.requests[0].body.get("options", {})  # it is free
    routed = AsymRouter(**tiers, budgets=[Budget(tokens=1000, max_output_tokens=64)])
    assert routed.ladder[0].model.num_predict == 64


def test_what_is_paid_by_time_needs_no_limit_on_tokens(small, frontier):
    budget = Budget(usd=1, lease=30)
    routed = AsymRouter(
        small=Tier(small_model(small), price=PerSecond(0.01)),
        frontier=Tier(frontier_model(frontier), price=PerCall(0.1)),
        budgets=[budget],
        classify="keyword",
    )
    cost = record(routed.invoke("hi"))["cost_usd"]
    assert budget.balance()["usd"]["spent"] == pytest.approx(cost, abs=1e-9)
    routed.invoke(UP)
    assert budget.balance()["usd"]["spent"] == pytest.approx(cost + 0.1, abs=1e-9)


def test_a_call_may_not_take_its_limit_away(small, frontier):
    routed = router(small, frontier, Budget(usd=1))
    with pytest.raises(InvalidRequestError, match="max_tokens"):
        routed.invoke(UP, max_tokens=None)
    with pytest.raises(ValueError, match="price"):
        routed.invoke(UP, model="another-model")
    assert not frontier.requests


def test_two_budgets_of_one_name_are_an_error(small, frontier):
    store = BudgetStore()
    with pytest.raises(ValueError, match="one name"):
        router(small, frontier, Budget(usd=1, store=store), Budget(usd=2, store=store))
    with pytest.raises(ValueError, match="takes a list"):
        AsymRouter(small=small_model(small), frontier=frontier_model(frontier), budgets=[5])


def test_copies_of_a_router_share_its_budgets(small, frontier):
    budget = Budget(calls=2)
    routed = router(small, frontier, budget)
    routed.invoke(UP)
    routed.model_copy().invoke(UP)
    assert copy.deepcopy(budget).store is budget.store
    with pytest.raises(BudgetExceededError):
        routed.model_copy(update={"sticky": None}).invoke(UP)


def test_a_refusal_is_in_the_ledger(small, frontier, tmp_path):
    path = tmp_path / "both.sqlite3"
    with Ledger(path, flush_seconds=0) as ledger:
        budget = Budget(calls=1, store=BudgetStore(path))
        routed = router(small, frontier, budget, callbacks=[ledger])
        routed.invoke(UP)
        with pytest.raises(BudgetExceededError):
            routed.invoke(UP)
        ledger.flush()
    rows = query(f"sqlite:///{path}", "SELECT outcome, error FROM asym_requests ORDER BY outcome")
    assert rows == [("answered", None), ("failed", "BudgetExceededError")]
