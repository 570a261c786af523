"""A router keeps nothing of the requests that it has answered: counts of objects, no megabytes."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.memory import Asked, kept

WARM, MORE = 80, 100


def test_requests_leave_no_objects(tmp_path: Path) -> None:
    asked = Asked(tmp_path, sums=10)
    try:
        asked.ask(WARM)
        before = kept(asked.number).objects
        asked.ask(MORE)
        more = kept(asked.number).objects
    finally:
        asked.close()
    more.subtract(before)
    del more["ReferenceType"]  # SQLAlchemy's own, by turns some more and some fewer
    # What each request leaves is there as often as there were requests.
    assert {name: number for name, number in more.items() if number >= MORE / 2} == {}
