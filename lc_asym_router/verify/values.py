"""What a short span of text stands for: a number, a choice, a literal of Python, a formula, words."""

from __future__ import annotations

import ast
import json
import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Kind = Literal["json", "number", "choice", "literal", "formula", "text"]

LONGEST = 4000
"""Characters up to which a span is looked into; a longer one is text."""

NUMBER = re.compile(
    r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?!\w)"
    r"(?:\s*/\s*\d+(?![\w.]))?"
)
_CHOICE = re.compile(r"(?:option |choice )?\(?([A-Ja-j])\)?(?:[.):]|$)(?:\s.*)?", re.DOTALL)
_OPENERS = ("[", "(", "{", "'", '"')
_WARNED_OF = re.compile(r"\\(?![\\'\"abfnrtvxuUN0-7\n])|\d(?:and|else|for|if|in|is|not|or)\b")
"""What Python's parser would print a warning of."""
_ARTICLES = frozenset({"a", "an", "the"})
_NOISE = re.compile(
    r"\\(?:left|right|displaystyle|,|!|;|:|quad|qquad)(?![a-zA-Z])|\\ |\\%|[$]|~|^\\\(|\\\)$|\\\[|\\\]"
)
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|operatorname)\s*\{([^{}]*)\}")
_UNIT_AFTER = re.compile(r"\^\{?\\circ\}?|°|\\circ\b|\\degree\b")
_LOOKS_LIKE_FORMULA = re.compile(
    r"\\[a-zA-Z]+|\^|√|π|\d\s*[a-zA-Z]\s*[-+*/^=]|[a-zA-Z]\s*[-+*/^]\s*\d"
)


def value_of(span: str) -> tuple[Kind, str]:
    """The kind of a span and its value, written so that equal values mean the same."""
    span = span.strip()
    if len(span) > LONGEST:
        return "text", words(span)
    plain = _bare(span)
    if choice := _CHOICE.fullmatch(plain):
        return "choice", choice.group(1).upper()
    if (literal := _literal(plain)) is not None:
        return literal
    if (number := _number_in(plain)) is not None:
        return "number", number
    if _LOOKS_LIKE_FORMULA.search(plain):
        return _formula(plain)
    if len(found := NUMBER.findall(plain)) == 1:
        return "number", number_text(found[0])
    if found and "=" in plain:
        return "number", number_text(found[-1])
    return "text", words(plain)


def number_text(text: str) -> str:
    """A number as one canonical text: "1,200.50" is "1200.5", "1/2" is "0.5"."""
    plain = text.replace(",", "").replace("−", "-").replace(" ", "")
    try:
        if "/" in plain:
            above, below = plain.split("/")
            value = Decimal(above) / Decimal(below)
        else:
            value = Decimal(plain)
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return plain
    return _canonical(value)


def words(text: str) -> str:
    """The words of a text, without case, articles and punctuation."""
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))
    return " ".join(word for word in found if word not in _ARTICLES)


def close(one: str, other: str) -> bool:
    """Whether two canonical numbers mean the same: equal, or one is the other, rounded.

    Rounding is granted from two decimals on: 16.67 is 16.6666, but 2.5 is not 2.49.
    """
    if one == other:
        return True
    try:
        first, second = Decimal(one), Decimal(other)
    except InvalidOperation:
        return False
    short, long = sorted((first, second), key=_decimals)
    places = _decimals(short)
    if places < 2 or not (short.is_finite() and long.is_finite()) or _decimals(long) > 60:
        return False
    return abs(short - long) * 2 <= Decimal(1).scaleb(-places)


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _canonical(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > 400:
        return str(value)
    return f"{value.normalize():f}" if value else "0"


def _bare(span: str) -> str:
    """A span without what surrounds an answer: maths signs, a full stop, the words of LaTeX."""
    span = re.sub(r"\s+", " ", _NOISE.sub("", _TEXT.sub(r" \1 ", span))).strip()
    if span.endswith(".") and not span.endswith(".."):
        span = span[:-1].rstrip()
    return span


def _literal(plain: str) -> tuple[Kind, str] | None:
    """A list, dict, tuple, text or constant as Python writes it."""
    if plain in ("True", "False", "None", "true", "false", "null"):
        return "literal", {"true": "True", "false": "False", "null": "None"}.get(plain, plain)
    if not plain.startswith(_OPENERS) or _WARNED_OF.search(plain):
        return None
    try:
        value = ast.literal_eval(plain)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        try:
            value = json.loads(plain)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", number_text(str(value))
    try:
        return "literal", repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits
        return None


def _number_in(plain: str) -> str | None:
    """The number that a span is, with its currency, percent sign or right-hand side."""
    side = plain.rsplit("=", 1)[-1].strip() if "=" in plain and "==" not in plain else plain
    bare = _UNIT_AFTER.sub("", side).strip(" $€£¥%").strip()
    if found := NUMBER.fullmatch(bare):
        return number_text(found.group())
    value = arithmetic(bare)
    return None if value is None else number_text(f"{value:.12g}")


def _formula(plain: str) -> tuple[Kind, str]:
    text = (
        plain.rsplit("=", 1)[-1]
        if re.match(r"^\s*[a-zA-Z](\([a-z]\))?\s*=[^=]+$", plain)
        else plain
    )
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    text = re.sub(r"\\frac\s*(\w)\s*(\w)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\(?:cdot|times)|·|×", "*", text).replace("π", "\\pi").replace("√", "\\sqrt")
    text = re.sub(r"\^\{(\w)\}", r"^\1", text).replace("**", "^")
    return "formula", re.sub(r"[\s*]+", "", text)


# A formula of numbers alone is worked out: + - * / ^, sqrt, frac, pi.

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_LATEX: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"((\1)/(\2))"),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r"((\1)/(\2))"),
    (re.compile(r"\\sqrt\s*\[(\d+)\]\s*\{([^{}]*)\}"), r"((\2)^(1/\1))"),
    (re.compile(r"(?:\\sqrt|√|\bsqrt)\s*[{(]([^{}()]*)[})]"), r"((\1)^(1/2))"),
    (re.compile(r"(?:\\sqrt|√)\s*(\d+)"), r"((\1)^(1/2))"),
    (re.compile(r"\\pi\b|π"), "(3.141592653589793)"),
    (re.compile(r"\\(?:cdot|times)\b|[·×]"), "*"),
    (re.compile(r"\\div\b|÷"), "/"),
)
_ARITHMETIC = re.compile(r"[\d\s.+\-*/^()]+")
_SIDE_BY_SIDE = re.compile(r"(?<=[\d)])\s*(?=\()|(?<=\))\s*(?=\d)")


def arithmetic(text: str) -> float | None:
    """What a sum of numbers comes to; `None` where it is none, or has no finite real value."""
    if len(text) > 200 or not re.search(r"\d|\\pi\b|π", text):
        return None
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.replace("−", "-"))
    for _ in range(4):
        before = text
        for pattern, into in _LATEX:
            text = pattern.sub(into, text)
        if text == before:
            break
    text = text.replace("{", "(").replace("}", ")")
    if not _ARITHMETIC.fullmatch(text):
        return None
    text = _SIDE_BY_SIDE.sub("*", text).replace("^", "**")
    try:
        value = _work_out(ast.parse(text.strip(), mode="eval").body)
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError, TypeError):
        return None
    return value if math.isfinite(value) else None


def _work_out(node: Any) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _work_out(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        result = _OPERATORS[type(node.op)](_work_out(node.left), _work_out(node.right))
        if isinstance(result, complex):
            raise ValueError("not real")
        return result
    raise ValueError("no arithmetic")
