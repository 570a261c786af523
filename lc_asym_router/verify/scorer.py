"""The learned verifier's model: from the weights' arrays to the probability that an answer is right.

Small trees look at the question and the one answer; their sum is calibrated on sources that they
have not seen (Platt scaling). Where a second model's answer is at hand, a logistic model judges by
how both answers compare instead. Standard library only.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from os import PathLike
from pathlib import Path

from lc_asym_router._internal.model_file import ModelFile, Numbers, read_model
from lc_asym_router.errors import ModelFileError
from lc_asym_router.verify.features import VERSION, Reading, features, read, second_features

KIND = "verifier"
SHIPPED = Path(__file__).with_name("learned.json")
"""The weights that come with the package; the card beside them says what they were trained on."""

_ARRAYS = ("feature", "bound", "left", "right", "value", "roots", "single", "weights")
_WHOLE = ("feature", "left", "right", "roots")
"""Of these, the places: whole numbers."""


class AnswerScorer:
    """Scores answers with the arrays of a model file.

    Args:
        model: What `read_model` gave for a file of kind "verifier".

    Attributes:
        threshold: The operating point for an answer alone, a probability.
        pair_threshold: The same where a second model has answered.

    Raises:
        ModelFileError: The file lacks a part, or parts don't fit each other.
    """

    def __init__(self, model: ModelFile) -> None:
        try:
            self._names: list[str] = [str(name) for name in model.meta["features"]]
            self._pair: list[str] = [str(name) for name in model.meta["pair_features"]]
            self.threshold = float(model.meta["threshold"])
            self.pair_threshold = float(model.meta["pair_threshold"])
            arrays = {name: model.arrays[name] for name in _ARRAYS}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelFileError(
                "The verifier's model file lacks a part. Get it again, or train it again."
            ) from error
        self._nodes: list[tuple[int, float, int, int, float]] = list(
            zip(*(arrays[name] for name in _ARRAYS[:5]), strict=False)
        )
        self._roots: list[int] = arrays["roots"]
        self._single: list[float] = arrays["single"]
        self._weights: list[float] = arrays["weights"]
        self._validate(arrays)

    def single(self, question: str, answer: str | Reading) -> float:
        """The probability that an answer is right, from it alone, in [0, 1]."""
        found = features(question, _reading(answer))
        return _probability(self._single[1] + self._single[2] * self._grown(found))

    def paired(self, question: str, answer: str | Reading, second: str | Reading) -> float:
        """The same, where a second model has answered too."""
        mine = _reading(answer)
        found = features(question, mine)
        found |= second_features(question, mine, _reading(second))
        logit = self._weights[0]
        for name, weight in zip(self._pair, self._weights[1:], strict=True):
            logit += weight * found[name]
        return _probability(logit)

    def _grown(self, found: dict[str, float]) -> float:
        """The sum of the trees' leaves: a logit."""
        # Trees were grown on 32-bit numbers; a bound must fall the same way here.
        values = array("f", (found[name] for name in self._names))
        total = self._single[0]
        nodes = self._nodes
        for root in self._roots:
            feature, bound, left, right, value = nodes[root]
            while feature >= 0:
                feature, bound, left, right, value = nodes[
                    left if values[feature] <= bound else right
                ]
            total += value
        return total

    def _validate(self, arrays: dict[str, Numbers]) -> None:
        size = len(self._nodes)
        whole = (
            all(len(arrays[name]) == size for name in _ARRAYS[:5])
            and all(type(place) is int for name in _WHOLE for place in arrays[name])
            and len(self._single) == 3
            and len(self._weights) == len(self._pair) + 1
            and all(0 <= root < size for root in self._roots)
            # A child stands behind its parent, so that no walk goes in circles.
            and all(
                feature < len(self._names) and at < left < size and at < right < size
                for at, (feature, _, left, right, _) in enumerate(self._nodes)
                if feature >= 0
            )
            and 0 <= self.threshold <= 1
            and 0 <= self.pair_threshold <= 1
            and set(self._names) <= set(NAMES)
            and set(self._pair) <= {*NAMES, *PAIR_NAMES}
        )
        if not whole:
            raise ModelFileError(
                "The verifier's model file is inconsistent. Get it again, or train it again."
            )


def load_scorer(path: str | PathLike[str] | None = None) -> AnswerScorer:
    """The scorer of a model file; the shipped one where no path is given.

    Read once for each version of the file, then kept.

    Raises:
        ModelFileError: The file can't be used; the message says why.
    """
    file = SHIPPED if path is None else Path(path)
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        stamp = 0  # reading it says what is wrong
    return _load(file.absolute(), stamp)


@lru_cache(maxsize=8)
def _load(file: Path, stamp: int) -> AnswerScorer:
    return AnswerScorer(read_model(file, KIND, features=VERSION))


def _reading(answer: str | Reading) -> Reading:
    return read(answer) if isinstance(answer, str) else answer


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


NAMES = tuple(features("", read("")))
PAIR_NAMES = tuple(second_features("", read(""), read("")))
