"""The learned check and its weights."""

from __future__ import annotations

import logging
import math
from array import array
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import ClassVar

from langchain_core.messages import AIMessage
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import aread
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.model_file import ModelFile, Numbers, read_model
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError, ModelFileError
from lc_asym_router.verify.answer_features import (
    VERSION,
    AnswerText,
    answer_features,
    read_answer,
    second_features,
)
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.second import Second, aask_second, ask_second, can_ask, second_of

logger = logging.getLogger(__name__)

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

    def single(self, question: str, answer: str | AnswerText) -> float:
        """The probability that an answer is right, from it alone, in [0, 1]."""
        found = answer_features(question, _reading(answer))
        return _probability(self._single[1] + self._single[2] * self._grown(found))

    def paired(self, question: str, answer: str | AnswerText, second: str | AnswerText) -> float:
        """The same, where a second model has answered too."""
        mine = _reading(answer)
        found = answer_features(question, mine)
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


def _reading(answer: str | AnswerText) -> AnswerText:
    return read_answer(answer) if isinstance(answer, str) else answer


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


NAMES = tuple(answer_features("", read_answer("")))
PAIR_NAMES = tuple(second_features("", read_answer(""), read_answer("")))


class LearnedVerifier(Check):
    """Passes if an answer is probably right, by a model trained on questions and answers.

    Alone it reads the one answer: its form, its arithmetic (recomputed), its expressions of doubt,
    whether its conclusion follows from its calculation. That needs no model call, but is weak on
    sources unlike its training data. With `second`, another cheap model answers too, and the
    agreement of both is the strongest feature. The model card next to the weights, `learned.md`,
    describes the training data and the results on left-out sources.

    Tool calls, and answers in a schema, pass without a score: it was not trained on any.

    Args:
        threshold: Probability at or over which an answer passes, in [0, 1]; by default that of the
            weights.
        second: Another cheap chat model that gets the same request. Its call is recorded and
            charged as a side call. If it fails, the answer alone is scored. Or the name of a tier
            above: if the request escalates to it, it is not called again.
        model: A weights file that `lc-asym-router train --what verifier` wrote; by default the
            shipped one.

    Raises:
        ConfigurationError: A threshold outside [0, 1], or an invalid second model.
        ModelFileError: The weights file can't be used.
    """

    vouches: ClassVar[str] = "learned"

    def __init__(
        self,
        threshold: float | None = None,
        *,
        second: Second | None = None,
        model: str | PathLike[str] | None = None,
    ) -> None:
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigurationError(
                f"LearnedVerifier(threshold={threshold}) must lie in [0, 1]: it is a probability."
            )
        second = second_of(second, "LearnedVerifier")
        self.scorer = load_scorer(model)
        shipped = self.scorer.threshold if second is None else self.scorer.pair_threshold
        self.threshold = shipped if threshold is None else threshold
        self.second = second
        vars(self)["asks"] = second is not None  # a class's own elsewhere; here it depends

    def check(self, attempt: Attempt) -> Verdict:
        if not _judged(attempt):
            return _UNSCORED
        if self.second is None:
            return self._alone(attempt)
        can_ask(self.second, attempt)
        try:
            said = ask_second(self.second, attempt)
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._alone(attempt, error)
        return self._both(attempt, said)

    async def acheck(self, attempt: Attempt) -> Verdict:
        if not _judged(attempt):
            return _UNSCORED
        if self.second is None:
            return await aread(lambda: self._alone(attempt), attempt.text)
        can_ask(self.second, attempt)
        try:
            said = await aask_second(self.second, attempt)
        except GraphBubbleUp:
            raise
        except Exception as error:
            return await aread(partial(self._alone, attempt, error), attempt.text)
        return await aread(lambda: self._both(attempt, said), attempt.text, str(said.text))

    def _alone(self, attempt: Attempt, error: Exception | None = None) -> Verdict:
        score = self.scorer.single(attempt.request.turn_text, attempt.text)
        lost = f" (the second model failed: {describe_error(error)})" if error else ""
        if error:
            log_fault(
                logger, "The second model of LearnedVerifier failed: %s", describe_error(error)
            )
        return self._verdict(score, f"the answer alone gives{lost}")

    def _both(self, attempt: Attempt, said: AIMessage) -> Verdict:
        score = self.scorer.paired(attempt.request.turn_text, attempt.text, str(said.text))
        return self._verdict(score, "both models' answers give")

    def _verdict(self, score: float, what: str) -> Verdict:
        passed = score >= self.threshold
        side = "at or over" if passed else "under"
        return Verdict(passed, score, f"{what} {score:.2f}, {side} {self.threshold:.2f}")


_UNSCORED = Verdict(
    True, reason="tool calls and answers in a schema are not scored", vouched="none"
)


def _judged(attempt: Attempt) -> bool:
    request = attempt.request
    calls = attempt.message.tool_calls or attempt.message.invalid_tool_calls
    return not (calls or request.schema or request.response_schema)
