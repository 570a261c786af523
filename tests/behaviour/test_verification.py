"""Checks that ask a model: agreement and the judge, through the router."""

from __future__ import annotations

import re

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback

from lc_asym_router import Agreement, AsymRouter, Judge, default_checks
from lc_asym_router.classify import ChatDecisionModel
from lc_asym_router.verify import NotEmpty
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, Reply


@pytest.mark.parametrize(
    ("rule", "samples", "passes", "asked"),
    [
        (Agreement(), ["The capital is Paris."], True, 1),
        (Agreement(), ["Lyon"], False, 1),
        (Agreement(2, agree=1), ["Lyon", "It's Paris"], True, 2),
        (Agreement(2, agree=1), ["Lyon", "Nice"], False, 2),
        (Agreement(2, agree=2), ["Lyon"], False, 1),
        (Agreement(2, agree=2), ["paris", "Paris!"], True, 2),
        (Agreement(3, agree=2), ["Lyon", "Nice"], False, 2),
    ],
)
async def test_agreement_stops_when_the_vote_is_decided(
    make, ask, small, rule, samples, passes, asked
):
    small.script("Paris", *samples)
    answer = await ask(make(verify=default_checks() & rule), "Capital of France?")
    assert (answer.text == "Paris") is passes
    assert len(small.requests) == 1 + asked
    assert len(record(answer)["side_calls"]) == asked
    assert {s["purpose"] for s in record(answer)["side_calls"]} == {"verify"}
    assert small.requests[1].body["options"]["temperature"] == 0.8
    assert "temperature" not in small.requests[0].body["options"]


async def test_agreement_costs_are_in_the_bill(make, ask, small):
    small.script(
        Reply("Paris", input_tokens=10, output_tokens=1),
        Reply("Paris", input_tokens=10, output_tokens=2),
    )
    with get_usage_metadata_callback() as counted:
        answer = await ask(make(verify=Agreement()), "Capital of France?")
    assert counted.usage_metadata["small-model"]["total_tokens"] == 23
    assert record(answer)["cost_usd"] == pytest.approx((20 * 0.05 + 3 * 0.08) / 1e6)
    assert answer.usage_metadata["total_tokens"] == 11


async def test_agreement_with_a_second_model(make, ask, small, frontier):
    with OllamaServer(default="13") as second:
        check = Agreement(second=small_model(second))
        small.script("12")
        assert (await ask(make(verify=check), "6 + 6?")).text == "a frontier answer"
        small.script("13")
        assert (await ask(make(verify=check), "6 + 7?")).text == "13"
        assert len(second.requests) == 2


async def test_a_failing_sample_is_no_agreement(make, ask, small):
    small.script("Paris", Reply(status=500, error="x"), Reply(status=500, error="x"))
    answer = await ask(make(verify=Agreement(2, agree=1, vary=None)), "Capital?")
    assert answer.text == "a frontier answer"
    assert "2 failed" in record(answer)["attempts"][0]["reason"]


async def test_a_cached_answer_does_not_agree_with_itself(ask, small, frontier):
    """With a cache on the tier, a sample must not be the cached first answer."""
    router = AsymRouter(
        small=small_model(small, cache=InMemoryCache()),
        frontier=frontier_model(frontier),
        verify=Agreement(2, agree=1, vary=None),
    )
    small.script("Paris", "Lyon", "Nice")
    assert (await ask(router, "Capital of France?")).text == "a frontier answer"
    assert len(small.requests) == 3


async def test_a_form_check_saves_the_samples(make, ask, small):
    small.script(Reply(""))
    answer = await ask(make(verify=NotEmpty() & Agreement(2, agree=1, vary=None)), "hi")
    assert record(answer)["attempts"][0]["check"] == "NotEmpty"
    assert len(small.requests) == 1


@pytest.mark.parametrize(("level", "passes"), [(1, True), (0, False)])
async def test_a_judge_of_answers(make, ask, small, frontier, level, passes):
    with OllamaServer(default=Reply(f'{{"level": {level}}}')) as judge:
        answer = await ask(make(verify=Judge(small_model(judge))), "What is 1 + 1?")
        asked = judge.requests[0].body["messages"][1]["content"]
    assert (answer.text == "a small answer") is passes
    assert "What is 1 + 1?" in asked
    assert re.search(r"<answer (\w{16})>\na small answer\n</answer \1>", asked)
    assert "correct and complete" in asked
    assert record(answer)["attempts"][0]["score"] == level
    assert len(record(answer)["side_calls"]) == 1


async def test_a_judges_threshold(make, ask, frontier):
    logprobs = [{'{"level": ': -0.01}, {"1": -0.5108, "0": -0.9163}, {"}": -0.01}]
    reply = Reply('{"level": 1}', chunks=['{"level": ', "1", "}"], logprobs=logprobs)
    judge = ChatDecisionModel(chat=frontier_model(frontier, logprobs=True, top_logprobs=5))
    frontier.script(reply)
    assert (await ask(make(verify=Judge(judge, threshold=0.55)), "hi")).text == "a small answer"
    frontier.script(reply)
    answer = await ask(make(verify=Judge(judge, threshold=0.7)), "hi")
    assert answer.text == "a frontier answer"


@pytest.mark.parametrize(
    ("fallback", "passes"), [(False, False), (True, True), (NotEmpty(), True), (~NotEmpty(), False)]
)
@pytest.mark.parametrize("fault", [Reply(status=500, error="x"), Reply("x", hang="before")])
async def test_a_judge_that_fails_falls_back(make, ask, small, fallback, passes, fault):
    with OllamaServer(default=fault) as judge:
        check = Judge(small_model(judge), deadline=0.5, fallback=fallback)
        answer = await ask(make(verify=check), "hi")
    assert (answer.text == "a small answer") is passes
    assert "the judge failed" in record(answer)["attempts"][0]["reason"]


async def test_a_judge_and_its_tokens_never_reach_a_stream(make, small, frontier):
    with OllamaServer(default=Reply('{"level": 1}')) as judge:
        router = make(verify=Judge(small_model(judge)))
        events = [event async for event in router.astream_events("hi")]
        parts = [part.text async for part in router.astream("hi")]
    assert "level" not in repr(events)
    assert "".join(parts) == "a small answer"
