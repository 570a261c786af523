"""How long a call may take: the tier's own limit, and its share of what the deadline leaves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHARE = 0.5
"""The part of the time left that a tier gets where another one could still be asked after it."""


@dataclass(frozen=True)
class Limit:
    """The time that a call has.

    Attributes:
        seconds: How long it may take; `None` for no limit.
        own: Whether that is the tier's own limit, not the request's deadline.
    """

    seconds: float | None
    own: bool = False


NO_LIMIT = Limit(None)


def left_of(trail: Mapping[str, Any]) -> float | None:
    """Seconds until a request's deadline, under 0 once it has passed; `None` where it has none.

    The deadline stands in the trail as a time of day, so that it holds in whatever process a
    checkpointed run goes on.
    """
    until = trail.get("until")
    return None if until is None else until - time.time()


def limit_of(own: float | None, left: float | None, others: bool) -> Limit:
    """The limit of a call.

    Args:
        own: The tier's own limit in seconds, or `None`.
        left: Seconds until the request's deadline, or `None`.
        others: Whether another tier could still be asked after this one.
    """
    share = None if left is None else left * SHARE if others else left
    if share is None or (own is not None and own <= share):
        return Limit(own, own=own is not None)
    return Limit(share)
