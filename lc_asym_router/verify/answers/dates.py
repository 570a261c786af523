"""Dates, times, ratios and ranges: numbers that mean something together only."""

from __future__ import annotations

import re

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_HALF = r"(?:\s{0,2}([ap])\.?\s?m\b\.?)"
MOMENT = re.compile(
    rf"(?<![\w.])(?:(?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}})"
    rf"|(?P<slashed>\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}})"
    rf"|(?P<american>{_MONTH}\s{{1,2}}{_DAY}(?:,?\s{{1,2}}\d{{4}})?)"
    rf"|(?P<european>{_DAY}\s{{1,2}}(?:of\s)?{_MONTH}(?:,?\s{{1,2}}\d{{4}})?)"
    rf"|(?P<month>{_MONTH}\s{{1,2}}(?:of\s)?\d{{4}})"
    rf"|(?P<clock>\d{{1,4}}(?:\s?:\s?\d{{1,4}}){{1,3}}{_HALF}?|\d{{1,2}}{_HALF}))(?![\w:])",
    re.IGNORECASE,
)
"""A date, a time of the day, or a ratio."""

_RANGE = re.compile(
    r"(?:between |from )?([$€£]?)(\d[\d,]*(?:\.\d+)?)\s?(?:-|–|—|to|and"
    r"|through)\s?\1(\d[\d,]*(?:\.\d+)?)"
    r"(?: ?(?:%|[a-zA-Z]{2,12}))?",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(mon|tues|wednes|thurs|fri|satur|sun)day\b", re.IGNORECASE)


def moment(text: str) -> str | None:
    """The one date, time, ratio or range that a short text holds, and no number beside it.

    Written in one form: "2020-03-05", "10:30 am", "3:4", "5..10"; with the day of the week where it
    is said. `None` where there is none.
    """
    if span := _range(text):
        return span
    found = list(MOMENT.finditer(text))
    if not found or re.search(r"\d", MOMENT.sub("", text)):
        return None
    days = [f"{day.lower()}day" for day in _WEEKDAY.findall(text)[:1]]
    return " ".join([*days, *(_written(each) for each in found)])


def same_moments(one: str, other: str) -> bool:
    """Whether both are the same, where one may leave out the half of the day."""
    return one == other or any(
        f"{short} {half}" == long
        for short, long in ((one, other), (other, one))
        for half in ("am", "pm")
    )


def _range(text: str) -> str | None:
    found = _RANGE.fullmatch(text.strip())
    if not found or ("and" in text and "between" not in text.lower()):
        return None
    first, second = (part.replace(",", "") for part in found.group(2, 3))
    return f"{first}..{second}" if float(first) < float(second) else None


def _written(found: re.Match[str]) -> str:
    text = found.group().lower()
    if found["iso"]:
        year, month, day = text.split("-")
        return f"{year}-{int(month):02}-{int(day):02}"
    if found["slashed"]:
        return text.replace(".", "/")
    if found["clock"]:
        half = found.group(7) or found.group(8)
        numbers = [
            str(int(part)) if at == 0 else part for at, part in enumerate(re.findall(r"\d+", text))
        ]
        if half and len(numbers) == 1:
            numbers.append("00")
        return ":".join(numbers) + (f" {half.lower()}m" if half else "")
    named = next((n for n, name in enumerate(_MONTHS, 1) if name in text), 0)
    numbers = re.findall(r"\d+", text)
    year = next((part for part in numbers if len(part) == 4), "")
    days = [f"{int(part):02}" for part in numbers if len(part) < 4]
    return "-".join([*([year] if year else []), f"{named:02}", *days])
