"""The statements of budgets' transactions, and of the table of their balances."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lc_asym_router.money.budgets.allotments import BUSY, LIFE, PREFIX, Allotted
from lc_asym_router.money.budgets.amounts import KEPT, MOST_AMOUNT, NANO, Refused
from lc_asym_router.money.database.sql_store import database_time, insert_new

if TYPE_CHECKING:
    from sqlalchemy import Connection


def reservation_row(id: str, key: str, amount: int, expires_at: float) -> dict[str, object]:
    """A row of the table of reservations."""
    return {
        "id": id,
        "key": key,
        "amount": amount,
        "expires_at": expires_at,
        "holder": f"{socket.gethostname()}:{os.getpid()}"[:120],
    }


def locked(
    connection: Connection, keys: Mapping[str, float | None], *, create: bool = True
) -> dict[str, int]:
    """What is spent under the keys, whose rows are ours until the transaction ends.

    Args:
        keys: The keys, with the ends of their periods.
        create: Make the rows that are not there; else they are left out.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import budgets

    found: dict[str, int] = {}
    if create:
        there: set[str] = set()
        for some in _slices(sorted(keys)):
            there.update(connection.scalars(select(budgets.c.key).where(budgets.c.key.in_(some))))
        for key in sorted(set(keys) - there):
            row = {"key": key, "spent": 0, "changed_at": 0.0, "ends_at": keys[key]}
            connection.execute(insert_new(connection, budgets), row)
    for some in _slices(sorted(keys)):
        chosen = (
            select(budgets.c.key, budgets.c.spent)
            .where(budgets.c.key.in_(some))
            .order_by(budgets.c.key)
            .with_for_update()
        )
        found.update({row.key: row.spent for row in connection.execute(chosen)})
    return found


def _slices(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + 500] for start in range(0, len(keys), 500))


def reserved_amounts(
    connection: Connection, keys: Sequence[str], now: float, without: str
) -> dict[str, int]:
    """What is reserved under the keys, without the reservation of one id."""
    from sqlalchemy import func, select

    from lc_asym_router.money.database.tables import reservations

    sums = (
        select(reservations.c.key, func.sum(reservations.c.amount))
        .where(
            reservations.c.key.in_(keys),
            reservations.c.expires_at > now,
            reservations.c.id != without,
        )
        .group_by(reservations.c.key)
    )
    return {key: int(amount) for key, amount in connection.execute(sums)}


def blocked_by_allotments(
    connection: Connection, refused: Refused, now: float, without: str
) -> bool:
    """Whether a refused call has room where other processes give back what they have set aside."""
    from sqlalchemy import func, select

    from lc_asym_router.money.database.tables import reservations

    claim, balance = refused.claim, refused.balance
    # Only of processes that are busy now: one that died gives nothing back.
    lately = now + claim.lease + LIFE - BUSY
    found = connection.scalar(
        select(func.sum(reservations.c.amount)).where(
            reservations.c.key == claim.key,
            reservations.c.expires_at > lately,
            reservations.c.id.startswith(PREFIX),
            reservations.c.id != without,
        )
    )
    rest = balance.spent + balance.reserved - int(found or 0)
    return bool(found) and rest + claim.amount <= claim.limit


def write_plan(
    connection: Connection, id: str, plan: Allotted, spent: Mapping[str, int], now: float
) -> dict[str, int]:
    """Write a plan's rows; returns what is spent then."""
    from sqlalchemy import delete, update

    from lc_asym_router.money.database.tables import budgets, reservations

    found = dict(spent)
    if not plan.rows:
        return found
    for key, row in plan.rows.items():
        if row.booked:
            found[key] = min(found[key] + row.booked, MOST_AMOUNT)
            connection.execute(
                update(budgets).where(budgets.c.key == key).values(spent=found[key], changed_at=now)
            )
    connection.execute(
        delete(reservations).where(reservations.c.id == id, reservations.c.key.in_(plan.rows))
    )
    rows = [
        reservation_row(id, key, row.amount, now + row.claim.lease + LIFE)
        for key, row in plan.rows.items()
        if row.amount
    ]
    if rows:
        connection.execute(reservations.insert(), rows)
    return found


def delete_over(connection: Connection) -> None:
    """Delete the sums of periods that are over, and what is reserved under them."""
    from sqlalchemy import delete, select

    from lc_asym_router.money.database.tables import budgets, reservations

    old = database_time(connection) - KEPT
    # Rows that others have locked wait for the next time: nobody waits in a circle.
    over = select(budgets.c.key).where(budgets.c.ends_at < old)
    keys = list(connection.scalars(over.with_for_update(skip_locked=True).limit(10_000)))
    for some in _slices(keys):
        connection.execute(delete(budgets).where(budgets.c.key.in_(some)))
        connection.execute(delete(reservations).where(reservations.c.key.in_(some)))


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
