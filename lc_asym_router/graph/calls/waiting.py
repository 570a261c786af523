"""Waiting before a call of a tier, and what it says to the tier's breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lc_asym_router.errors import AttemptTimeoutError, CircuitOpenError, QueueFullError
from lc_asym_router.graph.calls.paying import UsedUp
from lc_asym_router.graph.streaming import ReaderGone
from lc_asym_router.tiers.faults.concurrency import POLL
from lc_asym_router.tiers.faults.error_kinds import shows_it_down
from lc_asym_router.tiers.faults.limits import left_of

if TYPE_CHECKING:
    from lc_asym_router.graph.calls.call import Outcome
    from lc_asym_router.graph.context import Scene
    from lc_asym_router.tiers.faults.breaker import Permit
    from lc_asym_router.tiers.tier import Tier

KEPT_OUT = (AttemptTimeoutError, CircuitOpenError, QueueFullError)
"""Why a tier is not called at all."""


def time_left(scene: Scene) -> float | None:
    """Seconds until the request's deadline; `None` where it has none."""
    return left_of(scene.state["trail"])


def pause(scene: Scene, tier: Tier) -> None:
    """Wait before a tier is tried again, as long as was decided when it failed.

    Raises:
        ReaderGone: Nobody reads the answer any more.
    """
    look, until = look_of(scene), time.monotonic() + _wait(scene, tier)
    while (left := until - time.monotonic()) > 0:
        look()
        time.sleep(min(left, POLL))


async def apause(scene: Scene, tier: Tier) -> None:
    """The async twin of `pause`; it can be cancelled."""
    if seconds := _wait(scene, tier):
        await asyncio.sleep(seconds)


def _wait(scene: Scene, tier: Tier) -> float:
    attempts = scene.state["trail"]["attempts"]
    if not attempts or attempts[-1]["tier"] != tier.name:
        return 0.0
    return float(attempts[-1].get("retry_in") or 0.0)


def look_of(scene: Scene) -> Callable[[], None]:
    """Looks whether the reader of a streamed answer is still there, and raises where it is not."""
    sink = scene.around.context.sink

    def look() -> None:
        if sink is not None and sink.closed:
            raise ReaderGone

    return look


def settle(permit: Permit, tier: Tier, paid: UsedUp | tuple[Scene, Outcome]) -> None:
    """Tell a tier's breaker how the call went; where it was not made, or the request alone was at
    fault, that says nothing of the tier."""
    if isinstance(paid, UsedUp):
        permit.settle(None)
        return
    outcome = paid[1]
    if outcome.error is None:
        tier.guard.seconds.append(outcome.seconds)
        permit.settle(True)
    else:
        down = shows_it_down(outcome.error)
        permit.settle(False if down else None, outcome.describe(tier) or "")
