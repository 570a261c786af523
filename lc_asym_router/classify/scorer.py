"""From a request to a complexity: what the `classify` node asks."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Score
from langchain_core.decisions.types import ClassifierRequest
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import awithin, finished, within
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ClassifierError, ConfigurationError
from lc_asym_router.records.request import Request

logger = logging.getLogger(__name__)

QUESTION = "complexity"
RUBRIC = Score(
    instructions=(
        "How much does the request in the material need from the model that answers it? Judge "
        "the work that a right answer takes, not the length of the text."
    ),
    criteria=[
        "Trivial: a greeting, a fact that everybody knows, a yes or no.",
        "Simple: one step, such as classifying, extracting, translating or rewording a short text.",
        "Moderate: a few steps, or some care, such as short arithmetic or a short piece of code.",
        "Hard: several dependent steps of reasoning, mathematics, or code with constraints.",
        "Very hard: refactoring, debugging or optimising real code, proofs, deep analysis.",
    ],
)
"""The one question asked of a classifier: an ordered rubric of five levels."""

Callback = Callable[[list[BaseMessage]], float] | Callable[[list[BaseMessage]], Awaitable[float]]
Classifier = BaseDecisionModel | Callback


@dataclass(frozen=True, slots=True)
class Scored:
    """A classifier's word on a request.

    Attributes:
        complexity: In [0, 1]; `None` where the classifier failed: no signal, which is not "easy".
        confidence: In [0, 1], or `None`.
        classifier: Who answered.
        reason: Why, in one line.
        cached: Whether it was read from a cache, and nobody asked.
    """

    complexity: float | None
    confidence: float | None
    classifier: str
    reason: str
    cached: bool = False


@dataclass(frozen=True)
class Scorer:
    """Asks a classifier, and never fails: what went wrong becomes the reason.

    Args:
        classifier: A decision model, or a callable from the messages of the latest human turn to a
            complexity in [0, 1].
        deadline: Seconds it may take; `None` for no limit.
    """

    classifier: Classifier
    deadline: float | None = 10.0

    def __post_init__(self) -> None:
        if not isinstance(self.classifier, BaseDecisionModel) and not callable(self.classifier):
            raise ConfigurationError(
                f"classify={self.classifier!r} is no classifier. Give 'keyword', 'judge', "
                "'learned', a decision model, or a callable messages -> float in [0, 1]."
            )

    @property
    def name(self) -> str:
        """The classifier's name, for decisions."""
        if isinstance(self.classifier, BaseDecisionModel):
            return self.classifier.model
        return getattr(self.classifier, "__name__", type(self.classifier).__name__)

    @property
    def threshold(self) -> float:
        """The complexity at or over which a request goes up unless told otherwise, in [0, 1]."""
        own = getattr(self.classifier, "threshold", None)
        return float(own) if isinstance(own, int | float) else 0.5

    def _limit(self, seconds: float | None) -> float | None:
        """Some classifiers keep their own time, or need none: no thread is spent on those."""
        own = None if getattr(self.classifier, "keeps_time", False) else self.deadline
        if seconds is None or getattr(self.classifier, "instant", False):
            return own
        return seconds if own is None else min(own, seconds)

    def score(
        self, request: Request, config: RunnableConfig, seconds: float | None = None
    ) -> Scored:
        """Ask the classifier about the latest human turn.

        Args:
            request: What is asked.
            config: The classifier's.
            seconds: How long it may take, beside its own deadline.
        """
        try:
            return self._read(within(self._limit(seconds), lambda: self._ask(request, config)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._failed(error)

    async def ascore(
        self, request: Request, config: RunnableConfig, seconds: float | None = None
    ) -> Scored:
        """The async twin of `score`."""
        limit = self._limit(seconds)
        try:
            return self._read(await awithin(limit, lambda: self._aask(request, config)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._failed(error)

    def _ask(self, request: Request, config: RunnableConfig) -> Any:
        if isinstance(self.classifier, BaseDecisionModel):
            return self.classifier.invoke(_question(request), config)
        value = self.classifier(list(request.turn))
        if inspect.isawaitable(value):
            return finished(value)
        return value

    async def _aask(self, request: Request, config: RunnableConfig) -> Any:
        if isinstance(self.classifier, BaseDecisionModel):
            return await self.classifier.ainvoke(_question(request), config)
        if inspect.iscoroutinefunction(self.classifier):
            return await self.classifier(list(request.turn))
        value = await run_in_executor(None, self.classifier, list(request.turn))
        return await value if inspect.isawaitable(value) else value

    def _read(self, answered: Any) -> Scored:
        if not isinstance(answered, ClassifierResponse):
            return Scored(_in_range(answered, self.name), None, self.name, "")
        score = answered.scores.get(QUESTION)
        if score is None:
            raise ClassifierError(
                f"{self.name} did not answer the Score question; a classifier must."
            )
        top = len(RUBRIC.criteria) - 1
        return Scored(
            complexity=_in_range(score.score / top, self.name),
            confidence=score.confidence,
            classifier=getattr(answered, "classifier", "") or self.name,
            reason=getattr(answered, "reason", ""),
        )

    def _failed(self, error: Exception) -> Scored:
        what = (
            str(error)
            if isinstance(error, ClassifierError)
            else f"{self.name} failed ({describe_error(error, model=self.name)})"
        )
        logger.warning("No complexity for this request: %s", what)
        return Scored(None, None, self.name, what)


def _question(request: Request) -> ClassifierRequest:
    turn: Sequence[BaseMessage] = request.turn
    state = turn[0] if len(turn) == 1 else list(turn)
    return {"state": cast("Any", state), "questions": {QUESTION: RUBRIC}}


def _in_range(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClassifierError(
            f"{name} returned {type(value).__name__}; a classifier returns a number in [0, 1]."
        )
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ClassifierError(
            f"{name} returned {value!r}; a classifier returns a number in [0, 1]."
        )
    return float(value)
