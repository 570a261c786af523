"""Periods in UTC: their names and their ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Literal

Every = Literal["hour", "day", "week", "month"]
EVERY: tuple[Every, ...] = ("hour", "day", "week", "month")


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def period_name(every: Every, moment: datetime) -> str:
    """The period that a moment in UTC is in: "2026-01-31T14", "2026-01-31", "2026-W05", "2026-01"."""
    if every == "hour":
        return moment.strftime("%Y-%m-%dT%H")
    if every == "day":
        return moment.date().isoformat()
    if every == "week":
        year, week, _ = moment.isocalendar()
        return f"{year}-W{week:02}"
    return moment.strftime("%Y-%m")


def period_end(every: Every, moment: datetime) -> datetime:
    """The first moment that is in the period no more; a week ends with Sunday."""
    if every == "hour":
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "day":
        return midnight + timedelta(days=1)
    if every == "week":
        return midnight + timedelta(days=7 - midnight.weekday())
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
