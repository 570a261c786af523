"""Checks of length and of the model's token probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.provider import tokens_of
from lc_asym_router.verify.attempt import PASSED, Attempt, Prefix, Verdict
from lc_asym_router.verify.check import Check


class MaxLength(Check):
    """Passes if the answer's text is at most `characters` long.

    Raises:
        ConfigurationError: The limit is not positive.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, characters: int) -> None:
        if characters < 1:
            raise ConfigurationError(f"MaxLength({characters}) must be a positive number.")
        self.characters = characters

    def check(self, attempt: Attempt) -> Verdict:
        return self._judge(attempt.text) or PASSED

    def early(self, prefix: Prefix) -> Verdict | None:
        return self._judge(prefix.text)

    def _judge(self, text: str) -> Verdict | None:
        if len(text) <= self.characters:
            return None
        return Verdict(False, reason=f"the answer is longer than {self.characters} characters")


class MeanLogprob(Check):
    """Passes if the mean logprob of the answer's tokens is at least a bound.

    Needs a model that gives logprobs: `ChatOllama(logprobs=True)`, `ChatOpenAI(logprobs=True)`; an
    answer without any passes, unscored. The score is the tokens' mean probability (the geometric
    mean, in [0, 1]), which is not the probability that the answer is right. `calibrate` finds the bound
    if the rows have their answers' mean logprob, as those of `record_tiers` do. It is no default check:
    on the embedded 0.5B model's short answers to CRUXEval it has no information (AUROC 0.497, by
    `make bench-checks`). Measure it on your own data before you rely on it.

    Args:
        at_least: The bound, in nats per token, at most 0.
        tokens: Minimum number of tokens for checking an unfinished answer.

    Raises:
        ConfigurationError: The bound is over 0.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, at_least: float, *, tokens: int = 16) -> None:
        if not at_least <= 0:
            raise ConfigurationError(f"MeanLogprob({at_least}) must be 0 or less: it is a logprob.")
        self.threshold = math.exp(at_least)
        self.tokens = tokens

    def check(self, attempt: Attempt) -> Verdict:
        logprobs = [token["logprob"] for token in tokens_of(attempt.message.response_metadata)]
        return self._judge(logprobs) or Verdict(True, _probability(logprobs))

    def early(self, prefix: Prefix) -> Verdict | None:
        return self._judge(prefix.logprobs) if len(prefix.logprobs) >= self.tokens else None

    def _judge(self, logprobs: Sequence[float]) -> Verdict | None:
        score = _probability(logprobs)
        if score is None or score >= self.threshold:
            return None
        least = math.log(self.threshold)
        reason = f"the mean logprob {sum(logprobs) / len(logprobs):.2f} is under {least:g}"
        return Verdict(False, score, reason)


def _probability(logprobs: Sequence[float]) -> float | None:
    """The geometric mean of the tokens' probabilities; `None` where there are none."""
    return math.exp(min(0.0, sum(logprobs) / len(logprobs))) if logprobs else None
