"""Format numbers for people; an unknown value is never shown as 0."""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "unknown"


def usd(amount: float | None) -> str:
    """Format an amount in USD."""
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    figure = f"{size:.2f}" if size >= 1 else f"{Decimal(f'{size:.3g}'):f}"
    whole, _, part = figure.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{part.rstrip('0'):0<2}"


def seconds(amount: float | None) -> str:
    """Format a time in seconds."""
    return UNKNOWN if amount is None else f"{amount:.2f} s"


def share(part: float | None) -> str:
    """Format a share in [0, 1] as a percentage."""
    return UNKNOWN if part is None else f"{part:.1%}"


def number(value: float | None) -> str:
    """Format a count or a score."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
