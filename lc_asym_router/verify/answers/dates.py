"""Dates and times in a text, absolute and relative."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_HALF = r"(?:\s{0,2}(?P<half>[ap])\.?\s?m\b\.?)"
_ALONE = _HALF.replace("half", "alone")
MOMENT = re.compile(
    rf"(?<![\w.])(?:(?P<iso>\d{{4}}([-/.])\d{{1,2}}\2\d{{1,2}})"
    rf"|(?P<slashed>\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}})"
    rf"|(?P<american>{_MONTH}\s{{1,2}}(?:the\s)?{_DAY}(?:,?\s{{1,2}}(?:\d{{4}}|['’]\d{{2}}))?)"
    rf"|(?P<european>{_DAY}(?:\s{{1,2}}(?:of\s)?|-){_MONTH}(?:(?:,?\s{{1,2}}(?:in\s)?|-)\d{{4}}|,?\s['’]\d{{2}})?)"
    rf"|(?P<month>{_MONTH}\s{{1,2}}(?:of\s)?\d{{4}})"
    rf"|(?P<clock>\d{{1,4}}(?:\s?:\s?\d{{1,4}}){{1,3}}{_HALF}?|\d{{1,2}}{_ALONE}))(?![\w:])",
    re.IGNORECASE,
)
"""A date, a time of the day, or a ratio."""

_RANGE = re.compile(
    r"(?:between |from )?([$€£]?)(\d[\d,]*(?:\.\d+)?)\s?(?:-|–|—|to|and"
    r"|through)\s?\1(\d[\d,]*(?:\.\d+)?)"
    r"(?: ?(?:%|[a-zA-Z]{2,12}))?",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?i)(?:(?:it is|at|by|around|about) )?(?:12 |twelve )?(noon|midday|midnight)")
_TIME = r"(?<![\d:.])(\d{1,2}(?::\d{2})?)"
_PLAINER = tuple(
    (re.compile(pattern, re.IGNORECASE), into)
    for pattern, into in (
        (_TIME + r"\s(?:o['’]clock )?in the morning\b", r"\1 am"),
        (_TIME + r"\s(?:o['’]clock )?(?:in the (?:afternoon|evening)|at night)\b", r"\1 pm"),
        (r"(?<![\d:.])(\d{1,2})(?:\s?o['’]clock\b|\sUhr\b|\sheures?\b)", r"\1:00"),
        (r"(?<![\d:.])(\d{1,2})[h:.](\d{2})\s?(?:Uhr|h)\b", r"\1:\2"),
        (r"(?<![\d:.])(\d{1,2})[h:](\d{2})\s?(?:hrs|hours)\b", r"\1:\2"),
        (r"(?<![\d:.])(\d{1,2})h(\d{2})\b", r"\1:\2"),
        (r"(?<=\d)T(?=\d{2}:\d{2})", " "),
        (r"(?<![\d:.])(\d{1,2})\.(\d{2})(?=\s?[ap]\.?m\b)", r"\1:\2"),
    )
)
"""Times in words and in other countries' signs, and what they are written as here."""
_WEEKDAY = re.compile(
    r"\b(mon|tue|wed|thu|fri|sat|sun)(?:day|sday|nesday|rsday|urday|s|rs|r)?\b",
    re.IGNORECASE,
)


_MONTH_ALONE = re.compile(
    r"(?P<year>(?:19|20)\d{2})-(?P<month>0[1-9]|1[0-2])|(?P<first>0[1-9])/(?P<later>(?:19|20)\d{2})"
)
"""A month and its year in numbers, where they are all that a text says."""
_FOREIGN = {
    "jan": "januar janvier enero gennaio janeiro januari stycznia января ocak",
    "feb": "februar février fevrier febrero febbraio fevereiro februari lutego февраля şubat",
    "mar": "märz maerz mars marzo março maart marca марта mart",
    "apr": "avril abril aprile kwietnia апреля nisan",
    "may": "mai mayo maggio maio mei maja мая maj mayıs",
    "june": "juni juin junio giugno junho czerwca июня haziran",
    "july": "juli juillet julio luglio julho lipca июля temmuz",
    "aug": "août aout agosto augustus sierpnia августа augusti ağustos",
    "sep": "septembre septiembre settembre setembro września сентября eylül",
    "oct": "oktober octobre octubre ottobre outubro października октября ekim",
    "nov": "novembre noviembre novembro listopada ноября kasım",
    "dec": "dezember décembre decembre diciembre dicembre dezembro grudnia декабря aralık",
}
_MONTH_OF = {name: month for month, names in _FOREIGN.items() for name in names.split()}
_POINTED = re.compile(
    rf"(?i)(?<![\d.,])(\d{{1,2}})\.\s(april|august|september|november|{'|'.join(_MONTH_OF)})"
    r"(?=\s\d{4}(?!\d)|\W{0,9}(?:$|\n))"
)
"""A day with the point that German puts behind it, which ends no sentence: "12. September"."""
_DAYS = {
    "monday": "montag lundi lunes lunedì segunda-feira maandag понедельник 星期一 月曜日",
    "tuesday": "dienstag mardi martes martedì terça-feira dinsdag вторник 星期二 火曜日",
    "wednesday": "mittwoch mercredi miércoles mercoledì quarta-feira woensdag среда 星期三 水曜日",
    "thursday": "donnerstag jeudi jueves giovedì quinta-feira donderdag четверг 星期四 木曜日",
    "friday": "freitag vendredi viernes venerdì sexta-feira vrijdag пятница 星期五 金曜日",
    "saturday": "samstag sonnabend samedi sábado sabato zaterdag суббота 星期六 土曜日",
    "sunday": "sonntag dimanche domingo domenica zondag воскресенье 星期日 日曜日",
}
_DAY_OF = {name: day for day, names in _DAYS.items() for name in names.split()}
_FOREIGN_DAY = re.compile(rf"(?i)(?<!\w)(?:{'|'.join(_DAY_OF)})(?!\w)")
_FOREIGN_DATE = re.compile(
    r"(?i)(?:\b(?:le|el|il|em|op|am|den|der)\s)?(\d{1,2})(?:\.|er|º|°)?\s(?:de\s|di\s)?([^\W\d_]{3,12})"
    r"(?:,?\s(?:de\s|del\s)?(\d{4}))?(?!\w)"
)
_CJK_DATE = re.compile(r"(?:(\d{4})\s?[年년]\s?)?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_SPOKEN = re.compile(
    r"(?i)\b(half|(?:a )?quarter|five|ten|twenty|twenty[- ]five)(?: minutes)?"
    r"\s(past|after|to|before|till)\s(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b"
)
_SPOKEN_MINUTES = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
_HOURS = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip
_MILITARY = re.compile(r"(?i)(?<![\d:.])([01]\d|2[0-3])([0-5]\d)\s?(?:hours|hrs)\b")
_ZONE = re.compile(
    r"(?<=[\dmM.])(?:(?<=\d)(?=Z\b)|\s?\(?\b)(?:(UTC|GMT|Z|E[SD]?T|C[SDE]{1,2}T|M[SD]T|P[SD]?T|BST|IST|JST|AEST)\b\)?)"
    r"(?![-+]\d)"
)
_SAME_ZONE = {"GMT": "UTC", "Z": "UTC"}


def _english(text: str) -> str:
    """Dates and times in other languages' words, and in spoken ones, as English writes them."""
    text = _CJK_DATE.sub(_cjk, text) if _CJK_DATE.search(text) else text
    text = _FOREIGN_DATE.sub(_foreign, _FOREIGN_DAY.sub(lambda day: _DAY_OF[day[0].lower()], text))
    return _MILITARY.sub(r"\1:\2", _SPOKEN.sub(_spoken, text))


def without_points(text: str) -> str:
    """A text in which no point stands behind a date's day: "3. März 2021" is "3 März 2021"."""
    return _POINTED.sub(r"\1 \2", text)


def _cjk(found: re.Match[str]) -> str:
    year, month, day = found.groups()
    if not 1 <= int(month) <= 12:
        return found.group()
    return f"{year}-{month}-{day}" if year else f"{_MONTHS[int(month) - 1]} {day}"


def _foreign(found: re.Match[str]) -> str:
    month = _MONTH_OF.get(found.group(2).lower())
    if month is None:
        return found.group()
    return f"{found.group(1)} {month}" + (f" {found.group(3)}" if found.group(3) else "")


def _spoken(found: re.Match[str]) -> str:
    amount, side, named = (part.lower() for part in found.groups())
    minutes = _SPOKEN_MINUTES[amount.removeprefix("a ").replace(" ", "-")]
    hour = int(named) if named.isdigit() else _HOURS.index(named) + 1
    if side in ("past", "after"):
        return f"{hour}:{minutes:02}"
    return f"{(hour - 2) % 12 + 1}:{60 - minutes:02}"


def moment(text: str) -> str | None:
    """The one date, time, ratio or range that a short text holds, and no number beside it.

    Written in one form: "2020-03-05", "10:30 am", "3:4", "5..10"; with the day of the week where it
    is said. `None` where there is none.
    """
    if named := _NAMED.fullmatch(text.strip(" .!")):
        return "12:00 am" if named.group(1).lower() == "midnight" else "12:00 pm"
    if month := _MONTH_ALONE.fullmatch(text.strip(" .!")):
        year = month["year"] or month["later"]
        return f"{year}-{int(month['month'] or month['first']):02}"
    text = _english(text)
    if day := _WEEKDAY.fullmatch(text.strip(" .!")):
        return f"{day.group(1).lower()}day"
    for pattern, into in _PLAINER:
        text = pattern.sub(into, text)
    zones = _ZONE.findall(text)
    if len(zones) == 1:
        text = _ZONE.sub("", text)
    if span := _range(text):
        return span
    found = list(MOMENT.finditer(text))
    if not found or re.search(r"\d", MOMENT.sub("", text)):
        return None
    days = [f"{day.lower()}day" for day in _WEEKDAY.findall(text)[:1]]
    written = " ".join([*days, *(_written(each) for each in found)])
    return f"{written} {_SAME_ZONE.get(zones[0], zones[0])}" if len(zones) == 1 else written


def same_moments(one: str, other: str) -> bool:
    """Whether both are the same, where one may leave out the half of the day or the weekday."""
    if one == other:
        return True
    zones = {word for text in (one, other) for word in text.split() if word.isupper()}
    if len(zones) > 1:
        return False
    mine, yours = _parts(one), _parts(other)
    if len(mine) != len(yours) or not mine:
        return False
    days = {part for part in (one.split()[0], other.split()[0]) if part.endswith("day")}
    return len(days) < 2 and all(map(_same_part, mine, yours))


def _parts(moment: str) -> list[str]:
    """The dates and times of a moment, without the day of the week: "10:30 am" is one."""
    return re.findall(r"[\d:.-]+(?: [ap]m)?", moment)


def _same_part(one: str, other: str) -> bool:
    if one == other:
        return True
    if one[-1:] != "m" and other[-1:] != "m":
        return _of_day(one) == _of_day(other) != set() and one.count(":") != other.count(":")
    return not _of_day(one).isdisjoint(_of_day(other))


def _of_day(time: str) -> set[tuple[int, int, int]]:
    """The times of the day that a text may mean: with or without its half, of 24 hours from 13 on."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([ap])m)?", time)
    if not found:
        return set()
    hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3))
    if hour > 23 or minute > 59 or second > 59:
        return set()
    if half := found.group(4):
        return {(hour % 12 + 12 * (half == "p") if hour < 13 else hour, minute, second)}
    hours = {hour} if hour > 12 or hour == 0 else {hour % 12, hour % 12 + 12}
    return {(each, minute, second) for each in hours}


def _range(text: str) -> str | None:
    found = _RANGE.fullmatch(text.strip())
    if not found or ("and" in text and "between" not in text.lower()):
        return None
    first, second = (part.replace(",", "") for part in found.group(2, 3))
    return f"{first}..{second}" if float(first) < float(second) else None


def _written(found: re.Match[str]) -> str:
    text = found.group().lower()
    if found["iso"]:
        year, month, day = re.split(r"[-/.]", text)
        return f"{year}-{int(month):02}-{int(day):02}"
    if found["slashed"]:
        return _slashed(text)
    if found["clock"]:
        half = found["half"] or found["alone"]
        numbers = [
            str(int(part)) if at == 0 else part for at, part in enumerate(re.findall(r"\d+", text))
        ]
        if half and len(numbers) == 1:
            numbers.append("00")
        return ":".join(numbers) + (f" {half.lower()}m" if half else "")
    return _worded(text)


def _slashed(text: str) -> str:
    """A date in numbers: the month first between slashes where that can be, the day between points."""
    one, other, year = map(int, re.split(r"[/.]", text))
    if year < 100:
        year += 1900 if year >= 50 else 2000
    month, day = (one, other) if one <= 12 and ("/" in text or other > 12) else (other, one)
    return f"{year}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else text


def _worded(text: str) -> str:
    named = next((n for n, name in enumerate(_MONTHS, 1) if name in text), 0)
    numbers = re.findall(r"\d+", text)
    year = next((part for part in numbers if len(part) == 4), "")
    if short := re.search(r"['’](\d{2})$", text):
        year = str(int(short[1]) + (1900 if int(short[1]) >= 50 else 2000))
        numbers.pop()
    days = [f"{int(part):02}" for part in numbers if len(part) < 4]
    return "-".join([*([year] if year else []), f"{named:02}", *days])


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
