"""Let a model judge whether an answer is right."""

from __future__ import annotations

import json
import logging
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Noul, NoulCriteria
from langchain_core.decisions.types import ClassifierRequest
from langchain_core.language_models import BaseChatModel
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import awithin, within
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.classify.chat_decision_model import ChatDecisionModel
from lc_asym_router.errors import ClassifierError, ConfigurationError
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check, CheckCallable, as_check

logger = logging.getLogger(__name__)

_ID = "correct"
QUESTION = Noul(
    instructions="Is this answer correct and complete for this request?",
    criteria=NoulCriteria(
        true="Every statement is right, and all that was asked is answered. Short is fine.",
        false="Something is wrong, missing, made up, or beside the point.",
    ),
)


class Judge(Check):
    """Passes if a model judges the answer correct and complete.

    Args:
        model: A chat model or a decision model; it is asked one yes/no question (`Noul`).
        threshold: Probability of "yes" at or over which the answer passes, in [0, 1].
        deadline: Seconds that the model may take; `None` for no limit.
        fallback: What applies if the model is late, fails or gives an invalid answer: another
            check, or a fixed verdict (by default `False`: an unverified answer fails).
        question: The question, in place of the default one.

    Raises:
        ConfigurationError: A threshold outside [0, 1], a deadline that is not positive, or
            something that is no model.
    """

    asks: ClassVar[bool] = True
    vouches: ClassVar[str] = "judge"

    def __init__(
        self,
        model: BaseChatModel | BaseDecisionModel,
        *,
        threshold: float = 0.5,
        deadline: float | None = 30.0,
        fallback: Check | CheckCallable | bool = False,
        question: Noul = QUESTION,
    ) -> None:
        if not isinstance(model, BaseChatModel | BaseDecisionModel):
            raise ConfigurationError(
                f"Judge({type(model).__name__}) needs a chat model or a decision model."
            )
        if not 0 <= threshold <= 1:
            raise ConfigurationError(f"Judge(threshold={threshold}) must lie in [0, 1].")
        if deadline is not None and not deadline > 0:
            raise ConfigurationError(
                f"Judge(deadline={deadline}) must be a positive number of seconds, or None."
            )
        self.model = (
            model if isinstance(model, BaseDecisionModel) else ChatDecisionModel(chat=model)
        )
        self.threshold = threshold
        self.deadline = deadline
        self.fallback = fallback if isinstance(fallback, bool) else as_check(fallback)
        self.question = question

    def check(self, attempt: Attempt) -> Verdict:
        asked = self._ask(attempt)
        try:
            return self._read(within(self.deadline, lambda: self.model.invoke(asked)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            what = self._failed(error)
            if isinstance(self.fallback, bool):
                return Verdict(self.fallback, reason=what, vouched="none")
            return _fell_back(self.fallback(attempt), what)

    async def acheck(self, attempt: Attempt) -> Verdict:
        asked = self._ask(attempt)
        try:
            return self._read(await awithin(self.deadline, lambda: self.model.ainvoke(asked)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            what = self._failed(error)
            if isinstance(self.fallback, bool):
                return Verdict(self.fallback, reason=what, vouched="none")
            return _fell_back(await self.fallback.acall(attempt), what)

    def _ask(self, attempt: Attempt) -> ClassifierRequest:
        calls: list[Any] = [[call["name"], call["args"]] for call in attempt.message.tool_calls]
        answer = attempt.text + (f"\n{json.dumps(calls, default=str)}" if calls else "")
        return {
            "state": {"request": list(attempt.request.messages), "answer": answer},
            "questions": {_ID: self.question},
        }

    def _read(self, response: ClassifierResponse) -> Verdict:
        answer = response.nouls.get(_ID)
        if answer is None:
            raise ClassifierError(f"{response.model} did not answer the Noul question.")
        passed = answer.noul >= self.threshold
        return Verdict(
            passed,
            answer.noul,
            f"{response.model} gives it {answer.noul:.2f}, "
            f"{'at or over' if passed else 'under'} {self.threshold:g}",
        )

    def _failed(self, error: Exception) -> str:
        what = f"the judge failed ({describe_error(error, model=self.model.model)})"
        logger.warning("%s", what)
        return what


def _fell_back(verdict: Verdict, what: str) -> Verdict:
    reason = f"{what}; {verdict.check} decided" + (f": {verdict.reason}" if verdict.reason else "")
    return Verdict(verdict.passed, verdict.score, reason, f"Judge -> {verdict.check}")
