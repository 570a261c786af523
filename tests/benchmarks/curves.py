"""The cost-quality curves of `make bench-routing`, as a figure."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from lc_asym_router.evals.cascade import Cascade

LIMIT = 4
"""Sources that are drawn: those with second models."""


def draw(path: str, cascades: dict[tuple[str, str | None], Cascade]) -> None:
    """Draw quality over cost, as a part of the frontier's, for each source with a second model."""
    sources = list(dict.fromkeys(source for source, second in cascades if second))[:LIMIT]
    figure, axes = plt.subplots(1, len(sources), figsize=(4.2 * len(sources), 3.8), squeeze=False)
    for axis, source in zip(axes[0], sources, strict=True):
        for (name, second), cascade in cascades.items():
            if name == source:
                _line(axis, cascade, second)
        weak, strong = _ends(cascades[source, None])
        axis.plot(*zip(weak, strong, strict=True), ":", color="grey", label="random mix")
        axis.plot(*weak, "s", color="black", label="always small")
        axis.plot(*strong, "D", color="black", label="always frontier")
        axis.set_title(source)
        axis.set_xlabel("cost, part of the frontier's")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("mean grade")
    axes[0][-1].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _line(axis: plt.Axes, cascade: Cascade, second: str | None) -> None:
    curve = sorted(cascade.curve(), key=lambda point: point.cost_usd)
    (line,) = axis.plot(
        [cascade.cost_ratio(point) for point in curve],
        [point.quality for point in curve],
        "-" if second else "--",
        label=f"second: {second}" if second else "the answer alone",
    )
    point = cascade.default()
    axis.plot(cascade.cost_ratio(point), point.quality, "o", color=line.get_color())


def _ends(cascade: Cascade) -> tuple[tuple[float, float], tuple[float, float]]:
    outcomes = cascade.outcomes
    frontier = float(outcomes.frontier_usd.mean())
    small = float(outcomes.small_usd.mean()) / frontier
    return (small, float(outcomes.weak.mean())), (1.0, float(outcomes.strong.mean()))
