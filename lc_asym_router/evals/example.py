"""Made-up rows to try the commands on, grading them, and which of them ask the same question."""

from __future__ import annotations

import inspect
import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.jobs import Grade, Job
from lc_asym_router.errors import GradingError
from lc_asym_router.evals.data import Row
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer

OPENING = 80
"""Characters of the opening by which a question is known again where its end was changed."""

TEMPLATE = 3
"""An opening that more rows of one source have is the source's template, not a question."""

_SHORTEST = 60
_BREAK = re.compile(r"\W+")


def normalised(text: str) -> str:
    """Return a question in lower case, with only its words and single spaces."""
    return _BREAK.sub(" ", text.lower()).strip()


def same_question(rows: Sequence[Row]) -> list[int]:
    """Return the number of each row's question; rows with the same question have the same number.

    Two rows have the same question if their normalised texts are equal, or if the beginnings of
    longer ones are: some sources reuse questions with instructions or options appended. The
    relation is made transitive (union-find).
    """
    texts = [normalised(row.query) for row in rows]
    openings = [text[:OPENING] if len(text) >= _SHORTEST else text for text in texts]
    often = Counter((row.dataset, opening) for row, opening in zip(rows, openings, strict=True))
    templates = {opening for (_, opening), times in often.items() if times > TEMPLATE}
    parents = list(range(len(rows)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[str, int] = {}
    for place, (text, opening) in enumerate(zip(texts, openings, strict=True)):
        for key in {text} if opening in templates else {text, opening}:
            other = first.setdefault(key, place)
            parents[root(place)] = root(other)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(place), len(numbers)) for place in range(len(rows))]


NAMES = ("Ada", "Ben", "Cem", "Dora", "Emil", "Fay")
THINGS = ("apples", "books", "stamps", "shells", "tickets", "cups")


def write_example(path: AnyPath, count: int = 400, seed: int = 1) -> Path:
    """Write rows of made-up sums; the more steps a sum has, the more often the small models are wrong.

    The rows show how the commands work and are no evidence: the "models" are random numbers.

    Args:
        path: File to write (`.jsonl`).
        count: Number of rows.
        seed: Seed of the random numbers; the same seed gives the same rows.
    """
    chance = random.Random(seed)
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    name = place.name.partition(".")[0]
    lines = (json.dumps({"id": f"{name}/{n}", **_row(chance)}) for n in range(count))
    place.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return place


def _row(chance: random.Random) -> dict[str, Any]:
    steps = chance.randint(1, 6)
    query, value = _sum(steps, chance)
    weak = _answer(value, 0.08 * steps, chance)
    strong = _answer(value, 0.01 * steps, chance)
    second = _answer(value, 0.1 * steps, chance)
    return {
        "query": query,
        "gold": str(value),
        "weak_model": "small dice",
        "strong_model": "frontier dice",
        "weak_score": weak["score"],
        "weak_response": weak["response"],
        "strong_score": strong["score"],
        "strong_response": strong["response"],
        "other": {"second": second},
    }


def _sum(steps: int, chance: random.Random) -> tuple[str, int]:
    name, thing = chance.choice(NAMES), chance.choice(THINGS)
    value = chance.randint(10, 60)
    parts = [f"{name} has {value} {thing}."]
    for _ in range(steps):
        size = chance.randint(2, 9)
        kind = chance.choice(("gets", "gives away", "times"))
        if kind == "times":
            value *= size
            parts.append(f"Then the number grows {size} times.")
        elif kind == "gets" or value <= size:
            value += size
            parts.append(f"Then {name} gets {size} more.")
        else:
            value -= size
            parts.append(f"Then {name} gives away {size}.")
    return " ".join([*parts, f"How many {thing} does {name} have now?"]), value


def _answer(value: int, slip: float, chance: random.Random) -> dict[str, Any]:
    wrong = chance.random() < slip
    stated = value + chance.choice((-10, -1, 1, 10)) if wrong else value
    return {
        "score": 0.0 if wrong else 1.0,
        "response": f"Step by step it comes to {stated}.\n#### {stated}",
    }


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
