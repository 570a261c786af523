"""Find rows with the same question: they must all be on the same side of a split."""

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
