"""Faults of the package that these tests have found, each alone."""

from __future__ import annotations

import asyncio
import threading

from tests.faults.rig import ONCE, Rig, ask, in_all_ways, until
from tests.servers import Reply


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
        assert seen.seconds < 1.5 + 1
        assert router.breakers["small"].state == "closed"
    finally:
        go.set()
        assert (await first).text == "a small answer"
