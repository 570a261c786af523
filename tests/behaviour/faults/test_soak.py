"""No request is lost, none is answered twice, memory stays flat, and the books are right."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
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
        judge_counts(soak)
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
    assert soak.absurd == set(TIERS)
    assert soak.failed < COUNT / 20


def judge_counts(soak: Soaking) -> None:
    """The records have each call's tokens as its server counted them, and no others.

    A call that was given up on is the exception: its server may have counted it all the same, as
    the answer was on its way.
    """
    invented = {count: n for count, n in soak.unmatched.items() if n < 0}
    assert not invented, [*invented.items()][:9]
    missed: Counter[tuple[str, int]] = Counter()
    for (tier, number, _, _), calls in soak.unmatched.items():
        missed[tier, number] += calls
    assert missed <= soak.given_up, (missed - soak.given_up).most_common(9)
    given_up = soak.given_up.total()
    print(f"{given_up} calls were given up on, {missed.total()} of them counted by their servers")


def judge_ledger(soak: Soaking, url: str) -> None:
    """The ledger's totals are the records', to the token."""
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
        came, went = soak.booked[tier, "input"], soak.booked[tier, "output"]
        # What broke off is estimated: of that nobody has the servers' counts.
        assert sums == (came, went, made, soak.stopped[tier]), query(
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
