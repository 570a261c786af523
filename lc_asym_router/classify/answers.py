"""Turning one number, or one distribution, into a typed answer to a question."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from langchain_core.decisions import (
    Answer,
    Choice,
    ChoiceAnswer,
    ClassifierResponse,
    Noul,
    NoulAnswer,
    Question,
    Score,
    ScoreAnswer,
)
from pydantic import BaseModel

from lc_asym_router.classify.parts import Part
from lc_asym_router.errors import ClassifierError, ConfigurationError


def known_settings(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """What was given to a classifier's constructor, if it has a setting for all of it.

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
    """A response that also says, in one line, why; who answered in the end; and what moved it.

    `parts` is `None` where the classifier can't tell its parts, and empty where nothing moved it.
    """

    reason: str = ""
    classifier: str = ""
    parts: tuple[Part, ...] | None = None


def levels_of(question: Question) -> list[str]:
    """The possible answers to a question as ordered descriptions, lowest first.

    Raises:
        ClassifierError: The question asks for something else than one of a list (a `Box`).
    """
    if isinstance(question, Score):
        return [str(level) for level in question.criteria]
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
            score=sum(level * p for level, p in enumerate(probabilities)),
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
