"""The metrics of routing, as RouteLLM defines them (arXiv 2406.18665, section 4.1).

A router gives each request a score; requests with at least a threshold's score go to the strong
model. Each threshold gives a point: the share of strong calls, and the mean score of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy as _numpy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

THRESHOLDS = 11
RESAMPLES = 1000
SEED = 20240618


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (share, quality), by increasing share.

    Attributes:
        share: Shares of calls that go to the strong model, in [0, 1].
        quality: Mean score of the answers at each share, in [0, 1].
        weak: Mean score of the weak model alone, in [0, 1].
        strong: Mean score of the strong model alone, in [0, 1].
    """

    share: Floats
    quality: Floats
    weak: float
    strong: float

    @property
    def apgr(self) -> float | None:
        """Average performance gap recovered: 0.5 is random; `None` where there is no gap.

        The area between the curve and the weak model's quality, divided by the area between both
        models'.
        """
        gap = self.strong - self.weak
        if gap <= 0:
            return None
        np = _numpy()
        return float(np.trapezoid(self.quality - self.weak, self.share) / gap)

    def cpt(self, recovered: float) -> float | None:
        """Return the call-performance threshold: the smallest share that recovers this part of the gap.

        Args:
            recovered: Share of the gap between the models, in [0, 1].

        Returns:
            A share in [0, 1], linearly interpolated between the points; `None` where there is no gap.
        """
        gap = self.strong - self.weak
        if gap <= 0:
            return None
        wanted = self.weak + recovered * gap
        points = list(zip(self.share, self.quality, strict=True))
        for (left, low), (right, high) in pairwise(points):
            if high >= wanted - 1e-12:
                step = (wanted - low) / (high - low) if high > low else 0.0
                return float(left + (right - left) * min(1.0, max(0.0, step)))
        return 1.0


def curve(scores: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> Curve:
    """Return the curve of a router's scores, with a point at each edge of the scores' deciles.

    These are RouteLLM's eleven thresholds, and one more at which nothing goes to the strong model,
    so that scores with many ties have a curve too.

    Args:
        scores: One score per row; higher means more need of the strong model.
        weak: The weak model's score of each row, in [0, 1].
        strong: The strong model's score of each row, in [0, 1].
    """
    np = _numpy()
    score, low, high = (np.asarray(values, dtype=np.float64) for values in (scores, weak, strong))
    edges = np.unique(np.quantile(score, np.linspace(0, 1, THRESHOLDS)))
    order = np.argsort(score, kind="stable")
    gains = np.concatenate([np.cumsum((high - low)[order][::-1])[::-1], [0.0]])
    first = np.searchsorted(score[order], edges, side="left")
    shares = np.concatenate([1 - first / len(score), [0.0]])[::-1]
    quality = np.concatenate([low.mean() + gains[first] / len(score), [low.mean()]])[::-1]
    return Curve(shares, quality, float(low.mean()), float(high.mean()))


def apgr(scores: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> float | None:
    """Return the average performance gap recovered of a router's scores; see `Curve.apgr`."""
    return curve(scores, weak, strong).apgr


def pgr(quality: float, weak: float, strong: float) -> float | None:
    """Return the performance gap recovered: 0 is the weak model's quality, 1 the strong one's.

    `None` where there is no gap. Over 1 where the mix is better than the strong model alone.
    """
    return (quality - weak) / (strong - weak) if strong > weak else None


def recovered(weak: ArrayLike, strong: ArrayLike, up: ArrayLike) -> float | None:
    """Return the performance gap recovered by sending some rows to the strong model.

    Args:
        weak: The weak model's score of each row.
        strong: The strong model's score of each row.
        up: Which rows go to the strong model.
    """
    np = _numpy()
    low, high = np.asarray(weak), np.asarray(strong)
    mixed = np.where(np.asarray(up) > 0, high, low)
    return pgr(float(mixed.mean()), float(low.mean()), float(high.mean()))


def auroc(scores: ArrayLike, right: ArrayLike) -> float | None:
    """Return the probability, in [0, 1], that a right answer scores higher than a wrong one.

    Ties count half.

    Args:
        scores: One an answer.
        right: How right each is; over 0.5 is right.

    Returns:
        `None` where all are right or all wrong.
    """
    np = _numpy()
    score, good = np.asarray(scores, dtype=np.float64), np.asarray(right) > 0.5
    n_good, n_bad = int(good.sum()), int((~good).sum())
    if not n_good or not n_bad:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[good].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))


def bootstrap(
    statistic: Callable[..., float | None],
    *arrays: Sequence[Any] | Floats,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Return a percentile bootstrap interval of a statistic over resampled rows; deterministic.

    Args:
        statistic: A function from the resampled arrays to a number, or `None` where it has no
            value.
        *arrays: Values per row, all of the same length.
        resamples: Number of resamples.
        level: The interval's coverage, in (0, 1).

    Returns:
        Both ends; `None` where the statistic has too few values.
    """
    np = _numpy()
    columns = [np.asarray(array) for array in arrays]
    random = np.random.default_rng(SEED)
    size = len(columns[0])
    values = []
    for _ in range(resamples):
        drawn = random.integers(0, size, size)
        value = statistic(*(column[drawn] for column in columns))
        if value is not None:
            values.append(value)
    if len(values) < resamples / 2:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
