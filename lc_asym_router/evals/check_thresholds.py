"""Choose the checks' thresholds with the lowest cost at a required quality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.evals.metrics import pgr
from lc_asym_router.evals.search import Target, choose

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

STEPS = 40
"""Thresholds tried for each score, at equal steps of the scores' distribution."""
BOUNDS = ((0.0, 0.05, 0.1, 0.2, 0.3), (1.0, 0.95, 0.9, 0.85, 0.8, 0.7))
"""Values tried for `hopeless` and for `sure`."""


@dataclass(frozen=True, slots=True)
class Point:
    """One choice of thresholds, and its results.

    Attributes:
        threshold: Score at or over which a small answer passes, in [0, 1].
        share: Share of the requests that reach the frontier, in [0, 1].
        quality: Mean grade of the answers, in [0, 1].
        pgr: Performance gap recovered; `None` where there is no gap.
        cost_usd: Mean cost per request in USD, all calls included.
        sure: Score of the cheap check at or over which the expensive one is skipped, in [0, 1].
        hopeless: Score of the cheap check up to which the expensive one is skipped, in [0, 1].
        asked: Share of the requests on which the expensive check ran, in [0, 1].
    """

    threshold: float
    share: float
    quality: float
    pgr: float | None
    cost_usd: float
    sure: float = 1.0
    hopeless: float = 0.0
    asked: float = 0.0


@dataclass(frozen=True)
class GradesAndCosts:
    """The grade and cost of every call; arrays with one number per row.

    Attributes:
        weak: The small model's grade, in [0, 1].
        strong: The frontier's grade, in [0, 1].
        small_usd: Cost of the small model's call, in USD.
        frontier_usd: Cost of the frontier's call, in USD.
        ask_usd: Cost of the expensive check, in USD; zeros where there is none.
        straight: Which rows the classifier sends to the frontier without a small call.
    """

    weak: Floats
    strong: Floats
    small_usd: Floats
    frontier_usd: Floats
    ask_usd: Floats
    straight: Any

    def point(self, threshold: float, score: Floats, asked: Any, **bounds: float) -> Point:
        """Return the result of a threshold.

        Args:
            threshold: Score at or over which a small answer passes.
            score: The deciding score of each row.
            asked: On which rows the expensive check ran.
            **bounds: `sure` and `hopeless`, stored in the result.
        """
        np = numpy()
        asked = asked & ~self.straight
        up = self.straight | (score < threshold)
        quality = float(np.where(up, self.strong, self.weak).mean())
        bill = self.small_usd * ~self.straight + self.ask_usd * asked + self.frontier_usd * up
        return Point(
            threshold=float(threshold),
            share=float(up.mean()),
            quality=quality,
            pgr=pgr(quality, float(self.weak.mean()), float(self.strong.mean())),
            cost_usd=float(bill.mean()),
            asked=float(asked.mean()),
            **bounds,
        )


def points(results: GradesAndCosts, score: Floats, asked: Any, **bounds: float) -> Iterator[Point]:
    """Yield the points of a score's curve, from nothing escalated to everything."""
    np = numpy()
    steps = np.unique(np.quantile(score, np.linspace(0, 1, STEPS + 1)))
    for threshold in (*steps, np.nextafter(steps[-1], np.inf)):
        yield results.point(threshold, score, asked, **bounds)


def joined(cheap: Floats, dear: Floats, *, sure: float, hopeless: float) -> tuple[Floats, Any]:
    """Return the deciding score of each row, and on which rows the expensive check runs.

    Where the cheap check is sure, the answer passes at any threshold; where it is hopeless, at
    none.
    """
    np = numpy()
    asked = (cheap > hopeless) & (cheap < sure)
    score: Floats = np.where(asked, dear, np.where(cheap >= sure, 1.0, 0.0))
    return score, asked


def best(
    results: GradesAndCosts,
    score: Floats,
    *,
    quality: float | None = None,
    recovered: float | None = None,
) -> Point:
    """Return the threshold of one check with the lowest cost at a required quality.

    Args:
        results: The grades and costs of the calls.
        score: The check's score of each row, in [0, 1].
        quality: Minimum mean grade, in [0, 1]; or
        recovered: minimum share of the gap between both models.

    Raises:
        CalibrationError: Neither or both are given, or no threshold reaches it.
    """
    none = numpy().zeros(len(score), dtype=bool)
    return _cheapest(results, points(results, score, none), quality, recovered)


def best_joint(
    results: GradesAndCosts,
    cheap: Floats,
    dear: Floats,
    *,
    quality: float | None = None,
    recovered: float | None = None,
) -> Point:
    """Return the bounds and threshold of a `Joint` check with the lowest cost at a required quality.

    Args:
        results: The grades and costs of the calls; `ask_usd` is the expensive check's.
        cheap: The cheap check's score of each row, in [0, 1].
        dear: The expensive check's score of every row, in [0, 1].
        quality: Minimum mean grade, in [0, 1]; or
        recovered: minimum share of the gap between both models.

    Raises:
        CalibrationError: Neither or both are given, or no setting reaches it.
    """

    def every() -> Iterator[Point]:
        for hopeless in BOUNDS[0]:
            for sure in BOUNDS[1]:
                score, asked = joined(cheap, dear, sure=sure, hopeless=hopeless)
                yield from points(results, score, asked, sure=sure, hopeless=hopeless)

    return _cheapest(results, every(), quality, recovered)


def _cheapest(
    results: GradesAndCosts, tried: Iterator[Point], quality: float | None, recovered: float | None
) -> Point:
    target = Target(quality=quality, gain_kept=recovered)
    return choose(list(tried), target, float(results.weak.mean()), float(results.strong.mean()))
