"""Another try of the same tier, as its server sees it."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from lc_asym_router import Retry
from tests.behaviour.faults.rig import Rig, ask, in_all_ways, no_tasks, until
from tests.conftest import SMALL_PRICE
from tests.servers import Reply, Server
from tests.servers.faults import later

FAST = {"initial": 0.005, "max_wait": 0.05}


def gaps(server: Server) -> list[float]:
    """Seconds from the end of each request to the start of the next."""
    pairs = itertools.pairwise(server.requests)
    return [after.started - (before.finished or 0) for before, after in pairs]


@in_all_ways
async def test_each_try_is_an_attempt_of_its_own(rig: Rig, way: str) -> None:
    small = rig.servers["small"]
    small.script(Reply(status=500), Reply("one two", drop_after=1), Reply(status=429))
    small_tier = {"retry": Retry(4, **FAST), "breaker": False}
    router = rig.router(tiers={"small": small_tier})
    seen = await ask(router, way, "say")
    assert seen.text == "a small answer"
    assert seen.tiers == ["small"] * 4
    assert [bool(each["error"]) for each in seen.attempts] == [True, True, True, False]
    assert seen.attempts[0]["cost_usd"] == 0
    # What broke off in the middle may be billed: from what came of a stream it is estimated.
    estimated = [bool(each.get("usage_estimated")) for each in seen.attempts]
    assert estimated in ([False, True, False, False], [False] * 4)
    assert (seen.attempts[1]["cost_usd"] is None) == (not estimated[1])
    assert seen.attempts[1]["cost_usd"] != 0
    assert (seen.record["cost_usd"] is None) == (not estimated[1])
    assert not seen.record["escalated"]
    assert len(small.requests) == 4
    assert rig.servers["frontier"].requests == []


@in_all_ways
async def test_the_bill_is_of_all_tries(rig: Rig, way: str) -> None:
    rig.servers["small"].script(Reply(status=500))
    router = rig.router(tiers={"small": {"retry": Retry(2, **FAST)}})
    seen = await ask(router, way, "say")
    tokens = dict(zip(("input_tokens", "output_tokens"), rig.servers["small"].tokens, strict=True))
    usage = {**tokens, "total_tokens": sum(tokens.values())}
    assert seen.record["cost_usd"] == pytest.approx(SMALL_PRICE.of(usage))


@pytest.mark.parametrize("header", ["retry-after-ms", "Retry-After", "a date"])
@in_all_ways
async def test_the_servers_wish_is_honoured(rig: Rig, way: str, header: str) -> None:
    """On both tiers; the jitter alone would be some milliseconds."""

    def busy(body: dict[str, Any]) -> Reply:
        wish = {"retry-after-ms": "400", "Retry-After": "1", "a date": later(2)}[header]
        return Reply(status=503, headers={"Retry-After" if header == "a date" else header: wish})

    rig.servers["small"].script(busy)
    retry = {"retry": Retry(2, initial=0.005, max_wait=5)}
    router = rig.router(tiers={"small": retry, "frontier": retry})
    least = {"retry-after-ms": 0.4, "Retry-After": 1.0, "a date": 0.9}[header]
    seen = await ask(router, way, "say")
    assert seen.text == "a small answer"
    (waited,) = gaps(rig.servers["small"])
    assert least - 0.02 < waited < least + 3
    if header == "retry-after-ms":
        rig.servers["frontier"].script(busy)
        assert (await ask(router, way, "debug")).tiers == ["frontier"] * 2
        assert gaps(rig.servers["frontier"])[0] > least - 0.02


@in_all_ways
async def test_a_wish_that_is_too_long_is_not_waited_for(rig: Rig, way: str) -> None:
    """The next tier is asked at once; where there is none, the error comes at once."""
    wish = Reply(status=429, headers={"Retry-After": "20"})
    rig.servers["small"].default = rig.servers["frontier"].default = wish
    retry = {"retry": Retry(5, max_wait=8)}
    router = rig.router(tiers={"small": retry, "frontier": retry}, fallbacks=[rig.tier("spare")])
    seen = await ask(router, way, "say")
    assert seen.tiers == ["small", "frontier", "spare"]
    assert seen.text == "a spare answer"
    assert seen.seconds < 7
    alone = router.model_copy(update={"fallbacks": []})
    seen = await ask(alone, way, "say")
    assert seen.tiers == ["small", "frontier"]
    assert seen.error is not None
    assert seen.seconds < 7


@in_all_ways
async def test_what_is_not_worth_it_is_not_tried_again(rig: Rig, way: str) -> None:
    quota = Reply(status=429, error="no money", error_code="insufficient_quota")
    router = rig.router(tiers={"frontier": {"retry": Retry(3, **FAST)}})
    rig.servers["frontier"].default = quota
    seen = await ask(router, way, "debug")
    assert seen.tiers == ["frontier"]


@in_all_ways
async def test_a_policy_of_ones_own(rig: Rig, way: str) -> None:
    asked: list[int] = []

    def wait(state: Any) -> float:
        asked.append(state.attempt_number)
        return 0.01

    retry = Retry(3, on=lambda error: "400" in str(getattr(error, "status_code", "")), wait=wait)
    router = rig.router(tiers={"small": {"retry": retry}})
    rig.servers["small"].default = Reply(status=400)
    assert (await ask(router, way, "say")).tiers == ["small"] * 3 + ["frontier"]
    assert asked == [1, 2]
    rig.servers["small"].default = Reply(status=500)
    assert (await ask(router, way, "say")).tiers == ["small", "frontier"]


@in_all_ways
async def test_a_failed_check_uses_up_no_try(rig: Rig, way: str) -> None:
    """`small_attempts` counts answers, `retry` counts failures."""
    rig.servers["small"].script(Reply(status=500), "", Reply(status=500), "a second answer")
    router = rig.router(tiers={"small": {"retry": Retry(3, **FAST)}}, small_attempts=2)
    seen = await ask(router, way, "say")
    assert seen.text == "a second answer"
    assert [bool(each["error"]) for each in seen.attempts] == [True, False, True, False]


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
async def test_a_wait_can_be_cancelled(rig: Rig, way: str) -> None:
    rig.servers["small"].default = Reply(status=503, headers={"Retry-After": "60"})
    router = rig.router(tiers={"small": {"retry": Retry(3, max_wait=100)}})
    task = asyncio.create_task(ask(router, way, "say"))
    await until(lambda: bool(rig.servers["small"].requests))
    await asyncio.to_thread(rig.servers["small"].wait_idle)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await no_tasks()
    await asyncio.to_thread(rig.idle)
    assert len(rig.servers["small"].requests) == 1
    assert rig.servers["frontier"].requests == []
