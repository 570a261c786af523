"""What a run of the graph has found out so far about one request."""

from __future__ import annotations

import time
from typing import Any, NotRequired, TypedDict


class Trail(TypedDict):
    """What the graph has found out so far about one request; plain JSON."""

    id: str
    """The request's own id: 32 hex digits, unique."""
    run_id: str | None
    """Id of the run that asked; `None` where there is none."""
    decision: dict[str, Any]
    attempts: list[dict[str, Any]]
    side_calls: list[dict[str, Any]]
    """Model calls that routing and checking made: judges, agreement samples."""
    started: float
    """`time.time()` at the start, in seconds since the epoch."""
    until: NotRequired[float]
    """With a deadline: when it passes, in seconds since the epoch."""
    ready: NotRequired[dict[str, Any]]
    """Where a check has asked the next tier already and its answer is the draft: that "tier", and the
    place of its "call" among the side calls."""
    budget: NotRequired[dict[str, Any]]
    """With budgets: what was charged to them, and which of them had no room."""


def open_record(trail: Trail) -> dict[str, Any]:
    """Ids, decision, calls and time: the part of a record that needs no answer."""
    return {
        "id": trail["id"],
        "run_id": trail["run_id"],
        "decision": trail["decision"],
        "attempts": trail["attempts"],
        "side_calls": trail["side_calls"],
        "seconds": max(0.0, time.time() - trail["started"]),
        **({"budget": trail["budget"]} if "budget" in trail else {}),
    }
