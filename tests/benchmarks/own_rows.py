"""Own rows on faults, plans and puzzles: settings chosen without the third kept for a test.

    python -m tests.benchmarks.own_rows DATA

DATA is the folder of the development data. How much the own rows count in the training, and its
penalty, are chosen on three parts of the own *training* rows, each scored by a training without it and
without half of the simple sources, against which it is measured (on 250 rows of a source at most). Then
the third that was kept for the test is scored once with what was chosen, against each simple source by
a training without that one.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lc_asym_router.evals.kind_metrics import KindRow, load_kinds, own_rows, sources_of
from lc_asym_router.evals.metrics import auroc
from lc_asym_router.evals.training.kind_fitting import (
    OWN_SHARE,
    PENALTY,
    KindTable,
    fit_kinds,
    kind_table,
)
from lc_asym_router.evals.training.train_kinds import HARD

SHARES = (0.3, 1.0, 3.0)
PENALTIES = (3e-4, 1e-3, 3e-3)
PARTS = 3
FEW = 250
"""Rows of a source in the trainings that choose: four times as fast."""
BAR = 0.80


def lines(rows: Sequence[KindRow]) -> Iterator[str]:
    """The grid on the training rows, and the kept third with what was chosen there."""
    known = [row for row in rows if row.split == "train"]
    table, few = kind_table(known, own_rows()), kind_table(_few(known), own_rows())
    learned, kept = _hard(few, "train"), _hard(table, "test")
    yield "\nOwn rows on faults, plans and puzzles (`python -m tests.benchmarks.own_rows DATA`)\n"
    yield "| own rows count | penalty | AUROC on the parts of the training rows |"
    yield "| --- | --- | --- |"
    grid = {
        (share, penalty): _parts(few, learned, share, penalty)
        for share, penalty in itertools.product(SHARES, PENALTIES)
    }
    for (share, penalty), found in grid.items():
        yield f"| {share:g} | {penalty:g} | {found:.3f} |"
    chosen = max(grid, key=lambda key: grid[key])
    sources = sources_of(table.rows[: table.sources], "simple")
    settings = {"chosen on these": chosen, "shipped": (OWN_SHARE, PENALTY)}
    yield "\n| kept third, by | rows | AUROC | by kind and language | bar |"
    yield "| --- | --- | --- | --- | --- |"
    for name, (share, penalty) in settings.items():
        scores = list(_against(table, share, penalty, len(sources)))
        found = _mean(scores, kept)
        groups: dict[str, list[int]] = {}
        for place in kept:
            for group in (table.rows[place].kind, table.rows[place].language):
                groups.setdefault(group, []).append(place)
        each = ", ".join(f"{key} {_mean(scores, some):.3f}" for key, some in groups.items())
        reached = "reached" if found >= BAR else "missed"
        yield (
            f"| {name} ({share:g}, {penalty:g}) | {len(kept)} | **{found:.3f}** | {each} "
            f"| {reached} ({BAR:g}) |"
        )


def _hard(table: KindTable, split: str) -> list[int]:
    """The places of the own rows on faults, plans and puzzles."""
    return [
        place
        for place in range(table.sources, len(table.rows))
        if table.rows[place].kind in HARD and table.rows[place].split == split
    ]


def _few(rows: Sequence[KindRow]) -> list[KindRow]:
    """The first rows of each source and side."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for row in rows:
        seen[row.source, row.side] += 1
        if seen[row.source, row.side] <= FEW:
            kept.append(row)
    return kept


def _parts(table: KindTable, learned: Sequence[int], share: float, penalty: float) -> float:
    """Each part of the training rows by a training without it, and without each simple source."""
    found = []
    for part in range(PARTS):
        away = set(learned[part::PARTS])
        rows = [
            replace(row, split="test") if place in away else row
            for place, row in enumerate(table.rows)
        ]
        without = KindTable(rows, table.sources, table.inputs)
        found.append(_mean(list(_against(without, share, penalty, 2)), sorted(away)))
    return float(np.mean(found))


def _against(
    table: KindTable, share: float, penalty: float, trainings: int
) -> Iterator[tuple[Any, Any]]:
    """For each simple source its rows' places, and all rows' scores by a training without it.

    Args:
        table: The rows.
        share: What the own rows count.
        penalty: Of the training.
        trainings: How many trainings there are; each is without as many of the sources.
    """
    names = np.asarray([row.source for row in table.rows])
    simple = np.asarray([row.side == "simple" for row in table.rows])
    sources = sources_of(table.rows[: table.sources], "simple")
    for group in (sources[start::trainings] for start in range(trainings)):
        scores = table.inputs @ fit_kinds(table, group, own_share=share, penalty=penalty)
        for source in group:
            yield np.flatnonzero((names == source) & simple), scores


def _mean(scores: Sequence[tuple[Any, Any]], places: Sequence[int]) -> float:
    """Mean AUROC of some rows against each simple source."""
    return float(
        np.mean(
            [
                auroc(
                    np.concatenate([all_scores[places], all_scores[simple]]),
                    np.repeat([1.0, 0.0], [len(places), len(simple)]),
                )
                for simple, all_scores in scores
            ]
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of the development data")
    print("\n".join(lines(load_kinds(parser.parse_args().data / "kinds"))))


if __name__ == "__main__":
    main()
