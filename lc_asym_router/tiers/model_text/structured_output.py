"""JSON in an answer that says more than JSON: behind thinking, in fences, among prose."""

from __future__ import annotations

import json
import re
from typing import Any

from lc_asym_router.tiers.model_text._spans import CodeSpans
from lc_asym_router.tiers.model_text._values import UnreadableError, bracketed, json_value
from lc_asym_router.tiers.model_text.thinking import split_thinking

LONGEST = 2_000_000
"""Characters of an answer that are looked at."""

_BRACKET = re.compile(r"[{\[]")
_BEGINS_DATA = re.compile(r'\{\s*+"|\[\s*+[{\["]')


def json_in(text: str) -> Any:
    """The JSON of an answer: the likeliest of `json_candidates`.

    Raises:
        ValueError: It holds none that can be read. The message holds no text of the answer.
    """
    candidates = json_candidates(text)
    if not candidates:
        raise ValueError("it is no JSON")
    return candidates[0]


def json_candidates(text: str) -> tuple[Any, ...]:
    """The JSON values that may be an answer's data, the likeliest first.

    What stands behind the thinking counts. Where that is JSON as a whole, or one fence with JSON
    in it, it is the only one. Else come objects and lists in fences, from the last, then those
    among the prose, from the last, objects before lists; nothing within data that were cut off. A
    reader with a schema takes the first that fits it. The time is linear in the text; values nested
    deeper than 60 levels are none.
    """
    answer = split_thinking(text).answer.strip()
    if not answer or len(answer) > LONGEST:
        return ()
    spans = CodeSpans(answer)
    whole = _whole(answer)
    if whole is None and len(spans.fences) == 1:
        fence = spans.fences[0]
        if fence.start == 0 and fence.end == len(answer) and fence.closed:
            whole = _whole(fence.inside)
    if whole is not None:
        return whole
    fenced = [
        value[0]
        for fence in spans.fences
        if fence.inside[:1] in ("{", "[") and (value := _whole(fence.inside)) is not None
    ]
    return (*fenced[::-1], *_among_prose(answer, spans))


def _whole(text: str) -> tuple[Any] | None:
    try:
        if text[:1] in ("{", "["):
            value, end = json_value(text, 0)
            return None if text[end:].strip() else (value,)
        return (json.loads(text, strict=False),)
    except (ValueError, RecursionError):
        return None


def _among_prose(text: str, spans: CodeSpans) -> list[Any]:
    """The objects, then the lists, that stand in prose; each kind from the last."""
    found: list[Any] = []
    at, budget = 0, 8 * len(text) + 1000
    while budget > 0 and (bracket := _BRACKET.search(text, at)):
        code = spans.around(bracket.start())
        if code and text.startswith("```", code[0]):
            at = code[1]
            continue
        try:
            value, at = json_value(text, bracket.start())
            found.append(value)
        except UnreadableError:
            cost, closed = _cost(text, bracket.start())
            if not closed and _BEGINS_DATA.match(text, bracket.start()):
                break  # data that was cut off: what stands within is a part of it
            budget -= cost
            at = bracket.end()
    objects = [value for value in found if isinstance(value, dict)]
    lists = [value for value in found if isinstance(value, list)]
    return [*objects[::-1], *lists[::-1]]


def _cost(text: str, at: int) -> tuple[int, bool]:
    """About how many characters were read in vain at a bracket, and whether that is closed."""
    try:
        return bracketed(text, at) - at, True
    except UnreadableError:
        return len(text) - at, False
