"""Train the classifier of kinds of work, and measure it on left-out sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.classify.classifier_weights import Weights
from lc_asym_router.classify.kind_features import (
    BUCKETS,
    KIND_FEATURES_VERSION,
    kind_features,
)
from lc_asym_router.classify.kinds import Blend, KindWeights, WordModel
from lc_asym_router.classify.text_features import read_question
from lc_asym_router.errors import ConfigurationError, DataError
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.kind_metrics import UP, KindReport, KindRow, Pair, kind_report, own_rows
from lc_asym_router.evals.metrics import auroc, curve
from lc_asym_router.evals.training.kind_fitting import (
    KindTable,
    fit_kinds,
    fit_line,
    fit_naming,
    fit_scored,
    kind_table,
    left_out_scores,
    word_inputs,
)

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

BLEND = {
    "centre": 0.0,
    "width": 3.0,
    "level": 0.8,
    "height": 0.5,
    "scored_centre": -0.3,
    "gain_from": 0.3,
    "sharpness": 0.3,
}
"""How kind and gain are blended: chosen so that the gain still orders the scored sources."""
_STEPS = 127
_STEEPEST = 10.0
HARD = ("debug", "planning", "logic")
"""Kinds of the own rows that are reported by themselves."""


@dataclass(frozen=True)
class TrainedKinds:
    """A trained classifier of kinds of work, and its results on unseen data.

    Attributes:
        weights: The shipped weights.
        apgr: APGR of the shipped blend on each scored source, with gain and likeness trained
            without it.
        rows: Numbers of the sources' rows, by source and side.
        own: Numbers of the package's own rows for training, and for the test.
        report: The results, each pair of sources measured by a training without it.
        own_test: Mean AUROC of the own test rows of a kind (or in a language) against the simple
            sources, each measured by a training without that source.
        named: Share of the own test rows whose kind is named right, among the kinds of its side.
        up: Shares of the simple and of the complex requests over the shipped threshold.
    """

    weights: KindWeights = field(repr=False)
    apgr: dict[str, float | None]
    rows: dict[str, dict[str, int]]
    own: tuple[int, int]
    report: KindReport
    own_test: dict[str, float]
    named: float
    up: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures that `lc-asym-router train --json` prints."""
        simple, hard = self.up
        return {
            **asdict(self.report),
            "apgr": self.apgr,
            "own_test": self.own_test,
            "named": self.named,
            "threshold": self.weights.blend.threshold,
            "up": {"simple": simple, "complex": hard},
        }

    def arrays(self) -> dict[str, Sequence[float]]:
        """Return the arrays for a weights file."""
        weights = self.weights
        models = {"kind": weights.kind, "scored": weights.scored}
        return {
            **{f"{name}_words": model.words for name, model in models.items()},
            **{f"{name}_dense": model.dense for name, model in models.items()},
            "kind_naming": weights.naming,
        }

    def meta(self) -> dict[str, Any]:
        """Return the metadata for a weights file."""
        weights = self.weights
        models = {"kind": weights.kind, "scored": weights.scored}
        return {
            "features": KIND_FEATURES_VERSION,
            **{name: {"step": model.step, "bias": model.bias} for name, model in models.items()},
            "names": list(weights.names),
            "blend": asdict(weights.blend),
        }


@dataclass(frozen=True)
class ScoredRows:
    """Rows whose gain was measured, with the scores from the gain's training.

    Attributes:
        rows: The rows.
        source: The names of their sources.
        raw: Raw gain scores, each source's from a training without it.
        splits: For each left-out part, its rows and the rows trained on.
        gain: A function from a text to the raw gain score by the shipped weights.
    """

    rows: Sequence[Row] = field(repr=False)
    source: Any = field(repr=False)
    raw: Floats = field(repr=False)
    splits: Sequence[tuple[Any, Any]] = field(repr=False)
    gain: Callable[[str], float] = field(repr=False)


def train_kinds(
    rows: Sequence[KindRow],
    scored: ScoredRows,
    report_progress: Callable[[str], None] = lambda _: None,
) -> TrainedKinds:
    """Train on rows of labelled kinds and on the package's own; measure with pairs of sources left out.

    Args:
        rows: Rows of several sources of each side.
        scored: The rows that the gain was trained on.
        report_progress: Called with a line before each stage.

    Raises:
        DataError: A side has fewer than two sources.
    """
    np = numpy()
    own = own_rows()
    report_progress(f"reading {len(rows)} requests of known kinds")
    table = kind_table([row for row in rows if row.split == "train"], own)
    scored_inputs = word_inputs([row.query for row in scored.rows])
    likeness = fit_scored(
        table, scored_inputs, scored.source, np.ones(len(scored.rows), dtype=bool)
    )
    scale = {"gain_mean": scored.raw.mean(), "gain_spread": scored.raw.std()}
    blend = Blend(
        **BLEND,
        **{name: _digits(float(value)) for name, value in scale.items()},
        slope=1.0,
        offset=0.0,
        base=0.5,
        threshold=0.5,
    )
    gains = np.asarray([scored.gain(row.query) for row in table.rows])
    report_progress("leaving out each pair of a simple and a complex source")
    pairs, own_test = left_out(table, blend, table.inputs @ likeness, gains, left_out_scores(table))
    report = kind_report(pairs)
    blend, up = scaled(blend, pairs)
    report_progress("training the kinds on all")
    fitted = fit_kinds(table)
    names, naming = fit_naming(table)
    weights = KindWeights(
        kind=_word_model(fitted),
        scored=_word_model(likeness),
        names=names,
        naming=_rounded(naming, 3),
        blend=blend,
    )
    counts: dict[str, dict[str, int]] = {}
    for row in table.rows[: table.sources]:
        sides = counts.setdefault(row.source, {"simple": 0, "complex": 0})
        sides[row.side] += 1
    test = [row for row in own if row.split == "test"]
    return TrainedKinds(
        weights=weights,
        apgr=_apgr(scored, table, scored_inputs, scored_inputs @ fitted, blend),
        rows=counts,
        own=(len(own) - len(test), len(test)),
        report=report,
        own_test=own_test,
        named=_named(weights, test),
        up=up,
    )


def _word_model(fitted: Floats) -> WordModel:
    np = numpy()
    step = _digits(float(np.abs(fitted[:BUCKETS]).max()) / _STEPS)
    return WordModel(
        words=np.rint(fitted[:BUCKETS] / step).astype(int).tolist(),
        step=step,
        dense=_rounded(fitted[BUCKETS:-1], 5),
        bias=round(float(fitted[-1]), 5),
    )


def _apgr(
    scored: ScoredRows, table: KindTable, inputs: Any, kinds: Floats, blend: Blend
) -> dict[str, float | None]:
    """The blend's APGR on each scored source, with neither gain nor likeness trained on the source."""
    np = numpy()
    likeness = np.zeros(len(scored.rows))
    for test, learn in scored.splits:
        likeness[test] = (inputs @ fit_scored(table, inputs, scored.source, learn))[test]
    scores = _scores(blend, kinds, likeness, scored.raw)
    weak = np.asarray([row.weak_score for row in scored.rows])
    strong = np.asarray([row.strong_score for row in scored.rows])
    return {
        name: curve(scores[at], weak[at], strong[at]).apgr
        for name in sorted(set(scored.source))
        for at in [scored.source == name]
    }


def _scores(blend: Blend, kinds: Floats, likeness: Floats, gains: Floats) -> Floats:
    found: Floats = numpy().asarray(
        [sum(blend.parts(*each)) for each in zip(kinds, likeness, gains, strict=True)]
    )
    return found


def left_out_report(rows: Sequence[KindRow], weights: Weights) -> KindReport:
    """Return the results of trainings without each pair of sources, with given weights for the
    expected gain.

    Raises:
        ConfigurationError: The weights have no kinds.
        DataError: A side has fewer than two sources.
    """
    if weights.kinds is None:
        raise ConfigurationError(
            "These weights know no kinds of work, so there is nothing to train without a source. "
            "Leave --leave-one-source-out away, or train weights with --kinds."
        )
    np = numpy()
    table = kind_table([row for row in rows if row.split == "train"], own_rows())
    gains = np.asarray([weights.raw_gain(read_question(row.query))[0] for row in table.rows])
    scored = weights.kinds.scored
    likeness = np.asarray([scored.score(kind_features(row.query)) for row in table.rows])
    pairs, _ = left_out(table, weights.kinds.blend, likeness, gains, left_out_scores(table))
    return kind_report(pairs)


def left_out(
    table: KindTable,
    blend: Blend,
    likeness: Floats,
    gains: Floats,
    kinds_of: Iterable[tuple[str, str, Floats]],
) -> tuple[list[Pair], dict[str, float]]:
    """Every pair's scores, and how the own test rows did against each simple source.

    Args:
        table: The rows.
        blend: How kind and gain go together.
        likeness: Each row's likeness to those on which the gain was measured.
        gains: Each row's raw gain score.
        kinds_of: For each pair of sources, by name, all rows' kind scores by a training without both.
    """
    np = numpy()
    side = np.asarray([row.side for row in table.rows])
    source = np.asarray([row.source for row in table.rows])
    outside = np.arange(len(side)) < table.sources
    tests = _tests(table)
    found: dict[str, list[float]] = {}
    pairs = []
    for low, high, kinds in kinds_of:
        scores = _scores(blend, kinds, likeness, gains)
        simple = np.flatnonzero(outside & (source == low) & (side == "simple"))
        hard = np.flatnonzero(outside & (source == high) & (side == "complex"))
        pairs.append(
            Pair(
                [table.rows[place] for place in simple],
                [table.rows[place] for place in hard],
                scores[simple],
                scores[hard],
            )
        )
        for name, test in tests.items():
            right = np.repeat([1.0, 0.0], [len(test), len(simple)])
            above = auroc(np.concatenate([scores[test], scores[simple]]), right)
            found.setdefault(name, []).append(above or 0.0)
    return pairs, {name: float(np.mean(each)) for name, each in found.items()}


def _tests(table: KindTable) -> dict[str, list[int]]:
    """Return the positions of the own test rows of complex kinds: all, by kind, and by language."""
    tests: dict[str, list[int]] = {}
    for place in range(table.sources, len(table.rows)):
        row = table.rows[place]
        if row.split == "test" and row.kind in HARD:
            for name in ("all", row.kind, row.language):
                tests.setdefault(name, []).append(place)
    return tests


def scaled(blend: Blend, pairs: Sequence[Pair]) -> tuple[Blend, tuple[float, float]]:
    """The blend with its line to log odds and its threshold; the parts of each side over that."""
    np = numpy()
    scores = np.concatenate([np.concatenate([pair.low, pair.high]) for pair in pairs])
    right = np.concatenate(
        [np.repeat([0.0, 1.0], [len(pair.low), len(pair.high)]) for pair in pairs]
    )
    weight = np.concatenate(
        [
            np.repeat([1 / len(pair.low), 1 / len(pair.high)], [len(pair.low), len(pair.high)])
            for pair in pairs
        ]
    )
    slope, offset = fit_line(scores, right, weight / weight.sum())
    if slope <= 0:
        raise DataError(
            "What tells kinds apart on some sources puts them the wrong way round on others. Is 'side' "
            "right everywhere? Give rows of more sources."
        )
    # Where a few sources are told apart without a fault, no slope would be steep enough.
    slope, offset = min(slope, _STEEPEST), max(-_STEEPEST, min(_STEEPEST, offset))
    # Scores of one pair do not compare with another's, so each gives its own limit.
    limit = float(np.median([np.quantile(pair.low, 1 - UP) for pair in pairs]))
    line = Blend(**{**asdict(blend), "slope": _digits(slope), "offset": _digits(offset)})
    threshold = round(line.complexity(limit), 4)
    parts = asdict(line) | {"threshold": threshold, "base": round(threshold / 2, 4)}
    up = [
        float(
            np.mean(
                [
                    np.mean([line.complexity(score) >= threshold for score in scored])
                    for scored in sides
                ]
            )
        )
        for sides in ([pair.low for pair in pairs], [pair.high for pair in pairs])
    ]
    return Blend(**parts), (up[0], up[1])


def _named(weights: KindWeights, rows: Sequence[KindRow]) -> float:
    right = [weights.name(kind_features(row.query), row.is_complex) == row.kind for row in rows]
    return sum(right) / max(1, len(right))


def _digits(value: float) -> float:
    """Round a number to digits that do not differ between machines."""
    return float(f"{value:.5g}")


def _rounded(values: Floats, digits: int) -> list[float]:
    return [round(float(value), digits) + 0.0 for value in values]
