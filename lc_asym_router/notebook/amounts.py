"""Format prices for people; an unknown price is shown as unknown, never as 0."""

from __future__ import annotations

from lc_asym_router.money.list_prices import ListPrice
from lc_asym_router.money.prices import PerCall, PerSecond, Power, Price, Pricing
from lc_asym_router.records.amounts import usd


def price(rate: Pricing | None) -> str:
    """Format a price in its own unit."""
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
