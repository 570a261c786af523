"""What comes after a call of a tier that failed: the same again, another tier, or the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router.faults.limits import left_of

if TYPE_CHECKING:
    from lc_asym_router.context import Scene
    from lc_asym_router.policy import Policy
    from lc_asym_router.state import Trail
    from lc_asym_router.tiers import Tier


@dataclass(frozen=True)
class Next:
    """Who is asked next.

    Attributes:
        tier: The tier.
        wait: Seconds to wait before, for the same tier again; else `None`.
    """

    tier: Tier
    wait: float | None = None


def next_after_error(
    policy: Policy, tier: Tier, scene: Scene, trail: Trail, error: Exception
) -> Next | None:
    """Who is asked after a tier has failed; `None` where nobody is left, or no time.

    The same tier where its policy has a try left and the time allows the wait; else the next tier.
    """
    left = left_of(trail)
    if left is not None and left <= 0:
        return None
    failed = sum(entry["tier"] == tier.name and bool(entry["error"]) for entry in trail["attempts"])
    wait = tier.retry.pause(failed, error)
    if wait is not None and (left is None or wait < left):
        return Next(tier, wait)
    other = policy.next_after(tier, scene.request, scene.options, tried(trail))
    return Next(other) if other is not None else None


def tried(trail: Trail) -> set[Any]:
    """Names of the tiers that were asked in a request."""
    return {entry["tier"] for entry in trail["attempts"]}
