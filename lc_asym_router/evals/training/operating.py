"""Choose a classifier's default threshold, for users who set no cost target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.metrics import recovered

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

LIFT = 1.5
"""How much more of the gap a request sent up must recover than one that is drawn at random."""
LARGEST = 0.5
STEP = 0.01


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and its results, averaged over the sources.

    Attributes:
        threshold: Score at or over which a request goes to the frontier.
        share: Share of the requests that do, in [0, 1].
        pgr: Performance gap recovered by this.
    """

    threshold: float
    share: float
    pgr: float

    @property
    def lift(self) -> float:
        """How many times more it recovers than the same number of randomly chosen requests."""
        return self.pgr / self.share if self.share else 0.0


def operating_point(rows: Sequence[Row], scores: Floats) -> OperatingPoint:
    """Return the threshold that sends most requests up while each recovers 1.5 times as much as a
    random one.

    Sending a request straight up costs a frontier call, even if the small model would have been
    right; so only requests with a clear benefit go. The answers to the others are checked.

    Args:
        rows: Rows with both models' scores.
        scores: The classifier's scores, each from a training without the row's source.

    Returns:
        The point; where no threshold has that lift, the one with the smallest share.
    """
    np = numpy()
    source = np.asarray([row.dataset for row in rows])
    weak = np.asarray([row.weak_score for row in rows])
    strong = np.asarray([row.strong_score for row in rows])
    counts = {name: int((source == name).sum()) for name in dict.fromkeys(source)}
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum([1 / counts[name] / len(counts) for name in source[order]])
    found = []
    for share in np.arange(STEP, LARGEST + STEP / 2, STEP):
        place = min(int(np.searchsorted(reached, share)), len(order) - 1)
        found.append(_point(round(float(scores[order[place]]), 4), scores, source, weak, strong))
    good = [point for point in found if point.lift >= LIFT]
    return max(good, key=lambda point: point.share) if good else found[0]


def _point(
    threshold: float, scores: Floats, source: Any, weak: Floats, strong: Floats
) -> OperatingPoint:
    np = numpy()
    shares, parts = [], []
    for name in dict.fromkeys(source):
        at = source == name
        up = scores[at] >= threshold
        part = recovered(weak[at], strong[at], up)
        if part is not None:
            shares.append(float(up.mean()))
            parts.append(part)
    return OperatingPoint(
        threshold,
        float(np.mean(shares)) if shares else 0.0,
        float(np.mean(parts)) if parts else 0.0,
    )
