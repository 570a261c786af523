"""A fault is said once a minute, with how often it came; a tier's failure without anybody's text."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_ollama import ChatOllama

from lc_asym_router import Agreement, Breaker, Judge, Vote
from lc_asym_router._internal import fault_log
from lc_asym_router._internal.fault_log import Throttle
from lc_asym_router.tiers.faults import shared_breakers as breakers
from lc_asym_router.verify import LearnedVerifier
from tests.servers import Reply


@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from("ab")), max_size=60))
def test_no_kind_is_said_twice_in_a_minute_and_all_are_counted(steps):
    now = [0.0]
    throttle = Throttle(60, lambda: now[0])
    said = {"a": [], "b": []}
    came = dict.fromkeys("ab", 0)
    for wait, kind in steps:
        now[0] += wait
        came[kind] += 1
        if count := throttle.count(kind):
            said[kind].append((now[0], count))
    for kind, lines in said.items():
        assert all(after[0] - before[0] >= 60 for before, after in pairwise(lines))
        assert sum(count for _, count in lines) <= came[kind]
        assert bool(lines) == bool(came[kind])


@pytest.fixture
def minute(monkeypatch):
    """The time, in seconds, for what is said of tiers and breakers."""
    now = [0.0]
    monkeypatch.setattr(fault_log, "_failures", Throttle(60, lambda: now[0]))
    monkeypatch.setattr(breakers, "_openings", Throttle(60, lambda: now[0]))
    return now


def test_a_tiers_failure_is_said_once_a_minute(make, small, frontier, minute, caplog):
    small.script(*[Reply(status=500, error="boom, the secret prompt")] * 4)
    router = make()
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for _ in range(3):
            assert router.invoke("the secret prompt").text == "a frontier answer"
        minute[0] = 61
        router.invoke("the secret prompt")
    lines = [each.message for each in caplog.records if "The tier small" in each.message]
    assert len(lines) == 2
    assert lines[0].startswith("The tier small (small-model) failed: ResponseError 500")
    assert "3 times since it was last said" in lines[1]
    assert "secret" not in caplog.text


def test_why_a_breaker_has_opened(make, small, minute, caplog):
    small.script(*[Reply(status=500, error="boom")] * 9)
    router = make()
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for n in range(7):
            router.invoke(f"hi {n}", {"tags": [f"user {n}"]})
    (line,) = [each.message for each in caplog.records if "breaker of small-model" in each.message]
    assert "has opened: it is not asked for 30 s, since it failed: ResponseError 500" in line
    assert isinstance(router.breakers["small"], Breaker)


class FailingHandler(BaseCallbackHandler):
    """An account that is broken."""

    def on_router_record(self, finished, **kwargs):
        raise ValueError("the secret prompt")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (lambda dead: {"callbacks": [FailingHandler()]}, "FailingHandler failed: ValueError"),
        (lambda dead: {"verify": Judge(dead)}, "the judge failed (ConnectError"),
        (lambda dead: {"verify": Agreement(second=dead)}, "A sample for Agreement failed: Conn"),
        (lambda dead: {"verify": Vote([dead, dead])}, "failed: ConnectError"),
        (lambda dead: {"verify": LearnedVerifier(second=dead)}, "The second model of Learned"),
    ],
    ids=["handler", "judge", "agreement", "vote", "learned"],
)
def test_what_fails_beside_a_request_is_said_once_a_minute(
    make, monkeypatch, caplog, settings, says
):
    now = [0.0]
    monkeypatch.setattr(fault_log, "_faults", Throttle(60, lambda: now[0]))
    dead = ChatOllama(model="dead", base_url="http://127.0.0.1:9")
    router = make(**settings(dead))
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for n in range(4):
            router.invoke(f"the secret prompt {n}")
        now[0] = 61
        router.invoke("the secret prompt")
    lines = [each.message for each in caplog.records if says in each.message]
    assert len(lines) == 2
    assert "times since it was last said" in lines[1]
    assert "secret" not in caplog.text
