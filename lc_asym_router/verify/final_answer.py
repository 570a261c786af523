"""The final answer that a text comes to, and whether two of them mean the same."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from lc_asym_router.schemas import SchemaError, parse_json

SHORT = 15
"""Words up to which a text without a marked answer is taken as the answer itself."""

Kind = Literal["json", "number", "choice", "text"]


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What a text comes to.

    Attributes:
        kind: Number, choice (a letter), JSON, or text.
        value: Normalised, so that equal values mean the same.
    """

    kind: Kind
    value: str


_NUMBER = re.compile(r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)(?:\s*/\s*\d+)?")
_MARKED = (
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r"####\s*(.+)"),
    re.compile(r"(?i)\bfinal answer\b\s*(?:is|:|=)*\s*:?\s*(.+)"),
    re.compile(r"(?i)\bthe (?:correct )?answer\s*(?:is|:)\s*:?\s*(.+)"),
    re.compile(r"(?im)^\s*answer\s*[:=]\s*(.+)"),
)
_CHOICE = re.compile(r"(?:option |choice )?\(?([A-Ja-j])\)?(?:[.):]|$)(?:\s.*)?", re.DOTALL)
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIONS = frozenset({"not", "no", "never", "neither", "nor", "isn't", "doesn't", "don't"})


def final_answer(text: str) -> FinalAnswer:
    """The answer that a text comes to: what it marks as such, else its last number, else itself."""
    plain = re.sub(r"[*_`$]+", "", text).strip()
    try:
        data = parse_json(text)
    except SchemaError:
        pass
    else:
        if isinstance(data, dict | list):
            return FinalAnswer("json", json.dumps(data, sort_keys=True, ensure_ascii=False))
    for marker in _MARKED:
        if found := marker.findall(plain):
            return _classify(found[-1].strip())
    if len(plain.split()) <= SHORT:
        return _classify(plain)
    last = re.split(r"(?<=[.!?])\s+|\n+", plain)[-1]
    if numbers := _NUMBER.findall(last):
        return FinalAnswer("number", _number(numbers[-1]))
    return FinalAnswer("text", _words(plain))


def same(one: FinalAnswer, other: FinalAnswer, overlap: float = 0.8) -> bool:
    """Whether two final answers mean the same.

    Short texts mean the same where one's words stand in the other ("Paris" and "The capital of
    France is Paris.") and no "not" makes the difference; long ones where the share of words that
    they have in common (Dice) reaches `overlap`, in [0, 1].
    """
    if one.kind != other.kind or one.kind != "text" or one.value == other.value:
        return one == other
    first, second = one.value.split(), other.value.split()
    if not first or not second:
        return False
    short, long = sorted((first, second), key=len)
    if (_NEGATIONS & set(short)) != (_NEGATIONS & set(long)):
        return False
    if len(long) <= SHORT and f" {' '.join(short)} " in f" {' '.join(long)} ":
        return True
    if len(short) < 4:
        return False
    common = sum(min(short.count(word), long.count(word)) for word in set(short))
    return 2 * common / (len(short) + len(long)) >= overlap


def _classify(span: str) -> FinalAnswer:
    span = span.strip().rstrip(".")
    if choice := _CHOICE.fullmatch(span):
        return FinalAnswer("choice", choice.group(1).upper())
    numbers = _NUMBER.findall(span)
    if len(numbers) == 1:
        return FinalAnswer("number", _number(numbers[0]))
    if numbers and "=" in span:
        return FinalAnswer("number", _number(numbers[-1]))
    return FinalAnswer("text", _words(span))


def _number(text: str) -> str:
    plain = text.replace(",", "").replace("−", "-").replace(" ", "")
    try:
        if "/" in plain:
            above, below = plain.split("/")
            value = Decimal(above) / Decimal(below)
        else:
            value = Decimal(plain)
    except (InvalidOperation, ZeroDivisionError):
        return plain
    return f"{value.normalize():f}"


def _words(text: str) -> str:
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))
    return " ".join(word for word in words if word not in _ARTICLES)
