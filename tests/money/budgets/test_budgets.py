"""Budgets on a router, against real servers: every scope, and what happens when one is used up."""

from __future__ import annotations

import asyncio
import pickle
import threading
from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from lc_asym_router import AsymRouter, Budget, BudgetExceededError, Price, Tier, TiersFailedError
from tests.conftest import FRONTIER_PRICE, frontier_model, record, small_model
from tests.money.budgets.budgeting import UP, few, priced, router
from tests.servers import Reply


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


@few
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callable_that_raises_is_logged_and_small_is_asked(
    small, frontier, ask, is_async, caplog
):
    def refuse(exhausted):
        raise PermissionError("SECRET")

    async def arefuse(exhausted):
        refuse(exhausted)

    budget = Budget(usd=1e-6, on_exhausted=arefuse if is_async else refuse, name="mine")
    routed = router(small, frontier, budget)
    for _ in range(2):
        assert (await ask(routed, UP)).text == "a small answer"
    (said,) = [each for each in caplog.records if "on_exhausted" in each.getMessage()]
    assert "'mine'" in said.getMessage()
    assert "Traceback" in said.getMessage()
    assert "in refuse" in said.getMessage()
    assert "SECRET" not in caplog.text
    small.default = "secret nonsense"
    with pytest.raises(BudgetExceededError, match="mine"):
        await ask(router(small, frontier, budget, verify=lambda attempt: False), UP)


async def test_a_callable_runs_beside_the_loop(small, frontier):
    seen = []

    def instead(exhausted):
        seen.append(threading.current_thread())
        return "no"

    await router(small, frontier, Budget(usd=1e-6, on_exhausted=instead)).ainvoke(UP)
    assert seen[0] is not threading.current_thread()


@pytest.mark.parametrize("deadline", [None, 60])
async def test_a_callable_may_interrupt(small, frontier, deadline):
    """Whoever is asked may say that more is to be spent, or what to answer."""
    budget = Budget(usd=1e-6, on_exhausted=lambda exhausted: interrupt(exhausted.budget))
    graph = StateGraph(MessagesState)
    graph.add_node("answer", router(small, frontier, budget, deadline=deadline).graph)
    graph.add_edge(START, "answer")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    out = await compiled.ainvoke({"messages": [HumanMessage(UP)]}, config)
    assert out["__interrupt__"][0].value == "day"
    out = await compiled.ainvoke(Command(resume="enough for today"), config)
    assert out["messages"][-1].text == "enough for today"


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
        verify="form",
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
    day = "lc_asym_router.graph.calls.payments.utc_now"
    routed = router(small, frontier, Budget(calls=1, store=store))
    monkeypatch.setattr(day, lambda: datetime(2026, 1, 31, 23, tzinfo=UTC))
    await ask(routed, UP)
    with pytest.raises(BudgetExceededError) as caught:
        await ask(routed, UP)
    assert caught.value.exhausted.opens_at == "2026-02-01T00:00:00+00:00"
    monkeypatch.setattr(day, lambda: datetime(2026, 2, 1, tzinfo=UTC))
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
