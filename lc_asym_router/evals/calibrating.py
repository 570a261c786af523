"""Finding the thresholds for a target, and what they will mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lc_asym_router.calibration import Calibration, CalibrationError, Expected
from lc_asym_router.classify.scoring import Scorer
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.extra import numpy
from lc_asym_router.evals.metrics import bootstrap
from lc_asym_router.evals.questions import same_question
from lc_asym_router.evals.replay import Replay, replay
from lc_asym_router.money.prices import Pricing
from lc_asym_router.verify.check import Check

if TYPE_CHECKING:
    from lc_asym_router.router import AsymRouter

LEAST_ROWS = 50
FOLDS = 5
STEPS = 40
"""Thresholds tried: at so many equal steps of the scores' distribution, for either of both."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the thresholds are to reach; exactly one of them.

    Attributes:
        frontier_share: At most that share of the requests reach the frontier, in [0, 1]; the quality
            is made as good as it gets.
        quality_kept: At least that part of the frontier's mean grade, in [0, 1]; as cheap as it gets.
        gain_kept: At least that part of the gap between both models' mean grades, likewise.
        cost_usd: At most that cost a request, in USD; the quality is made as good as it gets.

    Raises:
        CalibrationError: None or several are given, or one is out of its range.
    """

    frontier_share: float | None = None
    quality_kept: float | None = None
    gain_kept: float | None = None
    cost_usd: float | None = None

    def __post_init__(self) -> None:
        if len(self.given) != 1:
            names = ", ".join(field.name for field in fields(self))
            raise CalibrationError(f"A target is exactly one of {names}.")
        ((name, value),) = self.given.items()
        top = math.inf if name == "cost_usd" else 1.0
        if not isinstance(value, int | float) or not 0 <= value <= top:
            raise CalibrationError(
                f"The target {name}={value!r} must be "
                + ("USD, 0 or more." if name == "cost_usd" else "a number in [0, 1].")
            )

    @property
    def given(self) -> dict[str, float]:
        """The one that is given, by its name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def calibrate(
    router: AsymRouter, dataset: Sequence[Row], target: Target | Mapping[str, float]
) -> Calibration:
    """The thresholds of a router's classifier and check that reach a target.

    The classifier scores every query and the check every recorded small answer; no tier is asked (a
    judge that classifies is). The thresholds are chosen on all rows. What is expected of them comes
    from five parts, each judged with thresholds chosen on the other four, so that it is not
    flattered by the choice; requests with the same text never straddle parts.

    Args:
        router: Two tiers' router, for its classifier, check and prices.
        dataset: Rows with both tiers' grades: `load`, or `record_tiers`.
        target: What to reach.

    Returns:
        A calibration for `AsymRouter(threshold=...)`; write it with `save`.

    Raises:
        CalibrationError: Too few rows, a target that can't be reached, or a cost target without
            prices.
    """
    policy, ladder = router.policy, router.ladder
    return calibrate_settings(
        dataset,
        target,
        scorer=policy.decider.scorer,
        check=policy.check,
        weak_price=ladder[0].rate,
        strong_price=ladder[-1].rate,
    )


def calibrate_settings(
    dataset: Sequence[Row],
    target: Target | Mapping[str, float],
    *,
    scorer: Scorer,
    check: Check | None,
    weak_price: Pricing | None = None,
    strong_price: Pricing | None = None,
) -> Calibration:
    """`calibrate` without a router: for its settings alone."""
    goal = target if isinstance(target, Target) else _target(target)
    if len(dataset) < LEAST_ROWS:
        raise CalibrationError(
            f"{len(dataset)} rows are too few to calibrate on; give {LEAST_ROWS} at least, and some "
            "hundreds for intervals that say something."
        )
    whole = replay(dataset, scorer, check, weak_price, strong_price)
    if goal.cost_usd is not None and whole.costs(True, True) is None:
        raise CalibrationError(
            "A target in USD needs both tiers' prices: Tier(model, price=Price(input, output))."
        )
    threshold, least = _best(whole, goal)
    expected = _expected(dataset, whole, goal, (threshold, least))
    seen = {"complexity": _quantiles(whole.complexity)}
    if whole.tuned:
        seen["check"] = _quantiles(whole.score)
    return Calibration(
        classifier=scorer.name,
        threshold=threshold,
        checks={whole.tuned: least} if whole.tuned else {},
        target=goal.given,
        expected=expected,
        rows=len(dataset),
        seen=seen,
        notes=whole.notes,
    )


def _target(given: Mapping[str, float]) -> Target:
    try:
        return Target(**given)
    except TypeError:
        names = ", ".join(field.name for field in fields(Target))
        raise CalibrationError(
            f"A target is exactly one of {names}, not {sorted(given)}."
        ) from None


@dataclass(frozen=True, slots=True)
class _Point:
    threshold: float
    least: float
    share: float
    quality: float
    cost: float
    """USD a request; the share where prices are not known: what is to be kept small."""


def _best(data: Replay, goal: Target) -> tuple[float, float]:
    """The thresholds that reach the target best.

    Raises:
        CalibrationError: None do.
    """
    points = _points(data)
    weak, strong = float(data.weak.mean()), float(data.strong.mean())
    ((name, value),) = goal.given.items()
    if name == "frontier_share":
        fit = [point for point in points if point.share <= value + 1e-9]
        reached = f"the least share is {min(point.share for point in points):.3g}"
    elif name == "cost_usd":
        fit = [point for point in points if point.cost <= value * (1 + 1e-9)]
        reached = f"the least cost is {min(point.cost for point in points):.3g} USD"
    else:
        floor = value * strong if name == "quality_kept" else weak + value * (strong - weak)
        fit = [point for point in points if point.quality >= floor - 1e-9]
        reached = f"the best mean grade is {max(point.quality for point in points):.3g}"
    if not fit:
        raise CalibrationError(f"The target {name}={value:g} can't be reached: {reached}.")
    if name in ("frontier_share", "cost_usd"):
        best = max(fit, key=lambda point: (point.quality, -point.cost))
    else:
        best = min(fit, key=lambda point: (point.cost, -point.quality))
    return best.threshold, best.least


def _points(data: Replay) -> list[_Point]:
    points = []
    for threshold in _steps(data.complexity):
        for least in _steps(data.score) if data.tuned else [0.0]:
            straight, up = data.ups(threshold, least)
            costs = data.costs(straight, up)
            share = float(up.mean())
            cost = share if costs is None else float(costs.mean())
            points.append(_Point(threshold, least, share, float(data.qualities(up).mean()), cost))
    return points


def _steps(scores: Any) -> list[float]:
    """Thresholds over a distribution: none of it, all of it, and equal steps between."""
    np = numpy()
    over = min(1.0, math.nextafter(float(scores.max()), 2.0))
    return [float(each) for each in np.unique([*_quantiles(scores, STEPS), 0.0, over])]


def _quantiles(scores: Any, steps: int = 20) -> list[float]:
    np = numpy()
    return [float(each) for each in np.quantile(scores, np.linspace(0, 1, steps + 1))]


def _expected(
    dataset: Sequence[Row], data: Replay, goal: Target, chosen: tuple[float, float]
) -> dict[str, Expected]:
    """What each part gives with thresholds chosen on the others."""
    np = numpy()
    folds = np.asarray(same_question(dataset)) % FOLDS
    ups = np.zeros(len(dataset), dtype=bool)
    straights = np.zeros(len(dataset), dtype=bool)
    for fold in range(FOLDS):
        inside = folds == fold
        try:
            thresholds = _best(data.part(~inside), goal)
        except CalibrationError:
            thresholds = chosen  # The target lies at the edge of what can be reached.
        straights[inside], ups[inside] = data.part(inside).ups(*thresholds)
    quality = data.qualities(ups)
    figures: dict[str, Any] = {
        "frontier_share": (lambda up: up.mean(), (ups,)),
        "quality": (lambda got: got.mean(), (quality,)),
        "quality_kept": (_ratio, (quality, data.strong)),
        "gain_kept": (_recovered, (quality, data.weak, data.strong)),
    }
    costs = data.costs(straights, ups)
    if costs is not None:
        figures["cost_usd"] = (lambda cost: cost.mean(), (costs,))
    expected = {}
    for name, (statistic, arrays) in figures.items():
        value = statistic(*arrays)
        if value is not None:
            expected[name] = Expected(float(value), bootstrap(statistic, *arrays))
    return expected


def _ratio(quality: Any, strong: Any) -> float | None:
    top = float(strong.mean())
    return float(quality.mean()) / top if top > 0 else None


def _recovered(quality: Any, weak: Any, strong: Any) -> float | None:
    gap = float(strong.mean() - weak.mean())
    return float(quality.mean() - weak.mean()) / gap if gap > 0 else None
