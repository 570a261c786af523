"""Amounts as whole numbers, so that sums are exact: USD in billionths, tokens, calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Unit = Literal["usd", "tokens", "calls"]
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")
NANO = 1_000_000_000

Amounts = Mapping[Unit, int]
"""An amount in each unit: billionths of a USD, tokens, calls."""


def spent_of(unit: Unit, value: float) -> int:
    """What a cost comes to, rounded up: USD to billionths."""
    return math.ceil(round(value * NANO, 3)) if unit == "usd" else math.ceil(value)


def limit_of(unit: Unit, value: float) -> int:
    """What a limit comes to, rounded down: USD to billionths."""
    return math.floor(round(value * NANO, 3)) if unit == "usd" else math.floor(value)


def shown(unit: Unit, amount: int) -> float:
    """The amount as a person gives it: USD, tokens or calls."""
    return amount / NANO if unit == "usd" else amount


def said(unit: Unit, value: float) -> str:
    """The amount with its unit, for a message."""
    if unit == "usd":
        return f"{value:.6f}".rstrip("0").rstrip(".") + " USD"
    return f"{value:,.0f} {unit}"
