"""Recorded answers behind real servers: a model says what it once said, to a part or to a whole."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lc_asym_router import Agreement, AsymRouter, Tier, default_checks
from lc_asym_router.evals import Row
from lc_asym_router.evals.data import text_tokens
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

SECOND = "gemma-2-9b-it"
"""The second small model that may be asked; the only one recorded on all sources that have any."""
_JOIN = re.compile(r"have been answered one by one:\n\n(.*)\n---\nWrite", re.S)
ANNOUNCED = "Answer the following questions."


@dataclass(frozen=True)
class Compound:
    """Several recorded questions as one request."""

    rows: tuple[Row, ...]

    @property
    def text(self) -> str:
        """The request."""
        lines = (f"{number}. {row.query.strip()}" for number, row in enumerate(self.rows, 1))
        return "\n".join([f"{ANNOUNCED}\n", *lines])


def compounds(rows: Sequence[Row], count: int, seed: int = 7) -> list[Compound]:
    """So many requests of 2 to 5 questions each; a question comes in one of them at most."""
    chance = random.Random(seed)
    drawn = chance.sample(list(rows), len(rows))
    made: list[Compound] = []
    while len(made) < count and len(drawn) >= 5:
        size = chance.randint(2, 5)
        made.append(Compound(tuple(drawn[:size])))
        del drawn[:size]
    return made


@contextmanager
def replayed(asked: Sequence[Compound], second: bool) -> Iterator[AsymRouter]:
    """A router whose tiers give the recorded answers; a whole request gets them one after another.

    Token counts are of the texts by their length.

    Args:
        asked: The requests.
        second: Whether a second small model must agree with the small one's answers.
    """
    known: dict[str, tuple[Row, ...]] = {each.text.strip(): each.rows for each in asked}
    known |= {row.query.strip(): (row,) for each in asked for row in each.rows}

    def says(answer_of: Callable[[Row], str | None]) -> Callable[[dict[str, Any]], Reply]:
        def reply(body: dict[str, Any]) -> Reply:
            text = body["messages"][-1]["content"]
            if joined := _JOIN.search(text):  # a model that joins copies the answers
                return _reply(text, joined.group(1))
            rows = known[text.strip()]
            answers = [answer_of(row) or "" for row in rows]
            whole = "\n\n".join(f"{n}. {a}" for n, a in enumerate(answers, 1))
            said = answers[0] if len(rows) == 1 else whole
            return _reply(text, said)

        return reply

    with (
        OllamaServer(default=says(lambda row: row.weak.response), keep=1) as small,
        OpenAIServer(default=says(lambda row: row.strong.response), keep=1) as frontier,
        OllamaServer(default=says(_second), keep=1) as other,
    ):
        verify = default_checks()
        tiers = [Tier(small_model(small), "small", price=SMALL_PRICE)]
        if second:
            verify = verify & Agreement(second=small_model(other))
        tiers.append(Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE))
        yield AsymRouter(tiers=tiers, verify=verify)


def _reply(asked: str, said: str) -> Reply:
    return Reply(
        said,
        chunks=[said],
        input_tokens=text_tokens(asked),
        output_tokens=text_tokens(said),
    )


def _second(row: Row) -> str | None:
    return row.other[SECOND].response if SECOND in row.other else None
