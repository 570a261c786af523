"""Prices, and what a call costs at them: by the token, by the call, by the second."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.usage import TokenCounts, from_cache


class Pricing(ABC):
    """What a call costs. Base of every form of price; subclass it for one of your own."""

    __slots__ = ()

    @abstractmethod
    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Cost of a call that was answered, in USD; `None` where it can't be known.

        Args:
            usage: Token counts as the provider reported them, or `None`.
            seconds: How long the call took, or `None` where it was not made.
        """

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Cost of a call that failed after its model had begun, in USD; `None`: nobody knows."""
        return None

    def most(self, input_tokens: int, max_tokens: int, seconds: float) -> float | None:
        """The greatest cost that a call can have, in USD; `None` where it can't be known.

        Args:
            input_tokens: The most input tokens that it can have.
            max_tokens: The most output tokens that it can have.
            seconds: The longest that it can take.
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
        """Cost of a call in USD; `None` where the call reported no token counts."""
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
        """The greatest cost of a call, in USD: every token at the dearest price it can have."""
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
        """Cost of a call in USD."""
        return float(self.usd)

    def of_failed(self, seconds: float | None = None) -> float | None:
        """0 where calls are free; else `None`: whether a failed call is charged nobody knows."""
        return None if self.usd else 0.0


@dataclass(frozen=True, slots=True)
class PerSecond(Pricing):
    """A price for the time that a call takes: a rented machine, or one's own.

    Calls that run side by side on one machine each count their whole time, so the sum is an upper
    bound there.

    Args:
        usd: Price of a second, in USD. A machine at 0.60 USD an hour: `PerSecond(0.60 / 3600)`.

    Raises:
        ConfigurationError: The price is negative, no number, or over `MOST_USD`.
    """

    usd: float

    def __post_init__(self) -> None:
        _check(self.usd, f"PerSecond({self.usd!r})", "USD per second")

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Cost of a call in USD; `None` for a call that was not made: nobody knows its time."""
        return None if seconds is None else self.usd * seconds

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Cost of the time that a failed call took, in USD: the machine ran all the same."""
        return self.of(None, seconds)


@dataclass(frozen=True, slots=True)
class Power(Pricing):
    """The electricity that a call takes on a machine of one's own.

    Args:
        watts: What the machine draws while it answers, in watts.
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
        """Cost of a call in USD; `None` for a call that was not made: nobody knows its time."""
        return None if seconds is None else self.usd * seconds

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Cost of the time that a failed call took, in USD: the machine ran all the same."""
        return self.of(None, seconds)


def cost_of_call(
    price: Pricing | None,
    usage: UsageMetadata | None,
    seconds: float,
    *,
    failed: bool = False,
    unbilled: bool = False,
) -> float | None:
    """Cost of a call that was made, in USD; `None` where it is not known.

    Args:
        price: The model's price, or `None`.
        usage: Token counts as reported, or `None`.
        seconds: How long the call took.
        failed: It raised.
        unbilled: It raised before its model began to answer, which no provider bills.
    """
    if usage and from_cache(usage):
        return 0.0
    if price is None:
        return None
    if unbilled:
        return 0.0
    return known_cost(price.of_failed(seconds) if failed else price.of(usage, seconds))


def known_cost(cost: float | None) -> float | None:
    """The cost where it is one: a price of one's own may say anything, and sums stay finite."""
    return cost if cost is not None and 0 <= cost <= MOST_USD else None


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


def _check(value: object, label: str, unit: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= MOST_USD:  # type: ignore[operator]
        raise ConfigurationError(
            f"{label} must be {unit}, 0 or more, at most {MOST_USD:g}. Leave the price out where it "
            "is not known."
        )
