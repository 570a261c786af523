"""Train the learned classifier, and measure it on left-out sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy as _numpy
from lc_asym_router._internal.model_file import write_model, write_whole
from lc_asym_router.classify.classifier_weights import KIND
from lc_asym_router.classify.text_features import FEATURES_VERSION
from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row, by_source, need_scores
from lc_asym_router.evals.example import same_question
from lc_asym_router.evals.metrics import SEED, apgr, bootstrap, curve
from lc_asym_router.evals.training.fitting import (
    SHAPES,
    Linear,
    Shape,
    calibration_curve,
    fit_linear,
    pools,
    steadied_gains,
    tabulate,
)
from lc_asym_router.evals.training.kind_fitting import OperatingPoint, operating_point

if TYPE_CHECKING:
    from lc_asym_router.evals.kind_metrics import KindRow
    from lc_asym_router.evals.metrics import Floats
    from lc_asym_router.evals.training.train_kinds import TrainedKinds

RESAMPLES = 400
"""How often the rows are drawn again for the intervals of the mean."""

FEWEST = 50
"""Rows that are needed to train on, in each split."""

FOLDS = 5
"""Parts that a single source is split into, by question."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The results of a classifier on one source that it was not trained on.

    Attributes:
        source: The source.
        rows: Its number of rows.
        trained_on: Number of rows, with other questions, that the classifier was trained on.
        weak: Mean score of the small model, in [0, 1].
        strong: Mean score of the frontier model, in [0, 1].
        apgr: Average performance gap recovered of the chosen shape; 0.5 is random; `None` where
            the frontier is no better.
        apgr_ci95: Its 95 % bootstrap interval.
        length: The APGR of the query's length alone.
        shapes: The APGR of every shape that was tried.
        small_pool: The models counted as small, besides the pair's own.
        frontier_pool: The models counted as frontier, besides the pair's own.
    """

    source: str
    rows: int
    trained_on: int
    weak: float
    strong: float
    apgr: float | None
    apgr_ci95: tuple[float, float] | None
    length: float | None
    shapes: dict[str, float | None]
    small_pool: list[str] = field(default_factory=list)
    frontier_pool: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained classifier and its results on unseen data.

    Attributes:
        shape: The chosen shape's name.
        rows: Number of rows trained on.
        split: "source" (each source left out in turn) or "question" (one source, in parts).
        sources: Results on the sources, each by a training without it.
        means: Mean APGR over the sources of every shape, and of the query's length.
        mean_ci95: 95 % bootstrap interval of the chosen shape's mean, resampled within each source.
        over_length_ci95: 95 % interval of the mean's difference from that of the query's length.
        base: Mean gain over the sources, in (0, 1): the expected gain without information.
        gains: Lowest and highest expected gain of the calibration, in (0, 1).
        model: The weights.
        operating: The shipped threshold, and its results on left-out sources.
        knots: The knots of the map from raw scores to expected gains.
        kinds: The classifier of kinds of work, where rows for it were given.
    """

    shape: str
    rows: int
    split: str
    sources: list[SourceResult]
    means: dict[str, float | None]
    mean_ci95: tuple[float, float] | None
    over_length_ci95: tuple[float, float] | None
    base: float
    gains: tuple[float, float]
    operating: OperatingPoint
    model: Linear = field(repr=False)
    knots: tuple[Floats, Floats] = field(repr=False)
    kinds: TrainedKinds | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures that `lc-asym-router train --json` prints."""
        return {
            "shape": self.shape,
            "rows": self.rows,
            "split": self.split,
            "apgr": self.means[self.shape],
            "apgr_ci95": self.mean_ci95,
            "over_length_ci95": self.over_length_ci95,
            "means": self.means,
            "gains": list(self.gains),
            "operating": {**asdict(self.operating), "lift": self.operating.lift},
            "sources": {result.source: asdict(result) for result in self.sources},
            **({"kinds": self.kinds.to_dict()} if self.kinds else {}),
        }

    def save(self, path: str | PathLike[str], card: str) -> None:
        """Write the weights, and the model card to the same path with the suffix `.md`.

        Raises:
            ModelFileError: The path can't be written.
        """
        levels = {"base": self.base, "shape": self.shape, "threshold": self.operating.threshold}
        arrays: dict[str, Sequence[Any]] = {
            name: _steady(values) for name, values in self._arrays().items()
        }
        meta = {
            **{name: _steady([level])[0] for name, level in levels.items()},
            "features": list(self.model.features),
            "apgr": round(self.means[self.shape] or 0.0, 4),
        }
        if self.kinds is not None:
            arrays |= self.kinds.arrays()
            meta["kinds"] = self.kinds.meta()
        write_model(path, KIND, arrays, meta, features=FEATURES_VERSION)
        write_whole(Path(path).with_suffix(".md"), card.encode())

    def _arrays(self) -> dict[str, Any]:
        model = self.model
        return {
            "mean": model.mean,
            "scale": model.scale,
            "weights": model.weights,
            "words": model.word_weights,
            "raw": self.knots[0],
            "gain": self.knots[1],
        }


def _steady(values: Any) -> list[Any]:
    """Round numbers to ten digits: the last ones differ between machines."""
    return [float(f"{value:.10g}") if isinstance(value, float) else value for value in values]


def train(
    rows: Sequence[Row],
    report_progress: Callable[[str], None] = lambda _: None,
    *,
    kinds: Sequence[KindRow] = (),
) -> TrainedClassifier:
    """Train a classifier, and measure it on every source with that source left out.

    When a source is measured, rows of other sources that have one of its questions are left out
    too. The shape with the best mean over the sources is then trained on all rows, and calibrated
    on the scores that each source got from the training without it. Deterministic: the same rows
    give the same weights, in whatever order their sources are.

    Args:
        rows: Rows with both models' scores, as `load` returns them.
        report_progress: Called with a line before each stage.
        kinds: Rows of labelled kinds; with these the classifier also predicts kinds of work.

    Raises:
        DataError: There are too few rows, one lacks a score, or the frontier model is better on
            none of the sources.
    """
    np = _numpy()
    if len(rows) < 2 * FEWEST:
        raise DataError(
            f"{len(rows)} rows are too few to train on; give at least {2 * FEWEST}, better "
            "thousands from several sources."
        )
    need_scores(rows)
    # Ties in what is calibrated fall by place: the order of the files is to tell nothing.
    rows = sorted(rows, key=lambda row: row.dataset)
    report_progress(f"reading {len(rows)} questions")
    table = tabulate(rows, steadied_gains(rows))
    source = np.asarray([row.dataset for row in rows])
    question = np.asarray(same_question(rows))
    seen = {name: np.zeros(len(rows)) for name in (shape.name for shape in SHAPES)}
    trained_on: dict[str, int] = {}
    splits = list(_splits(source, question))
    fitted: dict[bytes, Linear] = {}
    for name, test, learn in splits:
        report_progress(f"leaving out {name}")
        trained_on[name] = int(learn.sum())
        for shape in SHAPES:
            # Sources that share all their questions are left out together: one fit does for them.
            key = hashlib.sha256(learn.tobytes() + shape.name.encode()).digest()
            if key not in fitted:
                fitted[key] = fit_linear(table.part(learn), shape)
            seen[shape.name][test] = fitted[key].raw(table.part(test))
    chosen, means = _choose(rows, source, seen)
    report_progress(f"training {chosen.name} on all")
    knots = calibration_curve(
        seen[chosen.name],
        np.asarray([row.gain for row in rows]),
        np.unique(source, return_inverse=True)[1],
    )
    sources = _results(rows, source, seen, chosen.name, trained_on)
    level = sum(each.strong - each.weak for each in sources) / len(sources)
    ends = _mean_intervals(rows, source, seen[chosen.name])
    model = fit_linear(table, chosen)
    known = None
    if kinds:
        from lc_asym_router.evals.training.train_kinds import ScoredRows, train_kinds

        parts = [(test, learn) for _, test, learn in splits]
        scored = ScoredRows(rows, source, seen[chosen.name], parts, model.raw_of)
        known = train_kinds(kinds, scored, report_progress)
    return TrainedClassifier(
        shape=chosen.name,
        rows=len(rows),
        split="source" if len(trained_on) == len(set(source)) > 1 else "question",
        sources=sources,
        means=means,
        mean_ci95=ends[0],
        over_length_ci95=ends[1],
        base=min(0.99, max(0.001, level)),
        gains=(float(knots[1][0]), float(knots[1][-1])),
        operating=operating_point(rows, np.interp(seen[chosen.name], *knots)),
        model=model,
        knots=knots,
        kinds=known,
    )


def _splits(source: Any, question: Any) -> Iterator[tuple[str, Any, Any]]:
    """Return for each source its rows, and the rows with no question of its; or folds of one source.

    Raises:
        DataError: Too few rows remain.
    """
    np = _numpy()
    names = [str(name) for name in dict.fromkeys(source)]
    for name in names if len(names) > 1 else ():
        test = source == name
        learn = ~np.isin(question, question[test])
        if learn.sum() < FEWEST:
            raise DataError(
                f"With {name!r} left out only {int(learn.sum())} rows of other questions remain; at "
                f"least {FEWEST} are needed. Give more sources, or this one alone."
            )
        yield name, test, learn
    if len(names) == 1:
        part = np.random.default_rng(0).integers(0, FOLDS, question.max() + 1)[question]
        for number in range(FOLDS):
            test = part == number
            if test.any() and (~test).sum() < FEWEST:
                raise DataError("There are too few different questions to split. Give more rows.")
            if test.any():
                yield f"{names[0]}, part {number + 1}", test, ~test


def _choose(
    rows: Sequence[Row], source: Any, seen: dict[str, Floats]
) -> tuple[Shape, dict[str, float | None]]:
    np = _numpy()
    lengths = np.asarray([float(len(row.query)) for row in rows])
    means: dict[str, float | None] = {}
    for name, scores in {**seen, "query_length": lengths}.items():
        found = [_apgr(rows, source == one, scores) for one in dict.fromkeys(source)]
        values = [value for value in found if value is not None]
        means[name] = sum(values) / len(values) if values else None
    if all(value is None for value in means.values()):
        raise DataError(
            "The strong model is better on none of the sources, so there is no gain to learn. Are "
            "weak_score and strong_score the right way round?"
        )
    # Of equals the first, which is the smallest.
    return max(SHAPES, key=lambda shape: means[shape.name] or 0.0), means


def _results(
    rows: Sequence[Row],
    source: Any,
    seen: dict[str, Floats],
    chosen: str,
    trained_on: dict[str, int],
) -> list[SourceResult]:
    np = _numpy()
    lengths = np.asarray([float(len(row.query)) for row in rows])
    results = []
    for name, group in by_source(rows).items():
        at = source == name
        weak = np.asarray([row.weak_score for row in group])
        strong = np.asarray([row.strong_score for row in group])
        small, frontier = pools(group)
        results.append(
            SourceResult(
                source=name,
                rows=len(group),
                trained_on=trained_on.get(name, min(trained_on.values())),
                weak=float(weak.mean()),
                strong=float(strong.mean()),
                apgr=_apgr(rows, at, seen[chosen]),
                apgr_ci95=bootstrap(apgr, seen[chosen][at], weak, strong),
                length=_apgr(rows, at, lengths),
                shapes={shape: _apgr(rows, at, scores) for shape, scores in seen.items()},
                small_pool=small,
                frontier_pool=frontier,
            )
        )
    return results


def _mean_intervals(
    rows: Sequence[Row], source: Any, scores: Floats
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Return intervals of the mean APGR over the sources, and of its difference from the length's."""
    np = _numpy()
    random = np.random.default_rng(SEED)
    weak = np.asarray([row.weak_score for row in rows])
    strong = np.asarray([row.strong_score for row in rows])
    lengths = np.asarray([float(len(row.query)) for row in rows])
    groups = [np.flatnonzero(source == name) for name in dict.fromkeys(source)]
    means, distances = [], []
    for _ in range(RESAMPLES):
        found = []
        for group in groups:
            drawn = random.choice(group, len(group))
            mine = apgr(scores[drawn], weak[drawn], strong[drawn])
            length = apgr(lengths[drawn], weak[drawn], strong[drawn])
            if mine is not None and length is not None:
                found.append((mine, mine - length))
        if found:
            mean, distance = np.mean(found, axis=0)
            means.append(mean)
            distances.append(distance)
    if len(means) < RESAMPLES / 2:
        return None, None
    (low, high), (below, above) = (
        np.quantile(values, [0.025, 0.975]) for values in (means, distances)
    )
    return (float(low), float(high)), (float(below), float(above))


def _apgr(rows: Sequence[Row], at: Any, scores: Floats) -> float | None:
    np = _numpy()
    group = [row for row, inside in zip(rows, at, strict=True) if inside]
    weak = np.asarray([row.weak_score for row in group])
    strong = np.asarray([row.strong_score for row in group])
    return curve(scores[at], weak, strong).apgr
