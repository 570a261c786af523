"""Compare formulas by meaning: terms in another order, lists, intervals, matrices."""

from __future__ import annotations

import cmath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lc_asym_router.verify.answers.algebra import NoFormula, Value, point, value_at, variables_of

MOST = 30
"""Members of a list that are compared."""

COMPARISONS = 2_000
"""Comparisons of members, of lists within lists too; what takes more is held to differ."""

_POINTS = 4
_SAME_SIGN = (
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:cdot|times|ast)(?![a-zA-Z])|[·×∙]"), "*"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\\div(?![a-zA-Z])|÷"), "/"),
    (re.compile(r"\\leq?(?:slant)?(?![a-zA-Z])|≤|<="), "≤"),
    (re.compile(r"\\geq?(?:slant)?(?![a-zA-Z])|≥|>="), "≥"),
    (re.compile(r"\\neq?(?![a-zA-Z])|≠|!="), "≠"),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\in(?![a-zA-Z])|∈"), "∈"),
    (re.compile(r"\\cup(?![a-zA-Z])|∪"), "∪"),
    (re.compile(r"\\pm(?![a-zA-Z])|±|\+/-"), "±"),
    (re.compile(r"\\infty(?![a-zA-Z])|∞|\binfinity\b"), "∞"),
    (re.compile(r"\\(?:varnothing|emptyset)(?![a-zA-Z])|∅"), "∅"),
    (re.compile(r"\\[lr]?vert(?![a-zA-Z])|\\\|"), "|"),
    (re.compile(r"\\[lr]brace(?![a-zA-Z])"), ""),
    (re.compile(r"π"), r"\\pi "),
    (re.compile(r"√"), r"\\sqrt "),
    (re.compile(r"−"), "-"),
    (re.compile(r"(?<=\d)\{,\}(?=\d)"), ""),
    (re.compile(r"²"), "^2"),
    (re.compile(r"³"), "^3"),
    (re.compile(r"\^\{?\\circ\}?|°|\\degree(?![a-zA-Z])"), ""),
    (re.compile(r"_\{(\w)\}"), r"_\1"),
)
_THOUSANDS = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,]|\s*,)")
_ASSIGNED = re.compile(r"\s*+([a-zA-Z](?:_\w)?)\s*+(?:\([a-zA-Z](?:,\s*[a-zA-Z])*\)\s*+)?=([^=]+)")
_RELATION = re.compile(r"[<>≤≥≠=∈]")
_TURNED = str.maketrans("<>≤≥", "><≥≤")
_MATRIX = re.compile(r"\\begin\{([pbvBV]?)matrix\}(.{1,400}?)\\end\{\1matrix\}", re.DOTALL)
_WORDED = re.compile(r"\b(?:and|or|und|oder)\b")
_OPENERS, _CLOSERS = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class _Work:
    """How deep a comparison is, and the comparisons that may still be made."""

    depth: int
    left: Iterator[int]

    def deeper(self) -> _Work:
        return _Work(self.depth + 1, self.left)

    def count(self) -> None:
        if next(self.left, None) is None:
            raise _TooMuch


class _TooMuch(Exception):
    """All comparisons are used up."""


def plain_formula(text: str) -> str:
    """A formula with one sign for each meaning."""
    for pattern, into in _SAME_SIGN:
        text = pattern.sub(into, text)
    return _THOUSANDS.sub(lambda found: found.group().replace(",", ""), text).strip()


def equal(one: str, other: str) -> bool:
    """Whether two formulas mean the same; where that can't be told, whether they look the same.

    Formulas with variables are worked out at a few points. Lists, sets and unions mean the same in
    any order; points, intervals and matrices do not.
    """
    one, other = plain_formula(one), plain_formula(other)
    try:
        return _equal(one, other, _Work(0, iter(range(COMPARISONS))))
    except _TooMuch:
        return False


def members(text: str) -> list[str]:
    """The members of a list or set ("1, 2", "x = 1 or x = 2", "±3"); one where it is no list."""
    text = _inner_set(text)
    parts = [part for piece in _cut(text, ",;∪") for part in _WORDED.split(piece)]
    parts = [part.strip() for part in parts if part.strip()]
    names = [found.group(1) for part in parts if (found := _ASSIGNED.fullmatch(part))]
    if len(set(names)) == 1:  # "x = 1 or 2": what else is assigned stays
        parts = [
            found.group(2).strip() if (found := _ASSIGNED.fullmatch(part)) else part
            for part in parts
        ]
    return [signed for part in parts for signed in _both_signs(part)]


def _both_signs(text: str) -> list[str]:
    if text.count("±") != 1:
        return [text]
    return [text.replace("±", "+").lstrip("+ "), text.replace("±", "-")]


def _equal(one: str, other: str, work: _Work) -> bool:
    if _squeezed(one) == _squeezed(other):
        return True
    if work.depth > 4:
        return False
    work.count()
    ours, theirs = members(one), members(other)
    if len(ours) != len(theirs) or not ours:
        return False
    if len(ours) > 1:
        return len(ours) <= MOST and _matched(ours, theirs, work)
    return _same_member(ours[0], theirs[0], work)


def _matched(ours: Sequence[str], theirs: Sequence[str], work: _Work) -> bool:
    """Whether each member of one list has its own in the other."""
    left = list(theirs)
    for member in ours:
        for at, candidate in enumerate(left):
            if _same_member(member, candidate, work):
                del left[at]
                break
        else:
            return False
    return True


def _same_member(one: str, other: str, work: _Work) -> bool:
    work.count()
    first, second = _MATRIX.fullmatch(one), _MATRIX.fullmatch(other)
    if first or second:
        return bool(first and second) and _in_order(_cells(one), _cells(other), work)
    ours, theirs = _sequence(one), _sequence(other)
    if ours or theirs:
        return ours[:1] == theirs[:1] and _in_order(ours[1:], theirs[1:], work)
    signs, others = _RELATION.findall(one), _RELATION.findall(other)
    if signs or others:
        return _same_relation(one, other, signs, others, work)
    return _same_values(one, other)


def _in_order(ours: Sequence[str], theirs: Sequence[str], work: _Work) -> bool:
    return len(ours) == len(theirs) <= MOST and all(
        _equal(first, second, work.deeper()) for first, second in zip(ours, theirs, strict=True)
    )


def _cells(text: str) -> list[str]:
    found = _MATRIX.fullmatch(text)
    if not found:
        return []
    rows = [row for row in re.split(r"\\\\|\\(?=\s|\d|$)", found.group(2)) if row.strip()]
    # The widths of the rows and whether it is a determinant are part of it.
    shape = f"{found.group(1) in 'vV' and bool(found.group(1))}{[row.count('&') for row in rows]}"
    return [shape, *(cell.strip() for row in rows for cell in row.split("&"))]


def _sequence(text: str) -> list[str]:
    """The brackets and the members of a point or an interval; nothing where it is neither."""
    if len(text) < 2 or text[0] not in "([" or text[-1] not in ")]":
        return []
    parts = _cut(text[1:-1], ",;")
    return [text[0] + text[-1], *parts] if len(parts) > 1 else []


def _same_relation(
    one: str, other: str, signs: Sequence[str], others: Sequence[str], work: _Work
) -> bool:
    ours, theirs = _RELATION.split(one), _RELATION.split(other)
    if signs == others and _in_order(ours, theirs, work):
        return True
    turned = [sign.translate(_TURNED) for sign in reversed(others)]
    if signs == turned and "∈" not in signs and _in_order(ours, theirs[::-1], work):
        return True
    first, second = _side(one), _side(other)
    return (
        (first, second) != (one, other)
        and bool(not _RELATION.search(first) and not _RELATION.search(second))
        and _same_left(one, other)
        and _same_values(first, second)
    )


def _side(text: str) -> str:
    """The right-hand side of "y = 2x + 3"."""
    found = _ASSIGNED.fullmatch(text)
    return found.group(2).strip() if found else text


def _same_left(one: str, other: str) -> bool:
    """Whether both are assigned to the same variable, or one to none."""
    names = [
        found.group(1) if (found := _ASSIGNED.fullmatch(side)) else "" for side in (one, other)
    ]
    return names[0] == names[1] or not all(names)


def _same_values(one: str, other: str) -> bool:
    """Whether two terms come to the same at a few points."""
    try:
        names = variables_of(one)
        if names != variables_of(other):
            return False
        for place in range(_POINTS if names else 1):
            at = {name: point(name, place) for name in names}
            first, second = value_at(one, at), value_at(other, at)
            if not _near(first, second):
                return False
    except NoFormula:
        return False
    return True


def _near(one: Value, other: Value) -> bool:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        if one.denominator == other.denominator == 1:
            return one == other
        return abs(one - other) <= max(abs(one), abs(other)) * Fraction(1, 10**9)
    try:
        return cmath.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    except OverflowError:  # one of them is exact, and larger than a float
        return False


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _inner_set(text: str) -> str:
    """What stands between the braces of a set."""
    text = text.strip()
    found = re.fullmatch(r"\\?\{(.*?)\\?\}", text, re.DOTALL)
    return found.group(1) if found and _balanced(found.group(1)) else text


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in _OPENERS) - (char in _CLOSERS)
        if depth < 0:
            return False
    return depth == 0


def _cut(text: str, separators: str) -> list[str]:
    """The parts between separators that stand in no bracket and in no matrix."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth = max(0, depth + (char in _OPENERS) - (char in _CLOSERS))
        if depth == 0 and char in separators:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:])]
