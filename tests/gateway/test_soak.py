"""Through the gateway no request is lost or doubled, and the ledger has the upstreams' counts."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.behaviour.faults.soak import KEPT_OUT, SHARE, TIERS
from tests.gateway.soak import GatewaySoak, gateway_soak
from tests.money.conftest import query

pytestmark = pytest.mark.full

MINUTES = float(os.environ.get("LC_ASYM_ROUTER_GATEWAY_SOAK", "0"))
"""`make soak-gateway` takes 30; without it a few hundred requests are made."""
COUNT = 10_000_000 if MINUTES else 400


async def test_soak(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with gateway_soak(path, COUNT, MINUTES * 60 or None) as soak:
        await soak.run(clients=64, every=1000 if MINUTES else COUNT // 2)
        for server in soak.world.servers.values():
            assert await asyncio.to_thread(server.wait_idle)
        await soak.world.ledger.aflush()
        assert soak.world.ledger.dropped == 0
        judge_requests(soak)
        judge_ledger(soak, f"sqlite:///{path}")
        judge_memory(soak)
        judge_shares(soak)


def judge_requests(soak: GatewaySoak) -> None:
    """Each request has ended once."""
    asked = soak.ended.total()
    print(
        f"{asked} requests, {soak.failed} failed ({soak.broken} within a stream); {soak.answered}"
    )
    assert set(soak.ended.values()) == {1}
    assert set(soak.ended) == set(range(asked))
    assert asked == COUNT or MINUTES
    assert soak.answered.total() == len(soak.ids) == asked - soak.failed


def judge_shares(soak: GatewaySoak) -> None:
    """The soak was what it is to be: a fifth of the calls went wrong, and nearly all was answered."""
    asked, calls = soak.ended.total(), soak.world.calls.total()
    assert abs(soak.world.faulty / calls - SHARE) < 0.06
    assert soak.failed < asked / 20
    assert soak.answered["small"] > asked / 2
    assert soak.answered["frontier"] > asked / 10


def judge_ledger(soak: GatewaySoak, url: str) -> None:
    """The ledger has each request, each call, and each token that the upstreams have counted."""
    (row,) = soak.world.ledger.rows()
    assert (row["requests"], row["failed"], row["left"]) == (soak.ended.total(), soak.failed, 0)
    runs = {str(run).replace("-", "") for (run,) in query(url, "SELECT run_id FROM asym_requests")}
    assert {each.replace("-", "") for each in soak.ids} <= runs
    for tier in TIERS:
        of_tier = f"FROM asym_calls WHERE tier = '{tier}'"
        kept_out = f"coalesce(error, '') IN {tuple(sorted(KEPT_OUT))}"
        ((calls,),) = query(url, f"SELECT count(*) {of_tier} AND NOT {kept_out}")
        assert calls == sum(n for (name, _), n in soak.world.calls.items() if name == tier)
        ((given_up,),) = query(
            url,
            f"SELECT count(*) {of_tier} AND (usage_estimated AND error IS NULL "
            "OR error LIKE '%Timeout%')",
        )
        booked: Counter[tuple[int, int]] = Counter()
        for came, went, count in query(
            url,
            f"SELECT input_tokens, output_tokens, count(*) {of_tier} AND NOT usage_estimated "
            "AND input_tokens IS NOT NULL GROUP BY 1, 2",
        ):
            booked[came, went] += count
        counted = soak.counted[tier]
        assert not booked - counted, (booked - counted).most_common(9)
        # Of a call that was given up its upstream's counts may have been on their way.
        missed = (counted - booked).total()
        print(f"{tier}: {calls} calls, {given_up} given up, {missed} of them counted upstream")
        assert missed <= given_up


def judge_memory(soak: GatewaySoak) -> None:
    """The second half of the requests leaves next to nothing behind."""
    half = soak.ended.total() // 2
    before = next(each for each in soak.memory if each[0] >= half)
    last = soak.memory[-1]
    # What this test itself keeps of a request, its numbers and ids, is within the 1,000 bytes.
    assert last[1] - before[1] < 20_000_000 + 1_000 * (last[0] - before[0])
