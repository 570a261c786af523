"""Amounts as whole numbers, so that sums are exact: USD in billionths, tokens, calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Unit = Literal["usd", "tokens", "calls"]
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")
NANO = 1_000_000_000

MOST_AMOUNT = 2**62
"""No amount and no sum is greater: databases count in 64 bits."""
MOST_LIMIT: Mapping[Unit, int] = {"usd": 10**9, "tokens": 10**15, "calls": 10**15}
"""The greatest limit of a budget: USD, tokens, calls."""

Amounts = Mapping[Unit, int]
"""An amount in each unit: billionths of a USD, tokens, calls."""


def spent_of(unit: Unit, value: float) -> int:
    """What a cost comes to, rounded up: USD to billionths. At least 0, at most `MOST_AMOUNT`."""
    parts = value * NANO if unit == "usd" else value
    if parts <= 0:
        return 0
    # What is no number is taken as the most.
    return math.ceil(round(parts, 3)) if parts < MOST_AMOUNT else MOST_AMOUNT


def limit_amount(unit: Unit, value: float) -> int:
    """What a limit comes to, rounded down: USD to billionths."""
    return math.floor(round(value * NANO, 3)) if unit == "usd" else math.floor(value)


def in_unit(unit: Unit, amount: int) -> float:
    """The amount as a person gives it: USD, tokens or calls."""
    return amount / NANO if unit == "usd" else amount


def amount_text(unit: Unit, value: float) -> str:
    """The amount with its unit, for a message."""
    if unit == "usd":
        return f"{value:.6f}".rstrip("0").rstrip(".") + " USD"
    return f"{value:,.0f} {unit}"
