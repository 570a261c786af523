"""Faults of the package that these tests have found, each alone."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from lc_asym_router import AsymRouter
from tests.behaviour.faults.rig import ONCE, WAYS, Rig, ask, in_all_ways, until
from tests.servers import Reply
from tests.servers.clients import model_for


@in_all_ways
async def test_a_queue_is_left_in_time_for_another_tier(rig: Rig, way: str) -> None:
    """Promise 7: a small tier that is all taken does not use up the whole deadline."""
    go = threading.Event()
    rig.servers["small"].default = Reply("a small answer", hold=go)
    router = rig.router(tiers={"small": {"max_concurrency": 1, "retry": ONCE}}, deadline=1.5)
    patient = router.model_copy(update={"deadline": None})
    first = asyncio.ensure_future(ask(patient, "ainvoke", "say"))
    try:
        await until(lambda: len(rig.servers["small"].requests) == 1)
        seen = await ask(router, way, "say")
        assert seen.text == "a frontier answer"
        assert seen.seconds < 1.5 + 5
        assert router.breakers["small"].state == "closed"
    finally:
        go.set()
        assert (await first).text == "a small answer"


@pytest.mark.parametrize("way", ["invoke", "stream"])
async def test_a_sync_call_in_a_race_is_let_go_when_its_tiers_time_is_up(
    rig: Rig, way: str
) -> None:
    """Its server has not begun to answer: the connection, and the thread that waits for it."""
    rig.servers["small"].default = Reply(hang="before")
    limited = {"timeout": 0.4, "retry": ONCE, "patience": 60}
    seen = await ask(rig.router(tiers={"small": limited}, hedge=0.05), way, "say")
    assert seen.text == "a frontier answer"
    await asyncio.to_thread(rig.idle, 3)


@pytest.mark.full
async def test_a_breaker_outlives_a_router_made_for_one_request(rig: Rig) -> None:
    """A handler that builds its router anew each time; the breaker is the process's."""
    small = rig.servers["small"]
    small.default = Reply(drop_after=-1)
    for n in range(8):
        router = AsymRouter(
            small=model_for(small), frontier=rig.tier("frontier"), classify="keyword", verify="form"
        )
        assert (await ask(router, WAYS[n % 4], "say")).text == "a frontier answer"
        del router
        gc.collect()
    assert len(small.requests) == 5


@in_all_ways
async def test_what_a_race_left_unchecked_is_marked_as_stopped(rig: Rig, way: str) -> None:
    """The small tier had answered, and its check was under way, when the frontier was first."""

    def slow(attempt: Any) -> bool:
        time.sleep(0.6)
        return True

    async def aslow(attempt: Any) -> bool:
        await asyncio.sleep(0.6)
        return True

    router = rig.router(verify=aslow if way.startswith("a") else slow, hedge=0.1)
    seen = await ask(router, way, "say")
    assert seen.text == "a frontier answer"
    first, last = seen.attempts
    assert last["error"] is None
    assert (first["error"] or "").startswith("stopped")
