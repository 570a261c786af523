"""Evaluate arithmetic, in plain notation or in LaTeX."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from lc_asym_router.verify.answers import exact

LONGEST = 200
"""Characters of a sum that is worked out."""

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
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
_MIXED = re.compile(r"(?<![\w.}])(\d{1,9})\s*\\[dt]?frac\s*\{(\d{1,9})\}\s*\{(\d{1,9})\}")
_ARITHMETIC = re.compile(r"[\d\s.+\-*/^()]+")
_SIDE_BY_SIDE = re.compile(r"(?<=[\d)])\s*(?=\()|(?<=\))\s*(?=\d)")


def arithmetic(text: str) -> float | None:
    """Return the value of an arithmetic expression; `None` where it is none, or has no finite real
    value.
    """
    value = worked_out(text)
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def worked_out(text: str) -> Fraction | float | None:
    """The same, exact where no root is taken and it has at most some 1,200 digits.

    Towers of powers and the like are not worked out: their size is estimated first.
    """
    if len(text) > LONGEST or not re.search(r"\d|\\pi\b|π", text):
        return None
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.replace("−", "-"))
    text = _MIXED.sub(_mixed, text)
    for _ in range(4):
        before = text
        for pattern, into in _LATEX:
            text = pattern.sub(into, text)
        if text == before:
            break
    text = text.replace("{", "(").replace("}", ")")
    if not _ARITHMETIC.fullmatch(text):
        return None
    text = _SIDE_BY_SIDE.sub("*", text).replace("^", "**").strip()
    try:
        value = _work_out(ast.parse(text, mode="eval").body, text)
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError, TypeError):
        return None
    return value if isinstance(value, Fraction) or math.isfinite(value) else None


def _mixed(found: re.Match[str]) -> str:
    """A mixed number: "1\\frac{1}{2}" is a half more than one, not a half of it."""
    whole, above, below = found.groups()
    sign = "+" if int(above) < int(below) else "*"
    return f"(({whole}){sign}(({above})/({below})))"


def _work_out(node: Any, text: str) -> Fraction | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return exact.fraction_of(ast.get_source_segment(text, node) or "")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _work_out(node.operand, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        sides = _work_out(node.left, text), _work_out(node.right, text)
        if isinstance(node.op, ast.Pow):
            result = _power(*sides)
        elif type(node.op) in _OPERATORS:
            result = _OPERATORS[type(node.op)](*sides)
        else:
            raise ValueError("no arithmetic")
        if isinstance(result, complex):
            raise ValueError("not real")
        return exact.bounded_fraction(result) if isinstance(result, Fraction) else result
    raise ValueError("no arithmetic")


def _power(base: Fraction | float, exponent: Fraction | float) -> Fraction | float | complex:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        return exact.exact_power(base, exponent)
    result: float | complex = float(base) ** float(exponent)
    return result
