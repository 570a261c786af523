"""Recorded answers as rungs: which of them hands on each small answer, and whether that is a loss."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lc_asym_router.classify.learned_classifier import LearnedClassifier
from lc_asym_router.evals.cascade import attempt_of
from lc_asym_router.evals.data import Answer, Row, load
from lc_asym_router.verify.answers.calls import same_calls
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.learned_check import LearnedVerifier

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMALL = 0.05
"""What a call of a small model costs, relative to one of the frontier's."""
MOST_ROWS = 1500
"""Rows of a source that are scored by a model of the package's own."""
VOTERS = {
    "bfcl": (
        "meetkai_functionary-small-v3.2-FC",
        "open-mistral-nemo-2407-FC-Auto",
        "Salesforce_xLAM-7b-fc-r",
    ),
    "openai_gsm": ("gpt3-6b-verification",),
    "zeroeval_crux": ("Meta-Llama-3-8B-Instruct", "Qwen2.5-7B-Instruct", "gemma-2-9b-it"),
    "zeroeval_gsm": ("Meta-Llama-3-8B-Instruct", "gemma-2-9b-it", "gpt-3.5-turbo-0125"),
    "zeroeval_math-l5": ("Meta-Llama-3-8B-Instruct", "Qwen2.5-7B-Instruct", "gemma-2-9b-it"),
}
"""The second opinions: a rung further asks one model more, and hands on what all of them share."""
SCORES = (0.5, 0.7, 0.85)
"""Scores of the learned check that further rungs ask for, where no second opinion was recorded."""
COMPLEXITIES = (0.5, 0.3, 0.15)
"""Shares of the questions, easiest first, that further rungs leave to the small model, where no answer
was recorded."""


@dataclass(frozen=True)
class Source:
    """The recorded rows of one source, as far as rungs and losses go.

    Attributes:
        name: Its name.
        accepted: Of each row: the strictest rung that hands on the small answer.
        lost: The probability that handing it on is a loss.
        voters: How many more small models each rung asks.
    """

    name: str
    accepted: Ints
    lost: Floats
    voters: tuple[int, ...]

    def rate(self, rung: int) -> float:
        """The true losses of a rung, over all requests."""
        return float(np.mean(self.lost * (self.accepted >= rung)))

    def cost(self, rung: int) -> float:
        """What a request costs on a rung, relative to the frontier alone."""
        if rung >= len(self.voters):
            return 1.0
        return SMALL * (1 + self.voters[rung]) + float(np.mean(self.accepted < rung))

    def best(self, target: float) -> int:
        """The cheapest rung that keeps a target, in hindsight."""
        every = range(len(self.voters) + 1)
        return min((r for r in every if self.rate(r) <= target), key=self.cost)


LEFT_OUT = {
    "mot_gpt4": "it has answers of the frontier alone, so there is no small model's to audit",
    "kinds": "its files are requests by the kind of work they ask for, without any model's answer",
}
"""Recorded data beside the sources, and why nothing can be replayed of them."""


def sources(folder: Path, names: Sequence[str]) -> list[Source]:
    """Read the sources that there are."""
    return [_source(path) for name in names if (path := folder / f"{name}.jsonl.gz").exists()]


def _source(path: Path) -> Source:
    name, rows = path.name.removesuffix(".jsonl.gz"), load(path)
    voters: tuple[int, ...]
    if name == "mot":
        accepted, voters = _samples(path, rows), (0, 1, 2, 3)
    elif name == "bfcl_oss":
        accepted, voters = _runs(path, rows), (0, 1)
    elif name in VOTERS:
        accepted = np.array([_agreed(row, VOTERS[name]) for row in rows])
        voters = tuple(range(len(VOTERS[name]) + 1))
    else:
        rows = rows[:: max(1, len(rows) // MOST_ROWS)]
        texts = rows[0].weak.response is not None
        accepted = _verified(rows) if texts else _easy(rows)
        voters = (0, 0, 0, 0)
    lost = np.clip([row.strong_score - row.weak_score for row in rows], 0.0, 1.0)
    return Source(name, accepted, np.asarray(lost, dtype=float), voters)


def _agreed(row: Row, voters: Sequence[str]) -> int:
    """How many of the voters agree, up to the first that does not."""
    count = 0
    for name in voters:
        if name not in row.other or not _same(row, row.weak, row.other[name]):
            break
        count += 1
    return count


def _same(row: Row, one: Answer, other: Answer) -> bool:
    if row.tools:
        return same_calls(one.calls or (), other.calls or (), list(row.tools))
    ours, theirs = final_answer(one.response or ""), final_answer(other.response or "")
    return agree(row.asked, ours, theirs)


def _raw(path: Path) -> dict[str, Any]:
    """The rows with all of their fields, by id."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {each["id"]: each for each in map(json.loads, file)}


def _runs(path: Path, rows: Sequence[Row]) -> Ints:
    """As `_agreed`, with another run of the small model itself."""
    raw = _raw(path)
    again = [[run["calls"] or () for run in raw[row.id]["weak_runs"]] for row in rows]
    return np.array(
        [
            int(all(same_calls(row.weak.calls or (), calls, list(row.tools)) for calls in runs))
            for row, runs in zip(rows, again, strict=True)
        ]
    )


def _samples(path: Path, rows: Sequence[Row]) -> Ints:
    """As `_agreed`, with further samples of the small model itself."""
    found, raw = [], _raw(path)
    for row in rows:
        sets = raw[row.id]["samples"]
        first, *others = [text for each in sets[:2] for text in each["answers"][:2]]
        count = 0
        for text in others:
            if text != first:
                break
            count += 1
        found.append(count)
    return np.array(found)


def _verified(rows: Sequence[Row]) -> Ints:
    check = LearnedVerifier()
    scores = np.array([check.check(attempt_of(row)).score or 0.0 for row in rows])
    return np.searchsorted(np.array(SCORES), scores, side="right")


def _easy(rows: Sequence[Row]) -> Ints:
    model = LearnedClassifier()
    scores = np.array([model.complexity(row.asked) for row in rows])
    places = np.argsort(np.argsort(scores)) / len(rows)
    return np.array([sum(place < share for share in COMPLEXITIES) for place in places])
