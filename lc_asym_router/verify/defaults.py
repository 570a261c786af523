"""The checks that a router makes unless told otherwise."""

from __future__ import annotations

from lc_asym_router.verify.check import Check
from lc_asym_router.verify.form import CutOff, NotEmpty
from lc_asym_router.verify.loops import Looping
from lc_asym_router.verify.refusal import Refusal
from lc_asym_router.verify.schema import ValidStructure
from lc_asym_router.verify.tools import ValidToolCalls


def default_checks() -> Check:
    """Form alone, at no cost: whole, no refusal, no loop, tool calls and structure valid.

    Says nothing on whether the answer is right: add `Agreement` or `Judge` where that pays.
    """
    return NotEmpty() & CutOff() & Refusal() & Looping() & ValidToolCalls() & ValidStructure()
