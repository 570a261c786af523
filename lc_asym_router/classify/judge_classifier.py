"""An LLM judge of complexity, with a deadline and a fallback."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Question
from langchain_core.decisions.types import State
from langchain_core.language_models import BaseChatModel
from langgraph.errors import GraphBubbleUp
from pydantic import ConfigDict, Field, field_validator, model_validator

from lc_asym_router._internal.deadline import awithin, within
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.classify.chat_decision_model import ChatDecisionModel
from lc_asym_router.classify.keyword import KeywordClassifier
from lc_asym_router.classify.scorer import ExplainedResponse, known_settings
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.faults.breaker import Breaker, permitted

logger = logging.getLogger(__name__)


class JudgeClassifier(BaseDecisionModel):
    """Asks a chat model how much a request needs, by a written rubric.

    If the judge is late, fails, or returns an invalid answer, a fallback answers; the response then
    says so in `reason` and `classifier`.

    Args:
        chat: A chat model (a cheap local one is enough), or another decision model.
        deadline: Seconds after which the fallback answers; `None` for no limit.
        fallback: The decision model that answers then; by default the keyword rule.
        breaker: A circuit breaker: while it is open the fallback answers at once. A router's
            "judge" uses its small tier's.

    Raises:
        ConfigurationError: The deadline is not positive.
    """

    keeps_time: ClassVar[bool] = True
    model: str = "judge"
    chat: BaseChatModel | BaseDecisionModel = Field(repr=False)
    deadline: float | None = 10.0
    fallback: BaseDecisionModel = Field(default_factory=KeywordClassifier)
    breaker: Breaker | None = Field(default=None, repr=False, exclude=True)
    model_config = ConfigDict(arbitrary_types_allowed=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**known_settings(type(self), kwargs))

    @field_validator("deadline")
    @classmethod
    def _positive(cls, seconds: float | None) -> float | None:
        if seconds is not None and not seconds > 0:
            raise ConfigurationError(
                f"JudgeClassifier(deadline={seconds}) must be a positive number of seconds, or "
                "None to wait for ever."
            )
        return seconds

    @model_validator(mode="after")
    def _wrap(self) -> JudgeClassifier:
        if isinstance(self.chat, BaseChatModel):
            self.chat = ChatDecisionModel(chat=self.chat)
        return self

    @property
    def _provider(self) -> str:
        return "lc_asym_router"

    @property
    def _judge(self) -> BaseDecisionModel:
        assert isinstance(self.chat, BaseDecisionModel)
        return self.chat

    def _classify(self, state: State, questions: dict[str, Question]) -> ClassifierResponse:
        try:
            with permitted(self.breaker):
                response = within(
                    self.deadline,
                    lambda: self._judge.invoke({"state": state, "questions": questions}),
                )
        except GraphBubbleUp:
            raise
        except Exception as error:
            said = self.fallback.invoke({"state": state, "questions": questions})
            return self._fell_back(error, said)
        return self._said(response)

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ClassifierResponse:
        try:
            with permitted(self.breaker):
                response = await awithin(
                    self.deadline,
                    lambda: self._judge.ainvoke({"state": state, "questions": questions}),
                )
        except GraphBubbleUp:
            raise
        except Exception as error:
            said = await self.fallback.ainvoke({"state": state, "questions": questions})
            return self._fell_back(error, said)
        return self._said(response)

    def _said(self, response: ClassifierResponse) -> ExplainedResponse:
        levels = ", ".join(
            f"{score.score:.2f} of {len(score.legend) - 1}" for score in response.scores.values()
        )
        return ExplainedResponse(
            **_fields(response),
            reason=f"judged by {response.model}" + (f": level {levels}" if levels else ""),
            classifier=self.model,
        )

    def _fell_back(self, error: Exception, response: ClassifierResponse) -> ExplainedResponse:
        what = describe_error(error, model=self._judge.model)
        log_fault(logger, "The judge failed (%s); %s answered.", what, self.fallback.model)
        why = getattr(response, "reason", "")
        return ExplainedResponse(
            **_fields(response),
            reason=f"the judge failed ({what}); fell back to {self.fallback.model}"
            + (f": {why}" if why else ""),
            classifier=f"{self.model} -> {self.fallback.model}",
            parts=getattr(response, "parts", None),
        )


def _fields(response: ClassifierResponse) -> dict[str, Any]:
    return {
        "model": response.model,
        "answers": response.answers,
        "usage": response.usage,
        "request_id": response.request_id,
    }
