"""Checks of an answer's text: refusals, and loops."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, ClassVar

from langchain_core.messages import AIMessage

from lc_asym_router.tiers.provider import WITHHELD, finish_reason
from lc_asym_router.verify.attempt import PASSED, TOO_LONG, Attempt, Prefix, Verdict
from lc_asym_router.verify.check import Check

_BEGINNING = 600
"""Characters in which an answer says that the means are missing."""

_NO_SPACES = "\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7a3"
"""Characters of Thai, Japanese, Chinese and Korean, as a range of a pattern."""


class Refusal(Check):
    """Passes if the answer is no refusal.

    A refusal is a provider's refusal block or field, a stop for content filtering, or a text that
    begins with one of the phrases in `refusals.json` next to this file (by language). Only the
    beginning counts: an answer may quote a refusal later. Where tools are bound, an answer
    that says that no tool, access or live data fits the question is an answer, and passes.

    Args:
        phrases: More phrases that an answer must not begin with, in any case.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self.phrases = tuple(phrases)

    def check(self, attempt: Attempt) -> Verdict:
        if _refused_by_provider(attempt.message):
            return Verdict(False, reason="the provider marked the answer as a refusal")
        if begins_with_refusal(attempt.text, self.phrases) and not (
            attempt.request.tools and no_tool_fits(attempt.text)
        ):
            return Verdict(False, reason="the answer begins like a refusal")
        return PASSED

    def early(self, prefix: Prefix) -> Verdict | None:
        # A phrase at the very end may yet go on: "I can't help with" as "without".
        if prefix.request.tools and (len(prefix.text) < _BEGINNING or no_tool_fits(prefix.text)):
            # What follows may say that no tool fits.
            return None
        plain = _plain(prefix.text[:400])
        found = _pattern(self.phrases).match(plain)
        if found and found.end() < len(plain):
            return Verdict(False, reason="the answer begins like a refusal")
        return None


def begins_with_refusal(text: str, phrases: tuple[str, ...] = ()) -> bool:
    """Whether a text (or the beginning of one) is a refusal's."""
    return bool(_pattern(phrases).match(_plain(text[:400])))


def no_tool_fits(text: str) -> bool:
    """Whether a text says at its beginning that the means for an answer are missing.

    That is what a model with tools is to say where none of them fits. A refusal by a rule is none.
    """
    means, rules = _means()
    plain = _plain(text[:_BEGINNING])
    return bool(means.search(plain)) and not rules.search(plain)


def _refused_by_provider(message: AIMessage) -> bool:
    if message.additional_kwargs.get("refusal"):
        return True
    if finish_reason(message) in WITHHELD:
        return True
    return isinstance(message.content, list) and any(
        isinstance(block, dict) and (block.get("type") == "refusal" or block.get("refusal"))
        for block in message.content
    )


def _plain(text: str) -> str:
    lowered = unicodedata.normalize("NFC", text).replace("’", "'").lower()
    return re.sub(r"\s+", " ", lowered).lstrip(" *_#>\"'")


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        (files(__package__) / "refusals.json").read_text(encoding="utf-8")
    )
    return data


@lru_cache(maxsize=1)
def _means() -> tuple[re.Pattern[str], re.Pattern[str]]:
    # In the scripts that put spaces, a word begins where its stem does.
    means, rules = (_any_of(_flat(_data()[key])) for key in ("means", "rules"))
    started = rf"(?:(?<!\w)|(?<=[{_NO_SPACES}]))"
    return re.compile(rf"{started}(?:{means})"), re.compile(rf"{started}(?:{rules})")


@lru_cache(maxsize=64)
def _pattern(extra: tuple[str, ...]) -> re.Pattern[str]:
    data = _data()
    alone = _any_of([*_flat(data["phrases"]), *extra])
    between = r"[\s,.!:;\-–—，。！、：،।]*"
    apology = _any_of(_flat(data["apologies"]))
    opener = rf"(?:{_any_of([*data['openers'], *_flat(data['apologies'])])}){between}"
    behind = _any_of(_flat(data["after_opener"]))
    verbs = _any_of(_flat(data["refusing_verbs"]))
    # A phrase ends at the end of a word; some scripts put nothing there, and Korean an ending.
    ended = rf"(?:(?<=[{_NO_SPACES}])|(?!\w))"
    sentence = rf"(?:{apology}){ended}{between}[^.!?。！？।\n]{{0,60}}?(?:{verbs})"
    return re.compile(rf"(?:(?:{opener})*(?:{alone})|(?:{opener})+(?:{behind})|{sentence}){ended}")


def _flat(by_language: dict[str, list[str]]) -> list[str]:
    return [phrase for phrases in by_language.values() for phrase in phrases]


def _any_of(phrases: Iterable[str]) -> str:
    # Longest first: "as an ai language model" must not stop at "as an ai".
    return "|".join(sorted((re.escape(_plain(phrase)) for phrase in phrases), key=len)[::-1])


LONGEST = 1_000_000
"""Characters of an answer that are looked at."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_CHARACTERS_A_WORD = 2
"""Characters of such a script that count as a word, at least."""
_LONGER = 5
"""How many times as many of them as words a passage may have."""
_EARLY = 12
"""Characters that are looked at for each word, while an answer comes in."""


class Looping(Check):
    """Passes if the text does not repeat the same passage in a loop.

    It fails where a passage of three or more words stands `repeats` times in a row, or a shorter one
    (a word, a pair) four times as often. Passages without letters don't count: rules, tables and
    rows of numbers repeat themselves for good reasons. Two characters of a script without spaces
    between its words, as Chinese or Thai, count as a word. An answer of more than `LONGEST`
    characters fails: it is too long to judge.

    Args:
        repeats: Number of repetitions in a row that make a loop.
        longest: Maximum length of a repeated passage, in words.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, repeats: int = 4, longest: int = 60) -> None:
        self.repeats = repeats
        self.longest = longest

    def check(self, attempt: Attempt) -> Verdict:
        if len(attempt.text) > LONGEST:
            return Verdict(False, reason=TOO_LONG)
        if loops(attempt.text, self.repeats, self.longest):
            return Verdict(False, reason="the answer repeats itself over and over")
        return PASSED

    def early(self, prefix: Prefix) -> Verdict | None:
        # What may be halves of words is left off; only the end can have become a loop.
        longest = self.repeats * 4 * self.longest
        words = _TOKEN.findall(prefix.text[-longest * _EARLY :].lower())[1:-1]
        if _loops(words, self.repeats, self.longest):
            return Verdict(False, reason="the answer repeats itself over and over")
        return None


def loops(text: str, repeats: int = 4, longest: int = 60) -> bool:
    """Whether a passage of a text of at most `LONGEST` characters stands `repeats` times in a row.

    Where a script puts no spaces between words, two characters count as one. Time is linear in the
    length of the text, times the logarithm of `longest`.
    """
    return _loops(_TOKEN.findall(text[:LONGEST].lower()), repeats, longest)


def _loops(tokens: Sequence[str], repeats: int, longest: int) -> bool:
    if len(tokens) < 3 * repeats:  # the shortest loop: three words, so often; or one, four times so
        return False
    # A text with one character for each different word: slices of it are compared in one step.
    known: dict[str, str] = {}
    for token in tokens:
        if token not in known:
            # none of the halves of surrogate pairs
            known[token] = chr(len(known) + (0x800 if len(known) >= 0xD800 else 0))
    text = "".join([known[token] for token in tokens])
    letters = list(accumulate([sum(map(str.isalpha, token)) for token in tokens], initial=0))
    unspaced = list(accumulate([bool(_IS_UNSPACED.match(t)) for t in tokens], initial=0))
    most = longest * _LONGER if unspaced[-1] else longest
    for period in range(1, min(most, len(text) // 2) + 1):
        for end, run in _runs(text, period, period * (repeats - 1)):
            begin = end - period
            characters = unspaced[end] - unspaced[begin]
            words = period - characters + characters / _CHARACTERS_A_WORD
            if period - characters + characters / _LONGER > longest:
                continue
            copies = repeats if words >= 3 else repeats * 4
            if run >= period * (copies - 1) and letters[end] - letters[begin] >= 3:
                return True
    return False


def _runs(text: str, period: int, needed: int) -> Iterator[tuple[int, int]]:
    """Where at least `needed` characters in a row each equal the one a period before: (end, length).

    A run that long covers a whole block of half its length: only blocks are looked at.
    """
    block = max(1, needed // 2)
    at = period
    while at + block <= len(text):
        if text[at : at + block] != text[at - period : at - period + block]:
            at += block
            continue
        begin, end = at, at + block
        while begin > period and text[begin - 1] == text[begin - 1 - period]:
            begin -= 1
        step = block
        while step:  # doubled while it fits, then halved: a long run takes few steps
            part = text[end : end + step]
            if len(part) == step and part == text[end - period : end - period + step]:
                end += step
                step *= 2
            else:
                step //= 2
        if end - begin >= needed:
            yield end, end - begin
        at = end + 1
