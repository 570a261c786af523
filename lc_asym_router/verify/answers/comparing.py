"""Compare two final answers by meaning, alone or as answers to a question."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from lc_asym_router.verify.answers import formulas, marked
from lc_asym_router.verify.answers.choices import choice_of, options_of
from lc_asym_router.verify.answers.dates import same_moments
from lc_asym_router.verify.answers.final_answer import FinalAnswer
from lc_asym_router.verify.answers.languages import in_english
from lc_asym_router.verify.answers.numerals import NUMBER, close, number_text, plain_numbers
from lc_asym_router.verify.answers.qualifiers import apart, joined_apart
from lc_asym_router.verify.answers.structured_values import literal_text, normalized_data
from lc_asym_router.verify.answers.texts import SHORT, known_words, same_texts, words
from lc_asym_router.verify.answers.units import conflict, in_one_unit, in_percent
from lc_asym_router.verify.answers.values import bare, undressed, value_of

_CODE = re.compile(
    r"\[PYTHON\]|\bdef \w{1,80}\(|\bassert \S|\breturn \w|;[ \t]{0,9}$|\bprint\(", re.MULTILINE
)
_QUESTION = 20_000
"""Characters of a question that are looked at."""
_ASSIGNED = re.compile(r"[\s$*\\(]{0,4}([a-zA-Z])\s?=(?!=)")
_COMPARED = re.compile(r"(?<!-)[<>]=?(?=\s?\w)|[≤≥≠]|!=|(?:(?<=UTC)|(?<=GMT))[-+−]")
_INTERVAL = re.compile(r"([(\[])\s?-?[\w.∞]{1,12}\s?,\s?-?[\w.∞]{1,12}\s?([)\]])")
_POLES = {"yes": "true", "no": "false"}


def asks_for_output(question: str) -> bool:
    """Whether a question is about what code gives: there every character of an answer counts."""
    return bool(_CODE.search(question[:_QUESTION]))


def agree(question: str, one: FinalAnswer, other: FinalAnswer, overlap: float = 0.8) -> bool:
    """Whether two final answers to a question mean the same.

    Where the question lists options, an option's text is as good as its letter. Where it is about
    what code gives, they must be alike to the letter.

    Args:
        question: The question, without a system prompt.
        one: A final answer.
        other: Another.
        overlap: As for `same`.
    """
    question = question[-_QUESTION:]
    if options := options_of(question):
        one, other = _taken(one, options), _taken(other, options)
    exact = not options and asks_for_output(question)
    return _same(one, other, overlap, exact, question)


def same(
    one: FinalAnswer, other: FinalAnswer, overlap: float = 0.8, *, exact: bool = False
) -> bool:
    """Whether two final answers mean the same.

    Numbers also where one is the other rounded, in percent or in another unit, but not where units,
    names or signs beside them differ. Formulas where they come to the same. Texts with or without
    quotes; see `same_texts`.

    Args:
        one: A final answer.
        other: Another.
        overlap: Share of common words from which two long texts may mean the same, in [0, 1].
        exact: Whether they must be alike to the letter, but for the quotes around them; unmarked
            texts of more than `SHORT` words are compared as ever.
    """
    return _same(one, other, overlap, exact, "")


def _same(one: FinalAnswer, other: FinalAnswer, overlap: float, exact: bool, question: str) -> bool:
    return _same_values(one, other, overlap, exact, question) and not (
        (one.kind == other.kind and apart(one.kind, one.value, _said(one), _said(other), question))
        or ("code" not in (one.kind, other.kind) and joined_apart(one.raw, other.raw))
    )


def _said(answer: FinalAnswer) -> str:
    """What an answer says, as it was written: a sentence's last clause where it was taken from one."""
    return undressed(answer.sentence or answer.raw)


def _same_values(
    one: FinalAnswer, other: FinalAnswer, overlap: float, exact: bool, question: str
) -> bool:
    kinds = {one.kind, other.kind}
    if kinds == {"text"} and any(
        pattern.findall(one.raw) != pattern.findall(other.raw) for pattern in (_COMPARED, _INTERVAL)
    ):
        return False  # "a > b", "a < b"
    if "text" in kinds and _asks(one) != _asks(other):
        return False  # "Paris?"
    if "code" in kinds:
        return one == other
    if exact and "none" not in kinds and _brief(one) and _brief(other):
        return _alike(one, other)
    if "none" in kinds:
        return one == other and one.raw == other.raw
    if one == other and (one.raw, one.sentence) == (other.raw, other.sentence):
        return True
    if kinds == {"number"}:
        return _same_numbers(one, other)
    if "choice" in kinds:
        return _same_choices(one, other)
    if kinds == {"moment"}:
        return same_moments(one.value, other.value)
    if one == other:
        return one.kind != "text" or bool(one.value) or _unquoted(one) == _unquoted(other)
    if kinds <= {"json", "literal"}:
        return _same_data(one, other, exact)
    if kinds & {"json", "literal"} and (listed := _listed(one, other)) is not None:
        return not exact and formulas.equal(*listed)
    if "formula" in kinds and "json" not in kinds:
        return formulas.equal(bare(one.raw), bare(other.raw))
    if "literal" in kinds:
        return _unquoted(one) == _unquoted(other) or _pole(one) == _pole(other) != ""
    if kinds <= {"text", "moment"}:
        return _same_texts(one, other, overlap, question)
    return False


def _taken(answer: FinalAnswer, options: dict[str, str]) -> FinalAnswer:
    """An answer as the letter of the option that it is; itself where it is none for certain."""
    if answer.kind == "choice":
        return FinalAnswer("choice", answer.value, answer.value)
    if answer.kind == "literal" and re.fullmatch(r"\[(?:'[A-J]'(?:, )?){1,10}\]", answer.value):
        letters = ",".join(sorted(re.findall("[A-J]", answer.value)))
        return FinalAnswer("choice", letters, letters)
    if answer.kind in ("json", "code") or len(answer.raw.split()) > 2 * SHORT:
        return answer
    said = FinalAnswer(answer.kind, answer.value, answer.raw)
    if said.kind == "text" and len(_named(said.value, options)) > 1:
        return answer  # it goes through them
    found = [letter for letter, text in options.items() if _is_option(said, text)]
    return FinalAnswer("choice", found[0], found[0]) if len(found) == 1 else answer


def _named(value: str, options: dict[str, str]) -> list[str]:
    """The options whose words stand in a text, but for those that stand within a longer one there."""
    spoken = {letter: words(text) for letter, text in options.items()}
    there = [text for text in spoken.values() if text and f" {text} " in f" {value} "]
    return [
        text for text in there if not any(text != longer and text in longer for longer in there)
    ]


def _is_option(answer: FinalAnswer, text: str) -> bool:
    text = in_english(text)
    kind, value = value_of(text)
    if kind == "choice":  # an option "A. Smith" is no choice
        kind, value = "text", words(text)
    return _same(answer, FinalAnswer(kind, value, text), 1.0, False, "")


def _same_numbers(one: FinalAnswer, other: FinalAnswer) -> bool:
    if one.sentence and other.sentence and _differently_worded(one.sentence, other.sentence):
        return False
    if _variable(one) != _variable(other) and _variable(one) and _variable(other):
        return False
    place, too = map(_place_of, (one, other))
    clash = conflict(place, one.value, too, other.value)
    if clash is not None:
        return not clash
    return close(one.value, other.value) or _percent(one, other)


def _place_of(answer: FinalAnswer) -> str:
    """What stands around an answer's number: "2 hours 30 minutes" as "2.5 hour"."""
    text = plain_numbers(undressed(answer.sentence or answer.raw))
    return in_one_unit(text) or text


def _variable(answer: FinalAnswer) -> str:
    """The letter that an answer gives a value to: "x" of "x = 5"."""
    found = _ASSIGNED.match(answer.raw)
    return found.group(1) if found else ""


def _differently_worded(one: str, other: str) -> bool:
    """Whether each sentence has numbers that the other lacks: then the last ones may be by the way."""
    ours, theirs = ({number_text(n) for n in NUMBER.findall(told)} for told in (one, other))
    return bool(ours - theirs and theirs - ours)


def _percent(one: FinalAnswer, other: FinalAnswer) -> bool:
    """Whether one is the other in percent: "20%" and "0.2"."""
    for percent, plain in ((one, other), (other, one)):
        if in_percent(percent.sentence or percent.raw) and not in_percent(
            plain.sentence or plain.raw
        ):
            return close(number_text(f"{percent.value}/100"), plain.value)
    return False


def _same_choices(one: FinalAnswer, other: FinalAnswer) -> bool:
    """Whether the letters are the same, and not put before two short things that differ."""
    first, second = _behind(one), _behind(other)
    if one.kind == other.kind:
        clash = (
            one.raw != other.raw
            and 0 < len(first.split()) <= 4
            and 0 < len(second.split()) <= 4
            and not same_texts(first, second)
        )
        return one.value == other.value and not clash
    behind, said = (first, other) if one.kind == "choice" else (second, one)
    if not behind or said.kind not in ("text", "number", "formula", "moment"):
        return False
    kind, value = value_of(behind)
    return kind != "choice" and _same(FinalAnswer(kind, value, behind), said, 1.0, False, "")


def _behind(answer: FinalAnswer) -> str:
    found = choice_of(bare(answer.raw)) if answer.kind == "choice" else None
    return found[1] if found else ""


def _same_data(one: FinalAnswer, other: FinalAnswer, exact: bool) -> bool:
    first, second = _loaded(one), _loaded(other)
    if first is None or second is None:
        return False
    try:
        if exact:
            return literal_text(first) == literal_text(second)
        if type(first) is not type(second):
            return False
        return bool(normalized_data(first) == normalized_data(second))
    except (ValueError, RecursionError):
        return False


def _listed(one: FinalAnswer, other: FinalAnswer) -> tuple[str, str] | None:
    """A list of numbers and a row of them, both as a row: "[8, 14]" and "8, 14"."""
    for data, row in ((one, other), (other, one)):
        if data.kind in ("json", "literal") and row.kind in ("formula", "number", "text"):
            items = _loaded(data)
            if (
                isinstance(items, list)
                and items
                and all(type(item) in (int, float) for item in items)
            ):
                said = bare(row.raw)
                return None if said[:1] in tuple("([") else (", ".join(map(str, items)), said)
    return None


def _loaded(answer: FinalAnswer) -> Any:
    try:
        return json.loads(answer.value) if answer.kind == "json" else ast.literal_eval(answer.value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _same_texts(one: FinalAnswer, other: FinalAnswer, overlap: float, question: str) -> bool:
    known = known_words(question)
    first, second = _text(one), _text(other)
    if same_texts(first, second, overlap, known=known, question=question):
        return True
    for short, long in ((first, second), (second, first)):
        if len(short.split()) <= SHORT < len(long.split()):
            told = (marked.lead(long)[0], marked.conclusion(long))
            return any(
                0 < len(each.split()) <= SHORT
                and same_texts(short, each, overlap, known=known, question=question)
                for each in told
            )
    return False


def _text(answer: FinalAnswer) -> str:
    """A text for comparison: what it says where that was worked out, else as it stood."""
    return answer.value if answer.value in ("yes", "no", "true", "false") else answer.raw


def _asks(answer: FinalAnswer) -> bool:
    """Whether a short answer only asks: "Is it Paris?"."""
    return answer.raw.rstrip(" \n*_\"')").endswith("?") and len(answer.raw.split()) <= SHORT


def _pole(answer: FinalAnswer) -> str:
    value = answer.value.lower()
    return _POLES.get(value, value) if value in ("yes", "no", "true", "false") else ""


def _brief(answer: FinalAnswer) -> bool:
    return answer.kind != "json" and (answer.marked or len(answer.raw.split()) <= SHORT)


def _alike(one: FinalAnswer, other: FinalAnswer) -> bool:
    """Whether both are the same to the letter, but for quotes: in JSON, a text often loses its own."""
    return _unquoted(one) == _unquoted(other) or (
        one.kind == other.kind == "literal" and one.value == other.value
    )


def _unquoted(answer: FinalAnswer) -> str:
    """The span for comparison to the letter: quotes off, and spaces outside of them."""
    if answer.kind == "literal" and answer.value[:1] in "'\"" and answer.value:
        return answer.value[1:-1].replace("\\'", "'").replace("\\\\", "\\").strip("'\"`")
    return answer.raw.strip("\n\r\t").strip("'\"`")
