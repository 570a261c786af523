"""Training what tells kinds of work apart by embeddings, beside the shipped words."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router._internal.model_file import write_model, write_whole
from lc_asym_router.classify.classifier_weights import Weights
from lc_asym_router.classify.embedding import ENCODER, KIND, MOST_TOKENS, VERSION, embed
from lc_asym_router.classify.kind_features import kind_features
from lc_asym_router.classify.kinds import Blend
from lc_asym_router.classify.text_features import read_question
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.kind_metrics import SIDES, KindReport, KindRow, kind_report, own_rows
from lc_asym_router.evals.training.kind_fitting import (
    OWN_SHARE,
    KindTable,
    kind_table,
    left_out_scores,
)
from lc_asym_router.evals.training.train_kinds import left_out, scaled

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

PENALTY = 1e-3
"""Of the ridge, beside embeddings of length 1."""
STEEPNESS = 4.0
"""From the regression on -1 and 1 to log odds: so that they weigh as much as the words'."""
MOST = 80
"""Rows of a source and side that are embedded, drawn with a fixed seed: more cost minutes."""
_SEED = 0


@dataclass(frozen=True)
class TrainedEmbedding:
    """What tells kinds apart by embeddings, and how it did on what it had not seen.

    Attributes:
        vector: What each number of an embedding adds to the log odds of complex work.
        bias: What every request starts from.
        blend: The words' blend with the line and the threshold of both together.
        rows: Rows of the sources that were trained on, the package's own not counted.
        alone: Figures of the embedding alone, each pair of sources left out of its training.
        words: Figures of the words alone, likewise, on the same rows.
        report: Figures of both together, likewise.
        own_test: AUROC of the own test rows, by kind and language, against the simple sources.
        up: Parts of the simple and of the complex requests over the threshold.
    """

    vector: Sequence[float] = field(repr=False)
    bias: float
    blend: Blend
    rows: int
    alone: KindReport
    words: KindReport
    report: KindReport
    own_test: dict[str, float]
    up: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The figures, as `lc-asym-router train --what embedding --json` prints them."""
        simple, hard = self.up
        return {
            **asdict(self.report),
            "alone": asdict(self.alone),
            "words": asdict(self.words),
            "own_test": self.own_test,
            "threshold": self.blend.threshold,
            "up": {"simple": simple, "complex": hard},
        }

    def save(self, path: str | PathLike[str], card: str) -> None:
        """Write the weights, and the card beside them (the same name with `.md`).

        Raises:
            ModelFileError: The path can't be written.
        """
        meta = {"bias": self.bias, "blend": asdict(self.blend), "encoder": ENCODER}
        write_model(path, KIND, {"vector": self.vector}, meta, features=VERSION)
        write_whole(Path(path).with_suffix(".md"), card.encode())

    def lines(self) -> Iterator[str]:
        """The figures as a table in Markdown."""
        yield "| what | words and embedding | embedding alone | words alone |"
        yield "| --- | --- | --- | --- |"
        pairs = (
            ("AUROC of complex against simple", "auroc"),
            ("the same, lengths matched", "auroc_matched"),
            ("complex requests up where 5 % of the pair's simple ones are", "up_at_5"),
            ("AUROC of the worst pair", "by_pair_min"),
        )
        for what, name in pairs:
            both, *others = (getattr(each, name) for each in (self.report, self.alone, self.words))
            yield f"| {what} | **{both:.3f}** | {' | '.join(f'{each:.3f}' for each in others)} |"
        for name, found in self.own_test.items():
            yield f"| own test rows ({name}) against the simple sources | {found:.3f} | | |"
        for name, found in self.report.by_language.items():
            others = [each.by_language[name] for each in (self.alone, self.words)]
            told = " | ".join(f"{each:.3f}" for each in others)
            yield f"| AUROC within language {name} | {found:.3f} | {told} |"


def train_embedding(
    rows: Sequence[KindRow],
    words: Weights,
    report_progress: Callable[[str], None] = lambda _: None,
    vectors: Callable[[Sequence[KindRow]], Any] | None = None,
) -> TrainedEmbedding:
    """Train on rows of known kinds and on the package's own; measure with pairs of sources left out.

    Args:
        rows: Rows of several sources of each side.
        words: The learned classifier's weights.
        report_progress: Gets a line on what is being done.
        vectors: From rows to their embeddings, one a row; the shipped encoder's by default.

    Raises:
        ConfigurationError: The weights know no kinds, or the extra `embedding` is not installed.
        DataError: A side has fewer than two sources.
    """
    np = numpy()
    if words.kinds is None:
        raise ConfigurationError("These weights know no kinds of work. Train them with --kinds.")
    read_by_words = kind_table(_drawn([row for row in rows if row.split == "train"]), own_rows())
    used = read_by_words.rows
    report_progress(f"embedding {len(used)} requests, some 50 ms each")
    found = np.asarray((vectors or _vectors)(used), dtype=np.float64)
    inputs = np.hstack([found, np.ones((len(found), 1))])
    fits = _Fits(read_by_words, inputs)
    report_progress("leaving out each pair of a simple and a complex source")
    words_alone = list(left_out_scores(read_by_words))
    alone = [(low, high, inputs @ fits.without(low, high)) for low, high, _ in words_alone]
    both = [
        (low, high, (one + other) / 2)
        for (low, high, one), (_, _, other) in zip(words_alone, alone, strict=True)
    ]
    gains = np.asarray([words.raw_gain(read_question(row.query))[0] for row in used])
    likeness = np.asarray([words.kinds.scored.score(kind_features(r.query)) for r in used])
    blend = words.kinds.blend
    pairs, own_test = left_out(read_by_words, blend, likeness, gains, both)
    alone_pairs, _ = left_out(read_by_words, blend, likeness, gains, alone)
    word_pairs, _ = left_out(read_by_words, blend, likeness, gains, words_alone)
    blend, up = scaled(blend, pairs)
    fitted = fits.without()
    return TrainedEmbedding(
        vector=[round(float(value), 3) + 0.0 for value in fitted[:-1]],
        bias=round(float(fitted[-1]), 3),
        blend=blend,
        rows=read_by_words.sources,
        alone=kind_report(alone_pairs),
        words=kind_report(word_pairs),
        report=kind_report(pairs),
        own_test=own_test,
        up=up,
    )


class _Fits:
    """Ridge regressions without some sources, from one sum a source.

    Every source counts the same on its side, and so do the own rows together and both sides.
    """

    def __init__(self, table: KindTable, inputs: Any) -> None:
        np = numpy()
        groups: dict[tuple[str, str], list[int]] = {}
        for place, row in enumerate(table.rows):
            if row.split == "train":
                own = place >= table.sources
                groups.setdefault((row.side, "" if own else row.source), []).append(place)
        self._sums = {
            key: (inputs[at].T @ inputs[at] / len(at), inputs[at].mean(axis=0))
            for key, at in ((key, np.asarray(at)) for key, at in groups.items())
        }

    def without(self, *names: str) -> Floats:
        """The weights, the bias at their end, of a training without some sources."""
        np = numpy()
        size = len(next(iter(self._sums.values()))[1])
        square, target = np.zeros((size, size)), np.zeros(size)
        for side, sign in zip(SIDES, (-1.0, 1.0), strict=True):
            used = [key for key in self._sums if key[0] == side and key[1] not in (*names, "")]
            weights = dict.fromkeys(used, 1 / max(1, len(used)))
            if (side, "") in self._sums:
                weights[side, ""] = OWN_SHARE
            for key, weight in weights.items():
                products, mean = self._sums[key]
                square += weight * products
                target += sign * weight * mean
        ridge = np.full(size, PENALTY)
        ridge[-1] = 1e-9
        found: Floats = STEEPNESS * np.linalg.solve(square + np.diag(ridge), target)
        return found


def _drawn(rows: Sequence[KindRow]) -> list[KindRow]:
    """At most `MOST` rows of each source and side, source by source."""
    groups: dict[tuple[str, str], list[KindRow]] = {}
    for row in rows:
        groups.setdefault((row.source, row.side), []).append(row)
    chance = random.Random(_SEED)
    for group in groups.values():
        chance.shuffle(group)
    return [row for group in groups.values() for row in group[:MOST]]


def _vectors(rows: Sequence[KindRow]) -> list[list[float]]:
    return [embed(row.query) for row in rows]


def embedding_card(trained: TrainedEmbedding, origins: Sequence[str]) -> str:
    """The card that goes beside the weights, in Markdown."""
    simple, hard = trained.up
    return "\n".join(
        [
            "# The embedding classifier",
            "",
            "A request in, how much it looks like work for a frontier model out: the mean of what the "
            "learned classifier's words say and of what a sentence embedding says, blended with the "
            "expected gain as there. Made by `lc-asym-router train --what embedding`.",
            "",
            f"Encoder: {ENCODER}; of longer requests the first 140 and the last 100 bytes, and no "
            f"more than {MOST_TOKENS} tokens. The same "
            "rows give the same weights on one machine; on another the encoder may round otherwise.",
            "",
            f"A ridge regression on {len(trained.vector)} numbers, trained on {trained.rows} "
            f"requests of known kinds (at most {MOST} of a source and side, drawn at random), every "
            "source alike, and on the package's own. Nothing of the texts is kept. Over the threshold "
            f"that is shipped, {trained.blend.threshold:.4f}, are {hard:.3f} of the complex and "
            f"{simple:.3f} of the simple requests, one threshold for all pairs of left-out sources.",
            "",
            "Means over pairs of a simple and a complex source, of the requests drawn, by trainings "
            "without either (the words' on these too; the shipped words have seen all requests); "
            "matched: only requests whose lengths differ by at most a quarter.",
            "",
            *trained.lines(),
            "",
            *origins,
            "",
        ]
    )
