"""Absurd counts and prices: bounded where they come in, marked, and harmless to budgets."""

from __future__ import annotations

import json
import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter, Budget, BudgetStore, Ledger, PerCall, Price, Tier
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.entries import attempt_entry
from lc_asym_router.money.budgets.amounts import MOST_AMOUNT, Balance, Claim, spent_of
from lc_asym_router.money.prices import PerSecond, Power, Pricing, cost_of_call
from lc_asym_router.money.usage import MOST_TOKENS, TokenCounts, believed, estimated_usage
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply

ABSURD = [
    2**63,
    -(10**9),
    10**400,
    math.nan,
    math.inf,
    -math.inf,
    1e30,
    12.5,
    "12",
    True,
    None,
    [7],
]
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.booleans(),
    st.none(),
    st.sampled_from(ABSURD),
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": NUMBERS,
        "output_tokens": NUMBERS,
        "total_tokens": NUMBERS,
        "input_token_details": st.dictionaries(
            st.sampled_from(["cache_read", "cache_creation", "audio", "flex_cache_read", "x"]),
            NUMBERS,
        )
        | NUMBERS,
        "output_token_details": st.dictionaries(st.sampled_from(["reasoning", "audio"]), NUMBERS)
        | NUMBERS,
    },
)


@given(USAGE)
def test_no_count_is_out_of_bounds(usage):
    counted, _ = believed(usage)
    counts = TokenCounts.of(counted)
    for name in ("input", "output", "cache_read", "cache_write", "reasoning", "plain_input"):
        number = getattr(counts, name)
        assert type(number) is int
        assert 0 <= number <= MOST_TOKENS
    assert counted["total_tokens"] >= counted["input_tokens"] + counted["output_tokens"]
    json.dumps(counted, allow_nan=False)
    entry = attempt_entry(tier="t", model="m", price=Price(1e9, 1e9), seconds=1.0, usage=usage)
    assert entry["cost_usd"] is None or 0 <= entry["cost_usd"] < math.inf
    assert TokenCounts.of(usage).input == counts.input  # as they came, they count the same


@pytest.mark.parametrize("number", ABSURD, ids=repr)
@pytest.mark.parametrize("place", ["input_tokens", "output_tokens", "total_tokens", "reasoning"])
def test_an_absurd_count_is_not_believed(number, place):
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10, "output_token_details": {}}
    if place == "reasoning":
        usage["output_token_details"] = {"reasoning": number}
        assert believed(usage)[1] is (number is None)  # a detail that is not known is none
    else:
        usage[place] = number
        assert not believed(usage)[1]
        entry = attempt_entry(tier="t", model="m", price=None, seconds=1.0, usage=usage)
        assert entry["usage_doubtful"] is True


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_plain_counts_are_left_as_they_are(came, went):
    usage = {"input_tokens": came, "output_tokens": went, "total_tokens": came + went}
    assert believed(usage) == (usage, True)
    entry = attempt_entry(tier="t", model="m", price=None, seconds=1.0, usage=usage)
    assert "usage_doubtful" not in entry


@pytest.mark.parametrize("count", [2**63, -(10**9), 10**30, 10**400])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_server_that_counts_wrongly_neither_refills_nor_blocks(
    small, frontier, tmp_path, kind, count
):
    """Seen: 2**63 blocked every later call, -10**9 refilled the budget."""
    body = {"model": "small-model", "message": {"role": "assistant", "content": "fine"}}
    body |= {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": count}
    small.default = Reply(body=json.dumps(body).encode() + b"\n")
    store = BudgetStore(None if kind == "memory" else tmp_path / "b.sqlite3")
    budget = Budget(usd=1, tokens=1500, store=store)
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    router = AsymRouter(
        small=Tier(small_model(small, num_predict=50), price=Price(1, 1)),
        frontier=Tier(small_model(frontier, num_predict=50), price=PerCall(0)),
        classify=lambda messages: 0.0,
        verify=None,
        budgets=[budget],
        callbacks=[ledger],
    )
    spent = [0.0]
    for _ in range(3):
        entry = record(router.invoke("hi"))["attempts"][0]
        assert entry["usage_doubtful"] is True
        assert 0 <= entry["usage"]["output_tokens"] <= MOST_TOKENS
        assert 0 <= entry["cost_usd"] < math.inf
        spent.append(budget.balance()["tokens"]["spent"])
    assert spent == sorted(set(spent))  # each call took something, and gave nothing back
    assert spent[-1] < 1500
    assert ledger.rows()[0]["answered"] == 3
    ledger.close()
    store.close()


@pytest.mark.parametrize("place", ["input_tokens", "output_tokens"])
@pytest.mark.parametrize("count", [2**63, -(10**9), 10**30])
def test_in_openais_dialect_too(small, frontier, tmp_path, count, place):
    frontier.default = Reply("fine", **{"input_tokens": 7, "output_tokens": 3, place: count})
    store = BudgetStore(tmp_path / "b.sqlite3")
    budget = Budget(usd=1, tokens=1500, store=store)
    router = AsymRouter(
        small=Tier(small_model(small, num_predict=50), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier, max_tokens=50), price=Price(1, 1)),
        threshold=0,
        budgets=[budget],
    )
    spent = [0.0]
    for _ in range(3):
        (entry,) = record(router.invoke("hi"))["attempts"]
        assert entry["usage_doubtful"] is True
        assert all(0 <= entry["usage"][name] <= MOST_TOKENS for name in ("input_tokens", place))
        assert 0 <= entry["cost_usd"] < math.inf
        spent.append(budget.balance()["tokens"]["spent"])
    assert spent == sorted(set(spent))
    assert spent[-1] < 1500
    store.close()


class Odd(Pricing):
    """A price of one's own that says anything."""

    def __init__(self, cost):
        self.cost = cost

    def of(self, usage, seconds=None):
        return self.cost


@pytest.mark.parametrize("cost", [math.nan, math.inf, -1.0, 1e300, 10**400])
def test_a_price_of_ones_own_that_is_absurd_is_unknown(cost):
    assert cost_of_call(Odd(cost), {"input_tokens": 1}, 1.0) is None


@given(st.floats() | st.integers())
def test_an_amount_fits_into_a_database(value):
    for unit in ("usd", "tokens"):
        assert 0 <= spent_of(unit, value) <= MOST_AMOUNT < 2**63


@pytest.mark.parametrize("price", [-1, math.nan, math.inf, 1e300, 10**400, "1", True])
def test_prices_out_of_bounds(price):
    for make in (lambda p: Price(p, 1), lambda p: Price(1, 1, reasoning=p), PerCall, PerSecond):
        with pytest.raises(ConfigurationError, match="0 or more"):
            make(price)
    with pytest.raises(ConfigurationError, match="0 or more"):
        Power(watts=price, usd_per_kwh=1)


# settlements that a database can't take -----------------------------------------------------


def test_what_can_not_be_booked_blocks_nobody(tmp_path, caplog):
    store = BudgetStore(tmp_path / "b.sqlite3")
    claim = Claim("a", 100, 10, 60.0)
    for name in ("1", "2", "3"):
        assert store.reserve(name, [claim]) is None
    settle = store._vault.settle

    def overflow(id, amounts, **limits):
        if id == "1":
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        settle(id, amounts, **limits)

    store._vault.settle = overflow
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for name in ("1", "2", "3"):
            store.settle(name, {"a": 10})
            assert store.reserve(f"later {name}", [claim]) is None
    assert caplog.text.count("can't take what a call has spent") == 1
    assert store.balance("a") == Balance(20, 40)  # the first one's reservation still counts


def test_one_that_fails_again_and_again_blocks_nobody_either(tmp_path):
    store = BudgetStore(tmp_path / "b.sqlite3")
    claim = Claim("a", 100, 10, 60.0)
    settle = store._vault.settle
    down = {"1", "2", "3"}

    def failing(id, amounts, **limits):
        if id in down:
            raise OSError("the disk is full")
        settle(id, amounts, **limits)

    store._vault.settle = failing
    for name in ("1", "2", "3"):
        assert store.reserve(name, [claim]) is None
        store.settle(name, {"a": 10})
    down -= {"2", "3"}
    for number in range(3):
        assert store.reserve(f"later {number}", [claim]) is None
    assert store.balance("a") == Balance(20, 40)


def test_sums_end_at_what_a_database_can_count(tmp_path):
    for store in (BudgetStore(tmp_path / "b.sqlite3"), BudgetStore()):
        for name in ("1", "2"):
            assert store.reserve(name, [Claim("a", MOST_AMOUNT, 1, 60.0)]) is None
        for name in ("1", "2"):
            store.settle(name, {"a": MOST_AMOUNT})
        assert store.balance("a").spent >= MOST_AMOUNT
        assert store.reserve("3", [Claim("a", MOST_AMOUNT, 1, 60.0)]) is not None


# broken off ---------------------------------------------------------------------------------


def test_an_estimate_is_by_what_was_received():
    counted = estimated_usage(AIMessage("x" * 400), 50)
    assert counted["input_tokens"] == 50
    assert 80 <= counted["output_tokens"] <= 120
    assert counted["total_tokens"] == 50 + counted["output_tokens"]
    given = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}
    assert estimated_usage(AIMessage("x" * 400, usage_metadata=given), 50)["input_tokens"] == 9


def test_a_broken_off_stream_is_booked_by_an_estimate(make, small, tmp_path):
    small.script(Reply("one two three four", drop_after=3))
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    router = make(callbacks=[ledger])
    seen = None
    for chunk in router.stream("hi"):
        seen = chunk if seen is None else seen + chunk
    first, last = record(seen)["attempts"]
    assert first["error"]
    assert first["usage_estimated"] is True
    assert 0 < first["usage"]["output_tokens"] < 10
    assert first["cost_usd"] == pytest.approx(Price(0.05, 0.08).of(first["usage"]))
    assert "usage_estimated" not in last
    assert record(seen)["cost_usd"] == pytest.approx(first["cost_usd"] + last["cost_usd"])
    row = ledger.rows()[0]
    assert row["calls_with_estimated_usage"] == 1
    assert row["unknown_cost"] == 0
    ledger.close()


def test_what_never_began_is_not_estimated(make, small):
    small.script(Reply(status=500))
    seen = None
    for chunk in make().stream("hi"):
        seen = chunk if seen is None else seen + chunk
    first = record(seen)["attempts"][0]
    assert (first["usage"], first["cost_usd"]) == (None, 0)
