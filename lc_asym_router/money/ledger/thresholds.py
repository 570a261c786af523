"""What another threshold would have cost, from the requests that ran: nothing is asked again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Connection

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds, ascending.

    Raises:
        ConfigurationError: One is no number in [0, 1], or there is none.
    """
    number = all(
        isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each <= 1
        for each in thresholds
    )
    if not thresholds or not number:
        raise ConfigurationError(
            f"thresholds={list(thresholds)!r} are numbers in [0, 1]: complexity at or over one goes to "
            "the frontier."
        )
    return tuple(sorted(thresholds))


def threshold_rows(
    connection: Connection,
    since: datetime | None,
    until: datetime | None,
    thresholds: Sequence[float],
) -> list[dict[str, Any]]:
    """The report's rows, one for each threshold.

    A request that went to the frontier has not shown what the lower tier would have cost: below its
    complexity nothing is known of it, and it is counted apart.

    Args:
        connection: A transaction on the ledger.
        since: Start of the period (inclusive).
        until: End of the period (exclusive).
        thresholds: The thresholds, in [0, 1].
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import requests

    columns = requests.c
    query = select(
        columns.complexity, columns.threshold, columns.cost_usd, columns.frontier_cost_usd
    ).where(columns.outcome == "answered", columns.complexity.is_not(None))
    if since is not None:
        query = query.where(columns.time >= since)
    if until is not None:
        query = query.where(columns.time < until)
    found = connection.execute(query).all()
    return [_row(threshold, found) for threshold in thresholds]


def _row(threshold: float, found: Sequence[Any]) -> dict[str, Any]:
    costs: list[float] = []
    alone: list[float] = []
    up = unseen = unknown = 0
    for complexity, had, cost, frontier in found:
        goes_up = complexity >= threshold
        if not goes_up and had is not None and complexity >= had:
            unseen += 1
            continue
        up += goes_up
        amount = frontier if goes_up else cost
        if amount is None or frontier is None:
            unknown += 1
        else:
            costs.append(amount)
            alone.append(frontier)
    known = len(found) - unseen
    whole, most = math.fsum(costs), math.fsum(alone)
    return {
        "threshold": threshold,
        "requests": known,
        "share_frontier_first": up / known if known else None,
        "cost_usd": whole if costs else None,
        "frontier_cost_usd": most if costs else None,
        "share_saved": 1 - whole / most if most else None,
        "unknown_cost": unknown,
        "not_seen": unseen,
    }
