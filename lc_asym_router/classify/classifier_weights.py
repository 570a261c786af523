"""The learned classifier's weights: load them, and compute the expected gain."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Protocol

from lc_asym_router._internal.model_file import read_model
from lc_asym_router.classify.kind_features import kind_features
from lc_asym_router.classify.kinds import KINDS, KindWeights, kind_weights
from lc_asym_router.classify.text_features import (
    FEATURES_VERSION,
    NAMES,
    QuestionText,
    buckets,
    question_features,
    read_question,
)
from lc_asym_router.errors import ModelFileError

KIND = "classifier"
SHIPPED = Path(__file__).with_name("learned.json")
"""The weights that come with the package; the card beside them says what they were trained on."""

WORDS = "its words"
KIND_PART = "its kind"
_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Gain:
    """The result of the weights for one question.

    Attributes:
        expected: The frontier's expected gain, in (0, 1): the probability that it is right where
            the small model fails, minus that of the reverse.
        parts: What each feature added to the score, relative to the mean question.
        more: Of these, the features that the question has more of than the mean question.
        complexity: The complexity in (0, 1), from kind of work and expected gain; the expected gain
            where the weights have no kinds.
        kind: The kind of work asked for, in a few words; "" where the weights have no kinds.
    """

    expected: float
    parts: dict[str, float]
    more: frozenset[str]
    complexity: float
    kind: str = ""


class QuestionJudge(Protocol):
    """Weights that judge a question."""

    @property
    def kinds(self) -> KindWeights | None:
        """What tells kinds of work apart; `None` for weights of the gain alone."""

    @property
    def threshold(self) -> float:
        """The operating point of the expected gain alone, in [0, 1]."""

    @property
    def unknown(self) -> float:
        """The complexity of a request with nothing to go by, in (0, 1)."""

    def judge(self, text: str) -> Gain | None:
        """What is to be said of a question; `None` where it holds neither a word nor a number."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model on the features of a question, and the line from its score to a gain.

    Attributes:
        names: The features used.
        mean: Their means in the training.
        scale: Their spreads in the training.
        weights: What one spread of each adds.
        words: What each bucket of hashed words adds; may be empty.
        raw: Raw scores of the line's knots, rising.
        gain: Expected gains at these, rising, in (0, 1).
        base: Expected gain where nothing is known, in (0, 1).
        threshold: The operating point: complexity at or over which to go up, in [0, 1].
        kinds: What tells kinds of work apart; `None` for weights of the gain alone.
    """

    names: tuple[str, ...]
    mean: Sequence[float] = field(repr=False)
    scale: Sequence[float] = field(repr=False)
    weights: Sequence[float] = field(repr=False)
    words: Sequence[float] = field(repr=False)
    raw: Sequence[float] = field(repr=False)
    gain: Sequence[float] = field(repr=False)
    base: float
    threshold: float
    kinds: KindWeights | None = None

    @property
    def unknown(self) -> float:
        """The complexity of a request with nothing to go by, in (0, 1)."""
        return self.kinds.blend.base if self.kinds else self.base

    def judge(self, text: str, beside: Callable[[str], float] | None = None) -> Gain | None:
        """The expected gain on a question; `None` where it holds neither a word nor a number.

        Args:
            text: The question.
            beside: From a text to another model's log odds of complex work; the kind is then the mean
                of these and of the words'.
        """
        reading = read_question(text)
        return None if reading.empty else self._judge(reading, beside)

    def raw_gain(self, reading: QuestionText) -> tuple[float, dict[str, float], frozenset[str]]:
        """The gain's raw score, what each feature added to it, and those there is more of."""
        found = question_features(reading)
        away = {
            name: (found[name] - mean) / scale
            for name, mean, scale in zip(self.names, self.mean, self.scale, strict=True)
        }
        parts = {
            name: far * weight
            for (name, far), weight in zip(away.items(), self.weights, strict=True)
        }
        if self.words:
            hashed = buckets(reading, len(self.words))
            parts[WORDS] = sum([self.words[bucket] * share for bucket, share in hashed.items()])
        return sum(parts.values()), parts, frozenset(name for name, far in away.items() if far > 0)

    def _judge(self, reading: QuestionText, beside: Callable[[str], float] | None) -> Gain:
        raw, parts, more = self.raw_gain(reading)
        expected = self.expected(raw)
        if self.kinds is None:
            return Gain(expected, parts, more, expected)
        blend = self.kinds.blend
        found = kind_features(reading.text)
        kind = self.kinds.kind.score(found)
        if beside is not None:
            kind = (kind + beside(reading.text)) / 2
        by_kind, by_gain = blend.parts(kind, self.kinds.scored.score(found), raw)
        name = self.kinds.name(found, by_kind > 0)
        # In the score's unit, so that the kind and the features can be compared.
        moved = raw - blend.gain_mean
        share = by_gain / moved if moved else 0.0
        scaled = {part: added * share for part, added in parts.items()}
        scaled[KIND_PART] = by_kind
        return Gain(expected, scaled, more, blend.complexity(by_kind + by_gain), KINDS[name])

    def expected(self, raw: float) -> float:
        """The expected gain at a raw score, in (0, 1): strictly rising, so that nothing ties.

        Straight between the knots. Beyond the ends it still rises, by a tenth at most of what lies
        between there and the bound: nothing was seen out there.
        """
        first, last = self.raw[0], self.raw[-1]
        spread = (last - first) or 1.0
        if raw <= first:
            return self.gain[0] * (1 - _MARGIN + _MARGIN * math.exp((raw - first) / spread))
        if raw >= last:
            room = _MARGIN * (1 - self.gain[-1])
            return self.gain[-1] + room * (1 - math.exp((last - raw) / spread))
        place = bisect_right(self.raw, raw)
        low, high = self.raw[place - 1], self.raw[place]
        share = (raw - low) / (high - low)
        return self.gain[place - 1] + share * (self.gain[place] - self.gain[place - 1])


def load_weights(path: str | PathLike[str] | None = None) -> Weights:
    """Load a weights file, once per version of the file; by default the shipped one.

    Raises:
        ModelFileError: The file can't be used; the message says why.
    """
    file = SHIPPED if path is None else Path(path)
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        stamp = 0  # reading it says what is wrong
    with _lock:
        return _load(file.absolute(), stamp)


_lock = Lock()


@cache
def _load(file: Path, stamp: int) -> Weights:
    model = read_model(file, KIND, features=FEATURES_VERSION)
    arrays, meta = model.arrays, model.meta
    try:
        weights = Weights(
            names=tuple(map(str, meta["features"])),
            mean=arrays["mean"],
            scale=arrays["scale"],
            weights=arrays["weights"],
            words=arrays["words"],
            raw=arrays["raw"],
            gain=arrays["gain"],
            base=float(meta["base"]),
            threshold=float(meta["threshold"]),
            kinds=kind_weights(arrays, meta),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{file} lacks a part. Train it again with this package.") from error
    numbers = [len(weights.names), *map(len, (weights.mean, weights.scale, weights.weights))]
    rising = all(
        len(line) and all(low < high for low, high in pairwise(line))
        for line in (weights.raw, weights.gain)
    )
    sound = (
        len(set(numbers)) == 1
        and set(weights.names) <= set(NAMES)
        and len(weights.raw) == len(weights.gain)
        and rising
        and 0 < weights.base < 1
        and 0 <= weights.threshold <= 1
        and (weights.kinds is None or weights.kinds.sound)
        and 0 < weights.gain[0] <= weights.gain[-1] < 1
        and all(weights.scale)
    )
    if not sound:
        raise ModelFileError(f"{file} holds weights that don't fit. Train it with this package.")
    return weights
