"""LangChain's own caches work through the router: a hit costs nothing and is marked."""

from __future__ import annotations

import warnings

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from lc_asym_router import AsymRouter, Budget, Judge, JudgeClassifier, Ledger, Price, Tier
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.observe.conftest import told
from tests.servers import OllamaServer, Reply

pytestmark = pytest.mark.filterwarnings("ignore:The default value of `allowed_objects`")
REFUSAL = "I'm sorry, but I can't help with that."
STREAMS = ("stream", "astream")


def on_disk(folder):
    """LangChain's cache in an SQLite file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its package is being sunset; the cache has no other home
        from langchain_community.cache import SQLiteCache
    return SQLiteCache(str(folder / "answers.sqlite3"))


@pytest.fixture(params=["model", "global", "sqlite"])
def cached(request, small, frontier, tmp_path):
    """Builds a router whose tiers read a cache: their own or the process's."""

    def build(**settings):
        own = {} if request.param != "model" else {"cache": InMemoryCache()}
        if request.param != "model":
            set_llm_cache(InMemoryCache() if request.param == "global" else on_disk(tmp_path))
        return AsymRouter(
            **{
                "verify": "form",
                "small": Tier(small_model(small, **own), price=SMALL_PRICE),
                "frontier": Tier(frontier_model(frontier, **own), price=FRONTIER_PRICE),
                "classify": "keyword",
                **settings,
            }
        )

    return build


async def test_a_held_answer_comes_from_the_cache(cached, ask, small):
    """In a stream too: nobody hears a held answer before its check has passed."""
    router = cached()
    first, again = await ask(router, "hi"), await ask(router, "hi")
    assert first.text == again.text == "a small answer"
    assert len(small.requests) == 1
    (missed,), (hit,) = record(first)["attempts"], record(again)["attempts"]
    assert (missed["cached"], hit["cached"]) == (False, True)
    assert missed["cost_usd"] > 0
    assert hit["cost_usd"] == record(again)["cost_usd"] == 0
    assert record(again)["saved_usd"] == 0
    assert hit["passed"]


async def test_a_live_answer_does_where_it_is_no_stream(cached, ask, request, frontier):
    """LangChain's own `stream` passes its caches by; so does a live stream of the router."""
    router = cached()
    await ask(router, "debug")
    again = await ask(router, "debug")
    (entry,) = record(again)["attempts"]
    live = any(f"[{way}" in request.node.name or f"-{way}]" in request.node.name for way in STREAMS)
    assert len(frontier.requests) == (2 if live else 1)
    assert entry["cached"] is not live
    assert (record(again)["cost_usd"] > 0) is live


async def test_an_escalated_answer_costs_nothing_either(cached, small, frontier):
    small.default = REFUSAL
    router = cached()
    await router.ainvoke("hi")
    again = await router.ainvoke("hi")
    assert [entry["cached"] for entry in record(again)["attempts"]] == [True, True]
    assert record(again)["escalated"]
    assert record(again)["cost_usd"] == 0
    assert (len(small.requests), len(frontier.requests)) == (1, 1)


async def test_judges_and_classifiers_too(cached, small):
    with OllamaServer(default=Reply('{"level": 1}')) as judge:
        model = small_model(judge, cache=InMemoryCache())
        rater = JudgeClassifier(chat=model)
        router = cached(verify=Judge(model), classify=rater, threshold=0.9)
        await router.ainvoke("hi")
        again = await router.ainvoke("hi")
        assert len(judge.requests) == 2
    calls = record(again)["side_calls"]
    assert [(call["purpose"], call["cached"]) for call in calls] == [
        ("classify", True),
        ("verify", True),
    ]
    assert record(again)["side_calls"][0]["usage"]["input_tokens"]


async def test_a_hit_is_not_counted_as_spent(cached, ask, small, telemetry, tmp_path):
    """Not in the ledger, not in a budget, not in the metrics."""
    budget = Budget(calls=2, usd=1, per="day")  # one is spent, one is reserved for a while
    small_tier = Tier(small_model(small, cache=InMemoryCache(), num_predict=50), price=Price(1, 1))
    with Ledger(tmp_path / "l.sqlite3") as ledger:
        router = cached(
            small=small_tier,
            frontier=Tier(small_model(small, num_predict=50), price=Price(1, 1)),
            callbacks=[ledger, telemetry.handler],
            budgets=[budget],
        )
        spent = await ask(router, "hi")
        for _ in range(3):
            await ask(router, "hi")
        (row,) = ledger.rows()
    assert budget.balance()["calls"]["spent"] == 1
    assert len(small.requests) == 1
    assert row["requests"] == 4
    assert (row["input_tokens"], row["output_tokens"]) == small.tokens
    assert row["cost_usd"] == pytest.approx(record(spent)["cost_usd"])
    spans = [told(call, "cached")[0] for call in telemetry.calls]
    assert spans == [False, True, True, True]
    hit = telemetry.calls[1].attributes
    assert "gen_ai.usage.input_tokens" not in hit
    counted = telemetry.points("gen_ai.client.operation.duration")
    assert sum(point.count for point in counted) == 1
    tokens = telemetry.points("gen_ai.client.token.usage")
    assert sum(point.sum for point in tokens) == sum(small.tokens)
    assert telemetry.counts("lc_asym_router.calls", "cached") == {
        (False,): 1,
        (True,): 3,
    }


async def test_a_model_that_reports_no_tokens_is_hit_too(cached, ask, small):
    small.default = Reply("an answer", usage=False)
    router = cached()
    await ask(router, "hi")
    again = await ask(router, "hi")
    (entry,) = record(again)["attempts"]
    assert (entry["cached"], entry["cost_usd"]) == (True, 0)


async def test_a_failed_call_is_not_kept(cached, ask, small):
    small.script(Reply(status=500), "fine")
    router = cached()
    assert record(await ask(router, "hi"))["escalated"]
    assert (await ask(router, "hi")).text == "fine"


async def test_cache_false_on_a_model_is_obeyed(small, frontier, ask):
    set_llm_cache(InMemoryCache())
    router = AsymRouter(
        small=small_model(small, cache=False),
        frontier=frontier_model(frontier),
        classify="keyword",
        verify="form",
    )
    await ask(router, "hi")
    answer = await ask(router, "hi")
    assert len(small.requests) == 2
    assert not record(answer)["attempts"][0]["cached"]
