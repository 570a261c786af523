"""The checks that a router makes unless told otherwise."""

from __future__ import annotations

from typing import ClassVar

from lc_asym_router.verify.arithmetic import Arithmetic
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.form import CutOff, NotEmpty, ValidStructure, ValidToolCalls
from lc_asym_router.verify.loops import Looping
from lc_asym_router.verify.refusal import Refusal


def default_checks() -> Check:
    """What costs nothing: whole, no refusal, no loop, calls and structure valid, sums that hold.

    `Arithmetic` stands here because it pays on every source of recorded answers where it finds
    anything (`make bench-routing`). The learned verifier does not: alone it tells little on sources
    that it has not seen. For whether an answer is right, add a second small model,
    `LearnedVerifier(second=...)`, or `Agreement`, or `Judge`.
    """
    form = NotEmpty() & CutOff() & Refusal() & Looping() & ValidToolCalls() & ValidStructure()
    return form & Arithmetic()


def voting_checks() -> Check:
    """What an answer must pass to count in a vote: the default checks; where tools are bound, without a
    word on refusals and sums, for there "I can't do that" says that no tool fits, which is an answer.
    """
    return _ByTools(
        default_checks(), NotEmpty() & CutOff() & Looping() & ValidToolCalls() & ValidStructure()
    )


class _ByTools(Check):
    """One check for requests without tools, another one for those with."""

    vouches: ClassVar[str] = "form"

    def __init__(self, without: Check, bound: Check) -> None:
        self.without = without
        self.bound = bound

    def check(self, attempt: Attempt) -> Verdict:
        return self.bound(attempt) if attempt.request.tools else self.without(attempt)

    async def acheck(self, attempt: Attempt) -> Verdict:
        check = self.bound if attempt.request.tools else self.without
        return await check.acall(attempt)
