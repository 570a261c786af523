"""The training target of the learned classifier: the frontier's gain, averaged over several model
pairs.

One pair of models answers each question once or twice, so its gain is mostly noise. If the rows
have further models' scores, those close to the small model and those close to the frontier form
more pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import numpy as _numpy
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
