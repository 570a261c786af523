"""Bounds on a mean of outcomes in [0, 1] that hold whenever one looks.

A confidence sequence by betting, after Waudby-Smith and Ramdas (arXiv 2010.09686), with two
differences that traffic asks for. The bets are a fixed mixture in place of an adaptive one: then the
evidence against a mean depends on the outcomes by their counts alone, so that several processes can
add theirs up in any order, and the bound is one on the *average* of the means so far, whatever way
they drift. And requests that were not audited count: each audited one was drawn with a known
probability.

For a bet `b` the process `prod((1 + b*v_i) / (1 + b*p*mu_i))` over requests `i` is a nonnegative
martingale, where `v_i` is the outcome where it was drawn (else 0), `p` the probability of being drawn
and `mu_i` the outcome's mean given the past. Because the logarithm is concave, the denominator is at
most `(1 + b*p*m)**n` at the average `m` of the `mu_i`. So by Ville's inequality the true average stays,
at all times together, where the mixture of `prod(1 + b*v_i) / (1 + b*p*m)**n` is under
`1 / (1 - confidence)`.

Plain Python: a bound takes milliseconds, and the core has no numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lc_asym_router.errors import ConfigurationError

_DOWNWARD = (
    (0.0, 0.02),
    (-0.01, 0.01),
    (-0.03, 0.02),
    (-0.07, 0.03),
    (-0.15, 0.07),
    (-0.34, 0.2),
    (-0.64, 0.4),
    (-0.86, 0.25),
)
"""Bets against high means, with their weights; most is put on those that show a few percent. Without
the bet 0, what one stratum has lost another could not make good."""
_UPWARD = tuple((bet, 0.1) for bet in (0.0, 0.05, 0.15, 0.4, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0))
"""Bets against low means, likewise."""
Bets = tuple[tuple[float, float], ...]
_STEPS = 21
"""Halvings of an interval: to a millionth."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Requests that were drawn with the same probability, and the outcomes of those drawn.

    Attributes:
        requests: How many requests there were, drawn or not.
        outcomes: How often each outcome other than 0, in [0, 1], was seen among those drawn.
        probability: The probability with which each was drawn, over 0 and up to 1.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    requests: int
    outcomes: Mapping[float, int] = field(default_factory=dict)
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ConfigurationError(
                f"Stratum(probability={self.probability!r}) must be over 0 and at most 1: what is "
                "never drawn says nothing."
            )
        if any(not 0 <= value <= 1 or count < 0 for value, count in self.outcomes.items()):
            raise ConfigurationError("Stratum(outcomes=...) are counts of values in [0, 1].")
        if sum(self.outcomes.values()) > self.requests:
            raise ConfigurationError(
                f"Stratum(requests={self.requests}) counts every request, those with an outcome too."
            )

    @property
    def estimate(self) -> float:
        """The unbiased estimate of the sum of all outcomes, drawn or not."""
        return sum(value * count for value, count in self.outcomes.items()) / self.probability


def upper_bound(strata: Sequence[Stratum], confidence: float = 0.95) -> float:
    """Return a value that the mean over all requests does not exceed, at any time.

    Args:
        strata: The requests so far. Each keeps its probability; which stratum a request is in may
            depend on the past and on the request, not on its outcome.
        confidence: Probability that the bound is never wrong, over 0 and under 1.

    Raises:
        ConfigurationError: The confidence is out of its range.
    """
    return _bound(strata, confidence, _DOWNWARD)


def lower_bound(strata: Sequence[Stratum], confidence: float = 0.95) -> float:
    """Return a value that the mean over all requests is not under, at any time; see `upper_bound`."""
    return _bound(strata, confidence, _UPWARD)


def log_evidence(stratum: Stratum, mean: float, *, above: bool) -> float:
    """Return the logarithm of an e-process: the evidence against a mean, which is 0 at the start.

    Under the null hypothesis its exponential exceeds `1 / alpha`, ever, with a probability of at most
    `alpha`.

    Args:
        stratum: The requests so far.
        mean: A mean, in [0, 1].
        above: Whether the evidence is for a mean above this one, against the null hypothesis that the
            average so far is at most this; else the other way round.
    """
    return _Evidence(stratum, _UPWARD if above else _DOWNWARD).at(mean)[0]


def audits_to_show(target: float, rate: float, confidence: float = 0.95) -> int | None:
    """Return about how many audits it takes to show that a rate is at most a target.

    Args:
        target: What is to be shown, in (0, 1).
        rate: The true rate, in [0, 1].
        confidence: As for `upper_bound`.

    Returns:
        The audits where the outcomes come just as the rate says; `None` where that is never shown,
        because the rate is not under the target.
    """
    if rate >= target:
        return None

    def shown(audits: int) -> bool:
        # No outcome is half seen, so the count is rounded up.
        seen = math.ceil(rate * audits) if rate else 0
        return upper_bound([Stratum(audits, {1.0: seen})], confidence) <= target

    return least_count(shown)


def least_count(shown: Callable[[int], bool]) -> int | None:
    """Return about the least count for which something is shown, to half a percent.

    Args:
        shown: Whether a count is enough; where one is, all greater ones are.

    Returns:
        `None` where not even 16 million are.
    """
    most = 16
    while not shown(most):
        most *= 2
        if most > 1 << 24:
            return None
    least = most // 2
    while most - least > max(1, least // 200):
        middle = (least + most) // 2
        least, most = (least, middle) if shown(middle) else (middle, most)
    return most


class _Evidence:
    """A stratum's evidence against a mean: a mixture over bets."""

    def __init__(self, stratum: Stratum, bets: Bets) -> None:
        self.requests = stratum.requests
        self.parts = [
            (bet * stratum.probability, math.log(weight) + won)
            for bet, weight in bets
            if (won := _won(bet, stratum.outcomes)) > -math.inf
        ]

    def at(self, mean: float) -> tuple[float, float]:
        """The logarithm of the evidence, and how fast it grows with the mean, per request."""
        logs = []
        for bet, won in self.parts:
            kept = 1.0 + bet * mean
            if kept <= 0.0 and self.requests:
                return math.inf, math.inf
            logs.append(won - self.requests * math.log(max(kept, 5e-324)))
        highest = max(logs)
        shares = [math.exp(each - highest) for each in logs]
        whole = sum(shares)
        slope = sum(
            share * -bet / (1.0 + bet * mean)
            for share, (bet, _) in zip(shares, self.parts, strict=True)
            if share
        )
        return highest + math.log(whole), slope / whole


def _won(bet: float, outcomes: Mapping[float, int]) -> float:
    """The logarithm of what a bet has made of the outcomes."""
    won = 0.0
    for value, count in outcomes.items():
        if count:
            factor = 1.0 + bet * value
            if factor <= 0.0:
                return -math.inf
            won += count * math.log(factor)
    return won


def _bound(strata: Sequence[Stratum], confidence: float, bets: Bets) -> float:
    if not 0 < confidence < 1:
        raise ConfigurationError(f"confidence={confidence!r} must lie between 0 and 1: 0.95.")
    upward = bets is _UPWARD
    seen = [each for each in strata if each.requests]
    if not seen:
        return 0.0 if upward else 1.0
    limit = -math.log1p(-confidence)
    evidence = [_Evidence(each, bets) for each in seen]

    # `depth` is how far a stratum's mean lies from where nothing speaks against it: from 0 for the
    # upper bound, from 1 for the lower one. Evidence and slope grow with it.
    def at(each: _Evidence, depth: float) -> tuple[float, float]:
        found, slope = each.at(1.0 - depth if upward else depth)
        return found, abs(slope)

    if len(evidence) == 1:
        depth = _last(lambda d: at(evidence[0], d)[0] <= limit)
        return 1.0 - depth if upward else depth
    # The largest sum of means whose evidence, multiplied, is under the limit: where each stratum's
    # evidence has the same slope (Lagrange; both are convex).
    total = sum(each.requests for each in evidence)

    def depths(slope: float) -> list[float]:
        return [_last(lambda d, each=each: at(each, d)[1] <= slope) for each in evidence]  # type: ignore[misc]

    def over(log_slope: float) -> bool:
        found = zip(evidence, depths(math.exp(log_slope)), strict=True)
        return sum(at(each, depth)[0] for each, depth in found) > limit

    low, high = -14.0, 14.0  # of the slopes' logarithms
    if not over(high):
        return 0.0 if upward else 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if over(middle) else (middle, high)
    sums = zip(evidence, depths(math.exp(high)), strict=True)
    mean = sum(each.requests * depth for each, depth in sums) / total
    return 1.0 - mean if upward else mean


def _last(holds: Callable[[float], bool]) -> float:
    """The end of the depths in [0, 1] for which something holds, which it does from 0 on; rounded up,
    so that a bound is rather too wide."""
    if holds(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high
