"""Retries, fall-backs, breakers and races as they are watched."""

from __future__ import annotations

import asyncio
from threading import Event

from lc_asym_router import AsymRouter, Audit, Breaker, RequestLog, Retry, Tier
from lc_asym_router.audits import Rung
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.observe.conftest import told
from tests.servers import OpenAIServer, Reply

DOWN = Reply(status=500, error="down")


async def test_each_try_is_a_span(small, frontier, ask, telemetry):
    router = AsymRouter(
        small=Tier(small_model(small), retry=Retry(3, initial=0.01)),
        frontier=frontier_model(frontier),
        classify="keyword",
        callbacks=[telemetry.handler],
        verify="form",
    )
    small.script(DOWN, DOWN)
    answer = await ask(router, "hi")
    assert [told(call, "attempt", "why", "because", "result") for call in telemetry.calls] == [
        (1, "decided", "keyword", "failed"),
        (2, "retried", "ResponseError 500", "failed"),
        (3, "retried", "ResponseError 500", "passed"),
    ]
    assert [entry["attempt"] for entry in record(answer)["attempts"]] == [1, 2, 3]
    assert telemetry.counts("lc_asym_router.retries", "tier", "because") == {
        ("small", "ResponseError 500"): 2
    }


async def test_a_tier_that_is_not_asked_is_no_call(small, frontier, ask, telemetry, caplog):
    breaker = Breaker(failures=1, cooldown=60)
    router = AsymRouter(
        small=Tier(small_model(small), retry=1, breaker=breaker),
        frontier=frontier_model(frontier),
        classify="keyword",
        callbacks=[telemetry.handler, RequestLog()],
        verify="form",
    )
    telemetry.handler.watch_breakers(router)
    assert telemetry.counts("lc_asym_router.breaker.state", "tier")["small",] == 0
    small.script(DOWN)
    await ask(router, "hi")
    await ask(router, "hi")
    assert [told(call, "tier", "why", "because") for call in telemetry.calls] == [
        ("small", "decided", "keyword"),
        ("frontier", "escalated", "ResponseError 500"),
        ("frontier", "escalated", "CircuitOpenError"),
    ]
    assert telemetry.counts("lc_asym_router.not_asked", "tier", "error") == {
        ("small", "CircuitOpenError"): 1
    }
    assert sum(telemetry.counts("lc_asym_router.calls").values()) == 3
    assert telemetry.counts("lc_asym_router.breaker.state", "tier")["small",] == 2
    assert "small was not asked: CircuitOpenError" in caplog.text


async def test_fall_backs_and_degrading(small, frontier, ask, telemetry):
    with OpenAIServer(default=DOWN) as spare:
        router = AsymRouter(
            small=Tier(small_model(small), price=SMALL_PRICE),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE, retry=1),
            fallbacks=[Tier(frontier_model(spare), "spare", retry=1)],
            degrade=True,
            classify="keyword",
            callbacks=[telemetry.handler],
            verify="form",
        )
        frontier.script(DOWN)
        await ask(router, "debug")
    assert [told(call, "tier", "why") for call in telemetry.calls] == [
        ("frontier", "decided"),
        ("spare", "fell_back"),
        ("small", "degraded"),
    ]
    assert told(telemetry.requests[0], "tier", "degraded", "escalated") == ("small", True, False)
    assert telemetry.counts("lc_asym_router.fallbacks", "from", "tier") == {
        ("frontier", "spare"): 1
    }
    assert telemetry.counts("lc_asym_router.degradations", "from", "tier") == {
        ("spare", "small"): 1
    }


async def test_a_race_has_both_calls_below_its_request(small, frontier, ask, telemetry):
    router = AsymRouter(
        small=Tier(small_model(small), price=SMALL_PRICE),
        frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
        classify="keyword",
        hedge=0.1,
        callbacks=[telemetry.handler],
        verify="form",
    )
    late = Event()
    small.script(Reply("late words", hold=late))
    await ask(router, "hi")
    (request,) = telemetry.requests
    assert {call.parent.span_id for call in telemetry.calls} == {request.context.span_id}
    assert [told(call, "tier", "why", "because", "result") for call in telemetry.calls] == [
        ("small", "decided", "keyword", "left"),
        ("frontier", "hedged", "late", "unchecked"),
    ]
    late.set()
    await asyncio.sleep(0.2)
    assert len(telemetry.calls) == 2
    counted = telemetry.points("gen_ai.client.operation.duration")
    assert sum(point.count for point in counted) == 2
    assert telemetry.settled()


async def test_a_call_that_is_late_ends_with_its_request(small, frontier, ask, telemetry):
    router = AsymRouter(
        small=Tier(small_model(small), timeout=0.1, retry=1),
        frontier=frontier_model(frontier),
        classify="keyword",
        callbacks=[telemetry.handler],
        verify="form",
    )
    small.script(Reply("late", delay=0.5))
    await ask(router, "hi")
    late, answered = telemetry.calls
    assert told(late, "result") == ("failed",)
    assert late.attributes["error.type"]
    assert told(answered, "because") == ("AttemptTimeoutError",)
    await asyncio.sleep(0.6)
    assert telemetry.settled()


def test_the_bounds_of_audits_and_the_rung_in_force(small, frontier, telemetry):
    small.default = frontier.default = "Answer: 12"
    router = AsymRouter(
        small=small_model(small),
        frontier=frontier_model(frontier),
        classify=None,
        verify="form",
        audit=Audit(share=1.0, first=0, target=0.5, rungs=[Rung()], start=0),
        callbacks=[telemetry.handler],
    )
    telemetry.handler.watch_audits(router)
    for _ in range(12):
        router.invoke("How many are a dozen?")
        assert router.flush_audits()
    rung = telemetry.counts("lc_asym_router.target.rung")[()]
    assert rung == (0 if router.target.rung == "as set" else 1)
    assert telemetry.counts("lc_asym_router.target.at_most")[()] == router.target.at_most
    found = telemetry.counts("lc_asym_router.audits.differs.at_most")[()]
    assert found == router.audits.all.differs.at_most
    router.close_audits(5.0)
