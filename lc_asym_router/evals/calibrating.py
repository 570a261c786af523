"""Find the thresholds that reach a target, and estimate what they will give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.audits.audit import Rung
from lc_asym_router.classify.calibration import Calibration, Expected
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import CalibrationError
from lc_asym_router.evals.data import Row, need_scores
from lc_asym_router.evals.example import same_question
from lc_asym_router.evals.metrics import bootstrap
from lc_asym_router.evals.replay import Replay, replay, replay_router
from lc_asym_router.evals.search import Target, choose
from lc_asym_router.money.prices import Pricing
from lc_asym_router.verify.check import Check

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter

LEAST_ROWS = 50
FOLDS = 5
STEPS = 40
"""Thresholds tried: at so many equal steps of the scores' distribution, for either of both."""


def calibrate(
    router: AsymRouter,
    dataset: Sequence[Row],
    target: Target | Mapping[str, float],
    *,
    second: str | None = None,
    second_price: Pricing | None = None,
) -> Calibration:
    """Find the thresholds of a router's classifier and check that reach a target.

    The classifier scores every query and the check every recorded small answer. No tier is called,
    unless the classifier is a judge. A check that asks a second model uses that model's recorded
    answers, if the rows have them; any other check that asks a model is left out. The thresholds
    are chosen on all rows. Their expected result is estimated by cross-validation in five folds:
    each fold is evaluated with thresholds chosen on the other four. Requests with the same text are
    always in the same fold.

    Args:
        router: The router, for its classifier, the first tier's check, and prices. Tiers between
            the first and the last are not replayed, and the calibration says so.
        dataset: Rows with both tiers' grades: from `load`, or `record_tiers`.
        target: The target, as a `Target` or as `{name: value}`.
        second: Name, in the rows' `other`, of the second model that the checks ask, if they ask
            one.
        second_price: That model's price; by default the list price of the check's own model.

    Returns:
        A calibration for `AsymRouter(threshold=...)`; write it with `save`.

    Raises:
        CalibrationError: Too few rows or questions, a target that can't be reached, or a cost
            target without prices.
        DataError: No row has an answer of the second model, or one lacks a score.
        ConfigurationError: A second model is named, and no check asks one.
    """
    goal = Target.of(target)
    questions = _questions(dataset)
    data = replay_router(router, dataset, second, second_price)
    return _calibrated(questions, data, goal, router.policy.decider.scorer.name)


def calibrate_settings(
    dataset: Sequence[Row],
    target: Target | Mapping[str, float],
    *,
    scorer: Scorer,
    check: Check | None,
    weak_price: Pricing | None = None,
    strong_price: Pricing | None = None,
    second: str | None = None,
    second_price: Pricing | None = None,
) -> Calibration:
    """Do what `calibrate` does, without a router: for its settings alone."""
    goal = Target.of(target)
    questions = _questions(dataset)
    data = replay(dataset, scorer, check, weak_price, strong_price, second, second_price)
    return _calibrated(questions, data, goal, scorer.name)


def calibrate_rungs(
    router: AsymRouter, dataset: Sequence[Row], kept: Sequence[float] = (0.9, 0.95, 0.98)
) -> list[Rung]:
    """Propose the rungs of a target from rows: thresholds that keep ever more of the quality.

    Args:
        router: As for `calibrate`.
        dataset: Likewise.
        kept: Shares of the frontier's quality, in (0, 1]. One that can't be reached, or whose
            thresholds are not stricter than those before, makes no rung.

    Returns:
        Rungs for `Audit(target=..., rungs=...)`, the cheapest first.

    Raises:
        CalibrationError: As for `calibrate`, where none of them makes a rung.
        DataError: A row lacks a score.
    """
    questions = _questions(dataset)
    data = replay_router(router, dataset)
    found: list[tuple[float, Calibration]] = []
    failure: CalibrationError | None = None
    for share in sorted(set(kept)):
        goal = Target(quality_kept=share)
        try:
            each = _calibrated(questions, data, goal, router.policy.decider.scorer.name)
        except CalibrationError as error:
            failure = error
            continue
        if not found or _is_stricter(each, found[-1][1]):
            found.append((share, each))
    if not found:
        raise failure or CalibrationError(
            "kept= names no share of the frontier's quality: (0.95,)."
        )
    return [Rung(threshold=each, name=f"keeps {share:.1%}") for share, each in found]


def _is_stricter(one: Calibration, other: Calibration) -> bool:
    """Whether a calibration hands on no answer that another one rejects, and is not the same."""
    nested = one.threshold <= other.threshold and all(
        one.checks.get(name, 0.0) >= threshold for name, threshold in other.checks.items()
    )
    return nested and (one.threshold, one.checks) != (other.threshold, other.checks)


SLACK = 1e-9
"""What rounding may do to a figure."""


def _questions(dataset: Sequence[Row]) -> list[int]:
    """Return the number of each row's question; rows with the same question share one.

    Raises:
        CalibrationError: There are too few rows, or too few different questions to split.
        DataError: A row lacks a score.
    """
    if len(dataset) < LEAST_ROWS:
        raise CalibrationError(
            f"{len(dataset)} rows are too few to calibrate on; give {LEAST_ROWS} at least, and some "
            "hundreds for intervals that say something."
        )
    need_scores(dataset)
    questions = same_question(dataset)
    if max(questions) + 1 < FOLDS:
        raise CalibrationError(
            f"The {len(dataset)} rows hold {max(questions) + 1} different question(s); at least "
            f"{FOLDS} are needed, to judge thresholds on questions that they were not chosen on."
        )
    return questions


def _calibrated(
    questions: Sequence[int], data: Replay, goal: Target, classifier: str
) -> Calibration:
    np = numpy()
    if goal.cost_usd is not None and data.costs(True, True) is None:
        raise CalibrationError(
            "A target in USD needs the prices of both tiers, and of a second model that is asked: "
            "Tier(model, price=Price(input, output)), second_price=Price(input, output)."
        )
    threshold, least = _best(data, goal)
    expected = _expected(questions, data, goal, (threshold, least))
    seen = {"complexity": _quantiles(data.complexity)}
    scores = data.check_score[~np.isnan(data.check_score)]
    if data.tuned and len(scores):
        seen["check"] = _quantiles(scores)
    return Calibration(
        classifier=classifier,
        threshold=threshold,
        checks={data.tuned: least} if data.tuned else {},
        target=goal.given,
        expected=expected,
        rows=len(questions),
        seen=seen,
        notes=(*data.notes, *_missed(goal, expected)),
    )


def _missed(goal: Target, expected: Mapping[str, Expected]) -> list[str]:
    """That the target is not met on questions that the thresholds were not chosen on."""
    ((name, value),) = goal.given.items()
    found = expected.get(name)
    if found is None:
        return []
    most = name in ("frontier_share", "cost_usd")
    if found.value <= value + SLACK if most else found.value >= value - SLACK:
        return []
    return [
        f"The target is not met: {name} is {found.value:.3g} on questions that the thresholds were not "
        f"chosen on, not {'at most' if most else 'at least'} {value:g}. Give more rows, or a margin."
    ]


@dataclass(frozen=True, slots=True)
class _Point:
    threshold: float
    least: float
    share: float
    quality: float
    cost_usd: float
    """The share where prices are not known: what is to be kept small."""


def _best(data: Replay, goal: Target) -> tuple[float, float]:
    """Return the thresholds that reach the target best.

    Raises:
        CalibrationError: None do.
    """
    best = choose(_points(data), goal, float(data.weak.mean()), float(data.strong.mean()))
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
    """Return thresholds over a distribution of scores: below all, above all, and equal quantiles."""
    np = numpy()
    over = min(1.0, math.nextafter(float(scores.max()), 2.0))
    return [float(each) for each in np.unique([*_quantiles(scores, STEPS), 0.0, over])]


def _quantiles(scores: Any, steps: int = 20) -> list[float]:
    np = numpy()
    return [float(each) for each in np.quantile(scores, np.linspace(0, 1, steps + 1))]


def _expected(
    questions: Sequence[int], data: Replay, goal: Target, chosen: tuple[float, float]
) -> dict[str, Expected]:
    """Return the result of each fold with thresholds chosen on the others."""
    np = numpy()
    folds = np.asarray(questions) % FOLDS
    ups = np.zeros(len(questions), dtype=bool)
    straights = np.zeros(len(questions), dtype=bool)
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
