"""Check the arithmetic in an answer."""

from __future__ import annotations

import re
from typing import ClassVar

from lc_asym_router.verify.attempt import TOO_LONG, Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.working import statements, wrong

LONGEST = 200_000
"""Characters of an answer, and of a question, that are looked at."""

MOST = 2_000
"""Sums that are worked out."""

_CODE = re.compile(r"```(?!json).*?(?:```|\Z)", re.DOTALL)


class Arithmetic(Check):
    """Passes if no calculation in the answer is false (as "17 * 23 = 411" is).

    An answer without calculations passes. Rounding is allowed; code blocks, and calculations that are
    in the request itself, are ignored. A small model that gets a step wrong seldom gets the rest right:
    `make bench-routing` says what share of answers it escalates and how much of the gain that keeps.
    It calls no model. An answer of more than `LONGEST` characters, or `MOST` calculations, fails: it
    is too long to check.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        text = attempt.text
        if "=" not in text:
            return Verdict(True)
        if len(text) > LONGEST:
            return Verdict(False, reason=TOO_LONG)
        # What is only said to be near can't be false.
        text = _CODE.sub(" ", text).replace("≈", " about ")
        stated = statements(text, MOST)
        if not stated:
            return Verdict(True)
        given = set(statements(attempt.request.turn_text[:LONGEST], MOST))
        made = [sum_ for sum_ in stated if sum_ not in given]
        false = sum(wrong(*sum_) for sum_ in made)
        if false:
            return Verdict(False, reason=f"{false} of {len(made)} sums in the answer are false")
        if len(stated) == MOST:
            return Verdict(False, reason=TOO_LONG)
        return Verdict(True)
