"""Answers in JSON, valid or broken, and data in Python's notation: parse and compare them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from lc_asym_router._internal.imports import word_set
from lc_asym_router._internal.schemas import SchemaError, parse_json, too_deep
from lc_asym_router.verify.answers.numerals import number_text

LONGEST = 4000
"""Characters of an answer's field that are looked at."""

_WORKING = word_set(
    "reasoning reason explanation thought thoughts steps rationale analysis thinking "
    "justification confidence working work cot comment comments notes question problem "
    "solution scratchpad"
) | {"chain of thought", "step by step", "step by step reasoning", "thought process"}
_ANSWER = (
    "final answer",
    "answer",
    "correct answer",
    "correct option",
    "correct choice",
    "selected option",
    "answer choice",
    "choice",
    "result",
    "output",
    "solution",
    "prediction",
)
_FIELD = re.compile(
    r"""["'](?:final[_ ]?answer|answer|correct[_ ](?:answer|option|choice)|solution)["']\s*:\s*""",
    re.IGNORECASE,
)
_FENCED = frozenset({"", "json", "jsonc", "json5", "python"})
"""The languages of fenced blocks that may hold JSON."""
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')
_ESCAPED = {"\x0c": "\\f", "\x08": "\\b", "\t": "\\t", "\r": "\\r"}
_BRACKETS = {"{": "}", "[": "]"}
_DEEPEST = 60
MISSING = object()
"""No answer is to be found."""


def data_in(text: str) -> Any:
    """A JSON object or list that the text is, or that it holds as its answer; else `None`."""
    candidates = [text]
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end and _FIELD.search(text):
        candidates += [found for found in _fenced(text)[-1:] if found[0] == "{"]
        if start or end + 1 < len(text.rstrip()):
            candidates.append(text[start : end + 1])
    for candidate in candidates:
        try:
            data = parse_json(candidate)
        except (SchemaError, RecursionError):
            continue
        if isinstance(data, dict | list):
            return data
    return None


def _fenced(text: str) -> list[str]:
    """The objects and lists that stand in closed fences."""
    blocks = (block.partition("\n") for block in text.split("```")[1:-1:2])
    inner = [body.strip() for language, _, body in blocks if language.strip() in _FENCED]
    return [body for body in inner if body.startswith(("{", "["))]


def answer_field(data: Any) -> Any:
    """The answer of JSON that holds nothing beside it but the working; else `MISSING`."""
    if not isinstance(data, Mapping):
        return MISSING
    names = {re.sub(r"[\s_-]+", " ", str(name)).lower().strip(): name for name in data}
    for key in _ANSWER:
        if key in names and names.keys() - {key} <= _WORKING:
            value = data[names[key]]
            return _tex(value) if isinstance(value, str) else value
    return MISSING


def broken_field(text: str) -> Any:
    """The answer field of JSON that can't be parsed (bare line ends, LaTeX, cut off); or `MISSING`."""
    found = list(_FIELD.finditer(text))
    if not found:
        return MISSING
    rest = text[found[-1].end() :]
    inner = _whole(rest) if rest[:1] in _BRACKETS else None
    if inner is not None and (data := lenient(inner)) is not None:
        return data
    if rest.startswith("{"):  # cut off: no answer, but none that another can be mistaken for
        return MISSING
    rest = rest[:LONGEST].rstrip("` \n\t")
    quote = rest[:1]
    if quote in ('"', "'") and quote:
        closed = re.match(rf"{quote}((?:[^{quote}\\]|\\.)*){quote}\s*(?:[,}}]|$)", rest, re.DOTALL)
        span = closed.group(1) if closed else rest[1:].split("\n")[0].rstrip("\"',} ")
    else:
        span = re.split(r"\n", rest)[0].strip().rstrip(",")
        span = span[:-1] if span.endswith("}") and span.count("}") > span.count("{") else span
    return span.replace("\\\\", "\\").replace('\\"', '"').strip()


def lenient(text: str) -> Any:
    """JSON with what models get wrong in it: bare line ends, commas too many, Python's quotes.

    `None` where it is no object and no list even so.
    """
    if too_deep(text):
        return None
    repaired = _BAD_ESCAPE.sub(r"\\\\", re.sub(r",(\s{0,99}[}\]])", r"\1", text))
    for candidate in (text, repaired):
        try:
            data = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        return data if isinstance(data, dict | list) else None
    if len(text) <= LONGEST and not re.search(r"\\(?![\\'\"nrt])|\d[a-zA-Z]", text):
        try:
            data = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
        return data if isinstance(data, dict) else None
    return None


def begins_json(text: str) -> bool:
    """Whether a text begins as JSON with its working first."""
    start = text.lstrip()[:300]
    return (
        bool(re.match(r"(?:```\w*\s*)?\{\s*[\"'][^\"'\n]{0,60}[\"']\s*:", start))
        or '"reasoning"' in start
    )


def normalized_data(data: Any, depth: int = 0) -> Any:
    """Data for comparison by meaning: keys and texts without case, numbers in one form."""
    if depth > _DEEPEST:
        return repr(data)
    if isinstance(data, Mapping):
        return {_text(str(key)): normalized_data(value, depth + 1) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [normalized_data(value, depth + 1) for value in data]
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int | float):
        return _number(str(data))
    return _number(_text(str(data)))


def literal_text(value: Any) -> str:
    """Python's notation of a value, with sets and dicts in one order.

    Raises:
        ValueError: An integer has too many digits.
        RecursionError: It is nested too deep.
    """
    if isinstance(value, dict):
        entries = sorted((literal_text(key), literal_text(held)) for key, held in value.items())
        return "{" + ", ".join(f"{key}: {held}" for key, held in entries) + "}"
    if isinstance(value, set | frozenset) and value:
        return "{" + ", ".join(sorted(map(literal_text, value))) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal_text, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal_text, value)) + (",)" if len(value) == 1 else ")")
    return repr(value)


def _whole(text: str) -> str | None:
    """The object or list that a text begins with, by its brackets outside of strings."""
    depth, quoted, escaped = 0, False, False
    for at, char in enumerate(text[:60_000]):
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return text[: at + 1]
    return None


def _text(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text).strip(" .").casefold()


def _number(text: str) -> str:
    number = number_text(text)
    return number if re.fullmatch(r"-?\d+(?:\.\d+)?", number) else text


def _tex(text: str) -> str:
    """LaTeX that JSON took for escapes: "\\frac" with one backslash is a form feed and "rac"."""
    return re.sub(r"[\x0c\x08\t\r](?=[a-z])", lambda found: _ESCAPED[found.group()], text)
