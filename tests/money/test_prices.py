"""What a call costs: each token once, and nothing that is not known."""

from __future__ import annotations

import logging
import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router import (
    AsymRouter,
    ConfigurationError,
    Judge,
    PerCall,
    PerSecond,
    Power,
    Price,
    Tier,
)
from lc_asym_router.money import list_prices as listed
from lc_asym_router.money.list_prices import ListPrice, listed_price
from lc_asym_router.money.usage import TokenCounts
from lc_asym_router.records.trail import total
from tests.conftest import FRONTIER_PRICE, frontier_model, record, small_model
from tests.servers import Reply

USD = st.floats(0, 1000, allow_nan=False)
TOKENS = st.integers(0, 10**6)
PRICES = st.builds(Price, USD, USD, st.none() | USD, st.none() | USD, st.none() | USD)


@st.composite
def usages(draw):
    """Token counts whose details may even contradict them."""
    came, went = draw(TOKENS), draw(TOKENS)
    detail = st.none() | TOKENS
    return {
        "input_tokens": came,
        "output_tokens": went,
        "total_tokens": came + went,
        "input_token_details": {
            "cache_read": draw(detail),
            "cache_creation": draw(detail),
            "audio": draw(detail),
        },
        "output_token_details": {"reasoning": draw(detail), "audio": draw(detail)},
    }


@given(PRICES | st.just(ListPrice("openai", "gpt-4o")), usages())
def test_a_cost_is_never_negative(price, usage):
    assert price.of(usage) >= 0


@given(PRICES | st.just(ListPrice("openai", "gpt-5")), usages(), TOKENS, TOKENS)
def test_more_tokens_never_cost_less(price, usage, more_in, more_out):
    plain = {key: usage[key] for key in ("input_tokens", "output_tokens", "total_tokens")}
    grown = {
        **plain,
        "input_tokens": plain["input_tokens"] + more_in,
        "output_tokens": plain["output_tokens"] + more_out,
    }
    assert price.of(grown) >= price.of(plain)


@given(USD, USD, usages())
def test_details_at_the_same_price_change_nothing(price_in, price_out, usage):
    """So no cached and no reasoning token is counted twice, nor left out."""
    price = Price(price_in, price_out, price_in, price_in, price_out)
    expected = (usage["input_tokens"] * price_in + usage["output_tokens"] * price_out) / 1e6
    assert price.of(usage) == pytest.approx(expected)


@given(usages())
def test_the_parts_are_the_whole(usage):
    counts = TokenCounts.of(usage)
    parts = (counts.plain_input, counts.cache_read, counts.cache_write)
    assert min(*parts, counts.plain_output, counts.reasoning) >= 0
    assert sum(parts) == usage["input_tokens"]
    assert counts.plain_output + counts.reasoning == usage["output_tokens"]


@given(st.lists(st.none() | USD))
def test_sums_add_up_or_are_unknown(costs):
    known = [cost for cost in costs if cost is not None]
    assert total(costs) == (pytest.approx(sum(known)) if len(known) == len(costs) else None)


def test_each_kind_of_token_has_its_price():
    usage = {
        "input_tokens": 1000,
        "output_tokens": 500,
        "total_tokens": 1500,
        "input_token_details": {"cache_read": 300, "cache_creation": 100},
        "output_token_details": {"reasoning": 200},
    }
    micro = 600 * 2 + 300 * 0.5 + 100 * 2.5 + 300 * 8 + 200 * 10
    assert Price(2, 8, 0.5, 2.5, 10).of(usage) == pytest.approx(micro / 1e6)
    assert Price(2, 8).of(usage) == pytest.approx((1000 * 2 + 500 * 8) / 1e6)
    assert Price(2, 8).of(None) is None


def test_other_forms_of_price():
    assert PerCall(0.01).of(None) == 0.01
    assert PerCall(0.01).of_failed(3.0) is None
    assert PerCall(0).of_failed(3.0) == 0
    assert PerSecond(0.60 / 3600).of(None, 60.0) == pytest.approx(0.01)
    assert PerSecond(0.5).of({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}) is None
    assert PerSecond(0.5).of_failed(2.0) == 1.0
    assert Power(watts=300, usd_per_kwh=0.30).of(None, 3600.0) == pytest.approx(0.09)


@pytest.mark.parametrize(
    "make_it",
    [
        lambda: Price(-1, 2),
        lambda: Price("1", 2),
        lambda: Price(1, 2, reasoning=float("nan")),
        lambda: PerCall(None),
        lambda: PerSecond(True),
        lambda: Power(-5, 1),
    ],
)
def test_a_bad_price_says_what_to_do(make_it):
    with pytest.raises(ConfigurationError, match="0 or more"):
        make_it()


def test_a_tier_takes_prices_only(small):
    with pytest.raises(ConfigurationError, match="per million tokens"):
        Tier(small_model(small), price=2.5)


USAGE = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}


@pytest.fixture
def anew():
    """Nothing has been looked up or said."""
    caches = (listed._listed, listed._say_local, listed._say_unpriced, listed._say_missing)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_list_prices_come_without_network(anew, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    price = listed_price("openai", "gpt-4o-2024-08-06")
    assert price.of(USAGE) == pytest.approx((1000 * 2.5 + 500 * 10) / 1e6)
    assert price.of(None) is None
    cached = {**USAGE, "input_token_details": {"cache_read": 400}}
    assert price.of(cached) == pytest.approx((600 * 2.5 + 400 * 1.25 + 500 * 10) / 1e6)


def test_long_prompts_and_service_tiers_have_their_own_list_price():
    price = listed_price("anthropic", "claude-sonnet-4-5")
    long = {"input_tokens": 10**6, "output_tokens": 0, "total_tokens": 10**6}
    assert price.of(long) > 1000 * price.of({**long, "input_tokens": 1000})
    flex = {
        **USAGE,
        "input_token_details": {"flex": 1000},
        "output_token_details": {"flex": 500},
    }
    mini = listed_price("openai", "gpt-5-mini")
    assert mini.of(flex) == pytest.approx(mini.of(USAGE) / 2)


def test_who_is_called_bills():
    gateway = listed_price("openai", "gpt-4o", "http://127.0.0.1:4000/v1")
    assert gateway == ListPrice("openai", "gpt-4o")
    other = listed_price("openai", "openai/gpt-4o", "https://openrouter.ai/api/v1")
    assert other.provider == "openrouter"
    assert listed_price("openai", "no-such", "https://openrouter.ai/api/v1") is None


def test_an_unknown_price_is_said_once(anew, caplog, small, frontier):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            router = AsymRouter(
                classify="keyword",
                small=small_model(small),
                frontier=frontier_model(frontier),
                verify="form",
            )
            router.invoke("hi")
            router.invoke("debug")
    said = [entry.message for entry in caplog.records if "money.list_prices" in entry.name]
    assert len(said) == 2
    assert "small-model runs on your own machine" in said[0]
    assert "price=Power(" in said[0]
    assert "frontier-model (openai)" in said[1]


def test_a_model_listed_without_any_price_is_unknown(anew):
    assert listed_price("github-copilot", "gpt-4o") is None


def test_without_the_extra_it_is_said_once_what_to_install(anew, caplog, monkeypatch):
    for name in list(sys.modules):
        if name.partition(".")[0] == "genai_prices":
            monkeypatch.setitem(sys.modules, name, None)
    with caplog.at_level(logging.WARNING):
        assert listed_price("openai", "gpt-4o") is None
        assert listed_price("openai", "gpt-5") is None
    (said,) = caplog.records
    assert "pip install 'lc-asym-router[prices]'" in said.message


async def test_the_record_goes_by_the_list_price(small, frontier, ask):
    model = frontier_model(frontier).model_copy(update={"model_name": "gpt-4o"})
    router = AsymRouter(
        classify="keyword",
        small=Tier(small_model(small), price=PerCall(0)),
        frontier=model,
        verify="form",
    )
    frontier.script(Reply("x", input_tokens=1000, output_tokens=500))
    answer = await ask(router, "debug")
    assert record(answer)["cost_usd"] == pytest.approx(0.0075)
    assert record(answer)["saved_usd"] == 0
    small.script(Reply("fine", input_tokens=1000, output_tokens=500))
    answer = await ask(router, "hi")
    assert record(answer)["cost_usd"] == 0
    assert record(answer)["frontier_cost_usd"] == pytest.approx(0.0075)
    assert record(answer)["saved_usd"] == pytest.approx(0.0075)


def test_cached_and_reasoning_tokens_over_the_wire(small, frontier):
    body = b"""{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 300}}}"""
    price = Price(2.0, 8.0, cached_input=0.5, reasoning=12.0)
    router = AsymRouter(
        classify="keyword",
        small=small_model(small),
        frontier=Tier(frontier_model(frontier), price=price),
        verify="form",
    )
    frontier.script(Reply("x", body=body))
    answer = router.invoke("debug")
    micro = 600 * 2 + 400 * 0.5 + 200 * 8 + 300 * 12
    assert record(answer)["cost_usd"] == pytest.approx(micro / 1e6)


async def test_a_machine_costs_what_its_time_costs(small, frontier, ask):
    router = AsymRouter(
        classify="keyword",
        small=Tier(small_model(small), price=PerSecond(0.01)),
        frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
        verify="form",
    )
    small.script(Reply(status=500, error="x"), "fine")
    failed = record(await ask(router, "hi"))
    assert failed["attempts"][0]["cost_usd"] == 0  # refused before the model began
    answered = record(await ask(router, "hi"))
    (attempt,) = answered["attempts"]
    assert attempt["cost_usd"] == pytest.approx(attempt["seconds"] * 0.01)


async def test_a_judge_without_a_price_makes_the_bill_unknown(small, frontier, ask):
    """Its own price is looked up by its own provider and name."""

    def router(judge):
        return AsymRouter(
            classify="keyword",
            small=Tier(small_model(small), price=PerCall(0.001)),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
            verify=Judge(judge),
        )

    judge = frontier_model(frontier)
    frontier.script(*[Reply("yes", input_tokens=1000, output_tokens=500)] * 2)
    found = record(await ask(router(judge.model_copy(update={"model_name": "gpt-4o"})), "hi"))
    (call,) = found["side_calls"]
    assert call["cost_usd"] == pytest.approx(0.0075)
    assert found["cost_usd"] == pytest.approx(
        sum(c["cost_usd"] for c in (call, *found["attempts"]))
    )
    found = record(await ask(router(judge.model_copy(update={"model_name": "nobody-knows"})), "hi"))
    assert found["cost_usd"] is None
    assert found["saved_usd"] is None


@pytest.mark.parametrize(
    "price",
    [
        Price(1, 2),
        Price(1, 2, cached_input=3, cache_write=4, reasoning=5),
        Price(1, 2, cached_input=0.1, cache_write=1.25, reasoning=0),
        PerCall(0.5),
        PerSecond(0.1),
        Power(100, 0.3),
        listed_price("openai", "gpt-4o"),
        listed_price("anthropic", "claude-sonnet-4-0"),
        listed_price("google_genai", "gemini-2.5-flash"),
    ],
    ids=repr,
)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_no_call_costs_more_than_the_most(price, data):
    came = data.draw(st.integers(0, 300_000))
    went = data.draw(st.integers(0, 20_000))
    read = data.draw(st.integers(0, came))
    write = data.draw(st.integers(0, came - read))
    tier = data.draw(st.sampled_from(["", "flex_", "priority_"]))
    usage = {
        "input_tokens": came,
        "output_tokens": went,
        "total_tokens": came + went,
        "input_token_details": {f"{tier}cache_read": read, "cache_creation": write},
        "output_token_details": {f"{tier}reasoning": data.draw(st.integers(0, went))},
    }
    seconds = data.draw(st.floats(0, 60))
    cost = price.of(usage, seconds)
    more = data.draw(st.integers(0, 1000))
    assert cost is None or cost <= price.most(came + more, went + more, 60.0) * (1 + 1e-12)
