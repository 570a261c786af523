"""Time limits: of one call, and of the whole request."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from lc_asym_router import AsymRouter, Breaker, Retry, Tier, TiersFailedError
from tests.behaviour.faults.rig import ONCE, SECRETS, WAYS, Rig, ask, in_all_ways, no_tasks
from tests.conftest import small_model
from tests.servers import BlackHole, Reply
from tests.servers.faults import SLOW_HEAD

SLACK = 6.0
"""Seconds that a busy machine may add; what is waited for in vain would take longer."""
HANGS = {
    "before": Reply("one two", hang="before"),
    "after the head": Reply("one two", hang="head"),
    "in the middle": Reply("one two", hang="middle"),
    "drips": Reply("one two", drip=(1, 0.05)),
}


@pytest.mark.parametrize("hang", HANGS)
@in_all_ways
async def test_what_is_left_is_handed_down(rig: Rig, hang: str, way: str) -> None:
    """The small tier gets half of the time; so the frontier has some left for its answer."""
    rig.servers["small"].default = HANGS[hang]
    settings = {"retry": ONCE, "breaker": Breaker(failures=1)}
    router = rig.router(tiers={"small": settings}, deadline=1.0)
    seen = await ask(router, way, "say MARKED")
    assert seen.text == "a frontier answer"
    assert 0.4 < seen.attempts[0]["seconds"] < 1.0 + SLACK
    assert seen.seconds < 1.0 + SLACK
    assert "AttemptTimeoutError" in seen.attempts[0]["error"]
    assert seen.tiers == ["small", "frontier"]
    assert router.breakers["small"].state == "closed"  # a hasty request says nothing of a tier
    await asyncio.to_thread(rig.idle)
    assert rig.servers["small"].requests[0].closed_by_client


@in_all_ways
async def test_nobody_answers_in_time(rig: Rig, way: str) -> None:
    for server in rig.servers.values():
        server.default = HANGS["before"]
    once = {"retry": ONCE}
    router = rig.router(
        tiers={"small": once, "frontier": once},
        deadline=1.0,
        fallbacks=[rig.tier("spare", **once)],
        degrade=True,
    )
    for prompt, first in (("say MARKED", ["small", "frontier"]), ("debug MARKED", ["frontier"])):
        seen = await ask(router, way, prompt)
        assert isinstance(seen.error, TiersFailedError)
        assert 0.7 < seen.seconds < 1.0 + SLACK
        assert seen.tiers[: len(first)] == first
        assert not SECRETS.search(seen.told())
    await asyncio.to_thread(rig.idle)


async def test_what_the_deadline_ended_is_not_tried_again(rig: Rig) -> None:
    """What is left is the next tier's."""
    rig.servers["small"].default = HANGS["before"]
    router = rig.router(deadline=2.0)
    for seen in await asyncio.gather(*(ask(router, way, "say") for way in WAYS)):
        assert seen.text == "a frontier answer"
        assert seen.tiers == ["small", "frontier"]
        assert seen.seconds < 2.0 + SLACK


@in_all_ways
async def test_a_tiers_own_limit(rig: Rig, way: str) -> None:
    """It ends the call long before the deadline, it is worth another try, and it counts."""
    rig.servers["small"].script(Reply(hang="before"))
    breaker = Breaker(2, 60)
    settings = {"timeout": 0.3, "retry": Retry(2, initial=0.01), "breaker": breaker}
    router = rig.router(tiers={"small": settings}, deadline=30)
    seen = await ask(router, way, "say")
    assert seen.text == "a small answer"
    assert seen.tiers == ["small", "small"]
    assert breaker.state == "closed"
    rig.servers["small"].default = Reply(hang="before")
    seen = await ask(router, way, "say")
    assert seen.text == "a frontier answer"
    assert seen.seconds < 0.6 + SLACK
    assert breaker.state == "open"


@in_all_ways
async def test_one_call_can_have_another(rig: Rig, way: str) -> None:
    rig.servers["frontier"].default = HANGS["before"]
    router = rig.router(deadline=30)
    seen = await ask(router, way, "debug", {"configurable": {"deadline": 0.3}})
    assert seen.error is not None
    assert seen.seconds < 0.3 + SLACK


@in_all_ways
async def test_a_wait_that_is_longer_than_the_time_left_is_not_begun(rig: Rig, way: str) -> None:
    rig.servers["small"].default = Reply(status=503, headers={"Retry-After": "40"})
    retry = Retry(attempts=3, max_wait=60)
    seen = await ask(rig.router(tiers={"small": {"retry": retry}}, deadline=30.0), way, "say")
    assert seen.text == "a frontier answer"
    assert seen.tiers == ["small", "frontier"]
    assert seen.seconds < SLACK


@in_all_ways
async def test_a_slow_check_is_left(rig: Rig, way: str) -> None:
    """Unchecked text does not leave: the next tier is asked."""

    def slow(attempt: Any) -> bool:
        time.sleep(1.5)
        return True

    async def aslow(attempt: Any) -> bool:
        await asyncio.sleep(30)
        return True

    check = aslow if way.startswith("a") else slow
    seen = await ask(rig.router(verify=check, deadline=1.0), way, "say")
    assert seen.text == "a frontier answer"
    assert seen.seconds < 1.0 + SLACK
    assert "TimeoutError" in seen.attempts[0]["reason"]


@in_all_ways
async def test_a_slow_classifier_is_left(rig: Rig, way: str) -> None:
    def slow(messages: Any) -> float:
        time.sleep(5)
        return 0.0

    async def aslow(messages: Any) -> float:
        await asyncio.sleep(30)
        return 0.0

    classify = aslow if way.startswith("a") else slow
    seen = await ask(rig.router(classify=classify, deadline=4.0), way, "say")
    assert seen.text == "a frontier answer"
    assert seen.seconds < 4.0 + SLACK


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_nothing_comes_after_the_end(rig: Rig, way: str) -> None:
    """A live answer that is cut off in time: what comes later goes to nobody."""
    rig.servers["frontier"].default = Reply(" ".join("abcdefgh" * 20), chunk_delay=0.05)
    seen = await ask(rig.router(deadline=0.5), way, "debug MARKED")
    assert isinstance(seen.error, TiersFailedError)
    assert seen.text.startswith("a b")
    count = len(seen.chunks)
    await asyncio.sleep(0.3)
    assert len(seen.chunks) == count
    assert not SECRETS.search(seen.told())
    await asyncio.to_thread(rig.idle)
    assert rig.servers["frontier"].requests[0].closed_by_client


@pytest.mark.parametrize("late", [-0.01, 0.0, 0.005, 0.01, 0.02, 0.04, 0.08])
@in_all_ways
async def test_an_answer_that_comes_too_late_is_not_mixed_with_the_next(
    rig: Rig, way: str, late: float
) -> None:
    """A live one, at about the moment at which its time is up."""
    rig.servers["small"].default = Reply("one two three", delay=0.3 + late)
    rig.servers["frontier"].default = Reply("four five six", delay=0.15, chunk_delay=0.01)
    limited = {"timeout": 0.3, "retry": ONCE}
    seen = await ask(rig.router(tiers={"small": limited}, verify=None), way, "say")
    if seen.error is not None:  # it had begun when its time was up
        assert "one two three".startswith(seen.text)
        assert late < 0.04
    else:
        assert seen.text == ("one two three" if seen.tiers == ["small"] else "four five six")


@in_all_ways
async def test_an_address_that_takes_no_connection(rig: Rig, way: str) -> None:
    with BlackHole() as hole:
        model = small_model(rig.servers["small"]).model_copy()
        dead = type(model)(model="off", base_url=hole.url, client_kwargs={"verify": False})
        tier = Tier(dead, "small", timeout=0.3, retry=ONCE, breaker=Breaker(1))
        router = AsymRouter(small=tier, frontier=rig.tier("frontier"), classify="keyword")
        seen = await ask(router, way, "say")
        assert seen.text == "a frontier answer"
        assert seen.seconds < 0.3 + SLACK
        assert tier.breaker is not None
        assert tier.breaker.state == "open"
        await asyncio.to_thread(rig.idle)


@in_all_ways
async def test_a_head_that_drips_holds_up_nobody(rig: Rig, way: str) -> None:
    """Though a sync call's connection stays open until the head has come."""
    rig.breaks("small", SLOW_HEAD)
    seen = await ask(rig.router(tiers={"small": {"timeout": 0.3, "retry": ONCE}}), way, "say")
    assert seen.text == "a frontier answer"
    assert seen.seconds < 0.3 + SLACK
    await asyncio.to_thread(rig.idle, 10)


async def test_the_graph_alone_has_it_too(rig: Rig) -> None:
    rig.servers["small"].default = HANGS["before"]
    graph = rig.router(deadline=1.0).graph
    inputs = {"messages": [HumanMessage("say")]}
    began = time.monotonic()
    answer = (await graph.ainvoke(inputs))["messages"][-1]
    assert answer.text == "a frontier answer"
    answer = (await asyncio.to_thread(graph.invoke, inputs))["messages"][-1]
    assert answer.text == "a frontier answer"
    assert time.monotonic() - began < 2 * (1.0 + SLACK)


@in_all_ways
async def test_a_limit_that_is_not_reached_changes_nothing(rig: Rig, way: str) -> None:
    """The connection is kept for the next call. (A sync stream of ChatOpenAI never keeps it.)"""
    limited = {"timeout": 20}
    router = rig.router(tiers={"small": limited, "frontier": limited}, deadline=40)
    for prompt, text in (("say", "a small answer"), ("debug", "a frontier answer")):
        for _ in range(3):
            assert (await ask(router, way, prompt)).text == text
    assert rig.servers["small"].connections == 1
    assert rig.servers["frontier"].connections == (3 if way == "stream" else 1)
    await asyncio.to_thread(rig.idle)


async def test_a_connection_that_was_hung_up_is_not_used_again(rig: Rig) -> None:
    router = rig.router(tiers={"small": {"timeout": 0.3, "retry": ONCE, "breaker": False}})
    for way in WAYS:
        for hang in ("before", "drips"):
            rig.servers["small"].script(HANGS[hang])
            assert (await ask(router, way, "say")).text == "a frontier answer"
            assert (await ask(router, way, "say")).text == "a small answer"


async def test_a_caller_that_is_cancelled_under_a_deadline(rig: Rig) -> None:
    rig.servers["small"].default = HANGS["before"]
    router = rig.router(deadline=30)
    for way in ("ainvoke", "astream"):
        task = asyncio.create_task(ask(router, way, "say"))
        assert await asyncio.to_thread(rig.servers["small"].wait_requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(rig.idle)
        assert rig.servers["small"].requests[0].closed_by_client
        assert rig.servers["frontier"].requests == []
        rig.servers["small"].reset()
    await no_tasks()
