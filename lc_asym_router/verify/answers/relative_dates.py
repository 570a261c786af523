"""`relativedelta` for the interpreted programs: years, months or days from a date."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any


class Unreadable(ValueError):
    """The program holds what is not read."""


@dataclass(frozen=True)
class Relative:
    """A `relativedelta` of python-dateutil: what is added to a date, and what is set in it."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None
    weekday: int | None = None

    def scaled(self, factor: int) -> Relative:
        """Each of the added parts so many times."""
        added = [each.name for each in fields(self) if each.name.endswith("s")]
        return replace(self, **{name: getattr(self, name) * factor for name in added})

    def plus(self, other: Relative) -> Relative:
        """Both, one after the other."""
        changes: dict[str, Any] = {}
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if each.name.endswith("s"):
                changes[each.name] = mine + theirs
            else:
                changes[each.name] = mine if theirs is None else theirs
        return Relative(**changes)

    def after(self, moment: date) -> date:
        """The date that lies so far from another; the month's last day where it has no such day."""
        months = (self.year or moment.year) * 12 + (self.month or moment.month) - 1
        months += int(self.years) * 12 + int(self.months)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            raise Unreadable("year")
        day = min(self.day or moment.day, calendar.monthrange(year, month + 1)[1])
        moved = moment.replace(year=year, month=month + 1, day=day)
        if isinstance(moved, datetime):
            hour = moved.hour if self.hour is None else self.hour
            moved = moved.replace(
                hour=hour, minute=moved.minute if self.minute is None else self.minute
            )
        moved = moved + timedelta(
            days=self.weeks * 7 + self.days,
            hours=self.hours,
            minutes=self.minutes,
            seconds=self.seconds,
        )
        if self.weekday is not None:
            moved = moved + timedelta(days=(self.weekday - moved.weekday()) % 7)
        return moved


def relative(*between: Any, **parts: Any) -> Relative:
    """`relativedelta(...)`: of its parts, or what lies between two dates."""
    if between:
        if len(between) != 2 or parts or not all(isinstance(each, date) for each in between):
            raise Unreadable("relativedelta")
        return _between(*between)
    known = {each.name for each in fields(Relative)}
    whole = {"years", "months", "weeks"}
    if set(parts) - known or any(
        not isinstance(value, int if name in whole else int | float)
        for name, value in parts.items()
    ):
        raise Unreadable("relativedelta")
    return Relative(**parts)


def _between(later: date, earlier: date) -> Relative:
    if type(later) is not type(earlier):
        raise Unreadable("relativedelta")
    sign = 1 if later >= earlier else -1
    low, high = sorted((later, earlier))
    months = (high.year - low.year) * 12 + high.month - low.month
    if Relative(months=months).after(low) > high:
        months -= 1
    rest = high - Relative(months=months).after(low)
    years, months = divmod(months, 12)
    return Relative(
        years=sign * years,
        months=sign * months,
        days=sign * rest.days,
        hours=sign * (rest.seconds // 3600),
        minutes=sign * (rest.seconds % 3600 // 60),
        seconds=sign * (rest.seconds % 60),
    )
