"""What `verify=` names: each for what it keeps, and by where the small tier runs."""

from __future__ import annotations

import logging

import pytest
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, PerCall, Price, Tier
from lc_asym_router.router import checking
from lc_asym_router.tiers.provider import is_private
from tests.conftest import record, small_model

FORM = "(NotEmpty & CutOff & Refusal & Looping & ValidToolCalls & ValidStructure & Arithmetic)"
CALLS = " & GroundedArguments & RepeatedCalls"
PAID = FORM[:-1] + CALLS + ")"
SAMPLED = FORM[:-1] + CALLS + " & Agreement)"


def check_name(router, tier="small"):
    return router._policy.check.at(tier).name


@pytest.fixture(autouse=True)
def nothing_said():
    checking._log_form_only.cache_clear()


def paid():
    return ChatOpenAI(model="gpt-4o-mini", api_key="sk-not-a-key")


def test_by_default_a_local_tier_is_sampled_once_more(make):
    assert check_name(make(verify="default")) == SAMPLED
    assert check_name(make(verify="form")) == FORM


def test_by_default_a_paid_tier_is_checked_for_form_and_that_is_said_once(caplog):
    with caplog.at_level(logging.INFO, "lc_asym_router"):
        routers = [AsymRouter(small=paid(), frontier=paid()) for _ in range(2)]
    assert {check_name(router) for router in routers} == {PAID}
    said = [each for each in caplog.records if "form and sums alone" in each.getMessage()]
    assert len(said) == 1
    assert "gpt-4o-mini" in said[0].getMessage()


@pytest.mark.parametrize("price", [PerCall(0), Price(0, 0)])
def test_a_price_of_nothing_is_as_good_as_local(price):
    assert check_name(AsymRouter(small=Tier(paid(), price=price), frontier=paid())) == SAMPLED


def test_each_tier_by_where_it_runs(small):
    tiers = [Tier(small_model(small), "a"), Tier(paid(), "b"), Tier(paid(), "c")]
    router = AsymRouter(tiers=tiers)
    assert (check_name(router, "a"), check_name(router, "b")) == (SAMPLED, PAID)
    named = AsymRouter(tiers=tiers, verify={"a": "form", "b": "strict"})
    assert (check_name(named, "a"), check_name(named, "b")) == (FORM, "Vote")


@pytest.mark.parametrize(
    ("url", "provider", "private"),
    [
        ("http://127.0.0.1:11434", "ollama", True),
        ("http://localhost:8000/v1", "openai", True),
        ("http://[::1]:8000", "openai", True),
        ("http://192.168.1.7:8000/v1", "openai", True),
        ("http://10.1.2.3", "openai", True),
        ("http://ollama:11434", "ollama", True),
        ("http://host.docker.internal:11434", "ollama", True),
        ("https://api.openai.com/v1", "openai", False),
        ("https://8.8.8.8", "openai", False),
        (None, "openai", False),
    ],
)
def test_which_addresses_are_local(url, provider, private):
    assert is_private(url, provider) is private


def test_ollama_is_where_its_variable_says(monkeypatch):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert is_private(None, "ollama")
    monkeypatch.setenv("OLLAMA_HOST", "https://ollama.example.com")
    assert not is_private(None, "ollama")


async def test_strict_asks_for_a_second_opinion_without_exceptions(make, ask, small):
    letter = "Dear Ann, " + "thank you for the kind words that you sent to all of us. " * 3
    small.script(letter, "Hello Ann, many thanks. " * 12)
    answer = await ask(make(verify="strict"), "Write a letter of thanks to Ann")
    assert answer.text == "a frontier answer"
    small.reset()
    small.script("It is 42.", "ans = 6 * 7")
    answer = await ask(make(verify="strict"), "How many are 6 times 7?")
    assert (answer.text, record(answer)["vouched"]) == ("It is 42.", "sample")


@pytest.mark.parametrize(
    ("verify", "reply", "vouched"),
    [
        ("form", "42", "form"),
        (None, "42", "none"),
        (lambda attempt: True, "42", "own"),
        ("form", "", "frontier"),
    ],
)
async def test_what_an_answer_is_vouched_for_by(make, ask, small, verify, reply, vouched):
    small.script(reply)
    assert record(await ask(make(verify=verify), "6 * 7?"))["vouched"] == vouched
