"""Does the answer go round in circles?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.prefix import Prefix


class Looping(Check):
    """Passes where the text does not say the same thing over and over.

    It fails where a passage of three or more words stands `repeats` times in a row, or a shorter one
    (a word, a pair) four times as often. Passages without letters don't count: rules, tables and
    rows of numbers repeat themselves for good reasons.

    Args:
        repeats: How often in a row is a loop.
        longest: The longest passage, in words, that is looked for.
    """

    vouches: ClassVar[str] = "form"

    def __init__(self, repeats: int = 4, longest: int = 60) -> None:
        self.repeats = repeats
        self.longest = longest

    def check(self, attempt: Attempt) -> Verdict:
        if loops(attempt.text, self.repeats, self.longest):
            return Verdict(False, reason="the answer repeats itself over and over")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        # What may be half a word is left off; only the end can have become a loop.
        words = prefix.text.split()[-self.repeats * 4 * self.longest : -1]
        if loops(" ".join(words), self.repeats, self.longest):
            return Verdict(False, reason="the answer repeats itself over and over")
        return None


def loops(text: str, repeats: int = 4, longest: int = 60) -> bool:
    """Whether a passage of the text stands `repeats` times in a row.

    Time is linear in the words of the text, times `longest`.
    """
    words = re.findall(r"\S+", text.lower())
    for period in range(1, min(longest, len(words) // 2) + 1):
        copies = repeats if period >= 3 else repeats * 4
        needed = period * (copies - 1)
        if needed < len(words) and _has_run(words, period, needed):
            return True
    return False


def _has_run(words: Sequence[str], period: int, needed: int) -> bool:
    """Whether `needed` words in a row each equal the word a period before, letters among them."""
    run = 0
    for index in range(period, len(words)):
        run = run + 1 if words[index] == words[index - period] else 0
        if run >= needed:
            passage = "".join(words[index - period + 1 : index + 1])
            if sum(char.isalpha() for char in passage) >= 3:
                return True
    return False
