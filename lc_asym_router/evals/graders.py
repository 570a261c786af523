"""Graders: score an answer to a row's query in [0, 1]."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence

from langchain_core.messages import AIMessage

from lc_asym_router.batch.run import Grade, Job
from lc_asym_router.errors import GradingError
from lc_asym_router.evals.data import Row
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer

Score = float | bool
Grader = Callable[[Row, AIMessage], Score] | Callable[[Row, AIMessage], Awaitable[Score]]


def same_final_answer(row: Row, answer: AIMessage) -> float:
    """Return 1.0 if the answer's final value equals the row's `gold` in meaning, else 0.0.

    Raises:
        GradingError: The row has no `gold`.
    """
    if row.gold is None:
        raise GradingError(f"The row {row.id!r} has no 'gold' to compare with; give a grader.")
    return float(same(final_answer(answer.text), final_answer(str(row.gold))))


def graded(rows: Sequence[Row], grader: Grader) -> Grade:
    """Return the grading function for a batch run's answers.

    Args:
        rows: The rows that are asked; the run's jobs have their ids.
        grader: A callable from a row and an answer to a grade in [0, 1]; sync or async.
    """
    by_id = {row.id: row for row in rows}

    def grade(job: Job, answer: AIMessage, /) -> float | Awaitable[float]:
        given = grader(by_id[job.id], answer)
        return _awaited(given) if inspect.isawaitable(given) else grade_of(given)

    return grade


async def _awaited(given: Awaitable[object]) -> float:
    return grade_of(await given)


def grade_of(value: object) -> float:
    """Return a grader's result as a number in [0, 1].

    Raises:
        GradingError: It is no such number.
    """
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise GradingError(f"The grader returned {value!r}; a grade is a number in [0, 1].")
    return float(value)
