"""What budgets in a database have spent, and what running calls have reserved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lc_asym_router.money.budgets.amounts import NANO

if TYPE_CHECKING:
    from sqlalchemy import Connection


def balances(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return a row for each budget's sum that is not over: its name, scope, unit and amounts.

    Args:
        connection: A transaction on the database.
        now: The time: reservations that have expired and periods that are over do not count.
    """
    from sqlalchemy import func, or_, select

    from lc_asym_router.money.database.tables import budgets, reservations

    moment = now.timestamp()
    query = select(reservations.c.key, func.sum(reservations.c.amount))
    query = query.where(reservations.c.expires_at > moment).group_by(reservations.c.key)
    rows: Any = connection.execute(query)
    reserved = {key: int(amount) for key, amount in rows}
    running = or_(budgets.c.ends_at.is_(None), budgets.c.ends_at > moment)
    query = select(budgets.c.key, budgets.c.spent, budgets.c.ends_at).where(running)
    rows = connection.execute(query)
    spent = {key: (amount, ends_at) for key, amount, ends_at in rows}
    return [
        _row(key, *spent.get(key, (0, None)), reserved.get(key, 0))
        for key in sorted({*spent, *reserved})
    ]


def _row(key: str, spent: int, ends_at: float | None, reserved: int) -> dict[str, Any]:
    name, per, unit, scope = ([*key.split("|", 3), "", "", ""])[:4]
    one = NANO if unit == "usd" else 1
    ends = None if ends_at is None else datetime.fromtimestamp(ends_at, UTC).isoformat()
    return {
        "budget": name,
        "per": per,
        "scope": scope.replace("|", " "),
        "unit": unit,
        "spent": spent / one,
        "reserved": reserved / one,
        "ends_at": ends,
    }
