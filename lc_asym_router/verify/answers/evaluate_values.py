"""The values of a program that is read, and all that may be done with them: numbers, texts, lists,
dates. What is not listed here is not done; what would grow too great is refused first.
"""

from __future__ import annotations

import ast
import calendar
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any

from lc_asym_router._internal.imports import word_set
from lc_asym_router.verify.answers.dates import Relative, Unreadable, relative

MOST_BITS = 4_096
"""Size of the greatest whole number."""
MOST_CHARACTERS = 20_000
MOST_MEMBERS = 1_000
"""Members of a list with all that is in them."""


@dataclass(frozen=True)
class Module:
    """A module that a program may name; what is read of it stands in `MODULES` under its name."""

    name: str


@dataclass(frozen=True)
class Method:
    """A method of a value, before it is called."""

    of: Any
    name: str


@dataclass(frozen=True)
class Class:
    """A class that the program defines: its methods by name."""

    methods: Mapping[str, ast.FunctionDef]


@dataclass(eq=False)
class Instance:
    """An object of such a class."""

    of: Class
    attributes: dict[str, Any] = field(default_factory=dict)


def size_of(value: Any) -> int:
    """Members of a value with all that is in them, each as often as it is named; 1 for a single value.

    Raises:
        Unreadable: It is too great, or of no known kind.
    """
    size, open_ = 0, [value]
    while open_:
        each = open_.pop()
        size += 1
        if size > MOST_MEMBERS:
            raise Unreadable("members")
        if isinstance(each, int) and each.bit_length() > MOST_BITS:
            raise Unreadable("number")
        if isinstance(each, str) and len(each) > MOST_CHARACTERS:
            raise Unreadable("text")
        if isinstance(each, complex | bytes):
            raise Unreadable(type(each).__name__)
        if isinstance(each, dict):
            open_ += [*each.keys(), *each.values()]
        elif isinstance(each, Instance):
            size += len(each.attributes)
        elif isinstance(each, list | tuple):
            open_ += each[: MOST_MEMBERS + 1]
    return size


def sized(value: Any) -> Any:
    """A value as it is, where it is of a known kind and not too great."""
    size_of(value)
    return value


# operators ------------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def calculated(sign: type[ast.operator], left: Any, right: Any) -> Any:
    """What an operator makes of two values."""
    if isinstance(left, Relative) or isinstance(right, Relative):
        return _moved(sign, left, right)
    if sign is ast.Pow:
        return power(left, right)
    if sign not in _OPERATORS:
        raise Unreadable(sign.__name__)
    if sign is ast.Mod and isinstance(left, str):
        raise Unreadable("%")  # a width in it could be any
    if sign is ast.Mult and not (_is_number(left) and _is_number(right)):
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and (
                not isinstance(times, int) or len(many) * times > MOST_MEMBERS
            ):
                raise Unreadable("*")
    return _OPERATORS[sign](left, right)


def _moved(sign: type[ast.operator], left: Any, right: Any) -> Any:
    if sign is ast.Mult:
        many, times = (left, right) if isinstance(left, Relative) else (right, left)
        if isinstance(times, int):
            return many.scaled(times)
    elif sign in (ast.Add, ast.Sub):
        factor = 1 if sign is ast.Add else -1
        if isinstance(left, Relative) and isinstance(right, Relative):
            return left.plus(right.scaled(factor))
        if isinstance(left, date) and isinstance(right, Relative):
            return right.scaled(factor).after(left)
        if isinstance(right, date) and isinstance(left, Relative) and factor > 0:
            return left.after(right)
    raise Unreadable("relativedelta")


def power(base: Any, exponent: Any, *modulus: Any) -> Any:
    """A power, where it is no greater than the greatest number."""
    if modulus or not (_is_number(base) and _is_number(exponent)):
        raise Unreadable("power")
    bits = max(1, base.bit_length()) if isinstance(base, int) else 0
    if isinstance(exponent, int) and bits * abs(exponent) > MOST_BITS:
        raise Unreadable("power")
    return base**exponent


def compared(sign: type[ast.cmpop], left: Any, right: Any) -> bool:
    """Whether two values stand as a sign says."""
    return bool(_COMPARISONS[sign](left, right))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


# what values have and can do ------------------------------------------------------------------

_DATE = {"year", "month", "day"}
_TIME = {"hour", "minute", "second"}
_METHODS: dict[type, frozenset[str]] = {
    str: word_set(
        "upper lower strip title capitalize split replace startswith endswith join zfill isdigit "
        "count find index"
    ),
    list: word_set("append index count sort reverse extend insert pop"),
    dict: word_set("get keys values items"),
    timedelta: word_set("total_seconds"),
    date: word_set("strftime weekday isoweekday isoformat toordinal replace"),
    datetime: word_set("strftime weekday isoweekday isoformat toordinal replace date"),
}


def attribute_of(value: Any, name: str) -> Any:
    """An attribute of a value, or its method, which is to be called."""
    if isinstance(value, Module):
        whole = f"{value.name}.{name}"
        if whole in MODULES:
            return MODULES[whole]
        raise Unreadable(whole)
    if value is datetime and name == "strptime":
        return _CALLABLE["datetime.strptime"]
    plain: set[str] = set()
    if isinstance(value, date):
        plain = _DATE | (_TIME if isinstance(value, datetime) else set())
    elif isinstance(value, timedelta):
        plain = {"days", "seconds"}
    elif isinstance(value, Relative):
        plain = {each.name for each in fields(value)}
    elif isinstance(value, Instance):
        if name in value.attributes:
            return value.attributes[name]
        if name in value.of.methods:
            return Method(value, name)
    if name in plain:
        return getattr(value, name)
    if name in _METHODS.get(type(value), ()):
        return Method(value, name)
    raise Unreadable(name)


def called(value: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """What a call of a method, or of something out of a module, comes to."""
    if isinstance(value, Module) and value.name == "datetime":
        value = datetime  # named without its import
    if value is _STRPTIME and any(len(str(each)) > 100 for each in given):
        raise Unreadable("strptime")
    if isinstance(value, Method):
        if isinstance(value.of, str) and value.name in ("replace", "zfill", "join"):
            return _written(value, given, named)
        if value.name == "strftime":
            return formatted(value.of, str(given[0]))
        result = getattr(value.of, value.name)(*given, **named)
        return list(result) if value.name in ("keys", "values", "items") else result
    if any(value is each for each in _CALLABLE.values()):
        return value(*given, **named)
    raise Unreadable("call")


def _written(method: Method, given: Sequence[Any], named: Mapping[str, Any]) -> str:
    """What a method of a text comes to that could make it any length."""
    text: str = method.of
    if method.name == "zfill" and not (isinstance(given[0], int) and given[0] <= 100):
        raise Unreadable("zfill")
    if method.name == "replace" and len(text) * (len(str(given[1])) + 1) > MOST_CHARACTERS:
        raise Unreadable("replace")
    if method.name == "join" and len(text) * len(given[0]) > MOST_CHARACTERS:
        raise Unreadable("join")
    return str(getattr(text, method.name)(*given, **named))


def item_of(container: Any, key: Any) -> Any:
    """A member, or several."""
    if not isinstance(container, str | list | tuple | dict):
        raise Unreadable("subscript")
    return container[key]


def formatted(value: Any, layout: str) -> str:
    """A value in a layout, as f-strings and `strftime` have it."""
    if len(layout) > 60 or any(int(part) > 100 for part in re.findall(r"[0-9]+", layout)):
        raise Unreadable("layout")
    if isinstance(value, date):
        return value.strftime(layout) if layout else str(value)
    if not isinstance(value, str | int | float):
        return value_text(value)
    return format(value, layout)


def value_text(value: Any) -> str:
    """A value as `print` shows it."""
    if isinstance(value, Module | Method | Relative | Class | Instance) or callable(value):
        raise Unreadable("no value")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(sized(value))


def _range(*given: int) -> list[int]:
    numbers = range(*given)
    if len(numbers) > MOST_MEMBERS:
        raise Unreadable("range")
    return list(numbers)


def _rounded(number: Any, digits: int | None = None) -> Any:
    if digits is not None and abs(digits) > 100:
        raise Unreadable("round")
    return round(number, digits)


def _product(values: Sequence[Any]) -> Any:
    result: Any = 1
    for value in values:
        result = sized(calculated(ast.Mult, result, value))
    return result


def _factorial(number: int) -> int:
    if not 0 <= number <= 400:
        raise Unreadable("factorial")
    return math.factorial(number)


def _chosen(number: int, of: int) -> int:
    if not 0 <= of <= number <= 1_000:
        raise Unreadable("comb")
    return math.comb(number, of)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "str": lambda value="": value_text(value) if not isinstance(value, float) else str(value),
    "bool": bool,
    "round": _rounded,
    "abs": abs,
    "min": min,
    "max": max,
    "sum": sum,
    "len": len,
    "list": list,
    "tuple": tuple,
    "sorted": sorted,
    "any": any,
    "all": all,
    "divmod": divmod,
    "range": _range,
    "enumerate": lambda values, start=0: list(enumerate(values, start)),
    "zip": lambda *lists: list(zip(*lists, strict=False)),
    "pow": power,
}
"""What may be called without an import."""

_STRPTIME = datetime.strptime
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_CALLABLE: dict[str, Callable[..., Any]] = {
    "datetime.date": date,
    "datetime.timedelta": timedelta,
    "datetime.datetime": datetime,
    "datetime.strptime": _STRPTIME,
    "dateutil.relativedelta.relativedelta": relative,
    "calendar.monthrange": calendar.monthrange,
    "calendar.isleap": calendar.isleap,
    "math.sqrt": math.sqrt,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
    "math.gcd": math.gcd,
    "math.lcm": math.lcm,
    "math.log": math.log,
    "math.log10": math.log10,
    "math.sin": math.sin,
    "math.cos": math.cos,
    "math.tan": math.tan,
    "math.radians": math.radians,
    "math.pow": power,
    "math.factorial": _factorial,
    "math.comb": _chosen,
    "math.prod": _product,
}
MODULES: dict[str, Any] = {
    **_CALLABLE,
    **{name: Module(name) for name in ("datetime", "math", "calendar", "dateutil")},
    "dateutil.relativedelta": Module("dateutil.relativedelta"),
    **{f"dateutil.relativedelta.{name}": place for place, name in enumerate(_WEEKDAYS)},
    "math.pi": math.pi,
    "math.e": math.e,
    # Models write these without their imports.
    "date": date,
    "timedelta": timedelta,
    "relativedelta": relative,
}
"""What an import, or a name without one, stands for."""
