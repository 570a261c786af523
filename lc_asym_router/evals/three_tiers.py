"""Simulate three tiers that check each other, on recorded answers.

If the middle tier's answer differs from the small one's, a third model decides whether it is right.
A router does the same with `verify={"small": default_checks() & Agreement(second="middle"),
"middle": default_checks() & Agreement(second=arbiter)}`: the middle tier is called once, as a
second opinion, and its answer is the next attempt if both differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.errors import DataError
from lc_asym_router.evals.cascade import CascadePrices, answered, attempt_of, bills, none_of
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.evals.metrics import bootstrap, pgr
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.defaults import default_checks

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats


def ladder_report(
    rows: Sequence[Row], middle: str, arbiter: str, prices: CascadePrices | None = None
) -> dict[str, Any]:
    """Measure three tiers: the rows' small model, a middle one, and the frontier.

    The small answer is returned if the middle model agrees; else the middle one's, if a third
    model, the arbiter, agrees; else the frontier's. Nothing is trained, and no model is called.

    Args:
        rows: Rows from `load`; those without all three answers are left out.
        middle: Name of the middle tier's model in the rows' `other`.
        arbiter: Name of the third model there, which is asked about the middle tier's answers only.
        prices: Prices of tokens; `second` is the middle tier's.

    Returns:
        `{"pgr", "pgr_ci95", "frontier_share", "middle_share", "quality", "cost_ratio"}`: the
        performance gap recovered (`None` without a gap) with its 95 % interval; the shares of the
        requests that the frontier and the middle tier answer, in [0, 1]; the mean grade; and the cost
        of all calls relative to the frontier alone.

    Raises:
        DataError: No row has all three answers, or both names are the same.
    """
    np = numpy()
    if middle == arbiter:
        raise DataError(f"{middle!r} can't be the arbiter of its own answers; name another model.")
    used = _usable(rows, middle, arbiter)
    prices = prices or CascadePrices()
    check = default_checks()
    small_passes, middle_passes, sound = [], [], []
    for row in used:
        mine, second, third = (row.weak, row.other[middle], row.other[arbiter])
        sound.append(check(attempt_of(replace(row, weak=second))).passed)
        small_passes.append(check(attempt_of(row)).passed and _agree(row, mine, second))
        middle_passes.append(sound[-1] and _agree(row, second, third))
    weak, strong, between = (
        np.asarray(grades)
        for grades in (
            [row.weak_score for row in used],
            [row.strong_score for row in used],
            [row.other[middle].score for row in used],
        )
    )
    small = np.asarray(small_passes, dtype=bool)
    midway = ~small & np.asarray(middle_passes, dtype=bool)
    up = ~small & ~midway
    graded = np.where(small, weak, np.where(midway, between, strong))
    frontier_usd = bills(used, prices.frontier, [row.strong for row in used])
    bill = (
        bills(used, prices.small, [row.weak for row in used])
        + bills(used, prices.second, [row.other[middle] for row in used])
        + bills(used, prices.arbiter, [row.other[arbiter] for row in used])
        * (~small & np.asarray(sound, dtype=bool))
        + frontier_usd * up
    )
    return {
        "pgr": _recovered(graded, weak, strong),
        "pgr_ci95": bootstrap(_recovered, graded, weak, strong),
        "frontier_share": float(up.mean()),
        "middle_share": float(midway.mean()),
        "quality": float(graded.mean()),
        "cost_ratio": float(bill.mean() / frontier_usd.mean()),
    }


def _usable(rows: Sequence[Row], middle: str, arbiter: str) -> list[Row]:
    used = [row for row in rows if row.weak.response is not None]
    if not used:
        raise DataError(
            "No row holds the small model's answer: a ladder can only be measured on rows with "
            "'weak_response'."
        )
    for name in (middle, arbiter):
        if not any(answered(row, name) for row in used):
            raise none_of(rows, name)
    used = [
        row
        for row in used
        if answered(row, middle) and answered(row, arbiter) and row.other[middle].score is not None
    ]
    if not used:
        raise DataError(
            f"No row holds answers of both {middle!r}, graded, and {arbiter!r}: a middle tier's "
            "answers are handed on, so their 'score' is needed."
        )
    return used


def _agree(row: Row, one: Answer, other: Answer) -> bool:
    return agree(row.query, final_answer(one.response or ""), final_answer(other.response or ""))


def _recovered(graded: Floats, weak: Floats, strong: Floats) -> float | None:
    return pgr(float(graded.mean()), float(weak.mean()), float(strong.mean()))
