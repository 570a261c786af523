"""The same turn is not scored twice; all that a decision depends on besides is looked at anew."""

from __future__ import annotations

import asyncio
import time

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph

from lc_asym_router import (
    ConfigurationError,
    DecisionCache,
    JudgeClassifier,
    KeywordClassifier,
    Ledger,
    OpenTelemetry,
)
from lc_asym_router.records.signing import with_record
from tests.conftest import record, small_model
from tests.servers import OllamaServer, Reply


@pytest.fixture
def rater():
    """A judge of complexity: every request is simple."""
    with OllamaServer(default=Reply('{"level": 0}', input_tokens=9)) as server:
        yield server


@pytest.fixture(params=["memory", "sqlite"])
def cache(request, tmp_path):
    if request.param == "memory":
        return InMemoryCache()
    return SqliteCache(path=str(tmp_path / "decisions.sqlite3"))


def judged(make, rater, cache, **settings):
    classifier = JudgeClassifier(chat=small_model(rater))
    return make(classify=classifier, decision_cache=cache, **settings)


async def test_a_turn_is_scored_once(make, ask, rater, cache, small):
    router = judged(make, rater, cache)
    first, again = await ask(router, "hi"), await ask(router, [HumanMessage("hi", id="other")])
    assert len(rater.requests) == 1
    assert len(small.requests) == 2
    one, two = record(first), record(again)
    assert (one["decision"]["cached"], two["decision"]["cached"]) == (False, True)
    assert one["decision"] | {"cached": True} == two["decision"]
    assert (len(one["side_calls"]), two["side_calls"]) == (1, [])
    assert one["id"] != two["id"]
    assert one["run_id"] != two["run_id"]
    assert two["seconds"] < 5


async def test_its_side_calls_are_not_billed_again(make, rater, cache, tmp_path):
    with Ledger(tmp_path / "l.sqlite3") as ledger:
        router = judged(make, rater, cache, callbacks=[ledger])
        for _ in range(3):
            await router.ainvoke("hi")
        (row,) = ledger.rows()
    assert row["requests"] == 3
    assert row["input_tokens"] == 9 + 3 * 7


async def test_a_subgraph_reads_it_too(make, rater, cache, small):
    parent = StateGraph(MessagesState)
    parent.add_node("answer", judged(make, rater, cache).graph)
    parent.set_entry_point("answer")
    graph = parent.compile(checkpointer=InMemorySaver())
    answers = []
    for thread in ("a", "b"):
        config = {"configurable": {"thread_id": thread}}
        said = await graph.ainvoke({"messages": [HumanMessage("hi")]}, config)
        answers.append(record(said["messages"][-1]))
    assert len(rater.requests) == 1
    assert [answer["decision"]["cached"] for answer in answers] == [False, True]
    assert answers[0]["id"] != answers[1]["id"]
    assert answers[1]["side_calls"] == []


def test_decide_reads_it(make, rater, cache):
    router = judged(make, rater, cache)
    assert not router.decide("hi").cached
    assert router.decide("hi").cached
    assert asyncio.run(router.adecide("hi")).cached
    assert len(rater.requests) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hi", "ho"),
        ("hi", [HumanMessage([{"type": "text", "text": "hi"}, {"type": "text", "text": "ho"}])]),
        ([HumanMessage("hi", name="ann")], [HumanMessage("hi", name="bob")]),
        ([HumanMessage("hi"), HumanMessage("ho")], [HumanMessage("hi\nho")]),
    ],
)
def test_another_turn_is_scored_anew(make, rater, cache, one, other):
    router = judged(make, rater, cache)
    router.decide(one)
    assert not router.decide(other).cached
    assert len(rater.requests) == 2


def test_what_a_classifier_never_sees_makes_no_difference(make, rater, cache):
    router = judged(make, rater, cache)
    router.decide("hi")
    talk = [SystemMessage("be brief"), HumanMessage("ho"), AIMessage("yes"), HumanMessage("hi")]
    assert router.decide(talk).cached
    assert len(rater.requests) == 1


def test_thresholds_tools_and_turns_are_looked_at_anew(make, rater, cache, frontier):
    """The score is kept, not the decision."""
    router = judged(make, rater, cache)
    assert router.decide("hi").tier == "small"
    assert router.decide("hi", {"configurable": {"threshold": 0.0}}).tier == "frontier"
    stricter = router.model_copy(update={"threshold": 0.0})
    assert stricter.decide("hi").tier == "frontier"
    assert stricter.decide("hi").cached
    forced = router.decide("hi", {"configurable": {"tier": "frontier"}})
    assert (forced.tier, forced.cached) == ("frontier", False)
    search = {"type": "web_search"}  # Ollama runs none
    assert router.bind_tools([search]).bound.decide("hi", tools=[search]).tier == "frontier"
    above = with_record(AIMessage("x"), {"tier": "frontier"}, "hi")
    kept = router.decide([HumanMessage("hi"), above])
    assert (kept.classifier, kept.cached) == ("sticky", False)
    assert len(rater.requests) == 1


def test_routers_with_other_classifiers_share_no_score(make, cache):
    one = make(classify=KeywordClassifier(words=["hi"]), decision_cache=cache)
    other = make(classify=KeywordClassifier(words=["ho"]), decision_cache=cache)
    assert one.decide("hi").tier == "frontier"
    assert other.decide("hi").tier == "small"
    assert make(classify=KeywordClassifier(words=["hi"]), decision_cache=cache).decide("hi").cached


def test_judges_of_other_settings_share_no_score(make, rater, cache):
    for number, chat in enumerate(
        (small_model(rater), small_model(rater, temperature=0.5), small_model(rater)), 1
    ):
        router = make(classify=JudgeClassifier(chat=chat), decision_cache=cache)
        assert router.decide("hi").cached is (number == 3)
    assert len(rater.requests) == 2


def test_a_nameless_classifier_must_be_named(make):
    with pytest.raises(ValueError, match="namespace="):
        make(classify=lambda messages: 0.0, decision_cache=InMemoryCache())
    calls = []
    cache = DecisionCache(InMemoryCache(), namespace="mine")
    router = make(classify=lambda messages: calls.append(1) or 0.0, decision_cache=cache)
    router.decide("hi")
    router.decide("hi")
    assert calls == [1]


async def test_a_fall_back_and_a_failure_are_not_kept(make, rater, cache):
    rater.script(Reply(status=500), "no level")
    router = judged(make, rater, cache)
    for _ in range(2):
        assert "judge -> keyword" in record(await router.ainvoke("hi"))["decision"]["classifier"]
    assert not record(await router.ainvoke("hi"))["decision"]["cached"]
    assert record(await router.ainvoke("hi"))["decision"]["cached"]
    assert len(rater.requests) == 3


def test_a_score_is_forgotten_after_its_time(make, rater, cache):
    router = judged(make, rater, DecisionCache(cache, ttl=1))
    router.decide("hi")
    assert router.decide("hi").cached
    time.sleep(1.1)
    assert not router.decide("hi").cached


class Broken(BaseCache):
    """Fails, or hangs."""

    wait = 0.0

    def get(self, keys):
        time.sleep(self.wait)
        raise ConnectionError("redis://user:sk-secret@host")

    async def aget(self, keys):
        await asyncio.sleep(self.wait)
        raise ConnectionError("redis://user:sk-secret@host")

    def set(self, pairs):
        raise ConnectionError("sk-secret")

    async def aset(self, pairs):
        raise ConnectionError("sk-secret")

    def clear(self, namespaces=None):
        raise AssertionError

    async def aclear(self, namespaces=None):
        raise AssertionError


@pytest.mark.parametrize("wait", [0, 30])
async def test_a_cache_that_is_down_takes_no_request_down(make, ask, rater, caplog, wait):
    broken = Broken()
    broken.wait = wait
    router = judged(make, rater, broken, classify_deadline=0.2)
    answer = await ask(router, "hi")
    assert answer.text == "a small answer"
    assert not record(answer)["decision"]["cached"]
    assert "The decision cache can't be used" in caplog.text
    assert "sk-secret" not in caplog.text


def test_what_another_version_has_written_is_passed_over(make, rater):
    cache = InMemoryCache()
    router = judged(make, rater, cache)
    router.decide("hi")
    (namespace,) = cache._cache
    (key,) = cache._cache[namespace]
    cache.set({(namespace, key): ({"of": "another form"}, None)})
    assert not router.decide("hi").cached


def test_the_key_is_a_hash(make, rater):
    cache = InMemoryCache()
    judged(make, rater, cache).decide("a very secret prompt")
    kept = repr(cache._cache)
    assert "secret" not in kept
    assert "sk-" not in kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "InMemoryCache"),
        (OpenTelemetry, "langgraph"),
        ("redis", "LangGraph"),
    ],
)
def test_what_is_no_cache_says_what_to_give(make, given, says):
    with pytest.raises(ValueError, match=f"(?i){says}"):
        make(decision_cache=given)


def test_a_time_that_makes_no_sense():
    with pytest.raises(ConfigurationError, match="positive number of seconds"):
        DecisionCache(InMemoryCache(), ttl=0)
