"""Requests labelled with the kind of work: a user's files, and the package's own rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lc_asym_router._internal.paths import AnyPath
from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import objects_of

OWN = Path(__file__).parent / "training" / "requests.jsonl"
"""Requests written for this package, in five languages; a third of them is kept for the test."""

SIDES = ("simple", "complex")


@dataclass(frozen=True, slots=True)
class KindRow:
    """One request, labelled with the kind of work it asks for.

    Attributes:
        query: The request's text.
        source: The row's source.
        side: "simple" or "complex", by the kind of work.
        kind: The kind, such as "debug"; "" where it is unknown.
        language: ISO 639-1 code, or "".
        split: "test" for rows that are excluded from all training, else "train".
    """

    query: str = field(repr=False)
    source: str
    side: str
    kind: str = ""
    language: str = ""
    split: str = "train"

    @property
    def is_complex(self) -> bool:
        """Whether the request is for a frontier model."""
        return self.side == "complex"


def load_kinds(*paths: AnyPath) -> list[KindRow]:
    """Load the rows of files and folders that have a side; other rows are skipped.

    A row is a JSON object with `query`, `source` and `side` ("simple", "complex"; any other, such
    as "mixed", is skipped), and optionally `kind`, `language` and `split`.

    Raises:
        DataError: A path does not exist or can't be read, a row has no query or no source, or one
            side has no row.
    """
    rows = []
    for place, _, data in objects_of(paths):
        if data.get("side") not in SIDES:
            continue
        query, source = data.get("query"), data.get("source")
        if not isinstance(query, str) or not query.strip():
            raise DataError(f"{place}: 'query' must be a text that is not empty.")
        if not isinstance(source, str) or not source:
            raise DataError(f"{place}: 'source' must name where the row comes from.")
        more = {name: str(data.get(name) or "") for name in ("kind", "language")}
        split = "test" if data.get("split") == "test" else "train"
        rows.append(KindRow(query, source, data["side"], **more, split=split))
    if missing := [side for side in SIDES if all(row.side != side for row in rows)]:
        raise DataError(
            f"No row has the side {missing[0]!r}. Give rows with 'query', 'source' and 'side' "
            '("simple" or "complex"), some of each.'
        )
    return rows


def own_rows() -> list[KindRow]:
    """Return the package's own rows."""
    return load_kinds(OWN)


def sources_of(rows: Iterable[KindRow], side: str) -> list[str]:
    """Return the sources that have rows on a side, sorted."""
    return sorted({row.source for row in rows if row.side == side})
