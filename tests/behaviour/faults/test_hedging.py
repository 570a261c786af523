"""A late small tier gets company; one answer comes out, and both calls are on the bill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langgraph.graph import END, START, MessagesState, StateGraph

from lc_asym_router import AsymRouter, Budget, PerCall, Price, Tier
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.tiers.faults.breaker import ENOUGH
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

REFUSAL = "I'm sorry, but I cannot help with that."
DOWN = Reply(status=500, error="down")


@pytest.fixture
def router(small: OllamaServer, frontier: OpenAIServer) -> AsymRouter:
    return _router(small, frontier)


def _router(small: OllamaServer, frontier: OpenAIServer, **settings: Any) -> AsymRouter:
    given = {"hedge": 0.15, "classify": lambda messages: 0.0, **settings}
    return AsymRouter(
        small=Tier(small_model(small), price=Price(1, 1)),
        frontier=Tier(frontier_model(frontier), price=Price(1, 1)),
        **{"verify": "form", **given},
    )


def _told(answer: Any) -> list[tuple[str, Any]]:
    return [(each["tier"], each["error"]) for each in record(answer)["attempts"]]


async def test_in_time_it_stays_alone(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(small, frontier, hedge=10)
    answer = await ask(router, "hi")
    assert answer.text == "a small answer"
    assert _told(answer) == [("small", None)]
    assert not frontier.requests


async def test_the_frontier_is_first(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    small.script(Reply("late words that nobody may see", chunk_delay=0.3))
    with get_usage_metadata_callback() as usage:
        answer = await ask(router, "hi")
    assert answer.text == "a frontier answer"
    assert _told(answer) == [("small", "stopped: frontier was first"), ("frontier", None)]
    assert record(answer)["escalated"]
    # What was stopped may be billed: it is estimated from what had come, if anything had.
    stopped = record(answer)["attempts"][0]
    assert (stopped["cost_usd"] is not None) is ("usage_estimated" in stopped)
    assert (record(answer)["cost_usd"] is None) is (stopped["cost_usd"] is None)
    assert set(usage.usage_metadata) == {"frontier-model"}
    assert small.wait_idle(3)
    assert small.requests[0].closed_by_client


async def test_the_small_tier_comes_in_after_all(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    small.script(Reply("a late answer", delay=0.3))
    frontier.script(Reply("slow words nobody sees", delay=0.9))
    answer = await ask(router, "hi")
    assert answer.text == "a late answer"
    assert _told(answer) == [("frontier", "stopped: small was first"), ("small", None)]
    assert not record(answer)["escalated"]
    assert not record(answer)["degraded"]
    assert frontier.wait_idle(3)


async def test_a_late_answer_must_pass(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    small.script(Reply(REFUSAL, delay=0.3))
    frontier.script(Reply("a frontier answer", delay=0.5))
    answer = await ask(router, "hi")
    assert answer.text == "a frontier answer"
    assert [each["passed"] for each in record(answer)["attempts"]] == [False, None]
    assert record(answer)["attempts"][0]["check"]
    assert len(frontier.requests) == 1  # the one that ran already


async def test_company_that_fails_is_no_end(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    small.script(Reply("a late answer", delay=0.5))
    frontier.script(DOWN)
    answer = await ask(router, "hi")
    assert answer.text == "a late answer"
    (lost, _), (won, _) = _told(answer)
    assert (lost, won) == ("frontier", "small")


async def test_both_fail(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    small.script(Reply(status=500, error="down", delay=0.3))
    frontier.script(DOWN)
    with pytest.raises(TiersFailedError) as caught:
        await ask(router, "hi")
    assert [each["tier"] for each in caught.value.attempts] == ["small", "frontier"]
    assert len(caught.value.exceptions) == 2
    assert len(frontier.requests) == 1


async def test_a_fall_back_is_asked_after_both(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(small, frontier, fallbacks=[frontier_model(frontier)])
    small.script(Reply(REFUSAL, delay=0.3))
    frontier.script(DOWN, "from the fall-back")
    answer = await ask(router, "hi")
    assert answer.text == "from the fall-back"
    assert sorted(tier for tier, _ in _told(answer)) == ["fallback1", "frontier", "small"]


def test_its_own_percentile(small: OllamaServer, frontier: OpenAIServer) -> None:
    router = _router(small, frontier, hedge=True)
    tier = router.ladder[0]
    assert tier.guard.p95 is None
    for _ in range(ENOUGH):
        router.invoke("hi")
    slowest = max(tier.guard.seconds)
    assert 0 < tier.guard.p95 <= slowest
    small.script(Reply("late words", chunk_delay=slowest + 2))
    assert record(router.invoke("hi"))["tier"] == "frontier"


def test_an_unchecked_tier_is_not_hedged(small: OllamaServer, frontier: OpenAIServer) -> None:
    small.script(Reply("late", delay=0.4))
    assert _router(small, frontier, verify=None).invoke("hi").text == "late"
    assert not frontier.requests


@pytest.mark.parametrize("hedge", [0, -1])
def test_a_time_that_is_none(small: OllamaServer, frontier: OpenAIServer, hedge: float) -> None:
    with pytest.raises(ValueError, match="hedge="):
        _router(small, frontier, hedge=hedge)


def test_not_under_a_budget(small: OllamaServer, frontier: OpenAIServer) -> None:
    with pytest.raises(ValueError, match="two calls at once"):
        AsymRouter(
            small=Tier(small_model(small), price=PerCall(0)),
            frontier=Tier(frontier_model(frontier), price=PerCall(1)),
            budgets=[Budget(calls=1)],
            hedge=True,
            verify="form",
        )


def _parent(router: AsymRouter, way: str) -> Any:
    parent = StateGraph(MessagesState)
    if way == "subgraph":
        parent.add_node("answer", router.graph)
    else:
        parent.add_node("answer", lambda state: {"messages": [router.invoke(state["messages"])]})
    parent.add_edge(START, "answer")
    parent.add_edge("answer", END)
    return parent.compile()


@pytest.mark.parametrize("way", ["subgraph", "model"])
@pytest.mark.parametrize("first", ["small", "frontier"])
def test_a_parent_hears_the_winner_alone(
    router: AsymRouter, small: OllamaServer, frontier: OpenAIServer, way: str, first: str
) -> None:
    slow = Reply("late words that nobody may see", chunk_delay=0.3)
    small.script(Reply("from small", delay=0.25) if first == "small" else slow)
    frontier.script(slow if first == "small" else "from frontier")
    heard = [
        item[0].content
        for _, item in _parent(router, way).stream(
            {"messages": [("human", "hi")]}, stream_mode="messages", subgraphs=True
        )
    ]
    assert "".join(heard) == f"from {first}"
