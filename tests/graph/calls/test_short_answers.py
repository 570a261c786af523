"""A tier that answers in a sentence is read whole: there is little to end early."""

from __future__ import annotations

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.tiers.faults.breaker import BRIEF, ENOUGH
from tests.conftest import frontier_model, record
from tests.servers import OpenAIServer, Reply
from tests.servers.clients import model_for


def router_of(small: OpenAIServer, frontier: OpenAIServer) -> AsymRouter:
    """A router of its own, whose tiers have answered nothing yet."""
    return AsymRouter(
        small=Tier(model_for(small), "small"),
        frontier=Tier(frontier_model(frontier), "frontier"),
        verify="form",
    )


def streamed(server: OpenAIServer) -> bool:
    return bool(server.requests[-1].body.get("stream"))


def test_short_answers_are_read_whole_until_one_is_long(frontier):
    with OpenAIServer(default=Reply("short", output_tokens=BRIEF)) as small:
        router = router_of(small, frontier)
        for _ in range(ENOUGH):
            router.invoke("hi")
            assert streamed(small)
        answer = router.invoke("hi")
        assert not streamed(small)
        assert record(answer)["attempts"][0]["usage"]["output_tokens"] == BRIEF
        # Who streams gets the model's own chunks, as before.
        assert "".join(chunk.text for chunk in router.stream("hi")) == "short"
        assert streamed(small)
        small.script(Reply("long", output_tokens=BRIEF + 1))
        router.invoke("hi")
        assert not streamed(small)
        router.invoke("hi")
        assert streamed(small)


async def test_what_is_read_whole_is_checked_all_the_same(frontier):
    with OpenAIServer(default=Reply("short", output_tokens=5)) as small:
        router = router_of(small, frontier)
        for _ in range(ENOUGH):
            await router.ainvoke("hi")
        small.script(Reply("", output_tokens=1))
        answer = await router.ainvoke("hi")
        assert not streamed(small)
        assert record(answer)["tier"] == "frontier"


def test_an_answer_without_counts_may_be_long(frontier):
    with OpenAIServer(default=Reply("short", output_tokens=5)) as small:
        router = router_of(small, frontier)
        for _ in range(ENOUGH - 1):
            router.invoke("hi")
        small.script(Reply("short", usage=False))
        for _ in range(2):
            router.invoke("hi")
            assert streamed(small)
