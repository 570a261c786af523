"""A router's breakers: what reaches a server that is down, and who finds out that it is back."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_ollama import ChatOllama

from lc_asym_router import AsymRouter, Breaker, Tier
from lc_asym_router.tiers.provider import credentials_digest
from tests.behaviour.faults.rig import ONCE, WAYS, Clock, Rig, Seen, ask, in_all_ways, until
from tests.conftest import frontier_model, small_model
from tests.servers import BlackHole, Reply
from tests.servers.clients import model_for

DEAD = Reply(drop_after=-1)


class Guarded:
    """A router whose small tier stands behind a breaker with a clock of the test's."""

    def __init__(self, rig: Rig, failures: int = 3, **settings: Any) -> None:
        self.rig, self.clock, self.changes = rig, Clock(), list[str]()
        self.breaker = Breaker(
            failures,
            cooldown=30,
            clock=self.clock,
            on_change=lambda breaker: self.changes.append(breaker.state),
        )
        self.small = rig.servers["small"]
        self.router = rig.router(
            tiers={"small": {"breaker": self.breaker, "retry": ONCE, **settings}}
        )

    async def ask(self, count: int, ways: list[str] = WAYS) -> list[Seen]:
        """So many requests one after the other, each way in turn."""
        return [await ask(self.router, ways[n % len(ways)], f"say {n}") for n in range(count)]

    async def break_down(self) -> None:
        """The small server dies, and the breaker opens."""
        self.small.default = DEAD
        await self.ask(self.breaker.failures)
        assert self.breaker.state == "open"
        self.small.reset()


@pytest.fixture
def guarded(rig: Rig) -> Guarded:
    return Guarded(rig)


async def test_nothing_reaches_a_dead_server_until_its_time(guarded: Guarded) -> None:
    small, breaker = guarded.small, guarded.breaker
    small.default = DEAD
    seen = await guarded.ask(20)
    assert {each.text for each in seen} == {"a frontier answer"}
    assert len(small.requests) == 3
    assert small.connections == 3
    assert breaker.state == "open"
    for each in seen[3:]:
        first = each.attempts[0]
        assert first["error"].startswith("CircuitOpenError")
        assert first["cost_usd"] == 0
        assert first["usage"] is None
        assert each.tiers == ["small", "frontier"]
    guarded.clock.now += 29.9
    await guarded.ask(4)
    assert small.connections == 3
    guarded.clock.now += 0.2
    assert breaker.state == "half_open"
    await guarded.ask(4)  # a probe, which fails
    assert small.connections == 4
    assert breaker.state == "open"
    small.default = "a small answer"
    guarded.clock.now += 31
    seen = await guarded.ask(4)
    assert {each.text for each in seen} == {"a small answer"}
    assert breaker.state == "closed"
    assert guarded.changes == ["open", "closed"]  # a failed probe leaves it open


async def test_reset(guarded: Guarded) -> None:
    await guarded.break_down()
    guarded.small.default = "a small answer"
    await guarded.ask(4)
    assert guarded.small.requests == []
    assert guarded.router.breakers["small"] is guarded.breaker
    guarded.router.breakers["small"].reset()
    assert {each.text for each in await guarded.ask(4)} == {"a small answer"}
    assert len(guarded.small.requests) == 4


async def test_one_probe_among_64_at_once(guarded: Guarded) -> None:
    """In threads and tasks; the others don't wait for it."""
    await guarded.break_down()
    back = threading.Event()
    guarded.small.default = Reply("a small answer", hold=back)
    guarded.clock.now += 31
    with ThreadPoolExecutor(32) as pool:
        loop = asyncio.get_running_loop()
        sync = [guarded.router.invoke, lambda text: list(guarded.router.stream(text))[-1]]
        jobs = [loop.run_in_executor(pool, sync[n % 2], f"say {n}") for n in range(32)]
        jobs += [asyncio.ensure_future(ask(guarded.router, w, "say")) for w in WAYS[1::2] * 16]
        await until(lambda: sum(job.done() for job in jobs) == 63, 30)
        assert len(guarded.small.requests) == 1
        assert guarded.breaker.state == "half_open"
        back.set()
        await asyncio.gather(*jobs)
    assert len(guarded.small.requests) == 1
    assert len(guarded.rig.servers["frontier"].requests) == 3 + 63
    assert guarded.breaker.state == "closed"
    assert {each.text for each in await guarded.ask(2)} == {"a small answer"}


@pytest.mark.parametrize("how", ["cancel ainvoke", "cancel astream", "leave astream"])
async def test_a_probe_that_is_left_frees_its_place(guarded: Guarded, how: str) -> None:
    await guarded.break_down()
    guarded.clock.now += 31
    guarded.small.script(Reply("a small answer", hang="before"))
    way = "ainvoke" if how == "cancel ainvoke" else "astream"
    if how == "leave astream":
        stream = guarded.router.astream("say")
        task = asyncio.ensure_future(anext(stream))
    else:
        task = asyncio.ensure_future(ask(guarded.router, way, "say"))
    await until(lambda: len(guarded.small.requests) == 1)
    (other,) = await guarded.ask(1)  # while it is under way, nobody else goes through
    assert other.tiers == ["small", "frontier"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if how == "leave astream":
        await stream.aclose()
    await asyncio.to_thread(guarded.rig.idle)
    assert guarded.small.requests[0].closed_by_client
    assert guarded.breaker.state == "half_open"
    guarded.small.default = "a small answer"
    (seen,) = await guarded.ask(1)
    assert seen.text == "a small answer"
    assert guarded.breaker.state == "closed"


async def test_a_sync_probe_whose_reader_leaves_frees_its_place(rig: Rig) -> None:
    guarded = Guarded(rig, timeout=5)
    await guarded.break_down()
    guarded.clock.now += 31
    guarded.small.script(Reply("one two " * 400, chunk_delay=0.01))
    router = guarded.router.model_copy(update={"verify": None})

    def leave() -> None:
        stream = router.stream("say")
        next(chunk for chunk in stream if chunk.text)
        stream.close()

    await asyncio.to_thread(leave)
    await asyncio.to_thread(guarded.rig.idle)
    assert guarded.breaker.state == "half_open"
    guarded.small.default = "a small answer"
    (seen,) = await guarded.ask(1)
    assert seen.text == "a small answer"


async def test_a_probe_that_says_nothing_of_the_tier_is_no_verdict(guarded: Guarded) -> None:
    """A request that the server refuses: the next one probes again."""
    await guarded.break_down()
    guarded.clock.now += 31
    guarded.small.default = Reply(status=429)
    await guarded.ask(2)
    assert guarded.breaker.state == "half_open"
    assert len(guarded.small.requests) == 2


@pytest.mark.parametrize("status", [400, 409, 413, 422, 429])
async def test_a_bad_request_does_not_open_it(guarded: Guarded, status: int) -> None:
    guarded.small.default = Reply(status=status)
    await guarded.ask(8)
    assert guarded.breaker.state == "closed"
    assert len(guarded.small.requests) == 8


async def test_a_success_starts_the_count_anew(guarded: Guarded) -> None:
    for _ in range(3):
        guarded.small.script(DEAD, DEAD)
        assert [each.text for each in await guarded.ask(3)][-1] == "a small answer"
    assert guarded.breaker.state == "closed"


async def test_a_failed_check_is_no_failure_of_the_tier(guarded: Guarded) -> None:
    guarded.small.default = ""
    seen = await guarded.ask(8)
    assert {each.tiers[-1] for each in seen} == {"frontier"}
    assert guarded.breaker.state == "closed"


async def test_64_failures_at_once(guarded: Guarded) -> None:
    release = threading.Event()
    guarded.small.default = Reply(status=500, hold=release)
    ways = enumerate(WAYS[1::2] * 32)
    jobs = [asyncio.ensure_future(ask(guarded.router, w, f"say so {n}")) for n, w in ways]
    await until(lambda: len(guarded.small.requests) == 64, 30)
    release.set()
    assert {each.text for each in await asyncio.gather(*jobs)} == {"a frontier answer"}
    assert guarded.breaker.state == "open"
    assert guarded.changes == ["open"]
    await guarded.ask(4)
    assert len(guarded.small.requests) == 64


async def test_late_news_of_before_does_not_open_it_again(guarded: Guarded) -> None:
    """A call that began before the reset fails after it."""
    release = threading.Event()
    guarded.small.default = Reply(status=500, hold=release)
    jobs = [asyncio.ensure_future(ask(guarded.router, "ainvoke", "say")) for _ in range(3)]
    await until(lambda: len(guarded.small.requests) == 3)
    guarded.breaker.reset()
    release.set()
    await asyncio.gather(*jobs)
    assert guarded.breaker.state == "closed"


async def test_two_routers_of_one_endpoint_share_it(rig: Rig) -> None:
    """Sync and async; a copy shares it too, another model at the same address does not."""

    def router(model: Any) -> AsymRouter:
        frontier = frontier_model(rig.servers["frontier"])
        return AsymRouter(small=model, frontier=frontier, classify="keyword", verify="form")

    small = rig.servers["small"]
    first, second = router(model_for(small)), router(model_for(small))
    other = router(small_model(small).model_copy(update={"model": "other-model"}))
    small.default = DEAD
    for _ in range(5):
        await ask(first, "invoke", "say")
    assert len(small.requests) == 5
    copied = second.model_copy(update={"verify": None})
    for each in (first, second, copied, Tier(model_for(small), "x")):
        breaker = each.breaker if isinstance(each, Tier) else each.breakers["small"]
        assert breaker is first.breakers["small"]
    for way in WAYS:
        for each in (first, second, copied):
            assert (await ask(each, way, "say")).text == "a frontier answer"
    assert len(small.requests) == 5
    assert other.breakers["small"].state == "closed"
    await ask(other, "ainvoke", "say")
    assert len(small.requests) == 6


async def test_none(rig: Rig) -> None:
    router = rig.router(tiers={"small": {"breaker": False, "retry": ONCE}})
    assert set(router.breakers) == {"frontier"}
    rig.servers["small"].default = DEAD
    for n in range(12):
        await ask(router, WAYS[n % 4], "say")
    assert len(rig.servers["small"].requests) == 12


@in_all_ways
async def test_a_machine_that_is_off_costs_its_time_out_only_so_often(rig: Rig, way: str) -> None:
    with BlackHole() as hole:
        model = small_model(rig.servers["small"])
        dead = type(model)(
            model="off", base_url=hole.url, client_kwargs={"timeout": 0.4, "verify": False}
        )
        tier = Tier(dead, "small", breaker=Breaker(2), retry=ONCE)
        router = AsymRouter(
            small=tier, frontier=rig.tier("frontier"), classify="keyword", verify="form"
        )
        for _ in range(2):
            seen = await ask(router, way, "say")
            assert seen.seconds > 0.3
            assert seen.text == "a frontier answer"
        for _ in range(20):
            seen = await ask(router, way, "say")
            assert seen.text == "a frontier answer"
            (kept_out,) = seen.attempts_of("small")
            assert kept_out["asked"] is False  # so it costs no time
            assert kept_out["error"].startswith("CircuitOpenError")


def _open_at_the_frontier(rig: Rig, **breaker: Any) -> Any:
    """A router whose frontier's breaker is open, and a fall-back that answers."""
    settings = {"tiers": {"frontier": {"breaker": Breaker(1, 60, **breaker), "retry": ONCE}}}
    return rig.router(**settings, fallbacks=[rig.tier("spare")])


async def test_open_at_the_frontier(rig: Rig) -> None:
    """The fall-back is asked at once; without one the error says what is the matter."""
    router = _open_at_the_frontier(rig, last_resort=False)
    rig.servers["frontier"].default = DEAD
    for way in WAYS:
        assert (await ask(router, way, "debug")).text == "a spare answer"
    alone = router.model_copy(update={"fallbacks": []})
    for way in WAYS:
        seen = await ask(alone, way, "debug")
        assert seen.seconds < 10
        assert "CircuitOpenError" in str(seen.error)
        assert "OpenAIConnectionError" in str(seen.error)  # why it is open
    assert len(rig.servers["frontier"].requests) == 1


async def test_the_last_resort_is_asked_all_the_same(rig: Rig) -> None:
    """Promise 7: a short outage of the last tier is no longer than it is."""
    router = _open_at_the_frontier(rig)
    rig.servers["frontier"].default = DEAD
    await ask(router, "invoke", "debug")
    alone = router.model_copy(update={"fallbacks": []})
    assert alone.breakers["frontier"].state == "open"
    for asked, way in enumerate(WAYS, 2):
        assert "OpenAIConnectionError" in str((await ask(alone, way, "debug")).error)
        assert alone.breakers["frontier"].state == "open"
        assert len(rig.servers["frontier"].requests) == asked
    rig.servers["frontier"].default = "well again"
    for way in WAYS:
        assert (await ask(alone, way, "debug")).text == "well again"
    assert alone.breakers["frontier"].state == "closed"


@in_all_ways
async def test_a_restart_between_two_requests_goes_unnoticed(rig: Rig, way: str) -> None:
    """The connection that was kept is dead; no try is lost on it."""
    router = rig.router(tiers={"small": {"retry": ONCE}, "frontier": {"retry": ONCE}})
    for _ in range(3):
        for prompt, text in (("say", "a small answer"), ("debug", "a frontier answer")):
            seen = await ask(router, way, prompt)
            assert seen.text == text
            assert len(seen.attempts) == 1
        for name in ("small", "frontier"):
            await asyncio.to_thread(rig.servers[name].stop)
            rig.servers[name].start()


async def test_a_wrong_key_of_one_is_no_breaker_for_another(rig: Rig) -> None:
    """Two customers of one process, each with a key of their own at the same address and model."""
    frontier = rig.servers["frontier"]
    frontier.default = lambda body: Reply(status=401)
    first, second = (
        AsymRouter(
            small=rig.tier("small"),
            frontier=model_for(frontier, api_key=key),
            classify="keyword",
            verify="form",
        )
        for key in ("sk-wrong", "sk-right")
    )
    for _ in range(6):
        assert (await ask(first, "ainvoke", "debug")).error is not None
    frontier.default = "a frontier answer"
    assert (await ask(second, "ainvoke", "debug")).text == "a frontier answer"
    assert second.breakers["frontier"] is not first.breakers["frontier"]


def test_who_pays_tells_accounts_apart(rig: Rig) -> None:
    """By key and headers; without the key in it."""
    frontier = rig.servers["frontier"]
    keys = [
        credentials_digest(model_for(frontier, api_key=key)) for key in ("sk-a", "sk-b", "sk-a")
    ]
    assert keys[0] == keys[2] != keys[1]
    assert "sk-" not in keys[0]

    def ollama(**headers: str) -> str:
        return credentials_digest(ChatOllama(model="m", client_kwargs={"headers": headers}))

    assert ollama(Authorization="Bearer a") == ollama(Authorization="Bearer a")
    assert ollama(Authorization="Bearer a") != ollama(Authorization="Bearer b")
    assert ollama() == credentials_digest(ChatOllama(model="m"))
