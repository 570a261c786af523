"""A tier's limit on calls at once, and the queue before it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lc_asym_router import AsymRouter, Breaker, Retry
from tests.behaviour.faults.rig import ONCE, WAYS, Rig, Seen, ask, no_tasks, until
from tests.servers import Reply


class Crowd:
    """Requests of one router in tasks and threads, all at once."""

    def __init__(self, rig: Rig, pool: ThreadPoolExecutor) -> None:
        self.rig, self.pool = rig, pool
        self.small = rig.servers["small"]
        self.go = threading.Event()

    def router(self, limit: int, queue: int | None = None, **settings: Any) -> AsymRouter:
        small = {"max_concurrency": limit, "max_queue": queue, "retry": ONCE}
        return self.rig.router(tiers={"small": {**small, **settings.pop("small", {})}}, **settings)

    def holds(self, *replies: Reply) -> None:
        """The small server answers nothing before `go` is set."""
        self.small.script(*replies)
        self.small.default = Reply("a small answer", hold=self.go)

    def start(self, router: AsymRouter, way: str, prompt: str = "say") -> asyncio.Future[Any]:
        """Ask now; the sync ways in a thread of the pool."""
        if way.startswith("a"):
            return asyncio.ensure_future(ask(router, way, prompt))
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self.pool, lambda: asyncio.run(ask(router, way, prompt)))


@pytest.fixture
def crowd(rig: Rig) -> Iterator[Crowd]:
    with ThreadPoolExecutor(48) as pool:
        made = Crowd(rig, pool)
        yield made
        made.go.set()


def slots(router: AsymRouter) -> Any:
    return router.ladder[0].guard.slots


async def started(crowd: Crowd, router: AsymRouter, ways: list[str]) -> list[asyncio.Future[Any]]:
    """Requests that came one after the other: the first has the slot, the others wait."""
    jobs = []
    for count, way in enumerate(ways):
        jobs.append(crowd.start(router, way, f"say {count}"))
        await until(lambda: slots(router).waiting + slots(router).busy == count + 1)  # noqa: B023
    return jobs


async def test_never_more_at_once(crowd: Crowd) -> None:
    router = crowd.router(3)
    crowd.small.default = Reply("a small answer", delay=0.01)
    jobs = [crowd.start(router, way) for way in WAYS * 15]
    seen = await asyncio.gather(*jobs)
    assert {each.text for each in seen} == {"a small answer"}
    assert crowd.small.peak == 3
    assert len(crowd.small.requests) == 60
    assert (slots(router).busy, slots(router).waiting) == (0, 0)


async def test_two_routers_of_one_tier_share_it(crowd: Crowd) -> None:
    router = crowd.router(2)
    tier = router.ladder[0]
    other = AsymRouter(
        small=tier, frontier=crowd.rig.tier("frontier"), classify="keyword", verify="form"
    )
    copied = router.model_copy(update={"temperature": 0.5})  # another model in the same tier
    crowd.small.default = Reply("a small answer", delay=0.02)
    jobs = [crowd.start(r, way) for way in WAYS * 3 for r in (router, other, copied)]
    assert {each.text for each in await asyncio.gather(*jobs)} == {"a small answer"}
    assert crowd.small.peak == 2


async def test_who_finds_the_queue_full_goes_on(crowd: Crowd) -> None:
    """At once, and free of charge."""
    router = crowd.router(1, queue=2)
    crowd.holds()
    waiting = await started(crowd, router, ["invoke", "ainvoke", "stream"])
    for way in WAYS:
        seen = await asyncio.wait_for(crowd.start(router, way), 10)
        assert seen.text == "a frontier answer"
        assert seen.attempts[0]["error"].startswith("QueueFullError")
        assert seen.attempts[0]["cost_usd"] == 0
    assert router.breakers["small"].state == "closed"
    crowd.go.set()
    assert {each.text for each in await asyncio.gather(*waiting)} == {"a small answer"}
    assert len(crowd.small.requests) == 3


async def test_no_queue_at_all(crowd: Crowd) -> None:
    router = crowd.router(1, queue=0)
    crowd.holds()
    (first,) = await started(crowd, router, ["ainvoke"])
    assert (await crowd.start(router, "invoke")).tiers == ["small", "frontier"]
    crowd.go.set()
    assert (await first).tiers == ["small"]
    assert (await crowd.start(router, "stream")).tiers == ["small"]


async def test_first_come_first_served(crowd: Crowd) -> None:
    router = crowd.router(1)
    crowd.holds()
    jobs = await started(crowd, router, WAYS * 3)
    crowd.go.set()
    await asyncio.gather(*jobs)
    asked = [request.body["messages"][-1]["content"] for request in crowd.small.requests]
    assert asked == [f"say {count}" for count in range(12)]


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
async def test_a_cancelled_waiter_frees_its_place(crowd: Crowd, way: str) -> None:
    router = crowd.router(1, queue=2)
    crowd.holds()
    first, gone, stays = await started(crowd, router, ["invoke", way, way])
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert slots(router).waiting == 1
    later = crowd.start(router, "stream", "say later")
    await until(lambda: slots(router).waiting == 2)
    assert (await crowd.start(router, way)).tiers == ["small", "frontier"]
    crowd.go.set()
    seen = await asyncio.gather(first, stays, later)
    assert {each.text for each in seen} == {"a small answer"}
    asked = [request.body["messages"][-1]["content"] for request in crowd.small.requests]
    assert asked == ["say 0", "say 2", "say later"]
    await no_tasks()


async def test_a_sync_reader_that_leaves_frees_its_slot(crowd: Crowd) -> None:
    """It leaves in the middle of its answer; the next one's turn comes at once."""
    router = crowd.router(1, verify=None)
    crowd.small.script(Reply("one two " * 300, chunk_delay=0.01))
    stream = router.stream("say")
    assert await asyncio.to_thread(next, stream)
    other = crowd.start(router, "invoke")
    await until(lambda: slots(router).waiting == 1)
    stream.close()
    assert (await asyncio.wait_for(other, 10)).text == "a small answer"
    await asyncio.to_thread(crowd.rig.idle)
    assert crowd.small.requests[0].closed_by_client
    assert (slots(router).busy, slots(router).waiting) == (0, 0)


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        ("ainvoke", "cancelled"),
        ("astream", "cancelled"),
        *((way, fault) for way in WAYS for fault in ("500", "dropped", "hangs", "malformed")),
    ],
)
async def test_however_a_call_ends_its_slot_is_free(crowd: Crowd, way: str, fault: str) -> None:
    replies = {
        "cancelled": Reply(hang="before"),
        "500": Reply(status=500),
        "dropped": Reply("one two", drop_after=1),
        "hangs": Reply("one two", hang="middle"),
        "malformed": Reply(body=b"{"),
    }
    tight = {"timeout": 0.3} if fault == "hangs" else {}
    router = crowd.router(1, small=tight)
    crowd.small.script(replies[fault])
    first = crowd.start(router, way)
    if fault == "cancelled":
        await until(lambda: len(crowd.small.requests) == 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    else:
        assert (await first).text == "a frontier answer"
    await until(lambda: slots(router).busy == 0, 5)
    calm = router.model_copy()
    seen: Seen = await asyncio.wait_for(crowd.start(calm, "ainvoke"), 10)
    assert seen.text == "a small answer"


async def test_a_wait_between_two_tries_holds_no_slot(crowd: Crowd) -> None:
    retry = Retry(attempts=2, max_wait=5)
    router = crowd.router(1, small={"retry": retry})
    for way in ("ainvoke", "invoke"):
        crowd.small.reset()
        crowd.small.script(Reply(status=503, headers={"Retry-After": "1"}))
        first = crowd.start(router, way)
        await until(lambda: len(crowd.small.requests) == 1 and slots(router).busy == 0)
        assert (await crowd.start(router, way)).text == "a small answer"
        assert not first.done()
        assert [each["error"] is None for each in (await first).attempts] == [False, True]


async def test_a_breaker_that_opens_empties_the_queue(crowd: Crowd) -> None:
    """Who waits when the tier goes down does not go in one after the other to find out."""
    router = crowd.router(1, small={"breaker": Breaker(1, 60)})
    crowd.small.script(Reply(status=503, hold=crowd.go))  # a 500 may be the one request's fault
    jobs = await started(crowd, router, WAYS * 3)
    crowd.go.set()
    assert {each.text for each in await asyncio.gather(*jobs)} == {"a frontier answer"}
    assert len(crowd.small.requests) == 1


async def test_the_frontier_has_limits_too(crowd: Crowd) -> None:
    frontier = {"max_concurrency": 2, "max_queue": 0, "retry": ONCE}
    held = crowd.rig.servers["frontier"]
    held.default = Reply("a frontier answer", hold=crowd.go)
    router = crowd.rig.router(tiers={"frontier": frontier}, fallbacks=[crowd.rig.tier("spare")])
    jobs = [crowd.start(router, way, "debug") for way in WAYS[:2]]
    await until(lambda: len(held.requests) == 2)
    for way in WAYS:
        assert (await crowd.start(router, way, "debug")).text == "a spare answer"
    crowd.go.set()
    assert {each.text for each in await asyncio.gather(*jobs)} == {"a frontier answer"}
    assert held.peak == 2
