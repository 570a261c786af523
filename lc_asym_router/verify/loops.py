"""Check whether the answer repeats itself in a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import ClassVar

from lc_asym_router.verify.attempt import TOO_LONG, Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.prefix import Prefix

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
        return Verdict(True)

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
    # A text with one character for each different word: slices of it are compared in one step.
    known: dict[str, str] = {}
    for token in tokens:
        if token not in known:
            known[token] = _letter(len(known))
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


def _letter(number: int) -> str:
    """A character for a number, none of the halves of surrogate pairs."""
    return chr(number if number < 0xD800 else number + 0x800)


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
