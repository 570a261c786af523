"""Measuring how well kinds of work are told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

from lc_asym_router._internal.imports import AnyPath, numpy
from lc_asym_router.classify.scorer import Classifier, Scorer
from lc_asym_router.errors import DataError
from lc_asym_router.evals.metrics import auroc
from lc_asym_router.evals.row_files import objects_of
from lc_asym_router.records.request import Request

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

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


MATCHED = 0.25
"""Two requests have matching lengths where these differ by at most this part of the longer one."""
UP = 0.05
"""Part of the simple requests that may go up."""
FEWEST = 5
"""Rows that a language must have on both sides of a pair of sources."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One simple and one complex source, with the scores of their rows.

    Attributes:
        simple: The simple source's rows.
        complex: The complex source's rows.
        low: Scores of the simple rows; higher is more complex.
        high: Scores of the complex rows.
    """

    simple: Sequence[KindRow] = field(repr=False)
    complex: Sequence[KindRow] = field(repr=False)
    low: Floats = field(repr=False)
    high: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class KindReport:
    """How well scores rank complex above simple requests; means over pairs of sources.

    Attributes:
        auroc: Probability that a complex request scores higher than a simple one, in [0, 1].
        auroc_matched: The same among requests whose lengths differ by at most a quarter; `None`
            where there are none.
        up_at_5: Share of the complex source that scores over the simple source's 95th percentile.
        by_language: The AUROC within each language, over the pairs that have it on both sides.
        by_pair_min: The AUROC of the worst pair.
    """

    auroc: float
    auroc_matched: float | None
    up_at_5: float
    by_language: dict[str, float]
    by_pair_min: float


def score_of(classifier: Classifier) -> Callable[[str], float]:
    """Return a function from a text to a classifier's complexity.

    It is 1 where the classifier gives none: no signal does not mean easy.
    """
    scorer = Scorer(classifier)

    def score(text: str) -> float:
        found = scorer.score(Request(messages=(HumanMessage(text),)), {}).complexity
        return 1.0 if found is None else found

    return score


def pairs_of(rows: Sequence[KindRow], score: Callable[[str], float]) -> Iterator[Pair]:
    """Return every pair of a simple and a complex source, with the scores of their rows."""
    np = numpy()
    groups: dict[str, dict[str, list[KindRow]]] = {"simple": {}, "complex": {}}
    for row in rows:
        groups[row.side].setdefault(row.source, []).append(row)
    scores = {
        (side, name): np.asarray([score(row.query) for row in group])
        for side, sources in groups.items()
        for name, group in sources.items()
    }
    for low, simple in groups["simple"].items():
        for high, hard in groups["complex"].items():
            yield Pair(simple, hard, scores["simple", low], scores["complex", high])


def kind_report(pairs: Iterable[Pair]) -> KindReport:
    """Compute the figures of scored pairs; all pairs have the same weight."""
    np = numpy()
    all_found, matched, up = [], [], []
    languages: dict[str, list[float]] = {}
    for pair in pairs:
        all_found.append(_above(pair.high, pair.low))
        near = _matched(pair)
        if near is not None:
            matched.append(near)
        up.append(float((pair.high > np.quantile(pair.low, 1 - UP)).mean()))
        for language, found in _by_language(pair):
            languages.setdefault(language, []).append(found)
    return KindReport(
        auroc=float(np.mean(all_found)),
        auroc_matched=float(np.mean(matched)) if matched else None,
        up_at_5=float(np.mean(up)),
        by_language={name: float(np.mean(each)) for name, each in sorted(languages.items())},
        by_pair_min=min(all_found),
    )


def _above(high: Floats, low: Floats) -> float:
    np = numpy()
    found = auroc(np.concatenate([high, low]), np.repeat([1.0, 0.0], [len(high), len(low)]))
    return 0.5 if found is None else found


def _matched(pair: Pair) -> float | None:
    np = numpy()
    long = np.asarray([len(row.query) for row in pair.complex])[:, None]
    short = np.asarray([len(row.query) for row in pair.simple])[None, :]
    near = np.abs(long - short) <= MATCHED * np.maximum(long, short)
    if not near.any():
        return None
    high, low = pair.high[:, None], pair.low[None, :]
    won = (high > low) + 0.5 * (high == low)
    return float(won[near].mean())


def _by_language(pair: Pair) -> Iterator[tuple[str, float]]:
    def part(rows: Sequence[KindRow], scores: Any, language: str) -> Any:
        return scores[[row.language == language for row in rows]]

    for language in sorted({row.language for row in pair.simple} - {""}):
        low = part(pair.simple, pair.low, language)
        high = part(pair.complex, pair.high, language)
        if min(len(low), len(high)) >= FEWEST:
            yield language, _above(high, low)
