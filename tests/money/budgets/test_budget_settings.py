"""What a user writes wrongly is said when the router is made; what is shared, and told."""

from __future__ import annotations

import copy

import pytest

from lc_asym_router import (
    AsymRouter,
    Budget,
    BudgetExceededError,
    BudgetStore,
    InvalidRequestError,
    Ledger,
    PerCall,
    PerSecond,
    Tier,
)
from tests.conftest import FRONTIER_PRICE, frontier_model, record, small_model
from tests.money.budgets.budgeting import UP, router
from tests.money.conftest import query


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
