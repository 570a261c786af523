"""A classifier for a user's own kinds of requests, trained on a few examples of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, Question
from langchain_core.decisions.types import State
from pydantic import PrivateAttr

from lc_asym_router.classify.keyword import turn_text
from lc_asym_router.classify.kind_features import KindFeatures, kind_features
from lc_asym_router.classify.scorer import (
    ExplainedResponse,
    answer,
    known_settings,
    levels_of,
    spread,
)
from lc_asym_router.classify.text_features import read_question
from lc_asym_router.errors import ConfigurationError

MOST = 300
"""Examples that are taken in all; with more, training is worth its while."""
_RIDGE = 0.3
_SHARPNESS = 3.0


class KindClassifier(BaseDecisionModel):
    """A decision model that sorts requests by a user's own examples.

        KindClassifier({"small": ["what's my balance?", ...], "frontier": ["redraft 4b ...", ...]})

    Give the kinds in order, from those for the cheapest model to those for the most capable one; the
    complexity is the expected position among them, scaled to [0, 1]. It is trained on the examples
    alone (ridge regression on the words and groups of words that `LearnedClassifier` uses): five to
    fifty per kind, as users really write them, are enough. Its confidence is the probability of the
    likeliest kind, 0 where a text has neither a word nor a number.

    Plain Python, no network.

    Args:
        examples: Texts of each kind, by the kind's name.

    Raises:
        ConfigurationError: Fewer than two kinds, a kind without an example, an example that is no text
            or has no word, one that occurs in two kinds, or more than 300 of them.
    """

    keeps_time: ClassVar[bool] = True
    instant: ClassVar[bool] = True
    model: str = "kinds"
    examples: dict[str, list[str]]
    _seen: list[KindFeatures] = PrivateAttr()
    _shares: list[list[float]] = PrivateAttr()

    def __init__(self, examples: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        # Here and not in a validator, where pydantic would wrap the error.
        known_settings(type(self), kwargs)
        given: dict[str, Any] = {"examples": _checked(examples), **kwargs}
        super().__init__(**given)
        self._seen = [kind_features(text) for texts in self.examples.values() for text in texts]
        self._shares = _fitted(self._seen, [len(texts) for texts in self.examples.values()])

    @property
    def _provider(self) -> str:
        return "lc_asym_router"

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of each kind for a text, in [0, 1]; they sum to 1."""
        found = kind_features(text)
        near = [_likeness(found, seen) for seen in self._seen]
        scores = [
            _SHARPNESS * sum(share * like for share, like in zip(shares, near, strict=True))
            for shares in self._shares
        ]
        most = max(scores)
        weights = [math.exp(score - most) for score in scores]
        return {
            name: weight / sum(weights) for name, weight in zip(self.examples, weights, strict=True)
        }

    def complexity(self, text: str) -> float:
        """Return the expected position of a text among the kinds, in [0, 1]."""
        likely = self.probabilities(text)
        return sum(place * part for place, part in enumerate(likely.values())) / (len(likely) - 1)

    def _classify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        text = turn_text(state)
        likely = self.probabilities(text)
        complexity = self.complexity(text)
        name = max(likely, key=likely.__getitem__)
        known = not read_question(text).empty
        return ExplainedResponse(
            model=self.model,
            answers={
                asked: answer(
                    question,
                    spread(complexity, len(levels_of(question))),
                    likely[name] if known else 0.0,
                )
                for asked, question in questions.items()
            },
            reason=f"{name}: {likely[name]:.2f}" if known else "there is no word to go by",
            classifier=self.model,
        )

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        # A millisecond at most: an executor would cost more than it saves.
        return self._classify(state, questions)


def _checked(examples: Any) -> dict[str, list[str]]:
    if not isinstance(examples, Mapping) or len(examples) < 2:
        raise ConfigurationError(
            'KindClassifier needs examples of two kinds at least: {"small": [...], "frontier": [...]}.'
        )
    known: dict[str, str] = {}
    for name, texts in examples.items():
        if isinstance(texts, str) or not isinstance(texts, Sequence) or not texts:
            raise ConfigurationError(f"The kind {name!r} needs a list of examples, one at least.")
        for text in texts:
            if not isinstance(text, str) or read_question(text).empty:
                raise ConfigurationError(
                    f"An example of the kind {name!r} is no text with a word. Leave it out."
                )
            if known.setdefault(text, name) != name:
                raise ConfigurationError(
                    f"One example stands under {known[text]!r} and under {name!r}. Leave one out."
                )
    total = sum(map(len, examples.values()))
    if total > MOST:
        raise ConfigurationError(
            f"{total} examples are more than {MOST}. Give fewer, or train with `lc-asym-router train "
            "--kinds`."
        )
    return {str(name): list(texts) for name, texts in examples.items()}


def _fitted(seen: Sequence[KindFeatures], sizes: Sequence[int]) -> list[list[float]]:
    """For each kind what each example adds: a ridge regression in its dual form.

    Every kind counts the same, however many examples it has.
    """
    kind = [place for place, size in enumerate(sizes) for _ in range(size)]
    matrix = [[_likeness(one, other) for other in seen] for one in seen]
    mean = sum(sizes) / len(sizes)
    for place, row in enumerate(matrix):
        row[place] += _RIDGE * sizes[kind[place]] / mean
    targets = [
        [float(each == name) - 1 / len(sizes) for name in range(len(sizes))] for each in kind
    ]
    solved = _solved(matrix, targets)
    return [list(column) for column in zip(*solved, strict=True)]


def _likeness(one: KindFeatures, other: KindFeatures) -> float:
    shared = len(set(one.places) & set(other.places))
    dense = sum(a * b for a, b in zip(one.dense, other.dense, strict=True) if a and b)
    return shared * one.share * other.share + dense


def _solved(matrix: list[list[float]], targets: list[list[float]]) -> list[list[float]]:
    """The solution of a symmetric positive system by elimination."""
    size = len(matrix)
    rows = [[*row, *target] for row, target in zip(matrix, targets, strict=True)]
    for place in range(size):
        lead = rows[place]
        for lower in rows[place + 1 :]:
            if factor := lower[place] / lead[place]:
                lower[place:] = [
                    a - factor * b for a, b in zip(lower[place:], lead[place:], strict=True)
                ]
    for place in range(size - 1, -1, -1):
        lead = rows[place]
        for upper in rows[:place]:
            if factor := upper[place] / lead[place]:
                upper[size:] = [
                    a - factor * b for a, b in zip(upper[size:], lead[size:], strict=True)
                ]
    return [[value / row[place] for value in row[size:]] for place, row in enumerate(rows)]
