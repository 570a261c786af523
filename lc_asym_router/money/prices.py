"""Prices, and what a call costs at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens.

    Args:
        input: Price of a million input tokens, in USD.
        output: Price of a million output tokens (reasoning tokens included), in USD.
        cached_input: Price of a million input tokens read from the provider's prompt cache, in
            USD; the input price where it is not given.

    Raises:
        ConfigurationError: A price is negative or no finite number.
    """

    input: float
    output: float
    cached_input: float | None = None

    def __post_init__(self) -> None:
        for label in ("input", "output", "cached_input"):
            value = getattr(self, label)
            if value is None and label == "cached_input":
                continue
            if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ConfigurationError(
                    f"Price({label}={value!r}) must be USD per million tokens, 0 or more. Leave the "
                    "price out where it is not known."
                )

    def of(self, usage: UsageMetadata | None) -> float | None:
        """Cost of a call in USD; `None` where the call reported no token counts."""
        if usage is None:
            return None
        cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
        cached_price = self.input if self.cached_input is None else self.cached_input
        micro_usd = (
            (usage["input_tokens"] - cached) * self.input
            + cached * cached_price
            + usage["output_tokens"] * self.output
        )
        return micro_usd / 1_000_000


def total(costs: list[float | None]) -> float | None:
    """Sum in USD; `None` as soon as one part is not known (an unknown price is never 0)."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
