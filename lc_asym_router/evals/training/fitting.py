"""Fitting a logistic regression, and its targets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy as _numpy
from lc_asym_router.classify.text_features import (
    NAMES,
    STURDY,
    QuestionText,
    buckets,
    question_features,
    read_question,
)
from lc_asym_router.evals.data import Row, by_source

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

SCORED = 0.8
"""A further model counts where it has scores for this share of a source's rows."""

BROKEN = 0.5
"""One whose mean is under this part of the small model's fails for reasons of its own."""


def steadied_gains(rows: Sequence[Row]) -> Floats:
    """Return each row's target: half its own pair's gain plus half the mean gain of all pairs.

    Returns:
        Numbers in [-1, 1].
    """
    np = _numpy()
    gains = np.asarray([row.gain for row in rows])
    places = {id(row): place for place, row in enumerate(rows)}
    steadied: Floats = gains.copy()
    for group in by_source(rows).values():
        small, frontier = pools(group)
        for row in group:
            weak = [row.weak_score, *_scores(row, small)]
            strong = [row.strong_score, *_scores(row, frontier)]
            mean = sum(strong) / len(strong) - sum(weak) / len(weak)
            steadied[places[id(row)]] = (row.gain + mean) / 2
    return steadied


def pools(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the further models of one source that resemble its small model, and those like its
    frontier.

    Each model is assigned to the one with the closer mean score.
    """
    low = sum(row.weak_score for row in rows) / len(rows)
    high = sum(row.strong_score for row in rows) / len(rows)
    small: list[str] = []
    frontier: list[str] = []
    for model in sorted({model for row in rows for model in row.other}):
        scores = [score for row in rows for score in _scores(row, [model])]
        if len(scores) < SCORED * len(rows):
            continue
        mean = sum(scores) / len(scores)
        if mean >= BROKEN * low:
            (small if abs(mean - low) < abs(mean - high) else frontier).append(model)
    return small, frontier


def _scores(row: Row, models: Sequence[str]) -> list[float]:
    answers = (row.other.get(model) for model in models)
    return [answer.score for answer in answers if answer is not None and answer.score is not None]


BUCKETS = 1024
KNOTS = 20


@dataclass(frozen=True, slots=True)
class Shape:
    """A configuration of the model.

    Attributes:
        name: Its name in reports.
        features: The features that it uses.
        penalty: The ridge penalty, relative to features with a mean square of about 1.
        words: Whether it also uses hashed words.
    """

    name: str
    features: tuple[str, ...]
    penalty: float
    words: bool = False


SHAPES = (
    Shape("sturdy", STURDY, 0.03),
    Shape("dense", NAMES, 0.3),
    Shape("words", NAMES, 0.3, words=True),
)
_WORD_PENALTY = 2e-3


@dataclass(frozen=True, slots=True)
class Table:
    """The rows as arrays.

    Attributes:
        dense: Features, one row per text, in the order of `NAMES`.
        words: Hashed words, one row per text.
        target: The values to predict.
        task: Number of each row's source and category.
    """

    dense: Floats
    words: Any
    target: Floats
    task: Any

    def part(self, chosen: Any) -> Table:
        """Return the chosen rows alone."""
        return Table(self.dense[chosen], self.words[chosen], self.target[chosen], self.task[chosen])


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted model: raw score = ((features - mean) / scale) @ weights + words @ word_weights."""

    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    word_weights: Floats

    def raw(self, table: Table) -> Floats:
        """Return the rows' raw scores; higher means a larger expected gain of the frontier."""
        dense = table.dense[:, _columns(self.features)]
        score: Floats = ((dense - self.mean) / self.scale) @ self.weights
        return score + table.words @ self.word_weights if len(self.word_weights) else score

    def raw_of(self, text: str) -> float:
        """Return the raw score of one text."""
        reading = read_question(text)
        found = question_features(reading)
        away = [found[name] for name in self.features] - self.mean
        score = float((away / self.scale) @ self.weights)
        if len(self.word_weights):
            hashed = buckets(reading, len(self.word_weights))
            score += sum(float(self.word_weights[place]) * part for place, part in hashed.items())
        return score


def tabulate(rows: Sequence[Row], target: Floats) -> Table:
    """Compute the features of every row's query."""
    np = _numpy()
    dense = np.zeros((len(rows), len(NAMES)))
    words = np.zeros((len(rows), BUCKETS), dtype=np.float32)
    numbers: dict[Hashable, int] = {}
    task = np.zeros(len(rows), dtype=np.int64)
    for place, row in enumerate(rows):
        reading: QuestionText = read_question(row.query)
        dense[place] = list(question_features(reading).values())
        for bucket, weight in buckets(reading, BUCKETS).items():
            words[place, bucket] = weight
        task[place] = numbers.setdefault((row.dataset, row.category), len(numbers))
    return Table(dense, words, target, task)


def fit_linear(table: Table, shape: Shape) -> Linear:
    """Fit one configuration to the rows."""
    np = _numpy()
    dense = table.dense[:, _columns(shape.features)]
    mean, scale = dense.mean(axis=0), dense.std(axis=0)
    scale[scale < 1e-9] = 1.0  # a feature that never changes
    centred = (dense - mean) / scale
    target = table.target.copy()
    weight = np.zeros(len(target))
    for task in np.unique(table.task):
        at = table.task == task
        centred[at] -= centred[at].mean(axis=0)
        target[at] -= target[at].mean()
        target[at] /= target[at].std() + 1e-9
        weight[at] = at.sum() ** -0.5
    weight /= weight.sum()
    weights = _ridge(centred, target, weight, shape.penalty)
    word_weights = np.zeros(0)
    if shape.words:
        # The words explain what the features leave over, task by task.
        left = target - centred @ weights
        hashed = table.words.astype(np.float32)
        for task in np.unique(table.task):
            at = table.task == task
            hashed[at] -= hashed[at].mean(axis=0)
        word_weights = _ridge(hashed, left, weight, _WORD_PENALTY)
    return Linear(shape.features, mean, scale, weights, word_weights)


def calibration_curve(raw: Floats, gain: Floats, source: Any) -> tuple[Floats, Floats]:
    """Fit the map from raw scores to expected gains: the knots of an increasing, piecewise linear
    function.

    Uses isotonic regression (pool adjacent violators) over bins of the raw score. Sources are
    centred separately and weighted by the square root of their number of rows, so that the function
    gives what a higher score means within a source, at the level of the average source.

    Args:
        raw: Raw scores of rows that the model was not trained on.
        gain: Their gains, in [-1, 1].
        source: Number of each row's source.

    Returns:
        Raw scores and gains in (0, 1), both strictly increasing and of the same length.
    """
    np = _numpy()
    raw, gain = raw.copy(), gain.copy()
    weight = np.zeros(len(raw))
    numbers = np.unique(source)
    raw_level = np.mean([raw[source == number].mean() for number in numbers])
    level = np.mean([gain[source == number].mean() for number in numbers])
    for number in numbers:
        at = source == number
        raw[at] += raw_level - raw[at].mean()
        gain[at] += level - gain[at].mean()
        weight[at] = at.sum() ** -0.5
    order = np.argsort(raw, kind="stable")
    raw, gain, weight = raw[order], gain[order], weight[order]
    bins = np.minimum(KNOTS - 1, (np.cumsum(weight) / weight.sum() * KNOTS).astype(int))
    blocks: list[list[float]] = []
    for number in np.unique(bins):
        at = bins == number
        total = float(weight[at].sum())
        blocks.append([total, float(weight[at] @ raw[at]), float(weight[at] @ gain[at])])
        while len(blocks) > 1 and blocks[-2][2] / blocks[-2][0] >= blocks[-1][2] / blocks[-1][0]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    places = np.asarray([block[1] / block[0] for block in blocks])
    gains = np.asarray([block[2] / block[0] for block in blocks])
    rising = np.arange(len(gains)) * 1e-6  # for blocks that differ by a rounding error only
    return places, np.clip(gains, 1e-3, 0.99) + rising


def _columns(names: Sequence[str]) -> list[int]:
    return [NAMES.index(name) for name in names]


def _ridge(inputs: Any, target: Floats, weight: Floats, penalty: float) -> Floats:
    np = _numpy()
    weighted = inputs * weight[:, None].astype(inputs.dtype)
    square = (weighted.T @ inputs).astype(np.float64)
    square[np.diag_indices_from(square)] += penalty
    solved: Floats = np.linalg.solve(square, weighted.T.astype(np.float64) @ target)
    return solved
