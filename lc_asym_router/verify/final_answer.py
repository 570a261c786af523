"""The final answer that a text comes to, and whether two of them mean the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lc_asym_router.schemas import SchemaError, parse_json
from lc_asym_router.verify.values import LONGEST, NUMBER, Kind, close, number_text, value_of, words

SHORT = 15
"""Words up to which a text without a marked answer is taken as the answer itself."""


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What a text comes to.

    Attributes:
        kind: Number, choice (a letter), JSON, a literal of Python, a formula, or text.
        value: Normalised, so that equal values mean the same.
        raw: The span as it stood in the text.
        marked: Whether the text marks it as its answer.
    """

    kind: Kind
    value: str
    raw: str = field(default="", compare=False)
    marked: bool = field(default=False, compare=False)


_MARKED = (
    re.compile(r"####\s*(.+)"),
    re.compile(r"(?is)\[answer\](.{1,4000}?)\[/answer\]"),
    re.compile(r"(?i)\bfinal answer\b[\s:=]{0,9}(?:is\b[\s:=]{0,9})?(.+)"),
    re.compile(r"(?i)\bthe (?:correct )?answer\s{0,9}(?:is\b|:)[\s:]{0,9}(.+)"),
    re.compile(r"(?im)^[ \t]{0,9}answer\s{0,9}[:=]\s{0,9}(.+)"),
    re.compile(r"(?m)^A:[ \t]{0,9}(.+)"),
    re.compile(r"(?m)^[ \t]{0,9}assert\s[^\n]{1,999}?==[ \t]{0,9}(.+)"),
)
_WORKING = frozenset(
    {"reasoning", "reason", "explanation", "thought", "thoughts", "steps", "rationale", "analysis"}
)
_ANSWER = ("answer", "final_answer", "final answer", "result", "output")
_FIELD = re.compile(r'"(?:final[_ ])?answer"\s*:\s*', re.IGNORECASE)
_CODE = re.compile(
    r"\[PYTHON\]|\bdef \w{1,80}\(|\bassert \S|\breturn \w|;[ \t]{0,9}$|\bprint\(", re.MULTILINE
)
_NEGATIONS = frozenset({"not", "no", "never", "neither", "nor", "isn't", "doesn't", "don't"})
_ESCAPED = {"\x0c": "\\f", "\x08": "\\b", "\t": "\\t", "\r": "\\r"}


def final_answer(text: str) -> FinalAnswer:
    """The answer that a text comes to: what it marks as such, else its last number, else itself.

    JSON that holds the working and an answer comes to its answer; broken JSON of that shape too.
    """
    if (data := _json(text)) is not None:
        span = _answer_field(data)
        if span is None:
            value = json.dumps(data, sort_keys=True, ensure_ascii=False)
            return FinalAnswer("json", value, text.strip(), marked=True)
        return _marked(span)
    if "{" in text and (span := _broken_field(text)) is not None:
        return _marked(span)
    plain = re.sub(r"[*_`$]+", "", text).strip()
    if (boxed := _boxed(text)) is not None:
        return _marked(boxed)
    for marker in _MARKED:
        if found := marker.findall(plain):
            return _marked(found[-1].strip())
    if len(plain.split()) <= SHORT:
        kind, value = value_of(plain)
        return FinalAnswer(kind, value, text.strip())
    last = re.split(r"(?<=[.!?])\s+|\n+", plain)[-1]
    if numbers := NUMBER.findall(last):
        return FinalAnswer("number", number_text(numbers[-1]), numbers[-1])
    return FinalAnswer("text", words(plain), plain)


def asks_for_output(question: str) -> bool:
    """Whether a question is about what code gives: there every character of an answer counts."""
    return bool(_CODE.search(question[: LONGEST * 5]))


def same(
    one: FinalAnswer, other: FinalAnswer, overlap: float = 0.8, *, exact: bool = False
) -> bool:
    """Whether two final answers mean the same.

    Numbers also where one is the other rounded, or in percent. Texts with or without quotes. Short
    texts mean the same where one's words stand in the other ("Paris" and "The capital of France is
    Paris.") and no "not" makes the difference; long ones where the share of words that they have in
    common (Dice) reaches `overlap`, in [0, 1].

    Args:
        one: A final answer.
        other: Another.
        overlap: See above.
        exact: Whether they must be alike to the letter, but for the quotes around them; unmarked
            texts of more than `SHORT` words are compared as ever.
    """
    if exact and _brief(one) and _brief(other):
        return _unquoted(one) == _unquoted(other) or (
            one.kind == other.kind == "literal" and one.value == other.value
        )
    if one == other:
        return one.kind != "text" or bool(one.value) or _unquoted(one) == _unquoted(other)
    if one.kind == other.kind == "number":
        return close(one.value, other.value) or _percent(one, other)
    if "literal" in (one.kind, other.kind):
        return _unquoted(one) == _unquoted(other)
    if one.kind != "text" or other.kind != "text":
        return False
    return _same_words(one.value.split(), other.value.split(), overlap)


def _brief(answer: FinalAnswer) -> bool:
    return answer.kind != "json" and (answer.marked or len(answer.raw.split()) <= SHORT)


def _same_words(first: list[str], second: list[str], overlap: float) -> bool:
    if not first or not second:
        return False
    short, long = sorted((first, second), key=len)
    if (_NEGATIONS & set(short)) != (_NEGATIONS & set(long)):
        return False
    if len(long) <= SHORT and f" {' '.join(short)} " in f" {' '.join(long)} ":
        return True
    if len(short) < 4:
        return False
    common = (Counter(short) & Counter(long)).total()
    return 2 * common / (len(short) + len(long)) >= overlap


def _percent(one: FinalAnswer, other: FinalAnswer) -> bool:
    """Whether one is the other in percent: "20%" and "0.2"."""
    for percent, plain in ((one, other), (other, one)):
        if "%" in percent.raw and "%" not in plain.raw:
            return close(number_text(f"{percent.value}/100"), plain.value)
    return False


def _unquoted(answer: FinalAnswer) -> str:
    """The span for comparison to the letter: quotes and outer spaces off."""
    if answer.kind == "literal" and answer.value[:1] in "'\"" and answer.value:
        return _plain_literal(answer.value)
    return answer.raw.strip().strip("'\"`").strip()


def _plain_literal(value: str) -> str:
    return value[1:-1].replace("\\'", "'").replace("\\\\", "\\").strip().strip("'\"`").strip()


def _marked(span: Any) -> FinalAnswer:
    if isinstance(span, dict | list):
        value = json.dumps(span, sort_keys=True, ensure_ascii=False)
        if isinstance(span, list):
            return FinalAnswer("literal", repr(span), value, marked=True)
        return FinalAnswer("json", value, value, marked=True)
    text = span if isinstance(span, str) else json.dumps(span)
    text = text.strip()
    if (boxed := _boxed(text)) is not None:
        text = boxed
    if assertion := _MARKED[-1].match(text):
        text = assertion.group(1)
    kind, value = value_of(text)
    return FinalAnswer(kind, value, text, marked=True)


def _json(text: str) -> Any:
    """A JSON object or list that the text is, or that stands between its outer braces."""
    candidates = [text]
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end and (start or end + 1 < len(text.rstrip())) and _FIELD.search(text):
        candidates.append(text[start : end + 1])
    for candidate in candidates:
        try:
            data = parse_json(candidate)
        except (SchemaError, RecursionError):
            continue
        if isinstance(data, dict | list):
            return data
    return None


def _answer_field(data: Any) -> Any:
    """The answer of JSON that holds nothing beside it but the working; else `None`."""
    if not isinstance(data, Mapping):
        return None
    names = {str(name).lower(): name for name in data}
    for key in _ANSWER:
        if key in names and names.keys() - {key} <= _WORKING:
            value = data[names[key]]
            return _tex(value) if isinstance(value, str) else value
    return None


def _broken_field(text: str) -> str | None:
    """The answer field of JSON that can't be parsed (bare line ends, LaTeX without escapes)."""
    found = list(_FIELD.finditer(text))
    if not found:
        return None
    rest = text[found[-1].end() :][:LONGEST].rstrip("` \n\t")
    if rest.startswith('"'):
        closed = re.match(r'"((?:[^"\\]|\\.)*)"\s*(?:[,}]|$)', rest, re.DOTALL)
        span = closed.group(1) if closed else rest[1:].split("\n")[0].rstrip('",} ')
    else:
        span = re.split(r"\n", rest)[0].strip().rstrip(",")
        span = span[:-1] if span.endswith("}") and span.count("}") > span.count("{") else span
    return span.replace("\\\\", "\\").replace('\\"', '"').strip()


def _tex(text: str) -> str:
    """LaTeX that JSON took for escapes: "\\frac" with one backslash is a form feed and "rac"."""
    return re.sub(r"[\x0c\x08\t\r](?=[a-z])", lambda found: _ESCAPED[found.group()], text)


def _boxed(text: str) -> str | None:
    """What the last \\boxed{...} holds, braces within it included."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    begin = start + len("\\boxed")
    for place in range(begin, min(len(text), begin + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + 1 : place]
    return None
