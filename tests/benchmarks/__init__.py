"""Benchmarks: each prints figures that stand in the docs.

They measure on the shared development data, which are not part of the package: in the
folder that LC_ASYM_ROUTER_DATA names, else in `shared/data` beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LC_ASYM_ROUTER_DATA") or ROOT.parent / "shared" / "data")
"""Where the development data are, if they are there."""
SCORED = (
    "llmrouter",
    "mmlupro",
    "openai_gsm",
    "routellm_gsm8k",
    "zeroeval_crux",
    "zeroeval_gsm",
    "zeroeval_math-l5",
)
"""Sources of questions with one right answer: those that the shipped weights were computed from."""
