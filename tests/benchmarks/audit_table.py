"""The table of replays with a target: what each kind of replay keeps, loses and costs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from lc_asym_router.audits.rungs import Goal
from tests.benchmarks.audit_rungs import Drawn, Floats, replayed
from tests.benchmarks.audit_sources import SMALL, Source


def _asked(sources: Sequence[Source], kind: str, name: str, rungs: int) -> list[float]:
    """What it costs to ask below on each rung; where sources differ, the most."""
    used = [each for each in sources if kind != "alone" or each.name == name]
    voters = [[*each.voters, *[each.voters[-1]] * rungs][:rungs] for each in used]
    return [SMALL * (1 + max(column)) for column in zip(*voters, strict=True)]


def _fixed(drawn: Drawn, goal: Goal, requests: int) -> tuple[Floats, Floats]:
    """What each rung loses and costs for good, "all frontier" the last: rungs by replays."""
    rates: list[Floats] = []
    costs: list[Floats] = []
    for rung in range(goal.rungs):
        lost = np.array([each.rate(rung) for each in drawn.sources])
        up = np.array([float(np.mean(each.accepted < rung)) for each in drawn.sources])
        share = drawn.turn / requests
        for one, by_rung, more in ((lost, rates, 0.0), (up, costs, goal.costs[rung])):
            # Of requests that are mixed each source has the same share.
            by_place = np.append(one, one.mean())
            by_rung.append(
                more + share * by_place[drawn.first] + (1 - share) * by_place[drawn.then]
            )
    every = len(drawn.first)
    return np.array([*rates, np.zeros(every)]), np.array([*costs, np.ones(every)])


@dataclass(frozen=True)
class Plan:
    """A kind of replay, and how many.

    Attributes:
        sources: The sources.
        kind: "alone", "mixed" or "drifting".
        name: The source that it begins with, or "".
        targets: The targets.
        replays: How many replays with each target.
        requests: How many requests a replay.
        seed: Of the draws; a kind of replay has its own, whichever process it is in.
    """

    sources: Sequence[Source]
    kind: str
    name: str
    targets: Sequence[float]
    replays: int
    requests: int
    seed: tuple[int, int]

    def rows(self) -> list[tuple[str, int, int]]:
        """For each target: the table's row, and how many replays kept it, whole and at all times."""
        rungs, every = max(len(each.voters) for each in self.sources), self.replays
        rng = np.random.default_rng(self.seed)
        costs = tuple(_asked(self.sources, self.kind, self.name, rungs))
        goals = [Goal(target, rungs, costs=costs) for target in self.targets]
        drawn = Drawn.of(self.kind, self.name, self.sources, every, self.requests, rng)
        rates, fixed = _fixed(drawn, goals[0], self.requests)
        # The cheapest safe rung that saves anything, where the traffic stays as it is.
        saves = fixed[:rungs, 0] < 1
        safe = [
            next((r for r in range(rungs) if rates[r, 0] <= target and saves[r]), rungs)
            for target in self.targets
        ]
        rows = []
        found = replayed(goals, drawn, self.requests, safe, rng)
        for target, cheapest, one in zip(self.targets, safe, found, strict=True):
            good, always = int((one.loss <= target).sum()), int((~one.ever).sum())
            best = np.where(rates <= target, fixed, np.inf).min(axis=0)
            audits = (
                f"{middle(one.found, '.0f')}; in {share(int(np.isfinite(one.found).sum()), every)}"
            )
            audits = "-" if self.kind == "drifting" or cheapest == rungs else audits
            rows.append(
                (
                    f"| {self.kind} {self.name} | {target} | {share(good, every)} "
                    f"| {share(always, every)} | {middle(one.loss, '.3f')} "
                    f"| {middle(one.cost, '.2f')} | {middle(best, '.2f')} "
                    f"| {reached(one.cost, best, rng)} | {audits} "
                    f"| {share(int((one.rung == rungs).sum()), every)} |",
                    good,
                    always,
                )
            )
        return rows


def report(plans: Sequence[Plan], processes: int) -> None:
    """Print a row for each kind of replay and target.

    Args:
        plans: The kinds of replay.
        processes: How many are replayed at once.
    """
    replays, targets = plans[0].replays, plans[0].targets
    print(
        f"\n{replays} replays of {plans[0].requests} requests each; a call of a small model costs "
        f"{SMALL} of the frontier's; in brackets between what 95 % of replays are; of shares the 95 % "
        "interval (Clopper-Pearson), of the saving reached that of a bootstrap over the replays\n"
    )
    print(
        "| replays of | target | kept, whole replay | kept, at all times | true loss | cost | "
        "best fixed rung | its saving reached | audits to the cheapest safe rung | "
        "end at all frontier |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    kept = dict.fromkeys(targets, (0, 0))
    with ProcessPoolExecutor(processes) as pool:
        for rows in pool.map(Plan.rows, plans):
            for target, (row, good, always) in zip(targets, rows, strict=True):
                kept[target] = kept[target][0] + good, kept[target][1] + always
                print(row, flush=True)
    of = len(plans) * replays
    for target, (whole, always) in kept.items():
        print(
            f"\ntarget {target}: kept over the whole replay in {share(whole, of)}, at all times "
            f"in {share(always, of)}"
        )


def middle(what: Floats | Sequence[float], form: str) -> str:
    """The median, and between what 95 % of the replays are."""
    low, middle, high = np.quantile(what, (0.025, 0.5, 0.975), method="inverted_cdf")
    low, middle, high = (
        format(each, form) if np.isfinite(each) else "never" for each in (low, middle, high)
    )
    return f"{middle} ({low} to {high})"


def share(hits: int, of: int) -> str:
    """A share, and its Clopper-Pearson interval, 95 %."""
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return f"{hits}/{of} ({low:.3f} to {high:.3f})"


def reached(cost: Floats, best: Floats, rng: np.random.Generator) -> str:
    """The part of the best fixed rung's saving that is reached, with its interval: 95 % of 1,000
    bootstrap samples of the replays; "-" where there is next to nothing to save."""
    saved, most = 1 - cost, 1 - best
    if most.mean() <= 0.005:
        return "-"
    drawn = rng.integers(len(cost), size=(1000, len(cost)))
    parts = saved[drawn].mean(axis=1) / np.maximum(most[drawn].mean(axis=1), 0.005)
    low, high = np.quantile(parts, (0.025, 0.975))
    return f"{saved.mean() / most.mean():.0%} ({low:.0%} to {high:.0%})"
