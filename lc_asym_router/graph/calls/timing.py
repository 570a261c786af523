"""Time limits of calls: their share of the request's deadline, and the wait before a retry."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lc_asym_router._internal.deadline import CLOCK, now
from lc_asym_router.graph.state import NodeRun
from lc_asym_router.tiers.faults.concurrency import POLL
from lc_asym_router.tiers.tier import Tier

SHARE = 0.5
"""The part of the remaining time that a tier gets where another one could still be asked after it."""


@dataclass(frozen=True)
class Limit:
    """The time limit of a call.

    Attributes:
        seconds: How long it may take; `None` for no limit.
        own: Whether that is the tier's own limit, not the request's deadline.
    """

    seconds: float | None
    own: bool = False


NO_LIMIT = Limit(None)


def time_remaining(trail: Mapping[str, Any]) -> float | None:
    """Seconds until a request's deadline, under 0 once it has passed; `None` where it has none.

    The deadline stands in the trail as a time of day, so that it holds in whatever process a
    checkpointed run goes on.
    """
    until = trail.get("until")
    return None if until is None else until - now()


def limit_of(own: float | None, remaining: float | None, others: bool) -> Limit:
    """The limit of a call.

    Args:
        own: The tier's own limit in seconds, or `None`.
        remaining: Seconds until the request's deadline, or `None`.
        others: Whether another tier could still be asked after this one.
    """
    share = None if remaining is None else remaining * SHARE if others else remaining
    if share is None or (own is not None and own <= share):
        return Limit(own, own=own is not None)
    return Limit(share)


def pause(run: NodeRun, tier: Tier) -> None:
    """Wait before a tier is tried again, as long as was decided when it failed.

    Raises:
        StreamClosed: Nobody reads the answer any more.
    """
    seconds = _wait(run, tier)
    if not seconds:
        return
    sink, clock = run.around.context.sink, CLOCK.get()
    until = clock.elapsed() + seconds
    while (remaining := until - clock.elapsed()) > 0:
        if sink is not None:
            sink.check()
        clock.sleep(min(remaining, POLL))


async def apause(run: NodeRun, tier: Tier) -> None:
    """The async twin of `pause`; it can be cancelled."""
    if seconds := _wait(run, tier):
        await asyncio.sleep(seconds)


def _wait(run: NodeRun, tier: Tier) -> float:
    attempts = run.state["trail"]["attempts"]
    if not attempts or attempts[-1]["tier"] != tier.name:
        return 0.0
    return float(attempts[-1].get("retry_in") or 0.0)
