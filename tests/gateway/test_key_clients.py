"""What OpenAI's own client meets at a key's limits, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from lc_asym_router import AsymRouter, Budget, Tier
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.key_access import VERIFIED_SECONDS, KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.gateway.serving import Served
from tests.gateway.test_key_access import Hand
from tests.servers import Reply


@pytest.fixture(scope="module")
def clock() -> Hand:
    return Hand()


@pytest.fixture(scope="module")
def site(upstream_small, upstream_frontier, tmp_path_factory, clock) -> Iterator[Served]:
    store = KeyStore(f"sqlite:///{tmp_path_factory.mktemp('keys')}/k.sqlite3", lambda _: clock.time)
    access = KeyAccess(store, clock=clock)
    access.rates._now = lambda _: clock.time
    router = AsymRouter(
        small=Tier(small_model(upstream_small, num_predict=50), price=SMALL_PRICE, breaker=False),
        frontier=Tier(
            frontier_model(upstream_frontier, max_tokens=100), price=FRONTIER_PRICE, breaker=False
        ),
        verify="form",
        classify="keyword",
    )
    with Served(gateway_app(router, access)) as served:
        served.store, served.access = store, access  # type: ignore[attr-defined]
        served.router = router  # type: ignore[attr-defined]
        yield served
    access.close()


@pytest.mark.parametrize("stream", [False, True])
def test_what_others_spend_of_a_shared_budget_is_an_admins_to_know(site, small, frontier, stream):
    budget = Budget(calls=1, per="day")
    routed = gateway_app(site.router, site.access, budgets=[budget])
    poor = site.store.add(f"own-{stream}", KeyLimits(usd_per_day=1e-6))
    keys = [site.store.add(f"{n}-{stream}", KeyLimits(admin=n > 1)) for n in range(3)]
    with Served(routed) as shared:
        with pytest.raises(openai.RateLimitError, match="key each day"):
            list(ask(shared, poor, stream=stream))  # its own sum
        list(ask(shared, keys[0], stream=stream))
        said = []
        for key in keys[1:]:
            with pytest.raises(openai.RateLimitError) as caught:
                list(ask(shared, key, stream=stream))
            assert caught.value.code == "insufficient_quota"
            said.append(caught.value.body["message"])
    assert said[0].startswith("A budget that this key shares with others has no room")
    assert "spent" not in said[0]
    assert "spent" in said[1]


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_whose_database_is_down_is_no_quota(site, small, frontier, caplog, stream):
    budget = Budget(calls=1, per="day", store="postgresql://somebody:sesame@127.0.0.1:1/router")
    with (
        Served(gateway_app(site.router, budgets=[budget])) as down,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        list(ask(down, "any", stream=stream))
    assert (caught.value.status_code, caught.value.code) == (503, "budget_unavailable")
    assert caught.value.response.headers["retry-after"] == "1"
    assert "127.0.0.1" not in str(caught.value)
    assert "can't be asked" in caplog.text
    assert "sesame" not in caplog.text
    assert not small.requests


def ask(site: Served, key: str, **more: Any) -> Any:
    message = {"role": "user", "content": "Hello"}
    client = site.client(api_key=key)
    return client.chat.completions.create(**{"model": "auto", "messages": [message], **more})


@pytest.mark.parametrize("stream", [False, True])
def test_a_used_up_budget_is_a_quota_and_no_retry(site, small, frontier, stream):
    frontier.default = Reply("x", output_tokens=100)
    key = site.store.add(f"poor-{stream}", KeyLimits(usd_per_day=0.003))
    for _ in range(2):
        list(ask(site, key, model="frontier", stream=stream))
    with pytest.raises(openai.RateLimitError) as caught:
        list(ask(site, key, model="frontier", stream=stream))
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in caught.value.response.headers
    assert len(frontier.requests) == 2


def test_a_limit_a_minute_says_when_to_come_again(site, small, frontier, clock):
    key = site.store.add("slow", KeyLimits(rpm=1))
    ask(site, key)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(site, key)
    assert caught.value.code == "rate_limit_exceeded"
    clock.time += int(caught.value.response.headers["retry-after"])
    ask(site, key)


def test_a_revoked_key_is_refused_after_a_second_without_a_restart(site, small, frontier, clock):
    key = site.store.add("ada")
    ask(site, key)
    site.store.revoke("ada")
    clock.time += VERIFIED_SECONDS
    with pytest.raises(openai.AuthenticationError, match="revoked"):
        ask(site, key)
    assert len(small.requests) == 1


def test_a_stream_settles_its_tokens(site, small, frontier, clock):
    clock.time += 100
    key = site.store.add("counted", KeyLimits(tpm=1000))
    small.default = Reply("a small answer", input_tokens=900, output_tokens=200)
    list(ask(site, key, stream=True))
    rates = site.access.rates
    for _ in range(1000):  # it is booked beside the answer, in a thread
        if rates.used(["counted"])["counted"] == (1, 1100):
            break
        time.sleep(0.01)
    with pytest.raises(openai.RateLimitError, match="1,000 tokens a minute"):
        ask(site, key)
