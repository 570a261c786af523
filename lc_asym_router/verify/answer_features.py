"""Features that distinguish right answers from wrong ones, for the learned verifier."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lc_asym_router.verify import working
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.answers.numerals import number_text

VERSION = 2
"""Raised with every change of a feature: a model of another version is refused."""

LONGEST = 8_000
"""Characters of a question and of an answer that are looked at: both ends of a longer one."""

_STATEMENTS = 40
"""Arithmetic statements that are worked out."""

_KINDS = ("number", "choice", "literal", "formula", "text", "json")
_OPTION = re.compile(r"(?m)^[ \t]{0,9}\(?([A-J])[.):][ \t]{0,9}(.+)$")
_COUNT = re.compile(r"(?i)\bhow many\b|\bnumber of\b|\bhow old\b")
_PART = re.compile(
    r"(?i)\bpercent|%|\bfraction\b|\bprobability\b|\bratio\b|\bhalf\b|\btwice\b|\bthird\b"
)
_CONDITION = re.compile(
    r"(?i)\b(?:if|each|every|per|than|after|before|then|until|except|unless|remaining|left)\b"
)
_VARIABLE = re.compile(r"(?<![a-zA-Z\\])[b-hj-zA-Z](?=\s*[-+*/=^)])")


@dataclass(frozen=True, slots=True)
class AnswerText:
    """An answer, read once.

    Attributes:
        text: The answer, or both its ends.
        final: What it comes to.
        working: The text without the answer's field, in lower case.
        numbers: The numbers of its working.
        statements: How many arithmetic statements it makes.
        wrong: How many of these are false.
        last: What the last of them comes to, or `None`.
        cut: Whether it seems to end before its end.
    """

    text: str
    final: FinalAnswer
    working: str
    numbers: Sequence[float]
    statements: int
    wrong: int
    last: float | None
    cut: bool


def read_answer(answer: str) -> AnswerText:
    """Read an answer for `features`."""
    text = _ends(answer)
    final = final_answer(text)
    body = text.rpartition('"answer"')[0] or text
    made = working.statements(body, _STATEMENTS)
    return AnswerText(
        text=text,
        final=final,
        working=body.lower(),
        numbers=working.numbers(body),
        statements=len(made),
        wrong=sum(working.wrong(*statement) for statement in made),
        last=made[-1][1] if made else None,
        cut=working.cut(text),
    )


def _ends(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}\n{text[-half:]}"


def answer_features(question: str, answer: AnswerText) -> dict[str, float]:
    """The features of a question and one answer to it, by name; all finite."""
    question = _ends(question)
    final = answer.final
    value = _float(final)
    asked = working.numbers(question)
    options = dict(_OPTION.findall(question))
    made: dict[str, float] = {
        # the question
        "q_length": math.log1p(len(question)),
        "q_numbers": math.log1p(len(asked)),
        "q_options": len(options),
        "q_count": bool(_COUNT.search(question)),
        "q_part": min(len(_PART.findall(question)), 4),
        "q_conditions": math.log1p(len(_CONDITION.findall(question))),
        # the answer's form
        "marked": final.marked,
        "cut": answer.cut,
        "length": math.log1p(len(answer.text)),
        "longer": math.log1p(len(answer.text)) - math.log1p(len(question)),
        "steps": math.log1p(working.steps(answer.text)),
        "squeezed": working.squeezed(answer.text),
        "repeated": working.repetition(answer.text),
        "doubts": math.log1p(working.doubts(answer.working)),
        "hedges": math.log1p(working.hedges(answer.working)),
        "variables": math.log1p(len(_VARIABLE.findall(answer.working))),
        "final_length": math.log1p(len(final.raw)),
        # its arithmetic
        "statements": math.log1p(answer.statements),
        "wrong": min(answer.wrong, 5),
        "wrong_part": answer.wrong / answer.statements if answer.statements else 0.0,
        "numbers": math.log1p(len(answer.numbers)),
        "large": math.log1p(min(1e30, max((abs(n) for n in answer.numbers), default=0.0))),
        "decimals": _part(answer.numbers, lambda number: number != int(number)),
        "used": _part(asked, set(answer.numbers).__contains__) if asked else 1.0,
    }
    for kind in _KINDS:
        made[f"kind_{kind}"] = final.kind == kind
    made.update(_of_number(value, final, asked, answer, bool(made["q_count"])))
    made.update(_of_choice(final, options, answer))
    return {name: float(number) for name, number in made.items()}


def second_features(question: str, answer: AnswerText, second: AnswerText) -> dict[str, float]:
    """The features of a second model's answer beside the first, by name; all finite."""
    one, other = answer.final, second.final
    first, later = _float(one), _float(other)
    alike = float(agree(question, one, other))
    gap = 1.0
    if first is not None and later is not None:
        gap = min(1.0, abs(first - later) / max(abs(first), abs(later), 1e-9))
    made: dict[str, float] = {
        "agree": alike,
        "agree_length": alike * min(math.log1p(len(one.raw)), 4.0),
        "agree_long": alike * math.log1p(len(second.text)),
        "s_marked": other.marked,
        "s_cut": second.cut,
        "s_gap": gap,
        "s_length": math.log1p(len(second.text)),
        "s_wrong": min(second.wrong, 2),
        "s_doubts": math.log1p(working.doubts(second.working)),
        "s_numbers": _overlap(answer.numbers, second.numbers),
        "s_mine": first is not None and first in second.numbers,
        "s_theirs": later is not None and later in answer.numbers,
    }
    return {name: float(number) for name, number in made.items()}


def _of_number(
    value: float | None, final: FinalAnswer, asked: Sequence[float], answer: AnswerText, count: bool
) -> dict[str, float]:
    if value is None:
        return {
            "whole": 0,
            "negative": 0,
            "magnitude": 0,
            "places": 0,
            "zero": 0,
            "not_whole": 0,
            "copied": 0,
            "reached": -1,
            "last": -1,
            "trailing": -1,
        }
    whole = value == int(value)
    places = len(final.value.partition(".")[2])
    tail = answer.numbers[-3:]
    return {
        "whole": whole,
        "negative": value < 0,
        "magnitude": math.log1p(min(abs(value), 1e30)),
        "places": min(places, 6),
        "zero": value == 0,
        "not_whole": count and not whole,
        "copied": value in asked,
        "reached": math.log1p(sum(number == value for number in answer.numbers)),
        "last": -1 if answer.last is None else abs(answer.last - value) < 0.006,
        "trailing": value in tail if tail else -1,
    }


def _of_choice(final: FinalAnswer, options: dict[str, str], answer: AnswerText) -> dict[str, float]:
    """Is the chosen option there, is it what the working came to, is another one?"""
    if final.kind != "choice" or not options:
        return {"c_there": -1, "c_named": -1, "c_others": 0, "c_value": -1, "c_nearest": -1}
    chosen = options.get(final.value)
    named = {letter for letter, text in options.items() if text.strip().lower() in answer.working}
    by_value = -1.0
    nearest = -1.0
    if chosen is not None and (numbers := working.numbers(chosen)) and answer.numbers:
        tail = answer.numbers[-6:]
        by_value = float(any(_near(numbers[0], number) for number in tail))
        nearest = float(numbers[0] in answer.numbers)
    return {
        "c_there": chosen is not None,
        "c_named": final.value in named,
        "c_others": len(named - {final.value}),
        "c_value": by_value,
        "c_nearest": nearest,
    }


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 0.01 * max(abs(one), abs(other))


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    first, second = set(one), set(other)
    return len(first & second) / len(first | second) if first or second else 0.5


def _part(numbers: Sequence[float], test: Callable[[float], bool]) -> float:
    return sum(map(test, numbers)) / len(numbers) if numbers else 0.0


def _float(final: FinalAnswer) -> float | None:
    if final.kind != "number":
        return None
    try:
        value = float(number_text(final.value))
    except ValueError:
        return None
    return value if abs(value) < 1e30 else None
