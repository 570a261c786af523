"""Numbers as a person reads them; what is not known is said to be unknown, never 0."""

from __future__ import annotations

from decimal import Decimal

from lc_asym_router.money.listed import ListPrice
from lc_asym_router.money.prices import PerCall, PerSecond, Power, Price, Pricing

UNKNOWN = "unknown"


def usd(amount: float | None) -> str:
    """An amount in USD."""
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    figure = f"{size:.2f}" if size >= 1 else f"{Decimal(f'{size:.3g}'):f}"
    whole, _, part = figure.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{part.rstrip('0'):0<2}"


def seconds(amount: float | None) -> str:
    """A time in seconds."""
    return UNKNOWN if amount is None else f"{amount:.2f} s"


def share(part: float | None) -> str:
    """A part in [0, 1], in per cent."""
    return UNKNOWN if part is None else f"{part:.1%}"


def number(value: float | None) -> str:
    """A number of things, or a score."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def price(rate: Pricing | None) -> str:
    """A price, in its own unit."""
    if rate is None:
        return "price unknown"
    if isinstance(rate, Price):
        if not rate.input and not rate.output:
            return "free"
        return f"{usd(rate.input)} / {usd(rate.output)} per M tokens"
    if isinstance(rate, PerCall):
        return f"{usd(rate.usd)} a call" if rate.usd else "free"
    if isinstance(rate, PerSecond):
        return f"{usd(rate.usd * 3600)} an hour"
    if isinstance(rate, Power):
        return f"{rate.watts:g} W at ${rate.usd_per_kwh:g} per kWh"
    if isinstance(rate, ListPrice):
        return f"list price of {rate.provider}"
    return type(rate).__name__
