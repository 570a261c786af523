"""Training samples of the verifier: answers, alone and with a second model's, as features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.example import same_question
from lc_asym_router.verify.answer_features import answer_features, read_answer, second_features
from lc_asym_router.verify.learned_check import NAMES, PAIR_NAMES

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

LEAST = 40
"""Rows with answers that a source must have to be trained on."""
SMALL = 0.035
"""A further model counts as a small one where its mean grade is so far under the frontier's."""
PAIR = ("marked", "wrong_part", *PAIR_NAMES)
"""The features of a pair of answers that the verifier weighs."""


@dataclass
class Samples:
    """Training samples; one row of the arrays per answer, or per pair of answers."""

    first: Floats = field(repr=False)
    pair: Floats | None = field(repr=False)
    right: Floats = field(repr=False)
    strong: Floats = field(repr=False)
    source: list[str] = field(repr=False)
    second: list[str] = field(repr=False)

    def where(self, chosen: Iterable[bool]) -> Samples:
        """Return the samples at which the mask is true."""
        mask = numpy().fromiter(chosen, dtype=bool, count=len(self.right))
        return Samples(
            self.first[mask],
            None if self.pair is None else self.pair[mask],
            self.right[mask],
            self.strong[mask],
            [name for name, keep in zip(self.source, mask, strict=True) if keep],
            [name for name, keep in zip(self.second, mask, strict=True) if keep],
        )


def samples_of(rows: Sequence[Row]) -> tuple[Samples, Samples, dict[str, str]]:
    """Return the samples of small answers alone, those with a second answer, and the sources'
    groups.
    """
    counts = Counter(row.dataset for row in rows if row.weak.response is not None)
    chosen = [row for row in rows if row.weak.response is not None and counts[row.dataset] >= LEAST]
    chosen, group_of = _grouped(chosen)
    small = _small_models(chosen)
    alone: list[tuple[Any, ...]] = []
    pairs: list[tuple[Any, ...]] = []
    for row in chosen:
        mine = read_answer(row.weak.response or "")
        found = answer_features(row.query, mine)
        first = [found[name] for name in NAMES]
        facts = (row.weak_score, row.strong_score, row.dataset)
        alone.append((first, (), *facts, ""))
        for name, answer in sorted(row.other.items()):
            if name in small[row.dataset] and answer.response is not None:
                pair = found | second_features(row.query, mine, read_answer(answer.response))
                pairs.append((first, [pair[feature] for feature in PAIR], *facts, name))
    return _stack(alone, None), _stack(pairs, len(PAIR)), group_of


def _stack(samples: list[tuple[Any, ...]], width: int | None) -> Samples:
    np = numpy()
    columns = list(zip(*samples, strict=True)) or [()] * 6
    first = np.asarray(columns[0], dtype=np.float32).reshape(len(samples), len(NAMES))
    pair = None if width is None else np.asarray(columns[1], dtype=float).reshape(-1, width)
    return Samples(
        first,
        pair,
        np.asarray(columns[2]),
        np.asarray(columns[3]),
        list(columns[4]),
        list(columns[5]),
    )


def _small_models(rows: Sequence[Row]) -> dict[str, set[str]]:
    """Return each source's further models that are small: clearly worse than its frontier model."""
    grades: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        for name, answer in row.other.items():
            if answer.score is not None:
                grades.setdefault((row.dataset, name), []).append(row.strong_score - answer.score)
    small: dict[str, set[str]] = {row.dataset: set() for row in rows}
    for (source, name), behind in grades.items():
        if sum(behind) / len(behind) > SMALL:
            small[source].add(name)
    return small


def _grouped(rows: Sequence[Row]) -> tuple[list[Row], dict[str, str]]:
    """Return the rows, and each source's group: the first source with which it shares 10 % of its
    questions.

    Questions shared by sources of different groups stay in the smallest of them only, so that none
    is on both sides of a split.
    """
    asked: dict[str, set[int]] = {}
    numbers = same_question(rows)
    for row, number in zip(rows, numbers, strict=True):
        asked.setdefault(row.dataset, set()).add(number)
    group: dict[str, str] = {}
    for name, questions in asked.items():
        group[name] = next(
            (
                group[other]
                for other in group
                if len(questions & asked[other]) * 10 >= min(len(questions), len(asked[other]))
            ),
            name,
        )
    sizes = Counter(group[row.dataset] for row in rows)
    home: dict[int, str] = {}
    for row, number in zip(rows, numbers, strict=True):
        own = group[row.dataset]
        home[number] = min(home.get(number, own), own, key=lambda name: (sizes[name], name))
    chosen = [r for r, n in zip(rows, numbers, strict=True) if home[n] == group[r.dataset]]
    return chosen, group
