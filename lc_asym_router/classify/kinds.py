"""Predict what kind of work a request asks for: a linear model on its words, with shipped weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from typing import Any

from lc_asym_router._internal.model_file import Numbers
from lc_asym_router.classify.kind_features import (
    BUCKETS,
    KIND_FEATURES_VERSION,
    KIND_NAMES,
    KindFeatures,
)

SIMPLE_KINDS: dict[str, str] = {
    "chat": "small talk",
    "intent": "an errand or a customer's question",
    "factual": "a question of fact",
    "extraction": "reading from a text",
    "classification": "sorting into classes",
    "translation": "translating or rewording",
}
"""Kinds of work for a small model, and what a reason calls them."""

COMPLEX_KINDS: dict[str, str] = {
    "code-write": "code to write",
    "code-edit": "code to change",
    "debug": "a fault to find",
    "design": "a design",
    "analysis": "an analysis",
    "planning": "a plan",
    "maths": "maths",
    "exam": "an exam question",
    "logic": "a logic puzzle",
}
"""Kinds of work for a frontier model."""

KINDS: dict[str, str] = {**SIMPLE_KINDS, **COMPLEX_KINDS}


@dataclass(frozen=True, slots=True)
class Blend:
    """How kind and expected gain become one score.

    The kind orders, but for requests like those on which the gain was measured: among these the
    expected gain does. Where a request is clearly of a simple kind, the kind always orders.

        kind = tanh((kind score - centre) / width)
        gain = level + height * tanh((raw gain - gain_mean) / gain_spread)
        share = logistic((scored - scored_centre) / sharpness)
              * logistic((kind score - gain_from) / sharpness)
        score = (1 - share) * kind + share * gain
        complexity = logistic(slope * score + offset)

    Attributes:
        centre: Kind score at the middle of the scale.
        width: Kind scores over which it changes sides.
        level: Where on the scale of the kinds the gain's requests stand.
        height: How far the gain moves them on that scale.
        gain_mean: Mean raw gain score in the training.
        gain_spread: Its spread.
        scored_centre: Score of likeness from which on the gain orders.
        gain_from: Kind score from which on the gain may order.
        sharpness: How sharply both set in.
        slope: Of the line to log odds; over 0.
        offset: Of the same line.
        base: Complexity where there is no word to go by, in (0, 1).
        threshold: The operating point: complexity at or over which to go up, in [0, 1].
    """

    centre: float
    width: float
    level: float
    height: float
    gain_mean: float
    gain_spread: float
    scored_centre: float
    gain_from: float
    sharpness: float
    slope: float
    offset: float
    base: float
    threshold: float

    def parts(self, kind: float, scored: float, gain: float) -> tuple[float, float]:
        """What the kind and what the gain adds to the score.

        Args:
            kind: Score of the kind.
            scored: Score of the likeness to requests on which the gain was measured.
            gain: Raw score of the gain.
        """
        share = _logistic((scored - self.scored_centre) / self.sharpness)
        share *= _logistic((kind - self.gain_from) / self.sharpness)
        by_kind = math.tanh((kind - self.centre) / self.width)
        by_gain = self.height * math.tanh((gain - self.gain_mean) / self.gain_spread)
        return (1 - share) * by_kind + share * self.level, share * by_gain

    def complexity(self, score: float) -> float:
        """From the score, the sum of `parts`, to a complexity in (0, 1)."""
        return _logistic(self.slope * score + self.offset)

    @property
    def sound(self) -> bool:
        """Whether the numbers can be used."""
        return (
            min(self.width, self.gain_spread, self.slope, self.height, self.sharpness) > 0
            and self.slope * (1 + abs(self.level) + self.height) + abs(self.offset) < 30
            and 0 < self.base < 1
            and 0 <= self.threshold <= 1
        )


@dataclass(frozen=True, slots=True)
class WordModel:
    """A linear model on a request's words.

    Attributes:
        words: What each bucket of words adds, in steps: whole numbers.
        step: Size of a step.
        dense: What each of `KIND_NAMES` adds.
        bias: What every request starts from.
    """

    words: Sequence[int] = field(repr=False)
    step: float
    dense: Sequence[float] = field(repr=False)
    bias: float

    def score(self, found: KindFeatures) -> float:
        """Log odds of what the model tells."""
        words = self.words
        hashed = sum([words[place] for place in found.places]) * self.step * found.share
        return self.bias + hashed + _dot(self.dense, found.dense)

    @property
    def sound(self) -> bool:
        """Whether the parts fit each other."""
        return (
            len(self.words) == BUCKETS
            and all(type(value) is int for value in self.words)
            and len(self.dense) == len(KIND_NAMES)
        )


@dataclass(frozen=True, slots=True)
class KindWeights:
    """What tells a request's kind of work.

    Attributes:
        kind: From the words to the log odds of complex work.
        scored: To those of being like the requests on which the expected gain was measured.
        names: The kinds that can be named.
        naming: For each of these one row: a weight for each of `KIND_NAMES`, and at its end what the
            kind starts from; one after the other.
        blend: How the kind goes together with the expected gain.
    """

    kind: WordModel
    scored: WordModel
    names: tuple[str, ...]
    naming: Sequence[float] = field(repr=False)
    blend: Blend

    def name(self, found: KindFeatures, complex_work: bool) -> str:
        """The kind that the request looks most like, among those of one side."""
        width = len(KIND_NAMES) + 1
        side = COMPLEX_KINDS if complex_work else SIMPLE_KINDS
        values = (*found.dense, 1.0)
        scores = {
            name: _dot(self.naming[row * width : (row + 1) * width], values)
            for row, name in enumerate(self.names)
            if name in side
        }
        return max(scores, key=scores.__getitem__)

    @property
    def sound(self) -> bool:
        """Whether the parts fit each other."""
        return (
            self.kind.sound
            and self.scored.sound
            and len(self.naming) == len(self.names) * (len(KIND_NAMES) + 1)
            and set(self.names) <= set(KINDS)
            and bool(set(self.names) & set(SIMPLE_KINDS))
            and bool(set(self.names) & set(COMPLEX_KINDS))
            and self.blend.sound
        )


def kind_weights(arrays: Mapping[str, Numbers], meta: Mapping[str, Any]) -> KindWeights | None:
    """The kinds' part of a file of weights; `None` where it has none.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: A part is missing, or of another kind.
    """
    kinds = meta.get("kinds")
    if kinds is None:
        return None
    if kinds["features"] != KIND_FEATURES_VERSION:
        raise ValueError("another version of the features")
    models = {
        name: WordModel(
            words=arrays[f"{name}_words"],
            step=float(kinds[name]["step"]),
            dense=arrays[f"{name}_dense"],
            bias=float(kinds[name]["bias"]),
        )
        for name in ("kind", "scored")
    }
    return KindWeights(
        **models,
        names=tuple(map(str, kinds["names"])),
        naming=arrays["kind_naming"],
        blend=Blend(**{name: float(value) for name, value in kinds["blend"].items()}),
    )


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    product: float = sum(map(mul, weights, values))
    return product
