"""Fitting the classifier of kinds, and the point it is used at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import needed, numpy
from lc_asym_router.classify.kind_features import BUCKETS, kind_features
from lc_asym_router.classify.kinds import KINDS
from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.kind_metrics import SIDES, KindRow, sources_of
from lc_asym_router.evals.metrics import recovered

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

LIFT = 1.5
"""How much more of the gap a request sent up must recover than one that is drawn at random."""
LARGEST = 0.5
STEP = 0.01


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and its results, averaged over the sources.

    Attributes:
        threshold: Score at or over which a request goes to the frontier.
        share: Share of the requests that do, in [0, 1].
        pgr: Performance gap recovered by this.
    """

    threshold: float
    share: float
    pgr: float

    @property
    def lift(self) -> float:
        """How many times more it recovers than the same number of randomly chosen requests."""
        return self.pgr / self.share if self.share else 0.0


def operating_point(rows: Sequence[Row], scores: Floats) -> OperatingPoint:
    """Return the threshold that sends most requests up while each recovers 1.5 times as much as a
    random one.

    Sending a request straight up costs a frontier call, even if the small model would have been
    right; so only requests with a clear benefit go. The answers to the others are checked.

    Args:
        rows: Rows with both models' scores.
        scores: The classifier's scores, each from a training without the row's source.

    Returns:
        The point; where no threshold has that lift, the one with the smallest share.
    """
    np = numpy()
    source = np.asarray([row.dataset for row in rows])
    weak = np.asarray([row.weak_score for row in rows])
    strong = np.asarray([row.strong_score for row in rows])
    counts = {name: int((source == name).sum()) for name in dict.fromkeys(source)}
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum([1 / counts[name] / len(counts) for name in source[order]])
    found = []
    for share in np.arange(STEP, LARGEST + STEP / 2, STEP):
        place = min(int(np.searchsorted(reached, share)), len(order) - 1)
        found.append(_point(round(float(scores[order[place]]), 4), scores, source, weak, strong))
    good = [point for point in found if point.lift >= LIFT]
    return max(good, key=lambda point: point.share) if good else found[0]


def _point(
    threshold: float, scores: Floats, source: Any, weak: Floats, strong: Floats
) -> OperatingPoint:
    np = numpy()
    shares, parts = [], []
    for name in dict.fromkeys(source):
        at = source == name
        up = scores[at] >= threshold
        part = recovered(weak[at], strong[at], up)
        if part is not None:
            shares.append(float(up.mean()))
            parts.append(part)
    return OperatingPoint(
        threshold,
        float(np.mean(shares)) if shares else 0.0,
        float(np.mean(parts)) if parts else 0.0,
    )


OWN_SHARE = 1.0
"""What the package's own rows count beside each side's sources together."""
PENALTY = 1e-3
NAMING_PENALTY = 1e-3
SCORED_ROWS = 400
"""Rows of a scored source, at most, that say what requests with a measured gain look like."""
EXAM_SHARE = 0.2
"""What the own exam questions count beside all of these."""
_SEED = 0
_ALIKE = {"rewriting": "translation", "code-qa": "code-write"}
"""Kinds of the sources that have another name here."""
_NEWTON_STEPS, _SOLVER_STEPS = 20, 60


@dataclass(frozen=True)
class KindTable:
    """Rows of sources that can be left out, followed by rows that every training uses, as arrays.

    Attributes:
        rows: All rows.
        sources: How many of them, at the beginning, belong to sources that can be left out.
        inputs: One row per text: hashed words, dense features, and a 1 (scipy, sparse).
    """

    rows: Sequence[KindRow] = field(repr=False)
    sources: int
    inputs: Any = field(repr=False)


def kind_table(rows: Sequence[KindRow], own: Sequence[KindRow]) -> KindTable:
    """Compute the inputs of all rows.

    Raises:
        DataError: A side has fewer than two sources, so that none can be left out.
    """
    for side in SIDES:
        if len(sources_of(rows, side)) < 2:
            raise DataError(
                f"The side {side!r} needs two sources at least, so that one can be left out. Give "
                "rows of more sources."
            )
    everything = [*rows, *own]
    return KindTable(everything, len(rows), word_inputs([row.query for row in everything]))


def word_inputs(texts: Sequence[str]) -> Any:
    """Return one row per text: hashed words, dense features, and a 1 (scipy, sparse)."""
    np, sparse = numpy(), needed("scipy.sparse", "evals")
    found = [kind_features(text) for text in texts]
    ends = np.cumsum([0, *(len(each.places) for each in found)])
    shares = np.repeat([each.share for each in found], np.diff(ends))
    places = np.concatenate([np.asarray(each.places, dtype=np.int64) for each in found])
    words = sparse.csr_matrix((shares, places, ends), shape=(len(texts), BUCKETS))
    dense = sparse.csr_matrix(np.asarray([each.dense for each in found]))
    return sparse.hstack([words, dense, np.ones((len(texts), 1))]).tocsr()


def fit_kinds(
    table: KindTable,
    without: Sequence[str] = (),
    *,
    own_share: float = OWN_SHARE,
    penalty: float = PENALTY,
) -> Floats:
    """The weights for words, dense features and bias, of a training without some sources.

    Every source counts the same on its side, and both sides count the same.

    Args:
        table: The rows.
        without: Names of sources that are left out.
        own_share: What the rows that every training has count beside each side's sources together.
        penalty: Of the ridge.
    """
    np = numpy()
    weight = np.zeros(len(table.rows))
    side = np.asarray([row.side for row in table.rows])
    source = np.asarray([row.source for row in table.rows])
    seen = np.asarray([row.split == "train" for row in table.rows])
    own = np.arange(len(side)) >= table.sources
    for name in SIDES:
        here = seen & (side == name)
        used = sorted(set(source[here & ~own]) - set(without))
        for each in used:
            at = here & ~own & (source == each)
            weight[at] = 1 / len(used) / at.sum()
        if (here & own).any():
            weight[here & own] = own_share / (here & own).sum()
    return _logistic(table.inputs, side == "complex", weight, penalty)


def left_out_scores(
    table: KindTable, penalty: float = PENALTY
) -> Iterator[tuple[str, str, Floats]]:
    """For each pair of a simple and a complex source the scores of all rows, trained without both."""
    rows = table.rows[: table.sources]
    fitted: dict[frozenset[str], Floats] = {}
    for low in sources_of(rows, "simple"):
        for high in sources_of(rows, "complex"):
            key = frozenset((low, high))
            if key not in fitted:
                fitted[key] = table.inputs @ fit_kinds(table, (low, high), penalty=penalty)
            yield low, high, fitted[key]


def fit_scored(table: KindTable, inputs: Any, source: Any, learn: Any) -> Floats:
    """Fit the model that separates requests like the scored rows from the package's own requests.

    It uses no source of labelled kinds, so measurements on these are on unseen data.

    Args:
        table: Rows of labelled kinds, the package's own among them.
        inputs: The scored rows, as `table.inputs`.
        source: The names of their sources.
        learn: Which of them may be used.
    """
    np, sparse = numpy(), needed("scipy.sparse", "evals")
    random = np.random.default_rng(_SEED)
    names = sorted(set(source[learn]))
    chosen, weight = [], []
    for name in names:
        here = np.flatnonzero(source == name)
        drawn = random.choice(here, min(SCORED_ROWS, len(here)), replace=False)
        drawn = np.sort(drawn[learn[drawn]])
        if len(drawn):
            chosen.append(drawn)
            weight.append(np.full(len(drawn), 1 / len(names) / len(drawn)))
    places = np.concatenate(chosen)
    own = [
        (place, row.kind == "exam")
        for place, row in enumerate(table.rows)
        # Maths is on both sides.
        if place >= table.sources and row.split == "train" and row.kind != "maths"
    ]
    exam = np.asarray([is_exam for _, is_exam in own])
    own_weight = np.where(exam, EXAM_SHARE / max(1, exam.sum()), 1 / max(1, (~exam).sum()))
    return _logistic(
        sparse.vstack([inputs[places], table.inputs[[place for place, _ in own]]]).tocsr(),
        np.concatenate([np.ones(len(places), dtype=bool), exam]),
        np.concatenate([*weight, own_weight]),
        PENALTY,
    )


def fit_naming(table: KindTable) -> tuple[tuple[str, ...], Floats]:
    """Fit the model that names a kind: for each kind a weight per dense feature and an intercept,
    one-vs-rest.
    """
    np = numpy()
    kind = np.asarray([_ALIKE.get(row.kind, row.kind) for row in table.rows])
    source = np.asarray([row.source for row in table.rows])
    seen = np.asarray([row.split == "train" for row in table.rows])
    dense = table.inputs[:, BUCKETS:]
    names = tuple(name for name in KINDS if (seen & (kind == name)).any())
    weight = np.zeros(len(table.rows))
    for name in names:
        here = seen & (kind == name)
        used = sorted(set(source[here]))
        for each in used:
            at = here & (source == each)
            weight[at] = 1 / len(used) / at.sum()
    found = []
    for name in names:
        mine = kind == name
        balanced = np.where(mine, weight, weight / max(1, len(names) - 1))
        found.append(_logistic(dense, mine, balanced, NAMING_PENALTY))
    return names, np.concatenate(found)


def fit_line(scores: Floats, positive: Floats, weight: Floats) -> tuple[float, float]:
    """Return slope and intercept from scores to log odds (Platt scaling)."""
    np, sparse = numpy(), needed("scipy.sparse", "evals")
    inputs = sparse.csr_matrix(np.stack([scores, np.ones(len(scores))], axis=1))
    slope, offset = _logistic(inputs, positive > 0.5, weight, 1e-6)
    return float(slope), float(offset)


def _logistic(inputs: Any, positive: Any, weight: Floats, penalty: float) -> Floats:
    """Return the weights of a ridge-penalised logistic regression; the last column is not penalised.

    Newton's method with conjugate gradients: the same on every machine except for rounding.
    """
    np = numpy()
    at = np.flatnonzero(weight)
    part, target, weight = inputs[at], positive[at].astype(np.float64), weight[at]
    turned = part.T.tocsr()
    ridge = np.full(part.shape[1], penalty)
    ridge[-1] = penalty * 1e-3
    weights = np.zeros(part.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(part @ weights, -30, 30)))
        slope = turned @ (weight * (chance - target)) + ridge * weights
        bend = weight * np.maximum(chance * (1 - chance), 1e-6)
        step = _solve(part, turned, bend, ridge, -slope)
        weights += step
        if np.abs(step).max() < 1e-4:
            break
    found: Floats = weights
    return found


def _solve(part: Any, turned: Any, bend: Floats, ridge: Floats, right: Floats) -> Floats:
    np = numpy()
    found, left = np.zeros(len(right)), right.copy()
    direction, size = left.copy(), left @ left
    least = 1e-8 * size
    for _ in range(_SOLVER_STEPS):
        if size <= least:
            break
        bent = turned @ (bend * (part @ direction)) + ridge * direction
        far = size / (direction @ bent)
        found += far * direction
        left -= far * bent
        before, size = size, left @ left
        direction = left + (size / before) * direction
    solved: Floats = found
    return solved
