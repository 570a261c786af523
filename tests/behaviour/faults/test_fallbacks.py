"""Where the frontier fails: its fall-backs in order, then a small tier where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from lc_asym_router import AsymRouter, Price, Tier
from lc_asym_router.errors import TiersFailedError, UnverifiedError
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

DOWN = Reply(status=500, error="down")
REFUSAL = "I'm sorry, but I cannot help with that."


def _router(small: OllamaServer, frontier: OpenAIServer, **settings: Any) -> AsymRouter:
    given = {"classify": lambda messages: 1.0, **settings}
    return AsymRouter(
        small=Tier(small_model(small), price=Price(1, 1)),
        frontier=Tier(frontier_model(frontier), price=Price(2, 2)),
        **given,
    )


def _tiers(answer: Any) -> list[str]:
    return [each["tier"] for each in record(answer)["attempts"]]


async def test_in_order(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    others = [frontier_model(frontier), Tier(frontier_model(frontier), "spare")]
    router = _router(small, frontier, fallbacks=others)
    frontier.script(DOWN, DOWN, "from the spare")
    answer = await ask(router, "hi")
    assert answer.text == "from the spare"
    assert _tiers(answer) == ["frontier", "fallback1", "spare"]
    assert not record(answer)["escalated"]
    assert not record(answer)["degraded"]


async def test_an_escalation_that_falls_back_is_one(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(
        small, frontier, fallbacks=[frontier_model(frontier)], classify=lambda messages: 0.0
    )
    small.script(REFUSAL)
    frontier.script(DOWN, "well")
    answer = await ask(router, "hi")
    assert _tiers(answer) == ["small", "frontier", "fallback1"]
    assert record(answer)["escalated"]


async def test_degraded(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    frontier.script(DOWN)
    answer = await ask(_router(small, frontier, degrade=True), "hi")
    assert answer.text == "a small answer"
    assert record(answer)["degraded"]
    assert not record(answer)["escalated"]
    assert record(answer)["attempts"][-1]["passed"]  # checked as ever


async def test_a_degraded_answer_must_pass(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    frontier.script(DOWN)
    small.script(REFUSAL)
    with pytest.raises(TiersFailedError) as caught:
        await ask(_router(small, frontier, degrade=True), "hi")
    assert [each["tier"] for each in caught.value.attempts] == ["frontier", "small"]
    assert len(frontier.requests) == 1  # nobody is asked twice


async def test_a_rejected_draft_is_no_degraded_answer(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(small, frontier, degrade=True, classify=lambda messages: 0.0)
    small.script(REFUSAL)
    frontier.script(DOWN)
    with pytest.raises(TiersFailedError):
        await ask(router, "hi")
    assert len(small.requests) == 1


async def test_not_unless_it_is_allowed(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    frontier.script(DOWN)
    with pytest.raises(TiersFailedError):
        await ask(_router(small, frontier), "hi")
    assert not small.requests


async def test_without_escalation_nobody_above_is_asked(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(
        small, frontier, fallbacks=[frontier_model(frontier)], classify=lambda messages: 0.0
    )
    small.script(REFUSAL)
    with pytest.raises(UnverifiedError):
        await ask(router, "hi", {"configurable": {"escalate": False}})
    assert not frontier.requests


async def test_what_a_fall_back_cannot_take_it_does_not_get(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    blind = Tier(frontier_model(frontier), "blind", inputs=())
    seeing = Tier(frontier_model(frontier), "seeing", inputs=["image"])
    router = _router(small, frontier, fallbacks=[blind, seeing])
    image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    frontier.script(DOWN)
    answer = await ask(router, [HumanMessage([{"type": "text", "text": "what?"}, image])])
    assert _tiers(answer) == ["frontier", "seeing"]


@pytest.mark.parametrize("sticky", ["turn", "thread"])
def test_a_turn_that_fell_back_stays_at_the_frontier(
    small: OllamaServer, frontier: OpenAIServer, sticky: Any
) -> None:
    router = _router(
        small,
        frontier,
        fallbacks=[frontier_model(frontier)],
        classify=lambda messages: 0.0,
        sticky=sticky,
    )
    small.script(REFUSAL)
    frontier.script(DOWN, "well")
    first = router.invoke("hi")
    asked = [HumanMessage("hi"), first]
    asked += [HumanMessage("and?")] if sticky == "thread" else []
    decision = router.decide(asked)
    assert (decision.tier, decision.classifier) == ("frontier", "sticky")


def test_a_fall_back_can_be_named_for_a_call(small: OllamaServer, frontier: OpenAIServer) -> None:
    router = _router(small, frontier, fallbacks=[frontier_model(frontier)])
    answer = router.invoke("hi", {"configurable": {"tier": "fallback1"}})
    assert _tiers(answer) == ["fallback1"]


@pytest.mark.parametrize("given", ["openai:gpt-4o", [3], 7])
def test_bad_fall_backs(small: OllamaServer, frontier: OpenAIServer, given: Any) -> None:
    with pytest.raises(ValueError, match="fallbacks"):
        _router(small, frontier, fallbacks=given)


def test_the_graph_shows_them(small: OllamaServer, frontier: OpenAIServer) -> None:
    plain = _router(small, frontier).graph.get_graph()
    sturdy = _router(small, frontier, fallbacks=[frontier_model(frontier)], degrade=True)
    drawn = sturdy.graph.get_graph()
    assert "fallback1" in drawn.nodes
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert {("frontier", "fallback1"), ("fallback1", "small")} <= edges
    assert "fallback1" not in plain.nodes
