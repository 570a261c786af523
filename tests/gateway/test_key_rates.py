"""Limits a minute: in no 60 seconds more than the limit, whoever counts."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router.gateway.key_rates import MINUTE, KeyRates, RateLimited, RateWindow
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from tests.gateway.test_keys import Time
from tests.money.conftest import postgres, url  # noqa: F401

STEPS = st.lists(
    st.tuples(st.floats(0, 40, allow_nan=False), st.integers(0, 30)), min_size=1, max_size=60
)


@given(STEPS, st.integers(1, 8), st.integers(20, 100))
def test_in_no_60_seconds_more_than_the_limits(steps, rpm, tpm):
    now, window, admitted = 1000.0, RateWindow(), []
    for wait, tokens in steps:
        now += wait
        found = window.add(now, rpm, tpm, tokens)
        if not isinstance(found, RateLimited):
            window = RateWindow.read(found[0].text())
            admitted.append((now, tokens))
    for start, _ in admitted:
        within = [(at, n) for at, n in admitted if start <= at < start + MINUTE]
        assert len(within) <= rpm
        assert sum(n for _, n in within) <= tpm
    assert len(window.seconds) <= MINUTE + 1


@given(STEPS, st.integers(1, 8), st.integers(30, 100))
def test_who_waits_as_said_is_admitted_and_not_much_sooner(steps, rpm, tpm):
    now, window = 1000.0, RateWindow()
    for wait, tokens in steps:
        now += wait
        found = window.add(now, rpm, tpm, tokens)
        if isinstance(found, RateLimited):
            assert found.retry_after is not None
            assert 1 <= found.retry_after <= MINUTE + 1
            if found.retry_after > 1:
                sooner = int(now) + found.retry_after - 1
                assert isinstance(window.add(sooner, rpm, tpm, tokens), RateLimited)
            later = window.add(now + found.retry_after, rpm, tpm, tokens)
            if isinstance(later, RateLimited):  # the other limit may be full for longer
                assert later.unit != found.unit
        else:
            window = found[0]


def test_a_request_that_alone_is_over_the_limit_is_told_so():
    found = RateWindow().add(1000.0, None, 100, 101)
    assert isinstance(found, RateLimited)
    assert found.retry_after is None
    assert str(found).endswith("send a shorter one.")


def test_what_was_not_taken_is_given_back_and_what_was_is_counted():
    window, second = RateWindow().add(1000.0, None, 100, 80)
    assert isinstance(window.add(1001.0, None, 100, 40), RateLimited)
    less = window.settle(second, -50)
    assert not isinstance(less.add(1001.0, None, 100, 70), RateLimited)
    more = window.settle(second, 1000)
    assert isinstance(more.add(1001.0, None, 100, 1), RateLimited)
    assert window.settle(second + 5, -50) == window


def test_a_clock_that_is_set_back_blocks_nobody_for_longer_than_a_minute():
    window, _ = RateWindow().add(1_000_000.0, 1, None, 0)
    back = 1000.0
    assert isinstance(window.add(back, 1, None, 0), RateLimited)
    now_counts, _ = window.at(back)
    assert not isinstance(now_counts.add(back + MINUTE + 1, 1, None, 0), RateLimited)


def test_workers_share_the_limit(url):  # noqa: F811
    time = Time()
    stores = [KeyStore(url, time) for _ in range(4)]
    workers = [KeyRates(store.store, time) for store in stores]
    workers[0].used(["a"])
    limits, found = KeyLimits(rpm=10), []

    def hammer(rates: KeyRates) -> None:
        found.extend(rates.admit("a", limits, 5) for _ in range(8))

    threads = [threading.Thread(target=hammer, args=(each,)) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    admitted = [each for each in found if not isinstance(each, RateLimited)]
    assert len(admitted) == 10
    assert workers[1].used(["a", "b"]) == {"a": (10, 50)}
    assert not isinstance(workers[2].admit("b", limits, 5), RateLimited)
    workers[3].settle("a", admitted[0], -20)
    assert workers[0].used(["a"]) == {"a": (10, 30)}
    time.now += MINUTE + 1
    assert workers[0].used(["a"]) == {"a": (0, 0)}
    assert not isinstance(workers[0].admit("a", limits, 5), RateLimited)
    for store in stores:
        store.close()


@pytest.mark.parametrize("unit", ["requests", "tokens"])
def test_the_message_says_what_to_do(unit):
    text = str(RateLimited(unit, 10, 10, 1, 7))
    assert "Try again in 7 s" in text
    assert f"10 {unit} a minute" in text
