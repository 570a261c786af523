"""Static figures: quality against cost, and costs over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.graph.state import check_threshold
from lc_asym_router.notebook.report_figures import Report
from lc_asym_router.notebook.showing import Picture, blank
from lc_asym_router.notebook.tradeoff import Tradeoff, tradeoff_of

if TYPE_CHECKING:
    from lc_asym_router.evals.cascade import CascadePrices
    from lc_asym_router.money.ledger.rows import Moment


def plot_frontier(
    evaluation: Any,
    *,
    threshold: float | Calibration | None = None,
    prices: CascadePrices | None = None,
    title: str = "",
) -> Picture:
    """Plot quality against cost for every threshold, with baselines and the chosen threshold.

    Args:
        evaluation: The result of `evaluate_offline`, `replay_router` or `simulate`; or a mapping
            from names to several of them on the same rows.
        threshold: The chosen threshold in [0, 1], or the calibration that has it; by default the
            evaluation's own.
        prices: Prices of tokens, for an evaluation without prices.
        title: The figure's title.

    Raises:
        ConfigurationError: The evaluation has no other thresholds, or an extra is not installed.
    """
    given = (
        evaluation if isinstance(evaluation, Mapping) else {"threshold by threshold": evaluation}
    )
    lines = {name: tradeoff_of(each, prices) for name, each in given.items()}
    figure, (axis,) = blank(6.4, 4.2)
    draw_frontier(axis, lines, chosen_of(threshold))
    axis.set_ylabel("mean grade")
    axis.set_title(title)
    axis.legend(fontsize=8, loc="best")
    return Picture(figure, title or "Quality against cost")


def chosen_of(threshold: float | Calibration | None) -> float | None:
    """Return a threshold as a number.

    Raises:
        ConfigurationError: It is no number in [0, 1].
    """
    if isinstance(threshold, Calibration):
        return threshold.threshold
    return None if threshold is None else check_threshold(threshold, "threshold")


def draw_frontier(axis: Any, lines: Mapping[str, Tradeoff], threshold: float | None = None) -> None:
    """Draw trade-offs of the same rows on one axis: one line each, and the baselines without a router.

    Args:
        axis: A matplotlib axis.
        lines: The trade-offs by their names.
        threshold: The chosen threshold; by default each trade-off's own.
    """
    for number, (name, tradeoff) in enumerate(lines.items()):
        spots = tradeoff.curve
        (line,) = axis.plot(
            [spot.effort for spot in spots],
            [spot.quality for spot in spots],
            "-" if number or len(lines) == 1 else "--",
            label=name,
        )
        chosen = tradeoff.chosen if threshold is None else threshold
        if chosen is not None:
            spot = tradeoff.at(chosen)
            label = f"threshold {chosen:.3g}" if len(lines) == 1 else None
            style = {"color": line.get_color(), "markeredgecolor": "white", "zorder": 5}
            axis.plot(spot.effort, spot.quality, "o", markersize=9, label=label, **style)
    first = next(iter(lines.values()))
    for (name, baseline), dashes in zip(first.baselines.items(), ("-.", "--"), strict=False):
        points = [spot.effort for spot in baseline], [spot.quality for spot in baseline]
        axis.plot(*points, dashes, color="grey", alpha=0.6, linewidth=1, label=name)
    ends = first.small, first.frontier
    axis.plot(
        [end.effort for end in ends],
        [end.quality for end in ends],
        ":",
        color="grey",
        label="random mix",
    )
    for end, mark, name in zip(ends, "sD", ("always small", "always frontier"), strict=True):
        axis.plot(end.effort, end.quality, mark, color="black", label=name)
    priced = first.frontier.cost_part is not None
    axis.set_xlabel("cost, part of the frontier's" if priced else "share of frontier calls")
    axis.grid(alpha=0.3)


def plot_ledger(source: Any, *, since: Moment = None, until: Moment = None) -> Picture:
    """Plot costs by day and model, and what the frontier alone would have cost.

    Args:
        source: A `Ledger`, a `Report`, or the result of `ledger.rows("day")` or
            `ledger.report(by="day")`.
        since: Start of the period (inclusive), for a ledger; see `Ledger.rows`.
        until: End of the period (exclusive), likewise.

    Raises:
        ConfigurationError: `source` is none of these, or an extra is not installed.
        LedgerError: The ledger can't be read.
    """
    report = Report.of(source, since, until)
    figure, (axis,) = blank(7.0, 3.8)
    days = [day.day for day in report.days]
    models = sorted({model for day in report.days for model in day.models})
    below = [0.0] * len(days)
    for model in models:
        costs = [day.models.get(model) or 0.0 for day in report.days]
        axis.bar(days, costs, bottom=below, label=model, width=0.6)
        below = [low + cost for low, cost in zip(below, costs, strict=True)]
    alone = [day.frontier_cost_usd for day in report.days]
    axis.plot(
        days,
        [float("nan") if each is None else each for each in alone],
        "D--",
        color="black",
        label="frontier alone (est.)",
    )
    axis.set_ylabel("USD a day")
    axis.set_xticks(range(0, len(days), max(1, len(days) // 6)))
    axis.grid(alpha=0.3, axis="y")
    axis.legend(fontsize=8)
    return Picture(figure, "The bill by day")
