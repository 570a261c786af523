"""The cost-quality curves of `make bench-routing`, as a figure."""

from __future__ import annotations

from lc_asym_router.evals.cascade import Cascade
from lc_asym_router.notebook.plots import draw_frontier
from lc_asym_router.notebook.showing import Picture, blank
from lc_asym_router.notebook.tradeoff import tradeoff_of

LIMIT = 4
"""Sources that are drawn: those with second models."""


def draw(path: str, cascades: dict[tuple[str, str | None], Cascade]) -> None:
    """Draw quality over cost, as a part of the frontier's, for each source with a second model."""
    sources = list(dict.fromkeys(source for source, second in cascades if second))[:LIMIT]
    figure, axes = blank(4.2 * len(sources), 3.8, len(sources))
    for axis, source in zip(axes, sources, strict=True):
        lines = {
            f"second: {second}" if second else "the answer alone": tradeoff_of(cascade)
            for (name, second), cascade in cascades.items()
            if name == source
        }
        draw_frontier(axis, lines)
        axis.set_title(source)
    axes[0].set_ylabel("mean grade")
    axes[-1].legend(fontsize=7, loc="best")
    Picture(figure, "Quality against cost").save(path)
