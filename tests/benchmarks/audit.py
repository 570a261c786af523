"""How often the audits' bound is wrong, on replays of recorded answers: ``make bench-audit``.

Each replay draws requests from a source with replacement: the source alone, all sources mixed, or the
source turning into another one at a random moment. A request is lost where the small model's recorded
score is under the frontier's (by how much, where scores are shares). The first 300 are audited, then
one in fifty, as `Audit` does. The bound counts as wrong in a replay where the true strata are ever,
after any request, outside of what it allows: that is never seldomer than that the bound on the whole is
under the truth.

It shows the bound on the loss by grades. What `Audit` counts, differing answers and a judge's word, are
outcomes in [0, 1] just as well, and the bound knows nothing else of them.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lc_asym_router.audits.bound import _DOWNWARD, Stratum, upper_bound
from lc_asym_router.evals.data import load
from tests.benchmarks import audit_rungs, audit_sources

Floats = NDArray[np.float64]

DATA = "LC_ASYM_ROUTER_DATA"
SOURCES = (
    "bfcl",
    "llmrouter",
    "mmlupro",
    "mot",
    "openai_gsm",
    "routellm_gsm8k",
    "zeroeval_crux",
    "zeroeval_gsm",
    "zeroeval_math-l5",
)
CONFIDENCE, FIRST, SHARE = 0.95, 300, 0.02
TARGETS = (0.03, 0.05, 0.10, 0.15)
ENDS = 25
"""Replays of which the bound itself is worked out, at their end."""


@dataclass
class Counted:
    """What a number of replays has come to."""

    replays: int = 0
    wrong: int = 0
    truths: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()
    audits: int = 0

    def row(self, name: str) -> str:
        """The table's row."""
        low, high = wilson(self.wrong, self.replays)
        shown = " ".join(
            f"{sum(bound <= target for bound in self.bounds) / len(self.bounds):.2f}"
            for target in TARGETS
        )
        return (
            f"| {name} | {np.mean(self.truths):.3f} | {self.wrong}/{self.replays} "
            f"({low:.3f} to {high:.3f}) | {np.median(self.bounds):.3f} | "
            f"{self.audits / self.replays:.0f} | {shown} |"
        )


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson interval of a share, 95 %."""
    rate, more = hits / of, z * z / of
    middle = (rate + more / 2) / (1 + more)
    half = z * math.sqrt(rate * (1 - rate) / of + more / (4 * of)) / (1 + more)
    return max(0.0, middle - half), min(1.0, middle + half)


def losses(folder: Path) -> dict[str, Floats]:
    """For each source, what each row loses: the frontier's score less the small model's, or 0."""
    found = {}
    for name in SOURCES:
        path = folder / f"{name}.jsonl.gz"
        if not path.exists():
            continue
        rows = load(path)
        lost = [max(0.0, (row.strong.score or 0.0) - (row.weak.score or 0.0)) for row in rows]
        found[name] = np.clip(np.array(lost), 0.0, 1.0)
    return found


def plans(sources: Mapping[str, Floats]) -> Iterator[tuple[str, str]]:
    """The kinds of replay, and the source that each begins with."""
    for name in sources:
        yield "alone", name
    yield "mixed", ""
    for name in sources:
        yield "drifting", name


def drawn(
    kind: str, name: str, sources: Mapping[str, Floats], requests: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The outcome of each request of one replay, and its mean before it was drawn."""
    if kind == "mixed":
        every = list(sources.values())
        which = rng.integers(len(every), size=requests)
        outcomes = np.array([every[place][rng.integers(len(every[place]))] for place in which])
        return outcomes, np.full(requests, float(np.mean([each.mean() for each in every])))
    first = sources[name]
    outcomes, means = (
        first[rng.integers(len(first), size=requests)],
        np.full(requests, first.mean()),
    )
    if kind == "drifting":
        others = [each for each in sources if each != name]
        then, turn = sources[others[rng.integers(len(others))]], int(rng.integers(requests))
        outcomes = outcomes.copy()
        outcomes[turn:] = then[rng.integers(len(then), size=requests - turn)]
        means[turn:] = then.mean()
    return outcomes, means


def speaks(outcomes: Floats, means: Floats, audited: NDArray[np.bool_], share: float) -> Floats:
    """The logarithm of the evidence against the true average of a stratum, after each request."""
    if not len(outcomes):
        return np.zeros(0)
    counts = np.arange(1, len(outcomes) + 1)
    average = np.cumsum(means) / counts
    logs = []
    for bet, weight in _DOWNWARD:
        with np.errstate(divide="ignore", invalid="ignore"):
            won = np.cumsum(np.where(audited, np.log1p(bet * outcomes), 0.0))
            kept = counts * np.log1p(bet * share * average)
        logs.append(math.log(weight) + np.where(np.isneginf(won), -np.inf, won - kept))
    whole: Floats = np.logaddexp.reduce(logs, axis=0)
    return whole


def replayed(outcomes: Floats, means: Floats, rng: np.random.Generator, end: bool) -> Counted:
    """One replay."""
    audited = rng.random(len(outcomes)) < SHARE
    audited[:FIRST] = True
    first = speaks(outcomes[:FIRST], means[:FIRST], audited[:FIRST], 1.0)
    then = speaks(outcomes[FIRST:], means[FIRST:], audited[FIRST:], SHARE)
    limit = -math.log1p(-CONFIDENCE)
    wrong = bool((first > limit).any() or (first[-1] + then > limit).any())
    bound: tuple[float, ...] = ()
    if end:
        strata = [
            stratum(outcomes[:FIRST], audited[:FIRST], 1.0),
            stratum(outcomes[FIRST:], audited[FIRST:], SHARE),
        ]
        bound = (upper_bound(strata, CONFIDENCE),)
    return Counted(1, int(wrong), (float(means.mean()),), bound, int(audited.sum()))


def stratum(outcomes: Floats, audited: NDArray[np.bool_], share: float) -> Stratum:
    """The counts of a stratum."""
    values, counts = np.unique(outcomes[audited], return_counts=True)
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return Stratum(len(outcomes), {value: count for value, count in pairs if value}, share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1000, help="replays of each kind and source")
    parser.add_argument("--requests", type=int, default=20_000, help="requests a replay")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument(
        "--part", choices=("bound", "target"), help="one of the two; both by default"
    )
    options = parser.parse_args()
    folder = os.environ.get(DATA)
    if not folder:
        raise SystemExit(f"Set {DATA} to the folder of recorded answers (*.jsonl.gz).")
    sources = losses(Path(folder))
    if len(sources) < 2:
        raise SystemExit(f"{DATA} has fewer than two of {', '.join(SOURCES)}.")
    if options.part != "target":
        bound(options, sources)
    if options.part != "bound":
        found = audit_sources.sources(Path(folder), SOURCES)
        kinds = list(plans(sources))
        audit_rungs.report(found, kinds, TARGETS, options.replays, options.requests, options.seed)


def bound(options: argparse.Namespace, sources: Mapping[str, Floats]) -> None:
    """How often the bound is wrong."""
    rng = np.random.default_rng(options.seed)
    print(
        f"{options.replays} replays of {options.requests} requests each; first {FIRST} audited, then "
        f"{SHARE:.0%}; {CONFIDENCE:.0%}\n"
    )
    print(
        "| replays of | true rate | wrong at any time | bound at the end (median) | audits | shown |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    wrong = replays = 0
    for kind, name in plans(sources):
        total = Counted()
        for number in range(options.replays):
            outcomes, means = drawn(kind, name, sources, options.requests, rng)
            one = replayed(outcomes, means, rng, number < ENDS)
            total = Counted(
                total.replays + 1,
                total.wrong + one.wrong,
                total.truths + one.truths,
                total.bounds + one.bounds,
                total.audits + one.audits,
            )
        print(total.row(f"{kind} {name}".strip()), flush=True)
        wrong, replays = wrong + total.wrong, replays + total.replays
    low, high = wilson(wrong, replays)
    print(f"\nwrong at any time in all: {wrong}/{replays} ({low:.3f} to {high:.3f})")
    targets, ends = ", ".join(f"{target:.0%}" for target in TARGETS), min(ENDS, options.replays)
    print(f"\nshown: share of {ends} replays that end with a bound of at most {targets}")


if __name__ == "__main__":
    main()
