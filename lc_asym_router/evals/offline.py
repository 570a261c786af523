"""Evaluate a classifier on recorded answers; no model is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

from lc_asym_router._internal.imports import numpy as _numpy
from lc_asym_router.classify.scorer import Classifier, Scorer
from lc_asym_router.evals.data import Row, by_source, need_scores
from lc_asym_router.evals.metrics import Curve, apgr, bootstrap, curve, pgr
from lc_asym_router.records.request import Request

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats


@dataclass(frozen=True)
class Evaluation:
    """How well a classifier's scores predict which requests need the strong model.

    Attributes:
        rows: The rows it was measured on.
        scores: The classifier's complexity of each row, in [0, 1]; 1 where it gave none, because no
            signal does not mean easy.
        curve: Share of strong calls against quality.
        unscored: Number of rows on which the classifier failed.
        sources: An evaluation of each source, where there are several.
    """

    rows: Sequence[Row] = field(repr=False)
    scores: Floats = field(repr=False)
    curve: Curve = field(repr=False)
    unscored: int = 0
    sources: dict[str, Evaluation] = field(default_factory=dict, repr=False)

    @property
    def apgr(self) -> float | None:
        """Average performance gap recovered; 0.5 is random; `None` where there is no gap."""
        return self.curve.apgr

    def interval(self) -> tuple[float, float] | None:
        """95 % bootstrap interval of the APGR."""
        return bootstrap(apgr, self.scores, *_qualities(self.rows))

    def at(self, threshold: float) -> dict[str, float | None]:
        """Return the results of a threshold: share of strong calls, quality, and PGR."""
        weak, strong = _qualities(self.rows)
        up = self.scores >= threshold
        quality = float((weak * ~up + strong * up).mean())
        return {
            "share": float(up.mean()),
            "quality": quality,
            "pgr": pgr(quality, self.curve.weak, self.curve.strong),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the figures that `lc-asym-router evaluate --json` prints."""
        figures: dict[str, Any] = {
            "n": len(self.rows),
            "weak": self.curve.weak,
            "strong": self.curve.strong,
            "apgr": self.apgr,
            "apgr_ci95": self.interval(),
            "cpt50": self.curve.cpt(0.5),
            "cpt80": self.curve.cpt(0.8),
            "unscored": self.unscored,
            "baselines": baselines(self.rows),
        }
        if self.sources:
            figures["sources"] = {name: each.to_dict() for name, each in self.sources.items()}
        return figures


def evaluate_offline(rows: Sequence[Row], classifier: Classifier) -> Evaluation:
    """Score every row's query and evaluate the scores.

    Args:
        rows: Rows with both models' scores, as `load` returns them.
        classifier: A decision model, or a callable from messages to a complexity in [0, 1].

    Raises:
        DataError: There is no row, or one lacks a score.
    """
    need_scores(rows)
    np = _numpy()
    scorer = Scorer(classifier)
    given = [
        scorer.score(Request(messages=(HumanMessage(row.query),)), {}).complexity for row in rows
    ]
    scores = np.asarray([1.0 if score is None else score for score in given])
    missing = np.asarray([score is None for score in given])
    return of_scores(rows, scores, missing)


def of_scores(rows: Sequence[Row], scores: Any, missing: Any = None) -> Evaluation:
    """Return the evaluation of existing scores.

    Args:
        rows: The rows.
        scores: One score per row; higher means more need of the strong model.
        missing: Which of them stand in for a classifier that failed.
    """
    np = _numpy()
    scores = np.asarray(scores, dtype=np.float64)
    missing = np.zeros(len(rows), dtype=bool) if missing is None else missing
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.dataset, []).append(place)
    parts = (
        {name: _one(by_source(rows)[name], scores[at], missing[at]) for name, at in places.items()}
        if len(places) > 1
        else {}
    )
    whole = _one(rows, scores, missing)
    return Evaluation(whole.rows, whole.scores, whole.curve, whole.unscored, parts)


def baselines(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """Return baselines: random, one model for all, the query's length, and the oracle.

    The oracle knows how much every row gains: no classifier can do better.
    """
    weak, strong = _qualities(rows)
    low, high = float(weak.mean()), float(strong.mean())
    gap = high > low
    by_score = {
        "query_length": curve([len(row.query) for row in rows], weak, strong),
        "oracle": curve(strong - weak, weak, strong),
    }
    fixed: dict[str, dict[str, float | None]] = {
        "random": {
            "apgr": 0.5 if gap else None,
            "cpt50": 0.5 if gap else None,
            "cpt80": 0.8 if gap else None,
        },
        "always_small": {"share": 0.0, "quality": low, "pgr": 0.0 if gap else None},
        "always_frontier": {"share": 1.0, "quality": high, "pgr": 1.0 if gap else None},
    }
    scored = {
        name: {"apgr": each.apgr, "cpt50": each.cpt(0.5), "cpt80": each.cpt(0.8)}
        for name, each in by_score.items()
    }
    return {**fixed, **scored}


def _one(rows: Sequence[Row], scores: Floats, missing: Any) -> Evaluation:
    return Evaluation(rows, scores, curve(scores, *_qualities(rows)), int(missing.sum()))


def _qualities(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    np = _numpy()
    return (
        np.asarray([row.weak_score for row in rows]),
        np.asarray([row.strong_score for row in rows]),
    )
