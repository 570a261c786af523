"""Train the learned verifier, and measure it on left-out sources."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import needed, numpy
from lc_asym_router._internal.model_file import write_model, write_whole
from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row, need_scores
from lc_asym_router.evals.metrics import auroc, bootstrap, recovered
from lc_asym_router.evals.training.cards import verifier_card
from lc_asym_router.evals.training.verifier_samples import LEAST, PAIR, Samples, samples_of
from lc_asym_router.verify.answer_features import VERSION
from lc_asym_router.verify.learned_check import KIND, NAMES

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

SEED = 20240618
STEPS = tuple(round(0.1 + 0.025 * step, 3) for step in range(25))
"""Thresholds tried."""
TOLERANCE = 0.01
"""Part of the gap that may be given up for fewer escalations, where two models have answered."""

Fit = Any
Stages = tuple[Fit, Any, Any, tuple[float, float]]
"""Trees, calibration of the answer alone, weights of a pair (or `None`), thresholds of both."""


@dataclass(frozen=True)
class LeftOut:
    """The verifier's results on a source that it was not trained on.

    Attributes:
        source: The source.
        second: The second model, or "" for the small answer alone.
        rows: Number of answers.
        threshold: The threshold, chosen on the other sources.
        share: Share of the answers that the threshold escalates.
        pgr: Performance gap recovered by this; `ci95` is its interval.
        auroc: How well the score separates right from wrong answers.
    """

    source: str
    second: str
    rows: int
    threshold: float
    share: float
    pgr: float | None
    ci95: tuple[float, float] | None
    auroc: float | None


@dataclass(frozen=True)
class TrainedVerifier:
    """A trained verifier and its results on unseen data.

    Attributes:
        table: The results on left-out sources.
        thresholds: The shipped thresholds: for the answer alone, and with a second one.
        seconds: Duration of the training, in seconds.
        card: The model card's text.
        left_out: For each source the weights trained without it, where they were requested.
    """

    table: list[LeftOut]
    thresholds: tuple[float, float]
    seconds: float
    card: str = field(repr=False)
    left_out: dict[str, Path] = field(default_factory=dict, repr=False)


def train_verifier(
    rows: Sequence[Row],
    out: str | PathLike[str],
    *,
    write_line: Callable[[str], None] = print,
    origins: Sequence[str] = (),
    keep_left_out: bool = False,
) -> TrainedVerifier:
    """Train the verifier on rows with recorded answers; write the weights, and the model card
    beside them.

    Sources that share questions form a group, and each group is left out once: from the training,
    the calibration and the choice of the threshold. Then the verifier is trained on all.

    Args:
        rows: Rows from `load`; those without the small model's answer are skipped.
        out: Path of the weights. The card has the same path with the suffix `.md`.
        write_line: Called with each line of the report.
        origins: Where the data are from, for the card, one line each.
        keep_left_out: Whether to write the weights trained without each group too, next to `out`;
            a group without which no pair is left is skipped.

    Raises:
        DataError: Fewer than three groups of sources have answers, or none a second model's; or a
            row lacks a score.
        ConfigurationError: The extra `evals` is not installed.
        ModelFileError: The file can't be written.
    """
    started = time.monotonic()
    needed("sklearn.ensemble", "evals")
    need_scores(rows)
    # The order of the files and of the rows in them must not matter.
    alone, pairs, group_of = samples_of(sorted(rows, key=lambda row: (row.dataset, row.id)))
    groups = sorted(set(group_of.values()))
    if len(groups) < 3:
        raise DataError(
            f"Answers of {len(groups)} group(s) of sources that share no question: the verifier needs "
            f"at least three, each with {LEAST} rows or more that hold 'weak_response'."
        )
    if not len(pairs.right):
        raise DataError(
            "No row holds a second small model's answer under 'other': the verifier learns from those "
            "how much it means that two models agree."
        )
    write_line(
        f"{len(alone.right)} answers and {len(pairs.right)} pairs of {len(groups)} groups of sources"
    )
    lab = _Lab(alone, pairs, group_of, groups)
    table: list[LeftOut] = []
    for group in groups:
        table += lab.left_out(group)
    for line in table_lines(table):
        write_line(line)
    left_out: dict[str, Path] = {}
    for group in groups if keep_left_out else ():
        place = Path(out).with_suffix(f".without-{groups.index(group)}.json")
        if _write(place, lab.stages((group,))):
            left_out |= {name: place for name, its in group_of.items() if its == group}
    stages = lab.stages(())
    thresholds = stages[-1]
    _write(out, stages)
    text = verifier_card(
        table_lines(table), Counter(alone.source), Counter(pairs.source), thresholds, origins
    )
    write_whole(Path(out).with_suffix(".md"), text.encode())
    seconds = time.monotonic() - started
    write_line(
        f"thresholds {thresholds[0]:.3f} alone, {thresholds[1]:.3f} with a second; written to {out}"
    )
    return TrainedVerifier(table, thresholds, seconds, text, left_out)


def _write(out: str | PathLike[str], stages: Stages) -> bool:
    trees, single, weights, thresholds = stages
    if weights is None:
        return False
    meta = {
        "features": list(NAMES),
        "pair_features": list(PAIR),
        "threshold": thresholds[0],
        "pair_threshold": thresholds[1],
    }
    write_model(out, KIND, _arrays(trees, single, weights), meta, features=VERSION)
    return True


def table_lines(table: Sequence[LeftOut]) -> list[str]:
    """Return the results on left-out sources as a Markdown table."""
    lines = [
        "| left-out source | second model | rows | threshold | escalated | PGR | 95 % | AUROC |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in table:
        interval = f"{each.ci95[0]:.3f} to {each.ci95[1]:.3f}" if each.ci95 else "none"
        pgr = "none" if each.pgr is None else f"{each.pgr:.3f}"
        auroc = "none" if each.auroc is None else f"{each.auroc:.3f}"
        lines.append(
            f"| {each.source} | {each.second or 'none'} | {each.rows} | {each.threshold:.3f} "
            f"| {each.share:.3f} | {pgr} | {interval} | {auroc} |"
        )
    return lines


class _Lab:
    """Fits the stages with groups of sources left out, and caches each fit of the trees."""

    def __init__(
        self, alone: Samples, pairs: Samples, group_of: dict[str, str], groups: list[str]
    ) -> None:
        self.alone, self.pairs, self.group_of, self.groups = alone, pairs, group_of, groups
        self._trees: dict[frozenset[str], Fit] = {}

    def trees(self, without: Iterable[str]) -> Fit:
        key = frozenset(without)
        if key not in self._trees:
            seen = self._part(self.alone, set(self.groups) - key)
            model = needed("sklearn.ensemble", "evals").GradientBoostingClassifier(
                n_estimators=100,
                learning_rate=0.08,
                max_depth=3,
                min_samples_leaf=min(40, max(5, len(seen.right) // 20)),
                subsample=0.5,
                max_features=0.3,
                random_state=SEED,
            )
            model.fit(seen.first, seen.right > 0.5, sample_weight=_weights(seen.source, 0.5))
            self._trees[key] = model
        return self._trees[key]

    def stages(self, without: tuple[str, ...]) -> Stages:
        """Return trees, single-answer calibration, pair weights, and the threshold of each."""
        np = numpy()
        inner = [group for group in self.groups if group not in without]
        alone = [self._part(self.alone, {group}) for group in inner]
        grown = [
            self.trees((*without, group)).decision_function(part.first)
            for group, part in zip(inner, alone, strict=True)
        ]
        single = _logistic(np.concatenate(grown)[:, None], alone)
        pairs = self._part(self.pairs, set(inner))
        graded = [_sigmoid(single[0] + single[1] * logit) for logit in grown]
        least = _alone_threshold(alone, graded)
        if not len(pairs.right):  # nothing to learn from is left: the pairs are not judged
            return self.trees(without), single, None, (least, least)
        compared: Any = pairs.pair
        weights = _logistic(compared, [pairs])
        scored = _sigmoid(weights[0] + compared @ weights[1:])
        thresholds = least, _pair_threshold([pairs], [scored])
        return self.trees(without), single, weights, thresholds

    def left_out(self, group: str) -> list[LeftOut]:
        """Return the results on each source of a group, by stages trained without the group."""
        trees, single, weights, thresholds = self.stages((group,))
        table = []
        for samples in (self.alone, self.pairs):
            part = self._part(samples, {group})
            for key in sorted(set(zip(part.source, part.second, strict=True))):
                at = part.where(pair == key for pair in zip(part.source, part.second, strict=True))
                if at.pair is None:
                    logit = single[0] + single[1] * trees.decision_function(at.first)
                elif weights is not None:
                    logit = weights[0] + at.pair @ weights[1:]
                else:
                    continue
                table.append(_judged(key, at, _sigmoid(logit), thresholds[at.pair is not None]))
        return table

    def _part(self, samples: Samples, groups: set[str]) -> Samples:
        return samples.where(self.group_of[name] in groups for name in samples.source)


def _logistic(inputs: Any, parts: Sequence[Samples]) -> Floats:
    """Return intercept and weights on the raw inputs; each source and second model weighs the same."""
    np = numpy()
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1.0
    right = np.concatenate([part.right for part in parts]) > 0.5
    names = [name for part in parts for name in part.source]
    model = needed("sklearn.linear_model", "evals").LogisticRegression(C=0.1, max_iter=1000)
    model.fit((inputs - mean) / spread, right, sample_weight=_weights(names, 1.0))
    slopes = model.coef_[0] / spread
    made: Floats = np.concatenate([model.intercept_ - slopes @ mean, slopes])
    return made


def _weights(sources: Sequence[str], power: float) -> Floats:
    """Return weights that balance the sources' sizes: fully at power 1, halfway at 0.5."""
    np = numpy()
    counts = Counter(sources)
    weights = np.asarray([counts[source] ** -power for source in sources])
    even: Floats = weights / weights.mean()
    return even


def _thresholds(parts: Sequence[Samples], scores: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return PGR and share at each of `STEPS`; means over the sources and their second models."""
    np = numpy()
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for part, score in zip(parts, scores, strict=True):
        keys = list(zip(part.source, part.second, strict=True))
        for key in sorted(set(keys)):
            at = np.asarray([each == key for each in keys])
            weak, strong, given = part.right[at], part.strong[at], score[at]
            ups = [given < step for step in STEPS]
            line = [(recovered(weak, strong, up) or 0.0, float(up.mean())) for up in ups]
            found.setdefault(key[0], []).append(line)
    means = np.mean([np.mean(lines, axis=0) for lines in found.values()], axis=0)
    return means[:, 0], means[:, 1]


def _alone_threshold(parts: Sequence[Samples], scores: Sequence[Floats]) -> float:
    """Return the threshold with the largest gain over escalating as many answers at random."""
    recovered, share = _thresholds(parts, scores)
    return STEPS[int((recovered - share).argmax())]


def _pair_threshold(parts: Sequence[Samples], scores: Sequence[Floats]) -> float:
    """Return the lowest threshold that recovers as much as the best one, within `TOLERANCE`."""
    recovered, _ = _thresholds(parts, scores)
    return STEPS[int((recovered >= recovered.max() - TOLERANCE).argmax())]


def _judged(key: tuple[str, str], at: Samples, score: Floats, threshold: float) -> LeftOut:
    up = score < threshold
    return LeftOut(
        source=key[0],
        second=key[1],
        rows=len(up),
        threshold=threshold,
        share=float(up.mean()),
        pgr=recovered(at.right, at.strong, up),
        ci95=bootstrap(recovered, at.right, at.strong, up.tolist()),
        auroc=auroc(score, at.right),
    )


def _sigmoid(logit: Floats) -> Floats:
    made: Floats = 1 / (1 + numpy().exp(-numpy().clip(logit, -30, 30)))
    return made


def _arrays(trees: Fit, single: Floats, weights: Floats) -> dict[str, list[Any]]:
    """Return the trees as flat arrays, children after their parents; a leaf has the feature -1."""
    np = numpy()
    columns: list[list[Any]] = [[], [], [], [], []]
    roots = []
    size = 0
    for (estimator,) in trees.estimators_:
        tree = estimator.tree_
        leaf = tree.children_left < 0
        roots.append(size)
        columns[0] += np.where(leaf, -1, tree.feature).tolist()
        columns[1] += tree.threshold.tolist()
        columns[2] += np.where(leaf, 0, tree.children_left + size).tolist()
        columns[3] += np.where(leaf, 0, tree.children_right + size).tolist()
        columns[4] += (trees.learning_rate * tree.value[:, 0, 0]).tolist()
        size += len(leaf)
    base = float(trees.decision_function(np.zeros((1, len(NAMES)), dtype=np.float32))[0])
    base -= sum(
        trees.learning_rate * float(each.predict(np.zeros((1, len(NAMES))))[0])
        for (each,) in trees.estimators_
    )
    names = ("feature", "bound", "left", "right", "value")
    return dict(zip(names, columns, strict=True)) | {
        "roots": roots,
        "single": [base, *single.tolist()],
        "weights": weights.tolist(),
    }
