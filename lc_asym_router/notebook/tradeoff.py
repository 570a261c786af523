"""The trade-off of thresholds, for any kind of evaluation: frontier share, quality, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.cascade import Cascade, CascadePrices, costs_of
from lc_asym_router.evals.offline import Evaluation
from lc_asym_router.evals.replay import Replay

if TYPE_CHECKING:
    from lc_asym_router.evals.check_thresholds import Point
    from lc_asym_router.evals.metrics import Floats

STEPS = 40
"""Thresholds of a curve, at equal steps of the scores' distribution."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The result of one threshold.

    Attributes:
        threshold: The threshold, in [0, 1].
        share: Share of the requests that reach the frontier, in [0, 1].
        quality: Mean grade of the answers, in [0, 1].
        cost_usd: Mean cost per request in USD, or `None` where prices are unknown.
        cost_part: The cost as a share of the frontier's alone, or `None`.
    """

    threshold: float
    share: float
    quality: float
    cost_usd: float | None
    cost_part: float | None

    @property
    def effort(self) -> float:
        """The value on the cost axis: the cost as a share of the frontier's, else `share`."""
        return self.share if self.cost_part is None else self.cost_part


@dataclass(frozen=True)
class Tradeoff:
    """Quality against cost, for every threshold.

    Attributes:
        at: Maps a threshold to its result.
        steps: The thresholds to draw.
        small: The result of the small tier alone.
        frontier: The result of the frontier alone.
        chosen: The threshold in use, where the evaluation has it.
        baselines: Other curves to compare with, by name.
        what: Describes what the threshold applies to.
    """

    at: Callable[[float], Spot] = field(repr=False)
    steps: Sequence[float] = field(repr=False)
    small: Spot
    frontier: Spot
    chosen: float | None = None
    baselines: dict[str, list[Spot]] = field(default_factory=dict, repr=False)
    what: str = "complexity from which a request goes up"

    @property
    def curve(self) -> list[Spot]:
        """The results of `steps`, the cheapest first."""
        return sorted(map(self.at, self.steps), key=lambda spot: spot.effort)


def tradeoff_of(evaluation: Any, prices: CascadePrices | None = None) -> Tradeoff:
    """Compute the trade-off of an evaluation.

    Args:
        evaluation: The result of `evaluate_offline` (a classifier alone), `simulate` (a check
            alone) or `replay_router` (a router's classifier and checks together).
        prices: Prices of tokens, for an evaluation without prices; by default those of a
            Llama-3.1-8B-class model and of GPT-4o.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(evaluation, Tradeoff):
        return evaluation
    if isinstance(evaluation, Cascade):
        return _of_cascade(evaluation)
    if isinstance(evaluation, Replay):
        return _of_replay(evaluation)
    if isinstance(evaluation, Evaluation):
        return _of_evaluation(evaluation, prices or CascadePrices())
    raise ConfigurationError(
        f"A {type(evaluation).__name__} says nothing of other thresholds. Give what "
        "evaluate_offline(rows, classifier), replay_router(router, rows) or simulate(rows) returned."
    )


def _of_cascade(cascade: Cascade) -> Tradeoff:
    results, scores = cascade.results, cascade.scores[cascade.policy]
    alone, cheap = float(results.frontier_usd.mean()), float(results.small_usd.mean())

    def spot(point: Point) -> Spot:
        cost = point.cost_usd
        return Spot(point.threshold, point.share, point.quality, cost, cascade.cost_ratio(point))

    return Tradeoff(
        at=lambda threshold: spot(results.point(threshold, scores, cascade.asked)),
        steps=[point.threshold for point in cascade.curve()],
        small=Spot(0.0, 0.0, float(results.weak.mean()), cheap, cheap / alone if alone else None),
        frontier=Spot(1.0, 1.0, float(results.strong.mean()), alone, 1.0),
        chosen=cascade.thresholds[cascade.policy],
        what="trust in an answer under which it escalates",
    )


def _of_evaluation(evaluation: Evaluation, prices: CascadePrices) -> Tradeoff:
    """A classifier alone: answers of the small tier are not checked."""
    np = numpy()
    rows = evaluation.rows
    ones = np.ones(len(rows))
    guessed = Replay(
        complexity=np.asarray(evaluation.scores),
        sound=ones.astype(bool),
        score=ones,
        check_score=ones,
        weak=np.asarray([row.weak_score for row in rows]),
        strong=np.asarray([row.strong_score for row in rows]),
        weak_usd=costs_of(rows, prices.small, "weak"),
        strong_usd=costs_of(rows, prices.frontier, "strong"),
        ask_usd=np.zeros(len(rows)),
        tuned=None,
        threshold=0.0,
    )
    found = _of_replay(guessed)
    lengths = np.asarray([float(len(row.query)) for row in rows])
    by_length = _of_replay(replace(guessed, complexity=lengths))
    return replace(found, baselines={"query length": by_length.curve, **found.baselines})


def _of_replay(replay: Replay) -> Tradeoff:
    np = numpy()
    nothing, everything = (
        np.zeros(len(replay.weak), dtype=bool),
        np.ones(len(replay.weak), dtype=bool),
    )
    alone = replay.costs(everything, everything)
    whole = None if alone is None else float(alone.mean())

    def spot(threshold: float, straight: Any, up: Any) -> Spot:
        costs: Floats | None = replay.costs(straight, up)
        cost = None if costs is None else float(costs.mean())
        part = cost / whole if cost is not None and whole else None
        return Spot(threshold, float(up.mean()), float(replay.qualities(up).mean()), cost, part)

    def at(threshold: float) -> Spot:
        return spot(threshold, *replay.ups(threshold, replay.threshold))

    # The oracle knows what each row gains, and needs no check.
    gain = replay.strong - replay.weak
    oracle = [spot(step, gain >= step, gain >= step) for step in _steps(gain)]
    return Tradeoff(
        at=at,
        steps=_steps(replay.complexity),
        small=spot(1.0, nothing, nothing),
        frontier=spot(0.0, everything, everything),
        baselines={"oracle": sorted(oracle, key=lambda each: each.effort)},
    )


def _steps(scores: Any) -> list[float]:
    """Return thresholds over a distribution of scores: below all, at equal quantiles, above all."""
    np = numpy()
    quantiles = np.unique(np.quantile(scores, np.linspace(0, 1, STEPS + 1)))
    return [float(step) for step in (*quantiles, np.nextafter(quantiles[-1], np.inf))]
