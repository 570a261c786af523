"""Which rows ask the same question: such rows must never stand on both sides of a split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from lc_asym_router.evals.data import Row

OPENING = 80
"""Characters of the opening by which a question is known again where its end was changed."""

TEMPLATE = 3
"""An opening that more rows of one source have is the source's template, not a question."""

_SHORTEST = 60
_BREAK = re.compile(r"\W+")


def normalised(text: str) -> str:
    """A question in lower case, with nothing but its words and single spaces."""
    return _BREAK.sub(" ", text.lower()).strip()


def same_question(rows: Sequence[Row]) -> list[int]:
    """For each row the number of its question; rows that share a question have the same number.

    Two rows share one when their whole texts are equal once normalised, or when the openings of
    longer ones are: other sources take questions over with instructions or options put behind them.
    Joined by union-find, so that what is shared with a shared one is shared too.
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
