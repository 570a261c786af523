"""One caller's requests that make a server fail shut it for that caller, not for everybody."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from lc_asym_router import AsymRouter, Breaker, Tier
from tests.behaviour.faults.rig import ONCE, WAYS, Clock, Rig, ask
from tests.conftest import frontier_model, small_model
from tests.servers import Reply

POISON = "a prompt that crashes it"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def router(rig: Rig, clock: Clock) -> AsymRouter:
    """Five failures open the small tier's breaker; its server fails at what holds the poison."""

    def reply(body: dict[str, Any]) -> Reply:
        if "poison" in str(body) or POISON in str(body):
            return Reply(status=500, error="model runner has unexpectedly stopped")
        return Reply("a small answer")

    rig.servers["small"].default = reply
    breaker = Breaker(5, cooldown=30, clock=clock)
    return rig.router(tiers={"small": {"breaker": breaker, "retry": ONCE}})


async def said(router: AsymRouter, text: str, **config: Any) -> str:
    return str((await router.ainvoke(text, config or None)).text)


@pytest.mark.parametrize("way", WAYS)
async def test_one_prompt_again_and_again(router: AsymRouter, rig: Rig, way: str) -> None:
    small = rig.servers["small"]
    for _ in range(8):
        assert (await ask(router, way, POISON)).text == "a frontier answer"
    assert len(small.requests) == 5  # then it is refused, itself
    assert router.breakers["small"].state == "open"
    assert (await ask(router, way, "hello")).text == "a small answer"
    assert router.breakers["small"].state == "closed"


KNOWN: list[dict[str, Any]] = [
    {"tags": ["prod", "user:mallory"]},
    {"metadata": {"user_id": "mallory"}},
    {"configurable": {"thread_id": "7"}},
    {"configurable": {"langgraph_auth_user_id": "mallory", "thread_id": "8"}},
]


@pytest.mark.parametrize("config", KNOWN, ids=["tag", "metadata", "thread", "user"])
async def test_one_caller_with_ever_new_prompts(
    router: AsymRouter, rig: Rig, config: dict[str, Any]
) -> None:
    small = rig.servers["small"]
    for number in range(9):
        assert await said(router, f"poison {number}", **config) == "a frontier answer"
    assert len(small.requests) == 5
    for number in range(3):
        assert await said(router, f"hello {number}", tags=["user:alice"]) == "a small answer"


async def test_in_between_others_are_never_refused(router: AsymRouter) -> None:
    for number in range(20):
        await said(router, f"poison {number}", tags=["user:mallory"])
        if number % 4 == 3:
            assert await said(router, "hello", tags=["user:alice"]) == "a small answer"


async def test_enough_callers_in_a_row_open_it_for_all(
    router: AsymRouter, rig: Rig, clock: Clock
) -> None:
    """A server that fails at everything is down, whoever asks."""
    small = rig.servers["small"]
    small.default = Reply(status=500, error="boom")
    for number in range(9):
        await said(router, "hello", tags=[f"user:{number}"])
    assert len(small.requests) == 5
    clock.now += 31
    await said(router, "hello", tags=["user:10"])  # the probe
    await said(router, "hello", tags=["user:11"])
    assert len(small.requests) == 6
    small.default = "a small answer"
    clock.now += 31
    assert await said(router, "hello", tags=["user:12"]) == "a small answer"
    assert router.breakers["small"].state == "closed"


@pytest.mark.parametrize(
    "reply", [Reply(drop_after=-1), Reply(status=503, error="starting"), Reply(status=404)]
)
async def test_a_server_that_is_away_is_away_for_all(
    router: AsymRouter, rig: Rig, reply: Reply
) -> None:
    rig.servers["small"].default = reply
    for _ in range(5):
        await said(router, "hello", tags=["user:mallory"])
    assert await said(router, "hello", tags=["user:alice"]) == "a frontier answer"
    assert len(rig.servers["small"].requests) == 5


async def test_another_callers_failure_beside_it_does_not_start_the_wait_anew(
    router: AsymRouter, clock: Clock
) -> None:
    for _ in range(5):
        await said(router, POISON, tags=["user:mallory"])
    clock.now += 20
    await said(router, "poison too", tags=["user:bob"])
    assert await said(router, "poison too", tags=["user:bob"]) == "a frontier answer"
    assert router.breakers["small"].opens_in == pytest.approx(10)
    assert await said(router, "hello", tags=["user:alice"]) == "a small answer"


async def test_of_a_subgraph_too(router: AsymRouter, rig: Rig) -> None:
    asked = {"messages": [HumanMessage(POISON)]}
    for _ in range(6):
        await router.graph.ainvoke(asked, {"configurable": {"thread_id": "7"}})
    assert len(rig.servers["small"].requests) == 5
    other = await router.graph.ainvoke(asked | {"messages": [HumanMessage("hello")]})
    assert other["messages"][-1].text == "a small answer"


def test_a_breaker_of_one_failure_needs_two_callers_all_the_same(small, frontier) -> None:
    small.script(Reply(status=500, error="x"))
    small.default = "fine"
    router = AsymRouter(
        small=Tier(small_model(small), breaker=Breaker(1), retry=ONCE),
        frontier=frontier_model(frontier),
        verify="form",
    )
    assert router.invoke("say this").text == "a frontier answer"
    assert router.invoke("say this").text == "a frontier answer"
    assert len(small.requests) == 1
    assert router.invoke("say that").text == "fine"


def test_no_text_of_a_callers_is_kept(router: AsymRouter) -> None:
    for _ in range(5):
        router.invoke(POISON, {"tags": ["user:mallory"]})
    kept = str(vars(router.breakers["small"]))
    assert "mallory" not in kept
    assert POISON not in kept
