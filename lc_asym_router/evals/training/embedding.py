"""Training what tells kinds of work apart by embeddings, beside the shipped words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from lc_asym_router._internal.imports import needed, numpy
from lc_asym_router._internal.model_file import write_model, write_whole
from lc_asym_router.classify.embedding import ENCODER, KIND, VERSION, embed
from lc_asym_router.classify.features import read
from lc_asym_router.classify.kind_features import kind_features
from lc_asym_router.classify.kinds import Blend
from lc_asym_router.classify.weights import Weights
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.kind_rows import KindRow, own_rows
from lc_asym_router.evals.kinds import KindReport, kind_report
from lc_asym_router.evals.training.kind_fitting import (
    fit_kinds,
    kind_table,
    left_out_scores,
)
from lc_asym_router.evals.training.kinds import left_out, scaled

SPREAD = 10.0
"""What the embeddings are multiplied by: all of them lie within a narrow cone."""
PENALTY = 1e-3


@dataclass(frozen=True)
class TrainedEmbedding:
    """What tells kinds apart by embeddings, and how it did on what it had not seen.

    Attributes:
        vector: What each number of an embedding adds to the log odds of complex work.
        bias: What every request starts from.
        blend: The words' blend with the line and the threshold of both together.
        rows: Rows of the sources that were trained on, the package's own not counted.
        alone: Figures of the embedding alone, each pair of sources left out of its training.
        report: Figures of both together, likewise.
        own_test: AUROC of the own test rows, by kind and language, against the simple sources.
        up: Parts of the simple and of the complex requests over the threshold.
    """

    vector: Sequence[float] = field(repr=False)
    bias: float
    blend: Blend
    rows: int
    alone: KindReport
    report: KindReport
    own_test: dict[str, float]
    up: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The figures, as `lc-asym-router train --what embedding --json` prints them."""
        simple, hard = self.up
        return {
            **asdict(self.report),
            "alone": asdict(self.alone),
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
        yield "| what | words and embedding | embedding alone |"
        yield "| --- | --- | --- |"
        pairs = (
            ("AUROC of complex against simple", "auroc"),
            ("the same, lengths matched", "auroc_matched"),
            ("complex requests up where 5 % of the pair's simple ones are", "up_at_5"),
            ("AUROC of the worst pair", "by_pair_min"),
        )
        for what, name in pairs:
            both, alone = getattr(self.report, name), getattr(self.alone, name)
            yield f"| {what} | **{both:.3f}** | {alone:.3f} |"
        for name, found in self.own_test.items():
            yield f"| own test rows ({name}) against the simple sources | {found:.3f} | |"
        for name, found in self.report.by_language.items():
            alone = self.alone.by_language[name]
            yield f"| AUROC within language {name} | {found:.3f} | {alone:.3f} |"


def train_embedding(
    rows: Sequence[KindRow],
    words: Weights,
    tell: Callable[[str], None] = lambda _: None,
    vectors: Callable[[Sequence[KindRow]], Any] | None = None,
) -> TrainedEmbedding:
    """Train on rows of known kinds and on the package's own; measure with pairs of sources left out.

    Args:
        rows: Rows of several sources of each side.
        words: The learned classifier's weights.
        tell: Is told in a line what is being done.
        vectors: From rows to their embeddings, one a row; the shipped encoder's by default.

    Raises:
        ConfigurationError: The weights know no kinds, or the extra `embedding` is not installed.
        DataError: A side has fewer than two sources.
    """
    np = numpy()
    if words.kinds is None:
        raise ConfigurationError("These weights know no kinds of work. Train them with --kinds.")
    table = kind_table([row for row in rows if row.split == "train"], own_rows())
    tell(f"embedding {len(table.rows)} requests, some 50 ms each")
    found = np.asarray((vectors or _vectors)(table.rows), dtype=np.float64)
    middle = found.mean(axis=0)
    inputs = np.hstack([(found - middle) * SPREAD, np.ones((len(found), 1))])
    embedded = replace(table, inputs=needed("scipy.sparse", "evals").csr_matrix(inputs))
    tell("leaving out each pair of a simple and a complex source")
    alone = list(left_out_scores(embedded, PENALTY))
    both = [
        (low, high, (one + other) / 2)
        for (low, high, one), (_, _, other) in zip(left_out_scores(table), alone, strict=True)
    ]
    gains = np.asarray([words.raw_gain(read(row.query))[0] for row in table.rows])
    likeness = np.asarray([words.kinds.scored.score(kind_features(r.query)) for r in table.rows])
    blend = words.kinds.blend
    pairs, own_test = left_out(table, blend, likeness, gains, both)
    alone_pairs, _ = left_out(table, blend, likeness, gains, alone)
    blend, up = scaled(blend, pairs)
    fitted = fit_kinds(embedded, penalty=PENALTY)
    vector = fitted[:-1] * SPREAD
    return TrainedEmbedding(
        vector=[round(float(value), 3) + 0.0 for value in vector],
        bias=round(float(fitted[-1] - vector @ middle), 3),
        blend=blend,
        rows=table.sources,
        alone=kind_report(alone_pairs),
        report=kind_report(pairs),
        own_test=own_test,
        up=up,
    )


def _vectors(rows: Sequence[KindRow]) -> list[list[float]]:
    return [embed(row.query) for row in rows]


def card(trained: TrainedEmbedding, origins: Sequence[str]) -> str:
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
            f"Encoder: {ENCODER}; of longer requests the first 140 and the last 100 bytes. The same "
            "rows give the same weights on one machine; on another the encoder may round otherwise.",
            "",
            f"A logistic regression on {len(trained.vector)} numbers, trained on {trained.rows} "
            "requests of known kinds, every source alike, and on the package's own. Nothing of the "
            "texts is kept. Over the threshold that is shipped, "
            f"{trained.blend.threshold:.4f}, are {hard:.3f} of the complex and {simple:.3f} of the "
            "simple requests, one threshold for all pairs of left-out sources.",
            "",
            "Means over pairs of a simple and a complex source, by trainings without either; matched: "
            "only requests whose lengths differ by at most a quarter. How the embeddings are scaled, "
            "and that the words stand beside them, was chosen with these figures in view.",
            "",
            *trained.lines(),
            "",
            *origins,
            "",
        ]
    )
