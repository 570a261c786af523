"""The checks that a router makes unless told otherwise."""

from __future__ import annotations

from lc_asym_router.verify.arithmetic import Arithmetic
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
