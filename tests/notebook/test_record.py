"""A record shows itself, whatever is missing in it."""

from __future__ import annotations

import pytest
from langchain_core.caches import InMemoryCache as Answers
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache as Scores

from lc_asym_router import Agreement, AsymRouter, ConfigurationError, Tier, TiersFailedError
from lc_asym_router.notebook import Record
from lc_asym_router.notebook.timeline import timeline_rows
from lc_asym_router.records.call import usd
from tests.conftest import frontier_model, small_model
from tests.notebook.conftest import WRONG
from tests.notebook.looking import damaged, safe
from tests.servers import Reply


async def test_a_timeline_of_an_escalation(escalated):
    page = safe(Record.of(escalated))
    assert "frontier, escalated answered by" in page.text
    assert "discarded, Arithmetic" in page.text
    assert "answered, not checked" in page.text
    assert WRONG not in page.text
    assert escalated.text in page.text
    small, frontier = escalated.response_metadata["router"]["attempts"]
    for attempt in (small, frontier):  # who, how long, how much, and what came of it
        tokens = "{input_tokens} + {output_tokens} tokens".format(**attempt["usage"])
        assert f"{attempt['seconds']:.2f} s {tokens}, {usd(attempt['cost_usd'])}" in page.text
    first, second = timeline_rows(Record.of(escalated))
    assert [first.name, second.name] == ["1 small", "2 frontier"]
    assert (first.kind, second.kind) == ("bad", "calm")
    assert second.begun == pytest.approx(first.call.seconds)


async def test_the_record_alone_does_as_well(escalated):
    record = Record.of(escalated)
    assert Record.of(escalated.response_metadata["router"]) == record
    assert record.answer is escalated
    assert record.saved_usd == escalated.response_metadata["router"]["saved_usd"]
    assert "lost" in safe(record).text  # the draft was paid for, and nothing came of it


async def test_the_calls_of_a_check_are_rows(make, small):
    small.script("Paris.", "Paris.")
    record = Record.of(await make(verify=Agreement()).ainvoke("The capital of France?"))
    steps = list(timeline_rows(record))
    assert [step.name for step in steps] == ["1 small", "verify"]
    assert [step.kind for step in steps] == ["good", "side"]
    assert "to check" in safe(record).text


async def test_a_classifier_that_calls_a_model_comes_first(make, small, frontier):
    small.script('{"level": 4}')
    record = Record.of(await make(classify="judge").ainvoke("Prove it."))
    assert [step.name for step in timeline_rows(record)] == ["classify", "1 frontier"]


async def test_of_several_checked_attempts_the_checks_come_last(make, small):
    small.script(WRONG, WRONG)
    record = Record.of(await make(small_attempts=2).ainvoke("What is 17 times 23?"))
    given = {"purpose": "verify", "model": "m", "seconds": 1.0}
    entry = {"tier": "small", "passed": False, "seconds": 1.0}
    two = Record.of({"attempts": [entry, entry], "side_calls": [given]})
    assert [step.name for step in timeline_rows(two)] == ["1 small", "2 small", "verify"]
    assert len(record.attempts) == 3


async def test_an_error_has_a_record(make, small, frontier, failing):
    small.script(failing)
    frontier.script(failing)
    with pytest.raises(TiersFailedError) as raised:
        await make().ainvoke("hi")
    record = Record.of(raised.value)
    assert [step.kind for step in timeline_rows(record)] == ["fail", "fail"]
    assert "no tier answered by" in safe(record).text


async def test_every_field_may_be_missing(escalated):
    for part in damaged(escalated.response_metadata["router"]):
        record = Record.of(part)
        assert "nan" not in safe(record).text
        assert repr(record)


async def test_a_wait_before_another_try_is_in_the_timeline():
    first = {"tier": "frontier", "error": "TimeoutError", "seconds": 1.0, "retry_in": 0.5}
    entry = {"tier": "small", "passed": True, "seconds": 1.0}
    given = {"attempts": [first, entry], "degraded": True, "tier": "small"}
    record = Record.of(given)
    assert [step.begun for step in timeline_rows(record)] == [0.0, 1.5]
    assert "failed: TimeoutError; again after 0.50 s" in safe(record).text
    assert "small, degraded" in safe(record).text


async def test_what_came_from_a_cache_says_so(small, frontier):
    router = AsymRouter(
        small=Tier(small_model(small, cache=Answers())),
        frontier=Tier(frontier_model(frontier)),
        decision_cache=Scores(),
        verify="form",
    )
    await router.ainvoke("hi")
    page = safe(Record.of(await router.ainvoke("hi")))
    assert "passed from the cache" in page.text
    assert "remembered in the decision cache" in page.text
    assert "remembered" in safe(await router.aexplain("hi")).text


@pytest.mark.parametrize(("loser", "winner", "begun"), [(3.0, 1.0, [0, 2]), (1.0, 3.0, [2, 0])])
def test_the_calls_of_a_race_end_together(loser, winner, begun):
    """Whether the small tier was overtaken, or its company came for nothing."""
    stopped = {"tier": "a", "error": "stopped: b was first", "seconds": loser}
    record = Record.of({"attempts": [stopped, {"tier": "b", "seconds": winner, "passed": True}]})
    assert [step.begun for step in timeline_rows(record)] == begun


async def test_a_race_in_the_timeline(make, small, frontier):
    small.script(Reply("too late", delay=5.0))
    record = Record.of(await make(hedge=0.1).ainvoke("hi"))
    first, second = timeline_rows(record)
    assert first.result == "failed: stopped: frontier was first"
    assert 0 < second.begun < first.call.seconds
    safe(record)


def test_an_empty_record():
    record = Record.of({})
    page = safe(record)
    assert "no tier answered by" in page.text
    assert "unknown cost" in page.text
    assert "$0" not in page.text
    assert (
        repr(record)
        == "decision: unknown (unknown): the record does not say why\nin all: unknown time"
    )


def test_records_of_nonsense():
    record = Record.of(
        {"attempts": "x", "side_calls": 3, "decision": [], "tier": 1, "cost_usd": "1"}
    )
    assert record == Record.of({})
    assert Record.of({"attempts": [None, 3, {}]}).attempts[0].tier == "unknown"


@pytest.mark.parametrize("source", [AIMessage("hi"), 3, None, "record"])
def test_without_a_record_it_says_what_to_give(source):
    with pytest.raises(ConfigurationError, match="Give an answer of a router"):
        Record.of(source)


async def test_an_answer_that_was_ended_early_says_so():
    entry = {"tier": "small", "passed": False, "check": "Refusal", "stopped_early": {"x": 1}}
    assert "discarded, ended early, Refusal" in safe(Record.of({"attempts": [entry]})).text


async def test_reasons_and_models_that_are_long_are_cut_in_the_drawing_alone(make, small):
    small.script(Reply(WRONG))
    long = "x" * 500
    record = Record.of({"attempts": [{"tier": "small", "reason": long, "passed": True}]})
    assert long in safe(record).text
