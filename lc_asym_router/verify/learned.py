"""Check whether an answer is right with a trained model, optionally with a second model's answer."""

from __future__ import annotations

from functools import partial
from os import PathLike
from typing import ClassVar

from langchain_core.messages import AIMessage
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import aread
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.scorer import load_scorer
from lc_asym_router.verify.second import Second, aask_second, ask_second, can_ask, check_second


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
        check_second(second, "LearnedVerifier")
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
