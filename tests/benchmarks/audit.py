"""How often the audits' bound is wrong, on replays of recorded answers: ``make bench-audit``.

Each replay draws requests from a source with replacement: the source alone, all sources mixed, or the
source turning into another one at a random moment. A request is lost where the small model's recorded
score is under the frontier's (by how much, where scores are shares). The first 300 are audited, then
one in fifty, as `Audit` does. In a replay the bound is wrong where it is ever, after any request, under
the true rate of the requests so far. Beside it stands how often the true rates of the two strata (the
first 300, the rest) were ever outside of what it allows: never seldomer, and what its error is for.

It shows the bound on the loss by grades. What `Audit` counts, differing answers and a judge's word, are
outcomes in [0, 1] just as well, and the bound knows nothing else of them.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lc_asym_router.audits.bound import _DOWNWARD, Stratum, upper_bound
from lc_asym_router.evals.data import load
from tests.benchmarks import audit_sources
from tests.benchmarks.audit_table import Plan, middle, report, share

Floats = NDArray[np.float64]

DATA = "LC_ASYM_ROUTER_DATA"
SOURCES = (
    "bfcl",
    "bfcl_oss",
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
ENDS = 50
"""Replays of which the bound itself is worked out, at their end."""


@dataclass
class Counted:
    """What a number of replays has come to."""

    replays: int = 0
    outside: int = 0
    wrong: int = 0
    truths: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()
    audits: tuple[int, ...] = ()

    def row(self, name: str) -> str:
        """The table's row."""
        replays = self.replays
        shown = " | ".join(
            share(sum(bound <= target for bound in self.bounds), len(self.bounds))
            for target in TARGETS
        )
        return (
            f"| {name} | {middle(self.truths, '.3f')} | {share(self.wrong, replays)} | "
            f"{share(self.outside, replays)} | {middle(self.bounds, '.3f')} | "
            f"{middle(self.audits, '.0f')} | {shown} |"
        )


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


def evidence(
    outcomes: Floats, means: Floats, audited: NDArray[np.bool_], probability: float
) -> tuple[NDArray[np.int64], Floats]:
    """The logarithm of the evidence against the true average of a stratum, where it is highest: after
    how many requests, and how high.

    It rises with each request but for those whose loss is seen (so it does where the mean falls, as
    long as that is over a tenth). So it is enough to look before each of these, and at the end.
    """
    losses = np.flatnonzero(audited & (outcomes > 0))
    places = np.unique(np.append(losses, len(outcomes)))
    places = places[places > 0]
    average = np.cumsum(means)[places - 1] / places
    seen = np.searchsorted(losses, places, side="left")
    logs = []
    for bet, weight in _DOWNWARD:
        won = np.concatenate([[0.0], np.cumsum(np.log1p(bet * outcomes[losses]))])[seen]
        logs.append(math.log(weight) + won - places * np.log1p(bet * probability * average))
    return places, np.logaddexp.reduce(logs, axis=0)


def replayed(outcomes: Floats, means: Floats, rng: np.random.Generator, end: bool) -> Counted:
    """One replay."""
    audited = rng.random(len(outcomes)) < SHARE
    audited[:FIRST] = True
    _, first = evidence(outcomes[:FIRST], means[:FIRST], audited[:FIRST], 1.0)
    places, then = evidence(outcomes[FIRST:], means[FIRST:], audited[FIRST:], SHARE)
    limit = -math.log1p(-CONFIDENCE)

    def bound_after(requests: int) -> float:
        strata = [stratum(outcomes[:FIRST], audited[:FIRST], 1.0)]
        if requests > FIRST:
            later = slice(FIRST, requests)
            strata.append(stratum(outcomes[later], audited[later], SHARE))
        return upper_bound(strata, CONFIDENCE)

    early, outside = bool((first > limit).any()), places[first[-1] + then > limit] + FIRST
    # With one stratum it is the same whether the bound is under the truth.
    under = early or any(bound_after(each) < means[:each].mean() for each in outside)
    bound = (bound_after(len(outcomes)),) if end else ()
    wrong = early or len(outside) > 0
    return Counted(1, int(wrong), int(under), (float(means.mean()),), bound, (int(audited.sum()),))


def stratum(outcomes: Floats, audited: NDArray[np.bool_], probability: float) -> Stratum:
    """The counts of a stratum."""
    values, counts = np.unique(outcomes[audited], return_counts=True)
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return Stratum(len(outcomes), {value: count for value, count in pairs if value}, probability)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1000, help="replays of each kind and source")
    parser.add_argument("--requests", type=int, default=20_000, help="requests a replay")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="replays at once")
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
    found, kinds = audit_sources.sources(Path(folder), SOURCES), list(plans(sources))
    for name, why in audit_sources.LEFT_OUT.items():
        print(f"{name} is not among the sources: {why}.")
    if options.part != "target":
        bound(options, sources, kinds)
        # Of what the first check hands on: rates as a router has them.
        checked = {each.name: each.lost[each.accepted >= 1] for each in found}
        bound(options, checked, [("checked", name) for name in checked])
    if options.part != "bound":
        size = (TARGETS, options.replays, options.requests)
        report(
            [Plan(found, *kind, *size, (options.seed, place)) for place, kind in enumerate(kinds)],
            options.processes,
        )


def bound(
    options: argparse.Namespace, sources: Mapping[str, Floats], kinds: Iterable[tuple[str, str]]
) -> None:
    """How often the bound is wrong."""
    rng = np.random.default_rng(options.seed)
    print(
        f"{options.replays} replays of {options.requests} requests each; first {FIRST} audited, then "
        f"{SHARE:.0%}; {CONFIDENCE:.0%}\n"
    )
    shown = " | ".join(f"shown: at most {target:.0%}" for target in TARGETS)
    print(
        "| replays of | true rate | bound ever wrong | strata ever outside | bound at the end | "
        f"audits | {shown} |"
    )
    print("| --- | --- | --- | --- | --- | --- |" + " --- |" * len(TARGETS))
    wrong = outside = replays = 0
    for kind, name in kinds:
        total = Counted()
        for number in range(options.replays):
            outcomes, means = drawn(kind, name, sources, options.requests, rng)
            one = replayed(outcomes, means, rng, number < ENDS)
            total = Counted(
                total.replays + 1,
                total.outside + one.outside,
                total.wrong + one.wrong,
                total.truths + one.truths,
                total.bounds + one.bounds,
                total.audits + one.audits,
            )
        print(total.row(f"{kind} {name}".strip()), flush=True)
        wrong, outside = wrong + total.wrong, outside + total.outside
        replays += total.replays
    print(f"\never wrong in all: {share(wrong, replays)}; outside: {share(outside, replays)}")
    print(
        f"\nin brackets between what 95 % of the replays are; of shares the 95 % interval "
        f"(Clopper-Pearson). The bound at the end, and what it shows, is of {ENDS} replays of each row."
    )


if __name__ == "__main__":
    main()
