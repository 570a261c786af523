"""Graders: how right is an answer to a row's query?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from langchain_core.messages import AIMessage

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.data import Row
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer

Grade = float | bool
Grader = Callable[[Row, AIMessage], Grade] | Callable[[Row, AIMessage], Awaitable[Grade]]


class GradingError(ConfigurationError):
    """A grader returned something that is no grade."""


def same_final_answer(row: Row, answer: AIMessage) -> float:
    """1.0 where the answer comes to the row's `gold` by meaning (number, choice, JSON, text).

    Raises:
        GradingError: The row has no `gold`.
    """
    if row.gold is None:
        raise GradingError(f"The row {row.id!r} has no 'gold' to compare with; give a grader.")
    return float(same(final_answer(answer.text), final_answer(str(row.gold))))


def grade_of(value: object) -> float:
    """What a grader returned, as a number in [0, 1].

    Raises:
        GradingError: It is none.
    """
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise GradingError(f"The grader returned {value!r}; a grade is a number in [0, 1].")
    return float(value)
