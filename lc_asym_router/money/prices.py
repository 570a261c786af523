"""Prices per token, per call and per second, and the cost of a call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.usage import TokenCounts, from_cache


class Pricing(ABC):
    """Base class of prices: the cost of a call. Subclass it for a price of your own."""

    __slots__ = ()

    @abstractmethod
    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of an answered call in USD; `None` where it is unknown.

        Args:
            usage: Token counts as the provider reported them, or `None`.
            seconds: How long the call took, or `None` where it was not made.
        """

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Return the cost in USD of a call that failed after its model had begun; `None` for
        unknown.
        """
        return None

    def most(self, input_tokens: int, max_tokens: int, seconds: float) -> float | None:
        """Return the maximum cost of a call in USD; `None` where it is unknown.

        Args:
            input_tokens: The maximum number of input tokens.
            max_tokens: The maximum number of output tokens.
            seconds: The maximum duration, in seconds.
        """
        return self.of(
            UsageMetadata(
                input_tokens=input_tokens,
                output_tokens=max_tokens,
                total_tokens=input_tokens + max_tokens,
            ),
            seconds,
        )


MOST_USD = 1_000_000_000.0
"""No price and no cost of a call is greater, in USD."""


@dataclass(frozen=True, slots=True)
class Price(Pricing):
    """USD per million tokens.

    Args:
        input: Price of a million input tokens, in USD.
        output: Price of a million output tokens, in USD.
        cached_input: Price of a million input tokens read from the provider's prompt cache, in
            USD; the input price where it is not given.
        cache_write: Price of a million input tokens written to that cache, in USD; the input price
            where it is not given.
        reasoning: Price of a million output tokens spent on reasoning, in USD; the output price
            where it is not given.

    Raises:
        ConfigurationError: A price is negative, no number, or over `MOST_USD`.
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None

    def __post_init__(self) -> None:
        for label in ("input", "output", "cached_input", "cache_write", "reasoning"):
            value = getattr(self, label)
            if value is None and label not in ("input", "output"):
                continue
            _check(value, f"Price({label}={value!r})", "USD per million tokens")

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of a call in USD; `None` where the call reported no token counts."""
        if usage is None:
            return None
        counts = TokenCounts.of(usage)
        micro_usd = (
            counts.plain_input * self.input
            + counts.cache_read * _or(self.cached_input, self.input)
            + counts.cache_write * _or(self.cache_write, self.input)
            + counts.plain_output * self.output
            + counts.reasoning * _or(self.reasoning, self.output)
        )
        return micro_usd / 1_000_000

    def most(self, input_tokens: int, max_tokens: int, seconds: float) -> float | None:
        """Return the maximum cost of a call in USD: every token at the highest price it can have."""
        came = max(self.input, self.cached_input or 0, self.cache_write or 0)
        went = max(self.output, self.reasoning or 0)
        return (input_tokens * came + max_tokens * went) / 1_000_000


@dataclass(frozen=True, slots=True)
class PerCall(Pricing):
    """A fixed price for each answered call, whatever its length. `PerCall(0)` is a free model.

    Args:
        usd: Price of a call, in USD.

    Raises:
        ConfigurationError: The price is negative, no number, or over `MOST_USD`.
    """

    usd: float

    def __post_init__(self) -> None:
        _check(self.usd, f"PerCall({self.usd!r})", "USD per call")

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of a call in USD."""
        return float(self.usd)

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Return 0 where calls are free; else `None`: it is unknown whether a failed call is
        charged.
        """
        return None if self.usd else 0.0


@dataclass(frozen=True, slots=True)
class PerSecond(Pricing):
    """A price per second of a call: for a rented machine, or one's own.

    Concurrent calls on one machine each count their whole time, so their sum is an upper bound.

    Args:
        usd: Price of a second, in USD. A machine at 0.60 USD an hour: `PerSecond(0.60 / 3600)`.

    Raises:
        ConfigurationError: The price is negative, no number, or over `MOST_USD`.
    """

    usd: float

    def __post_init__(self) -> None:
        _check(self.usd, f"PerSecond({self.usd!r})", "USD per second")

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of a call in USD; `None` for a call that was not made."""
        return None if seconds is None else self.usd * seconds

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Return the cost in USD of a failed call's time, in which the machine ran too."""
        return self.of(None, seconds)


@dataclass(frozen=True, slots=True)
class Power(Pricing):
    """The price of the electricity that a call uses on one's own machine.

    Args:
        watts: The machine's power consumption while it answers, in watts.
        usd_per_kwh: Price of a kilowatt-hour, in USD.

    Raises:
        ConfigurationError: Either is negative, no number, or over `MOST_USD`.
    """

    watts: float
    usd_per_kwh: float

    def __post_init__(self) -> None:
        _check(self.watts, f"Power(watts={self.watts!r})", "watts")
        _check(self.usd_per_kwh, f"Power(usd_per_kwh={self.usd_per_kwh!r})", "USD per kWh")

    @property
    def usd(self) -> float:
        """Price of a second, in USD."""
        return self.watts / 1000 * self.usd_per_kwh / 3600

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of a call in USD; `None` for a call that was not made."""
        return None if seconds is None else self.usd * seconds

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Return the cost in USD of a failed call's time, in which the machine ran too."""
        return self.of(None, seconds)


def cost_of_call(
    price: Pricing | None,
    usage: UsageMetadata | None,
    seconds: float,
    *,
    failed: bool = False,
    unbilled: bool = False,
) -> float | None:
    """Return the cost of a call in USD; `None` where it is unknown.

    Args:
        price: The model's price, or `None`.
        usage: Token counts as reported, or `None`.
        seconds: How long the call took.
        failed: Whether it raised.
        unbilled: Whether it raised before its model began to answer, which no provider bills.
    """
    if usage and from_cache(usage):
        return 0.0
    if price is None:
        return None
    if unbilled:
        return 0.0
    return known_cost(price.of_failed(seconds) if failed else price.of(usage, seconds))


def known_cost(cost: float | None) -> float | None:
    """Return the cost if it is a finite number, else `None`: a user's own price may return anything."""
    return cost if cost is not None and 0 <= cost <= MOST_USD else None


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


def _check(value: object, label: str, unit: str) -> None:
    number = (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_USD
    )
    if not number:
        raise ConfigurationError(
            f"{label} must be {unit}, 0 or more, at most {MOST_USD:g}. Leave the price out where it "
            "is not known."
        )
