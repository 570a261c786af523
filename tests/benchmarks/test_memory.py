"""A router keeps nothing of the requests that it has answered: counts of objects, no megabytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from tests.benchmarks.memory import Asked, kept

WARM, MORE, ROUNDS = 80, 60, 3


def test_requests_leave_no_objects(tmp_path: Path) -> None:
    asked = Asked(tmp_path, sums=10)
    try:
        asked.ask(WARM)
        counts = [kept(asked.number).objects]
        for _ in range(ROUNDS):
            asked.ask(MORE)
            counts.append(kept(asked.number).objects)
    finally:
        asked.close()
    grown = [
        {**more, **{name: more[name] - n for name, n in before.items()}}
        for before, more in pairwise(counts)
    ]
    # What each request leaves is there as often as there were requests, in every round; what waits for
    # its moment (a transaction, a release) is not.
    left = {
        name: least
        for name in counts[-1]
        if (least := min(each.get(name, 0) for each in grown)) >= MORE / 2
    }
    left.pop("ReferenceType", None)  # SQLAlchemy's own, by turns some more and some fewer
    assert left == {}
