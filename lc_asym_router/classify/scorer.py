"""Score a request's complexity: how the `classify` node calls classifiers, and how they answer."""

from __future__ import annotations

import difflib
import inspect
import logging
import operator
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, cast

from langchain_core.decisions import (
    Answer,
    BaseDecisionModel,
    Choice,
    ChoiceAnswer,
    ClassifierResponse,
    Noul,
    NoulAnswer,
    Question,
    Score,
    ScoreAnswer,
)
from langchain_core.decisions.types import ClassifierRequest
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from pydantic import BaseModel

from lc_asym_router._internal.deadline import LONG_TEXT, awithin, finished, off_loop, within
from lc_asym_router._internal.fault_log import FaultLog
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import follows_runs
from lc_asym_router.errors import ClassifierError, ConfigurationError
from lc_asym_router.records.request import Request

logger = logging.getLogger(__name__)

LONGEST_REASON = 1_000
"""Characters of a classifier's reason that are kept."""
_SHOWN = 1e9
"""Numbers under it are quoted."""
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
    """A classifier's result for a request.

    Attributes:
        complexity: In [0, 1]; `None` where the classifier failed, which does not mean easy.
        confidence: In [0, 1], or `None`.
        classifier: Name of the classifier that answered.
        reason: The reason, in one line.
        cached: Whether it was read from a cache, and no classifier was called.
    """

    complexity: float | None
    confidence: float | None
    classifier: str
    reason: str
    cached: bool = False


@dataclass(frozen=True)
class Scorer:
    """Calls a classifier, and never raises: a failure becomes the result's reason.

    Args:
        classifier: A decision model, or a callable from the messages of the latest human turn to a
            complexity in [0, 1].
        deadline: Seconds it may take; `None` for no limit.
    """

    classifier: Classifier
    deadline: float | None = 10.0
    faults: FaultLog = field(
        default_factory=lambda: FaultLog(logger), init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        given = self.classifier
        if isinstance(given, type):  # it would be called with the messages, and fail each time
            raise ConfigurationError(
                f"classify={given.__name__} is a class. Give an instance: classify={given.__name__}()."
            )
        if not isinstance(given, BaseDecisionModel) and not callable(given):
            raise ConfigurationError(
                f"classify={self.classifier!r} is no classifier. Give 'keyword', 'judge', "
                "'learned', a decision model, or a callable messages -> float in [0, 1]."
            )

    @cached_property
    def makes_calls(self) -> bool:
        """Whether the classifier may call a model.

        Any may, except one whose own class declares `instant`; a subclass must declare it anew.
        """
        return not vars(type(self.classifier)).get("instant", False)

    @property
    def question_only(self) -> bool:
        """Whether the classifier knows how hard questions are, and nothing of tools' calls. A user's
        own is taken at its word."""
        return bool(getattr(self.classifier, "question_only", False))

    @cached_property
    def _awaits(self) -> bool:
        """Whether the decision model waits for something in an async twin of its own. LangChain's
        computes in the event loop's own few threads, and ours that answer at once on the loop."""
        for kind in type(self.classifier).__mro__:
            if not vars(kind).keys().isdisjoint(("ainvoke", "_aclassify")):
                return kind is not BaseDecisionModel and not vars(kind).get("instant", False)
        return False

    @cached_property
    def name(self) -> str:
        """The classifier's name, for decisions."""
        if isinstance(self.classifier, BaseDecisionModel):
            return self.classifier.model
        return getattr(self.classifier, "__name__", type(self.classifier).__name__)

    @property
    def threshold(self) -> float:
        """The classifier's default threshold, in [0, 1]."""
        own = getattr(self.classifier, "threshold", None)
        return float(own) if isinstance(own, int | float) else 0.5

    def _limit(self, seconds: float | None) -> float | None:
        """Some classifiers keep their own time, or need none: no thread is spent on those."""
        own = None if getattr(self.classifier, "keeps_time", False) else self.deadline
        if seconds is None:
            return own
        return seconds if own is None else min(own, seconds)

    def _at_once(self, request: Request) -> bool:
        """Whether the classifier needs no thread: it computes little, and reads no long text."""
        instant = bool(vars(type(self.classifier)).get("instant", False))
        return instant and len(request.turn_text) < LONG_TEXT

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
            limit = None if self._at_once(request) else self._limit(seconds)
            if limit is None:
                return self._read(self._ask(request, config))
            return self._read(within(limit, lambda: self._ask(request, config)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._failed(error)

    async def ascore(
        self, request: Request, config: RunnableConfig, seconds: float | None = None
    ) -> Scored:
        """The async twin of `score`."""
        try:
            limit = None if self._at_once(request) else self._limit(seconds)
            return self._read(await awithin(limit, lambda: self._aask(request, config)))
        except GraphBubbleUp:
            raise
        except Exception as error:
            return self._failed(error)

    def _unseen(self, config: RunnableConfig) -> bool:
        """Whether the classifier calls nothing, and no handler would see a run of it."""
        return not self.makes_calls and not follows_runs(config)

    def _ask(self, request: Request, config: RunnableConfig) -> Any:
        if isinstance(self.classifier, BaseDecisionModel):
            asked = _question(request)
            if self._unseen(config):
                return self.classifier._classify(asked["state"], dict(asked["questions"]))
            return self.classifier.invoke(asked, config)
        value = self.classifier(list(request.turn))
        if inspect.isawaitable(value):
            return finished(value)
        return value

    async def _aask(self, request: Request, config: RunnableConfig) -> Any:
        if isinstance(self.classifier, BaseDecisionModel):
            if self._at_once(request) and self._unseen(config):
                return self._ask(request, config)
            if self._at_once(request) or self._awaits:
                return await self.classifier.ainvoke(_question(request), config)
            return await off_loop(lambda: self._ask(request, config))
        if inspect.iscoroutinefunction(self.classifier):
            return await self.classifier(list(request.turn))
        value = await off_loop(lambda: self._ask(request, config))
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
            reason=str(getattr(answered, "reason", ""))[:LONGEST_REASON],
        )

    def _failed(self, error: Exception) -> Scored:
        what = (
            str(error)
            if isinstance(error, ClassifierError)
            else f"{self.name} failed ({describe_error(error, model=self.name)})"
        )
        who = f"No complexity for this request: the classifier {self.name}"
        self.faults.note(who, error)
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
    if not 0 <= value <= 1:
        said = repr(value) if not abs(value) >= _SHOWN else "a huge number"
        raise ClassifierError(f"{name} returned {said}; a classifier returns a number in [0, 1].")
    return float(value)


# typed answers ------------------------------------------------------------------------------


def known_settings(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """What was given to a model's constructor, if it has a setting for all of it.

    Raises:
        ConfigurationError: It has none of that name: a misspelt one would be passed over in silence.
    """
    names = {field.alias or name for name, field in model.model_fields.items()}
    names |= set(model.model_fields)
    if unknown := sorted(set(given) - names):
        close = [found for name in unknown for found in difflib.get_close_matches(name, names, n=1)]
        raise ConfigurationError(
            f"{model.__name__} has no setting {', '.join(unknown)}. "
            + (f"Did you mean {', '.join(close)}?" if close else "Leave it out.")
        )
    return given


class ExplainedResponse(ClassifierResponse):
    """A response that also has the reason, the classifier that answered, and its contributions.

    `parts` is `None` where the classifier can't give contributions, and empty where there are none.
    """

    reason: str = ""
    classifier: str = ""
    parts: tuple[Factor, ...] | None = None


def levels_of(question: Question) -> list[str]:
    """The possible answers to a question as ordered descriptions, lowest first.

    Raises:
        ClassifierError: The question asks for something else than one of a list (a `Box`).
    """
    if isinstance(question, Score):
        return list(map(str, question.criteria))
    if isinstance(question, Choice):
        return [f"{label}: {text}" if text else label for label, text in question.criteria.items()]
    if isinstance(question, Noul):
        meaning = question.criteria
        no, yes = (meaning.false, meaning.true) if meaning else (None, None)
        return [f"no: {no}" if no else "no", f"yes: {yes}" if yes else "yes"]
    raise ClassifierError(
        f"A {question.type} question can't be answered by this classifier; it answers Score, "
        "Choice and Noul questions."
    )


def answer(question: Question, probabilities: Sequence[float], confidence: float) -> Answer:
    """The typed answer to a question, from a probability for each of its levels.

    Args:
        question: A `Score`, `Choice` or `Noul` question.
        probabilities: One for each of `levels_of(question)`, in [0, 1], adding up to 1.
        confidence: How sure that is, in [0, 1].
    """
    if isinstance(question, Score):
        return ScoreAnswer(
            type="score",
            score=sum(map(operator.mul, count(), probabilities)),
            legend=dict(enumerate(question.criteria)),
            probabilities=dict(enumerate(probabilities)),
            confidence=confidence,
        )
    if isinstance(question, Choice):
        by_label = dict(zip(question.criteria, probabilities, strict=True))
        return ChoiceAnswer(
            type="choice",
            choice=max(by_label, key=lambda label: by_label[label]),
            probabilities=by_label,
            confidence=confidence,
        )
    return NoulAnswer(type="noul", noul=probabilities[-1])


def spread(complexity: float, levels: int) -> list[float]:
    """A distribution over ordered levels whose mean, scaled to [0, 1], is the complexity.

    The mass lies on the two levels on either side of it.
    """
    place = complexity * (levels - 1)
    lower = min(int(place), levels - 2)
    share = place - lower
    return [1 - share if i == lower else share if i == lower + 1 else 0.0 for i in range(levels)]


@dataclass(frozen=True, slots=True)
class Factor:
    """One contribution to a complexity.

    Attributes:
        name: A feature's name for people, or the word that was found.
        moved: What it added to the classifier's raw score; negative where it lowered it. Comparable
            among the contributions to one request.
        word: Whether the name is a word of the request itself.
    """

    name: str
    moved: float
    word: bool = False
