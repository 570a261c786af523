"""Parse a user's date or time span to a moment in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from lc_asym_router.errors import ConfigurationError

Moment = datetime | date | str | None

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(given: Moment, label: str) -> datetime | None:
    """A moment in UTC.

    Args:
        given: A datetime or a date (UTC where it names no zone), their ISO form, or how long ago:
            "90m", "24h", "7d", "2w".
        label: Name of the argument, for the error.

    Raises:
        ConfigurationError: It is none of these.
    """
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if isinstance(given, str):
        text = given.strip()
        try:
            if ago := re.fullmatch(r"(\d+)([mhdw])", text):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return moment_of(datetime.fromisoformat(text), label)
        except (ValueError, OverflowError):
            pass
    raise ConfigurationError(
        f"{label}={given!r} is no date. Write 2026-01-31, 2026-01-31T12:00+00:00, or how long ago: "
        "90m, 24h, 7d, 2w."
    )
