"""What a sum of numbers comes to, in plain signs or in LaTeX."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

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
_MIXED = re.compile(r"(?<![\w.}])(\d{1,9})\s*\\[dt]?frac\s*\{(\d{1,9})\}\s*\{(\d{1,9})\}")
_ARITHMETIC = re.compile(r"[\d\s.+\-*/^()]+")
_SIDE_BY_SIDE = re.compile(r"(?<=[\d)])\s*(?=\()|(?<=\))\s*(?=\d)")


def arithmetic(text: str) -> float | None:
    """What a sum of numbers comes to; `None` where it is none, or has no finite real value."""
    if len(text) > 200 or not re.search(r"\d|\\pi\b|π", text):
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
    text = _SIDE_BY_SIDE.sub("*", text).replace("^", "**")
    try:
        value = _work_out(ast.parse(text.strip(), mode="eval").body)
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError, TypeError):
        return None
    return value if math.isfinite(value) else None


def _mixed(found: re.Match[str]) -> str:
    """A mixed number: "1\\frac{1}{2}" is a half more than one, not a half of it."""
    whole, above, below = found.groups()
    sign = "+" if int(above) < int(below) else "*"
    return f"(({whole}){sign}(({above})/({below})))"


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
