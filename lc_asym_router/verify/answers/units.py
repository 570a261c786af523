"""What surrounds a number and changes its meaning: units, relation signs, names."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from lc_asym_router._internal.imports import word_set
from lc_asym_router.verify.answers.numerals import NUMBER, close, number_text
from lc_asym_router.verify.answers.texts import opposed, stem, words

_TABLE = {
    "time": "nanosecond/ns .000000001, microsecond/µs/μs/us .000001, millisecond/ms .001,"
    " second/sec/s 1, minute/min 60, hour/hr/h 3600, day 86400, week 604800",
    "year": "month 1, year/yr 12",
    "length": "nanometer/nanometre/nm .000000001, micrometer/micrometre/micron/µm/μm/um .000001,"
    " millimeter/millimetre/mm .001, centimeter/centimetre/cm .01, meter/metre/m 1,"
    " kilometer/kilometre/km 1000",
    "span": "inch/inche 1, foot/feet/ft 12, yard/yd 36, mile/mi 63360",
    "mass": "microgram/mcg/µg/μg/ug .000001,"
    " milligram/mg .001, gram/g 1, kilogram/kilo/kg 1000, tonne 1000000",
    "weight": "ounce/oz 1, pound/lb 16, stone 224",
    "volume": "milliliter/millilitre/ml .001, centiliter/centilitre/cl .01,"
    " deciliter/decilitre/dl .1, liter/litre/l 1",
    "gallons": "cup 1, pint 2, quart/qt 4, gallon/gal 16",
    "spoons": "teaspoon/tsp 1, tablespoon/tbsp 3",
    "ton": "ton 1",
    "area": "hectare/ha 1",
    "acre": "acre 1",
    "dollar": "cent/¢ .01, dollar/usd/buck/$/us$ 1",
    "cad": "cad/c$/ca$ 1",
    "aud": "aud/a$/au$ 1",
    "nzd": "nzd/nz$ 1",
    "chf": "chf/franc 1",
    "inr": "inr/rupee/₹/rs 1",
    "krw": "krw/won/₩ 1",
    "rub": "rub/rouble/ruble/₽ 1",
    "cny": "cny/rmb/yuan 1",
    "mxn": "mxn/peso 1",
    "brl": "brl/reai/real/r$ 1",
    "hkd": "hkd/hk$ 1",
    "sgd": "sgd/s$ 1",
    "twd": "twd/nt$ 1",
    "bitcoin": "bitcoin/btc/₿ 1",
    "ether": "ether/eth 1",
    "ils": "ils/shekel/₪ 1",
    "thb": "thb/baht/฿ 1",
    "uah": "uah/hryvnia/₴ 1",
    "vnd": "vnd/dong/₫ 1",
    "php": "php/₱ 1",
    "ngn": "ngn/naira/₦ 1",
    "sek": "sek 1",
    "nok": "nok 1",
    "dkk": "dkk 1",
    "pln": "pln/zloty 1",
    "try": "try/lira 1",
    "euro": "euro/eur/€ 1",
    "sterling": "pence/p .01, gbp/quid/£ 1",
    "yen": "yen/jpy/¥/円 1",
    "part": "percent/% 1, ‰ .1, ppm .0001, ppb .0000001",
    "points": "percentagepoint/point 1",
    "angle": "degree/° 1, radian/rad 57.29577951308232",
    "energy": "wh 1, kwh 1000, mwh 1000000, gwh 1000000000",
    "power": "watt 1, kilowatt/kw 1000, megawatt 1000000, gigawatt/gw 1000000000",
    "data": "byte 1, kilobyte/kb 1000, megabyte/mb 1000000, gigabyte/gb 1000000000,"
    " terabyte/tb 1000000000000",
    "binary": "kib/kibibyte 1, mib/mebibyte 1024, gib/gibibyte 1048576, tib/tebibyte 1073741824",
    "rate": "kbps 1000, mbps 1000000, gbps 1000000000",
    "bits": "bit 1, kbit 1000, mbit 1000000, gbit 1000000000",
    "voltage": "millivolt/mv .001, volt 1, kilovolt/kv 1000",
    "electric current": "milliamp/milliampere/ma .001, amp/ampere 1",
    "resistance": "ohm/ω 1, kiloohm/kω/kohm 1000, megaohm/mω/mohm 1000000",
    "amount": "micromole/µmol/μmol/umol .000001, millimole/mmol .001, mole/mol 1",
    "force": "newton 1, kilonewton/kn 1000",
    "pressure": "pascal/pa 1, hectopascal/hpa/millibar/mbar 100, kilopascal/kpa 1000,"
    " megapascal/mpa 1000000, bar 100000,"
    " atmosphere/atm 101325, psi 6894.757",
    "mercury": "mmhg .1, cmhg 1",
    "heat": "calorie/cal 1, kilocalorie/kcal 1000",
    "work": "joule 1, kilojoule/kj 1000, megajoule/mj 1000000",
    "loudness": "db/decibel 1",
    "frequency": "hertz/hz 1, khz 1000, mhz 1000000, ghz 1000000000",
    "speed": "mph 1",
    "knots": "knot 1",
    "celsius": "°c/celsius 1",
    "fahrenheit": "°f/fahrenheit 1",
}
_UNITS = {
    name: (kind, Decimal(size))
    for kind, entries in _TABLE.items()
    for names, size in (entry.rsplit(" ", 1) for entry in entries.split(", "))
    for name in names.strip().split("/")
}
_CASED = {
    name: (kind, Decimal(size))
    for kind, entries in {
        "voltage": "V 1",
        "electric current": "A 1",
        "power": "mW .001, W 1, MW 1000000",
        "work": "J 1",
        "force": "N 1",
        "kelvin": "K 1",
        "bits": "b 1, kb 1000, Kb 1000, Mb 1000000, Gb 1000000000",
        "data": "B 1",
    }.items()
    for name, size in (entry.split() for entry in entries.split(", "))
}
"""Signs whose case tells, where they stand behind a number."""
_FOOT_MARKS = re.compile(r"\s?(['’′]|[\"”″]|''|in\b)[.)\s]{0,3}$")
"""Feet, inches: at the end alone, for a quote and the word "in" are mostly something else."""
_AFTER = re.compile(
    r"\s{0,3}\\?(°\s?[CFK]\b|[%‰°€£¥$¢円₹₩₽₿₪฿₴₫₱₦]|(?:(?:square|sq|cubic|cu)\.? |degrees? "
    r"|percentage )?"
    r"[a-zA-ZµμΩ]{1,12}(?![a-zA-Z]))"
)
_BEFORE = re.compile(
    r"((?:US|CA|AU|NZ|HK|NT|[CARS])?\$|[€£¥₹₩₽₿₪฿₴₫₱₦]|\b(?:USD|EUR|GBP|CAD|AUD|NZD|CHF|INR"
    r"|Rs))\.?\s?-?$"
)
_NEAR = 10
"""Characters before a number in which its currency stands."""
_PER = re.compile(
    r"(?:\bper|/|\b(?:each|every)(?= \w)|\ba(?= (?:day|week|month|year|hour)))\s?([^\W²³]{1,12})"
    r"|\b(daily|weekly|monthly|yearly|hourly|annually)\b"
)
_ADVERBS = {"daily": "day", "annually": "year"}
_BOUND = re.compile(
    r"(?i)\b(?:(?P<least>at least|not? (?:less|fewer) than|minimum of|no under|as few as"
    r"|min(?:imum|\.)?)"
    r"|(?P<most>at most|up to|not? (?:more|over) than|no more than|maximum of|as (?:many|much) as"
    r"|max(?:imum|\.)?)"
    r"|(?P<more>(?:more|greater|larger|higher|bigger|longer|older) than"
    r"|over|above|beyond|exceed(?:s|ing)?|in excess of|upwards? of|north of)"
    r"|(?P<less>(?:less|fewer|smaller|lower|shorter|younger) than|under|below|(?:just )?shy of"
    r"|south of))\s{1,3}(?:the\s)?[-$€£¥]?$"
)
"""What is said of a number that is only a bound."""
_BOUND_BEHIND = re.compile(
    r"(?i)\s?(?:\+(?!\s?\d)|[<>≤≥≠]|(?:\w{1,12} )?at (?:the )?(?:very )?(?:most|least|best|worst)\b"
    r"|(?:and (?:up|above|over|counting|more|some|change|a (?:bit|half))|point something)\b"
    r"|upwards?\b"
    r"|(?:tops|max|minimum|maximum)\b"
    r"|(?:\w{1,12} )?or (?:more|less|fewer|over|under|higher|lower)\b)"
)
_RELATIONS = {
    **dict.fromkeys((">=", "≥", "\\ge", "\\geq"), "least"),
    **dict.fromkeys(("<=", "≤", "\\le", "\\leq"), "most"),
    **dict.fromkeys((">", "\\gt"), "more"),
    **dict.fromkeys(("<", "\\lt"), "less"),
}
_POWER = re.compile(r"square|cubic|\^\{?[23]|[²³]")
_COMPOUND = re.compile(r"\^?\{?[23]\}?(?!\w)|[²³]|/[a-zA-Z]{1,12}(?:\^?\{?[23]\}?|[²³])?")
_COMPOUNDED = frozenset({"length", "span", "mass", "weight", "volume", "energy"})
_RAISED = {ord("²"): "2", ord("³"): "3", ord("^"): "", ord("{"): "", ord("}"): ""}
_RAISED_BY = {"sq": re.compile(r"(?:square|sq\.?) "), "cu": re.compile(r"(?:cubic|cu\.?) ")}
_NAME = re.compile(r"([A-Z][\w'’]{0,20})[ ]$")
_NO_NAME = word_set(
    "the is only about there total answer answers so it exactly roughly approximately "
    "around just final she he they we a an has have is are was were gets of therefore "
    "thus hence result sum usd eur gbp or and at in on to from after before nearly almost "
    "over under spent paid"
)
_FEET = re.compile(
    r"(\d{1,4})\s?(?:ft\.?|feet|foot|['’′])[\s,]{0,2}(?:and )?(\d{1,2})"
    r"\s?(?:in\.?|inch(?:es)?|[\"”″]|'')?"
)
_PARTS = re.compile(
    r"-?[$€£]?\d[\d,.]*\s?[a-zA-Z]{1,12}(?:(?:,| and|, and)? \d[\d,.]*\s?[a-zA-Z]{1,12}){1,3}"
)


def known_unit(word: str) -> bool:
    """Whether a word is a unit's name or sign."""
    return word in _UNITS or word.removesuffix("s") in _UNITS


def whole_measure(text: str) -> str | None:
    """What "2 hours and 30 minutes" comes to, in the largest unit; `None` where it is no such thing."""
    found = in_one_unit(text)
    return found.partition(" ")[0] if found else None


def in_one_unit(text: str) -> str | None:
    """The same with that unit: "2.5 hour"."""
    if found := _FEET.fullmatch(text.strip(" .")):
        feet, inches = (int(part) for part in found.groups())
        return f"{12 * feet + inches} inch"
    if len(text) > 100 or not _PARTS.fullmatch(text.strip(" .")):
        return None
    parts: list[tuple[Decimal, str, Decimal]] = []
    for found in NUMBER.finditer(text):
        unit = _unit(text, found)
        if unit is None or "/" in found.group():
            return None
        parts.append((Decimal(number_text(found.group())), *unit))
    if len(parts) < 2 or len({kind for _, kind, _ in parts}) != 1:
        return None
    kind, whole = parts[0][1], sum((number * size for number, _, size in parts), Decimal(0))
    sizes = sorted((size for _, _, size in parts), reverse=True)
    # In the largest unit, but for what no decimal says: a week and two days are nine days.
    made = next((each for each in sizes if whole / each * each == whole), sizes[-1])
    name = next(name for name, known in _UNITS.items() if known == (kind, made) and len(name) > 2)
    return number_text(f"{whole / made:.12g}") + f" {name}"


def measures(text: str) -> bool:
    """Whether a unit or a currency stands beside a number of a text, as `plain_numbers` writes it."""
    return any(_unit(text, found) is not None for found in NUMBER.finditer(text))


def conflict(one: str, first: str, other: str, second: str) -> bool | None:
    """Whether two numbers mean different things where they stand.

    Args:
        one: The text about a number.
        first: The number in it, canonical.
        other: The text about another.
        second: That number.

    Returns:
        True where they are different, False where they mean the same though they are written
        otherwise ("2 hours", "120 minutes"), `None` where nothing is said to that.
    """
    mine, yours = _place(one, first), _place(other, second)
    if mine is None or yours is None:
        return None
    if _differ(_per(one, mine), _per(other, yours)) or _differ(
        _name(one, mine), _name(other, yours)
    ):
        return True
    if opposed(_near(one, mine), _near(other, yours)) or _differ(
        _sign(one, mine), _sign(other, yours)
    ):
        return True
    if _differently_made(_made(one, mine), _made(other, yours)):
        return True
    ours, theirs = _unit(one, mine), _unit(other, yours)
    if ours is None or theirs is None or ours == theirs:
        return None
    if ours[0] != theirs[0]:
        return True
    try:
        return not close(*(number_text(f"{Decimal(n) * unit[1]:f}") for n, unit in
                           ((first, ours), (second, theirs))))  # fmt: skip
    except InvalidOperation:
        return True


def in_percent(text: str) -> bool:
    """Whether a text gives a number in percent."""
    return bool(re.search(r"%|\bper ?cent\b|\bpct\b", text, re.IGNORECASE))


def _place(text: str, number: str) -> re.Match[str] | None:
    """Where a number stands in a text: the last place."""
    places = [found for found in NUMBER.finditer(text) if number_text(found.group()) == number]
    return places[-1] if places else None


def _unit(text: str, at: re.Match[str]) -> tuple[str, Decimal] | None:
    if mark := _FOOT_MARKS.match(text, at.end()):
        feet = mark.group(1) in "'’′"
        if mark.group(1) == "in" or text.count(mark.group(1)) == 1:
            return _UNITS["foot" if feet else "inch"]
    if found := _AFTER.match(text, at.end()):
        if (cased := _CASED.get(found.group(1))) is not None and not _POWER.match(
            text, found.end()
        ):
            return cased
        name = re.sub(r"[ .]", "", found.group(1).lower())
        if name.startswith(("degreesc", "degreec", "degreesf", "degreef")):
            name = "°c" if "c" in name.removeprefix("degrees") else "°f"
        if name == "°k":
            return _CASED["K"]
        for candidate in (name, name.removesuffix("s")):
            # Of single letters only what stands apart: "5 m", but not "5m" of a polynomial.
            if candidate in _UNITS and (
                len(name) > 1 or not name.isalpha() or " " in found.group()
            ):
                return None if _POWER.match(text, found.end()) else _UNITS[candidate]
    if found := _BEFORE.search(text, max(0, at.start() - _NEAR), at.start()):
        return _UNITS[found.group(1).lower()]
    return None


def _made(text: str, at: re.Match[str]) -> tuple[str, str]:
    """The unit behind a number, and what it is raised to or divided by: ("mg", "/kg"), ("cm", "^2")."""
    found = _AFTER.match(text, at.end())
    if not found:
        return "", ""
    name = found.group(1).lower()
    behind = _COMPOUND.match(text, found.end())
    power = next(
        (f"^{n}" for n, word in enumerate(("sq", "cu"), 2) if _RAISED_BY[word].match(name)), ""
    )
    name = re.sub(r"^(?:square|sq|cubic|cu)\.? ", "", name)
    kind = _UNITS.get(name, _UNITS.get(name.removesuffix("s"), ("", Decimal(0))))[0]
    if kind not in _COMPOUNDED:
        return "", ""
    return name, power or (_power(behind.group()) if behind else "")


def _power(behind: str) -> str:
    """What is written behind a unit, one way: "^2", "/s2"."""
    plain = behind.translate(_RAISED)
    return plain if plain.startswith("/") else f"^{plain}"


def _differently_made(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether only one of two units is raised or divided: "5 cm" and "5 cm^2"."""
    return bool(one[0]) and one[0] == other[0] and one[1] != other[1]


def _per(text: str, at: re.Match[str]) -> str:
    found = _PER.search(text, at.end(), at.end() + 30)
    if found is None:
        return ""
    if adverb := found.group(2):
        return stem(_ADVERBS.get(adverb.lower(), adverb.lower().removesuffix("ly")))
    return stem(found.group(1).lower())


def _name(text: str, at: re.Match[str]) -> str:
    """The name right before a number: "Apollo" of "Apollo 11"."""
    found = _NAME.search(text[max(0, at.start() - 24) : at.start()])
    name = found.group(1).lower() if found else ""
    return "" if name in _NO_NAME else name


def _near(text: str, at: re.Match[str]) -> list[str]:
    before = words(text[max(0, at.start() - 60) : at.start()]).split()[-3:]
    return before + words(text[at.end() : at.end() + 40]).split()[:3]


def _sign(text: str, at: re.Match[str]) -> str:
    """The sign of a relation before a number: "x > 5" is not "x < 5"; "=" is as good as none.

    In words too: "more than 5" is not 5.
    """
    if said := _BOUND.search(text[max(0, at.start() - 40) : at.start()]):
        return next(sign for sign, group in said.groupdict().items() if group)
    if _BOUND_BEHIND.match(text, at.end()):
        return "bound"
    found = re.search(
        r"(<=|>=|!=|[<>≤≥≠]|\\[lg]eq?|\\neq?|\\[lg]t)\s{0,3}[$]?$", text[: at.start()][-12:]
    )
    return _RELATIONS.get(found.group(1), found.group(1)) if found else "="


def _differ(one: str, other: str) -> bool:
    return bool(one and other) and one != other
