"""No request is lost, none is answered twice, memory stays flat, and the books are right."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.behaviour.faults.rig import no_tasks, own_threads
from tests.behaviour.faults.soak import KEPT_OUT, SHARE, TIERS, Soaking, soaking
from tests.money.conftest import query

pytestmark = pytest.mark.full

COUNT = int(os.environ.get("LC_ASYM_ROUTER_SOAK", "1000"))
"""`make soak` takes 10,000."""


async def test_soak(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with soaking(path, COUNT, seed=6) as soak:
        await soak.run()
        for server in soak.servers.values():
            assert await asyncio.to_thread(server.wait_idle)
        await no_tasks()
        assert not own_threads()
        await soak.ledger.aflush()
        assert soak.ledger.dropped == 0
        judge_requests(soak)
        judge_ledger(soak, f"sqlite:///{path}")
        judge_memory(soak)


def judge_requests(soak: Soaking) -> None:
    """Each request has ended once, and the records tell of just the calls that were made."""
    assert set(soak.ended.values()) == {1}
    assert len(soak.ended) == len(soak.ids) == COUNT
    assert soak.answered.total() + soak.failed == COUNT
    assert soak.asked == soak.calls
    assert SHARE - 0.03 < soak.faulty / soak.calls.total() < SHARE + 0.03
    assert soak.answered["small"] > COUNT / 2
    assert soak.answered["frontier"] > COUNT / 5
    assert soak.answered["spare"] > 0
    assert {tier for tier, _ in soak.absurd} == set(TIERS)
    assert soak.failed < COUNT / 20


def judge_ledger(soak: Soaking, url: str) -> None:
    """The ledger's totals are the servers' own, to the token."""
    (row,) = soak.ledger.rows()
    assert (row["requests"], row["failed"], row["left"]) == (COUNT, soak.failed, 0)
    kept = {id for (id,) in query(url, "SELECT id FROM asym_requests")}
    assert kept == soak.ids
    for tier in TIERS:
        (sums,) = query(
            url,
            "SELECT coalesce(sum(CASE WHEN usage_estimated THEN 0 ELSE input_tokens END), 0), "
            "coalesce(sum(CASE WHEN usage_estimated THEN 0 ELSE output_tokens END), 0), "
            f"sum(coalesce(error, '') NOT IN {tuple(sorted(KEPT_OUT))}), "
            "sum(usage_estimated AND error IS NULL) "
            f"FROM asym_calls WHERE tier = '{tier}'",
        )
        made = sum(count for (name, _), count in soak.calls.items() if name == tier)
        # What broke off is estimated; the servers tell no counts of that.
        assert sums == (*soak.tokens(tier), made, soak.cut(tier)), query(
            url,
            "SELECT substr(error, 1, 60) AS what, usage_estimated, count(*) FROM asym_calls "
            f"WHERE tier = '{tier}' GROUP BY what, usage_estimated",
        )


def judge_memory(soak: Soaking) -> None:
    """The second half of the requests leaves nothing behind."""
    (first, before, some), (last, after, more) = soak.memory
    count = last - first
    grown, objects = (after - before) / count, (more - some) / count
    print(f"{count} requests: {grown:.0f} bytes and {objects:.2f} objects each")
    assert last == pytest.approx(COUNT, abs=1)
    assert objects < 2
    assert after - before < 10_000_000 + 500 * count
