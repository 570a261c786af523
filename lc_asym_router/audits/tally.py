"""Losses seen among requests, and what they show: a bound on their sum, and evidence on their rate.

Each request's loss, 0 or 1, is seen with a probability that is known before it is drawn. Two questions
are answered by betting, both at all times:

- How many of the losses so far were there at most, seen or not? Nothing is assumed of the requests: the
  draws alone are random, so it holds however the traffic drifts and whatever has chosen the rung. With
  `h` a loss that was drawn with probability `p`, `prod(1 - b/p) * exp(b * losses)` is a nonnegative
  supermartingale for each bet `b` up to the least `p`, so by Ville's inequality the losses are at most
  `(log(1/error) - sum(log(1 - b/p))) / b`. What is always seen needs no bound: it is known.
- Does the rate lie under a target, or over it? `prod(1 - b/p) / (1 - b*target)**requests` bets on a
  rate under it, `prod(1 + b/p) / (1 + b*target)**requests` on one over it.

The bets are fixed and share the error among them, so all of it depends on counts alone, which processes
can add up in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lc_asym_router.audits.bound import least_count

BETS = (0.8, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625)
"""Bets on losses that are few, for a loss that is seen for certain."""
RISES = (0.1, 0.4, 1.6, 6.4)
"""Bets on losses that are many."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests, and the losses seen among them.

    Attributes:
        requests: How many requests there were, by the probability with which a loss is seen; of 0
            where it never is.
        losses: How many losses were seen, likewise.
    """

    requests: Mapping[float, int] = field(default_factory=dict)
    losses: Mapping[float, int] = field(default_factory=dict)

    def plus(self, probability: float, lost: bool, requests: int = 1) -> Tally:
        """Return the tally with more requests of one probability.

        Args:
            probability: With which probability a loss is seen, from 0 to 1.
            lost: Whether one of them is a loss that was seen.
            requests: How many requests.
        """
        counts = {**self.requests, probability: self.requests.get(probability, 0) + requests}
        if not lost:
            return Tally(counts, self.losses)
        return Tally(counts, {**self.losses, probability: self.losses.get(probability, 0) + 1})

    @property
    def count(self) -> int:
        """All requests."""
        return sum(self.requests.values())

    @property
    def seen(self) -> int:
        """All losses that were seen."""
        return sum(self.losses.values())

    @property
    def least(self) -> float:
        """The least probability over 0 that any request had; 1 without any."""
        return min((p for p, count in self.requests.items() if p and count), default=1.0)

    @property
    def known(self) -> int:
        """Losses that need no bound: those that are always seen, and requests that can't be."""
        return self.losses.get(1.0, 0) + self.requests.get(0.0, 0)

    @property
    def estimate(self) -> float:
        """The unbiased estimate of the sum of all losses; requests that can't be seen count as lost."""
        return self.requests.get(0.0, 0) + sum(count / p for p, count in self.losses.items() if p)

    @property
    def rate(self) -> float | None:
        """The estimated rate; `None` without a request."""
        return self.estimate / self.count if self.count else None

    def most(self, error: float) -> float:
        """Return how many losses there were at most, seen or not, at any time.

        Args:
            error: Probability with which that may ever be wrong, over 0 and under 1.
        """
        sampled = sum(count for p, count in self.requests.items() if 0 < p < 1)
        if not sampled:
            return float(self.known)
        limit = math.log(len(BETS) / error)
        hits = [(p, count) for p, count in self.losses.items() if 0 < p < 1]
        found = min(
            (
                (limit - sum(count * math.log1p(-bet / p) for p, count in hits)) / -math.log1p(-bet)
                for bet in BETS
                if bet < self.least
            ),
            default=math.inf,
        )
        return self.known + min(float(sampled), found)

    def shows(self, target: float, error: float) -> bool:
        """Whether it is shown that the rate is at most a target.

        Args:
            target: The rate, in (0, 1).
            error: As for `most`.
        """
        requests, hits = self.count, self._hits
        limit = math.log(len(BETS) / error)
        return any(
            sum(count * math.log1p(-bet / p) for p, count in hits)
            - requests * math.log1p(-bet * target)
            >= limit
            for bet in BETS
            if bet < self.least
        )

    def rate_at_most(self, error: float) -> float:
        """Return a value that the rate does not exceed, at any time, to a ten-thousandth.

        Args:
            error: As for `most`.
        """
        low, high = 0.0, 1.0
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (low, middle) if self.shows(middle, error) else (middle, high)
        return high

    def passes(self, target: float, error: float) -> bool:
        """Whether it is shown that the rate is over a target; see `shows`."""
        requests, hits = self.count, self._hits
        limit = math.log(len(RISES) / error)
        return any(
            sum(count * math.log1p(bet / p) for p, count in hits)
            - requests * math.log1p(bet * target)
            >= limit
            for bet in RISES
        )

    @property
    def _hits(self) -> list[tuple[float, int]]:
        """The losses by their probability; a request that can't be seen is one for certain."""
        hits = {p: count for p, count in self.losses.items() if p}
        if missed := self.requests.get(0.0, 0):
            hits[1.0] = hits.get(1.0, 0) + missed
        return list(hits.items())


def requests_to_show(target: float, rate: float, error: float) -> int | None:
    """Return about how many requests, all of them seen, it takes until `Tally.shows` says so.

    Args:
        target: The rate to show, in (0, 1).
        rate: The true rate; the losses come just as it says.
        error: As for `Tally.most`.

    Returns:
        `None` where that is never shown, because the rate is not under the target.
    """

    def shown(count: int) -> bool:
        return Tally({1.0: count}, {1.0: math.ceil(rate * count)}).shows(target, error)

    return least_count(shown) if rate < target else None


def merged_tally(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of several tallies."""
    requests: dict[float, int] = {}
    losses: dict[float, int] = {}
    for tally in tallies:
        for p, count in tally.requests.items():
            requests[p] = requests.get(p, 0) + count
        for p, count in tally.losses.items():
            losses[p] = losses.get(p, 0) + count
    return Tally(requests, losses)
