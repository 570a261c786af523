"""How well recorded answers are compared: two right ones must agree, a right and a wrong one must not.

    python -m tests.benchmarks.read_answers [DATA ...] [--pairs N] [--show N]

DATA is a file of rows, or a folder, of which the sources with graded texts are read; by default the
folder that LC_ASYM_ROUTER_DATA names. Pairs are drawn by rule, with a fixed seed: of each question, the
answers of two models, both graded right against the reference (they must agree), or one right and one
wrong (they must not). Printed for each source:

- alike: pairs of two right answers, and the share of them that are taken to differ ("missed": they
  cost a call of the frontier);
- unlike: pairs of a right and a wrong one, and the share of them that are taken to agree ("wrong": they
  cost the answer).

Some of both are the source's: an answer graded wrong that says the right thing in another form.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row, by_source, load
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import final_answer
from tests.benchmarks import DATA, SCORED

PAIRS = 1000
"""Pairs of each sort that are drawn of a source."""
_SEED = 17


@dataclass(frozen=True)
class Pair:
    """Two recorded answers to a question.

    Attributes:
        row: The row's id.
        question: What was asked.
        one: A right answer.
        other: Another model's answer.
        alike: Whether that is right too.
    """

    row: str
    question: str
    one: str
    other: str
    alike: bool

    @property
    def agreed(self) -> bool:
        """Whether a vote would take them for the same."""
        return agree(self.question, final_answer(self.one), final_answer(self.other))


@dataclass(frozen=True)
class Reading:
    """How a source's pairs were compared.

    Attributes:
        alike: Pairs of two right answers.
        missed: Those of them that were taken to differ.
        unlike: Pairs of a right and a wrong answer.
        wrong: Those of them that were taken to agree.
    """

    alike: int
    missed: tuple[Pair, ...]
    unlike: int
    wrong: tuple[Pair, ...]


def drawn(rows: Sequence[Row], most: int = PAIRS) -> list[Pair]:
    """At most so many pairs of each sort, drawn at random with a fixed seed."""
    chance = random.Random(_SEED)
    sorts: dict[bool, list[Pair]] = {True: [], False: []}
    for row in rows:
        answers = [each for each in (row.weak, row.strong, *row.other.values()) if each.response]
        right = [each.response or "" for each in answers if each.score == 1.0]
        wrong = [each.response or "" for each in answers if each.score == 0.0]
        if len(right) > 1:
            sorts[True].append(Pair(row.id, row.query, *chance.sample(right, 2), alike=True))
        if right and wrong:
            one, other = chance.choice(right), chance.choice(wrong)
            sorts[False].append(Pair(row.id, row.query, one, other, alike=False))
    return [
        pair for pairs in sorts.values() for pair in chance.sample(pairs, min(most, len(pairs)))
    ]


def reading(pairs: Sequence[Pair]) -> Reading:
    """Compare the pairs."""
    alike = [pair for pair in pairs if pair.alike]
    unlike = [pair for pair in pairs if not pair.alike]
    return Reading(
        alike=len(alike),
        missed=tuple(pair for pair in alike if not pair.agreed),
        unlike=len(unlike),
        wrong=tuple(pair for pair in unlike if pair.agreed),
    )


def lines(rows: Sequence[Row], most: int = PAIRS, show: int = 0) -> Iterator[str]:
    """The table, in Markdown; behind it the first pairs of each source that were compared wrongly.

    Raises:
        DataError: No source has two graded answers to a question.
    """
    found = {name: reading(drawn(mine, most)) for name, mine in by_source(rows).items()}
    found = {name: each for name, each in found.items() if each.alike or each.unlike}
    if not found:
        raise DataError("No question has two graded answers with texts: give rows that have them.")
    yield "| source | two right answers | taken to differ | a right and a wrong one | taken to agree |"
    yield "| --- | --- | --- | --- | --- |"
    for name, each in found.items():
        yield (
            f"| {name} | {each.alike} | {_share(len(each.missed), each.alike)} "
            f"| {each.unlike} | {_share(len(each.wrong), each.unlike)} |"
        )
    for each in found.values():
        for what, pairs in (("missed", each.missed), ("wrong", each.wrong)):
            for pair in pairs[:show]:
                yield f"\n{what} {pair.row}"
                for answer in (pair.one, pair.other):
                    read = final_answer(answer)
                    yield f"  {read.kind} {read.value!r} {read.raw!r}: {answer[-300:]!r}"


def _share(count: int, of: int) -> str:
    return f"{count / of:.3f}" if of else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="*", type=Path, help="files of rows, or folders of them")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of each sort and source")
    parser.add_argument("--show", type=int, default=0, help="how many misses of a source to print")
    arguments = parser.parse_args()
    paths = [each for given in arguments.data or [DATA] for each in _graded(given)]
    print("\n".join(lines(load(*paths), arguments.pairs, arguments.show)))


def _graded(path: Path) -> list[Path]:
    """A file itself; of a folder those with graded texts, or all where it has none of their names."""
    names = [f"{name}.jsonl.gz" for name in (*SCORED, "mot") if name != "llmrouter"]
    return [path / name for name in names if (path / name).is_file()] or [path]


if __name__ == "__main__":
    main()
