"""A figure of audits over time: the bound, the frontier's share of the calls, the saving."""

from __future__ import annotations

from typing import Any

from lc_asym_router.audits.counts import report_of
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.money.ledger.rows import Moment
from lc_asym_router.notebook.showing import Picture, blank


def plot_audits(
    router: Any, ledger: Ledger | None = None, *, since: Moment = None, until: Moment = None
) -> Picture:
    """Plot what audits have found by the end of each day, and beside it what routing did.

    The left half is the rate of answers that differ from the last tier's, and of those that are worse,
    with the bounds, over all days up to each one. The right half, with a ledger, is the share of the
    requests that the last tier answered and the saving, day by day.

    Args:
        router: A router with audits.
        ledger: Its ledger.
        since: Start of the period of the ledger (inclusive); see `Ledger.rows`.
        until: End of that period (exclusive), likewise.

    Raises:
        ConfigurationError: It has no audits, nothing was audited yet, or an extra is not installed.
        LedgerError: The ledger can't be read.
    """
    report = router.audits  # reads the database
    counts = router.policy.auditor.store.counts(("all",))
    days = sorted({cell.day for cell in counts})
    if not days:
        raise ConfigurationError(
            "No answer of a lower tier was counted yet. Ask the router something first, and wait for "
            "its audits: router.flush_audits()."
        )
    figure, axes = blank(11.0 if ledger else 6.4, 3.8, 2 if ledger else 1)
    by_day = []
    for day in days:
        known = {cell: row for cell, row in counts.items() if cell.day <= day}
        by_day.append(report_of(known, report.confidence).all)
    for name, color in (("differs", "tab:blue"), ("worse", "tab:red")):
        rates = [getattr(each, name) if each else None for each in by_day]
        seen = [nan if rate is None or rate.estimate is None else rate.estimate for rate in rates]
        most = [nan if rate is None else rate.at_most for rate in rates]
        axes[0].plot(days, most, "_-", color=color, label=f"{name}, at most")
        axes[0].plot(days, seen, ".--", color=color, label=name)
    _finish(axes[0], days, "share of the lower tiers' answers")
    if ledger is not None:
        last = router.ladder.last.name
        rows = ledger.rows("day", since, until)
        dates = [row["day"] for row in rows]
        axes[1].plot(dates, [row.get(f"share_{last}") or 0.0 for row in rows], "o-", label=last)
        saved = [
            row["saved_usd"] / row["frontier_cost_usd"]
            if row["saved_usd"] is not None and row["frontier_cost_usd"]
            else nan
            for row in rows
        ]
        axes[1].plot(dates, saved, "s-", label="saved of the frontier's cost")
        _finish(axes[1], dates, "share")
    return Picture(figure, "What routing loses, and saves")


nan = float("nan")


def _finish(axis: Any, days: list[str], label: str) -> None:
    axis.set_ylabel(label)
    axis.set_ylim(bottom=0)
    axis.set_xticks(range(0, len(days), max(1, len(days) // 6)))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
