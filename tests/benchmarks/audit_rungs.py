"""Whether a router with a target keeps it, on replays of recorded answers: ``make bench-audit``.

All replays of one source go side by side, in numpy; orders change every ten requests, as they do where
audits take a while. `tests/audits/test_rungs.py` shows that it decides as the router does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lc_asym_router.audits.rungs import EXPLORE_OFTEN, FEE, JUDGED, REOPEN, SPREAD, Goal
from lc_asym_router.audits.tally import BETS, RISES
from tests.benchmarks.audit_sources import SMALL, Source

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 10
"""Requests between two orders."""


class Replays:
    """Many replays side by side; see `lc_asym_router.audits.rungs` for what it does.

    Args:
        goal: What is to be kept.
        replays: How many.
    """

    def __init__(self, goal: Goal, replays: int) -> None:
        self.goal, self.replays = goal, replays
        self.steps = np.array(goal.steps)
        size, rungs, steps = replays, goal.rungs, len(self.steps)
        self.rung = np.full(size, goal.strictest)
        self.is_open = np.full(size, goal.over == "small")
        self.requests = 0
        self.handed_on, self.handed_hits = np.zeros((2, size, steps))
        self.current, self.current_hits = np.zeros((2, size, steps))
        self.evidence, self.evidence_hits = np.zeros((2, size, rungs, steps))
        self.restarts = np.zeros((size, rungs))
        self.units, self.answers = np.zeros((2, size, rungs))
        self.costs = np.array(goal.costs) if goal.costs else np.zeros(rungs)
        self.audits = np.zeros(size)
        self.explored = np.zeros(size)
        down = np.array(BETS)[None, :] / self.steps[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.down = np.where(down < 1, np.log1p(-np.minimum(down, 1)), 0.0)
        self.usable = np.array(BETS)[None, :] < self.steps[:, None]
        self.up = np.log1p(np.array(RISES)[None, :] / self.steps[:, None])

    def _least(self, counts: Floats) -> Bools:
        """Which bets may be made: those under the least probability."""
        place = np.argmax(counts > 0, axis=-1)
        place = np.where((counts > 0).any(axis=-1), place, len(self.steps) - 1)
        found: Bools = self.usable[place]
        return found

    def most(self) -> Floats:
        """The most losses among the answers handed on."""
        sampled = self.handed_on[:, :-1].sum(axis=1)
        limit = math.log(len(BETS) / self.goal.error)
        each = (limit - self.handed_hits[:, :-1] @ self.down[:-1]) / np.array(BETS)
        each = np.where(self._least(self.handed_on), each, np.inf)
        known = self.handed_hits[:, -1]
        found: Floats = known + np.where(sampled > 0, np.minimum(sampled, each.min(axis=1)), 0.0)
        return found

    def shown(self) -> Bools:
        """Which rungs are shown to keep the target, by replay."""
        counts, target = self.evidence.sum(axis=-1), self.goal.target
        errors = self.goal.error / (self.goal.rungs * (self.restarts + 1) * (self.restarts + 2))
        each = self.evidence_hits @ self.down - counts[..., None] * np.log1p(
            -np.array(BETS) * target
        )
        each = np.where(self._least(self.evidence), each, -np.inf)
        found: Bools = (each.max(axis=-1) >= np.log(len(BETS) / errors)) & self.saves()
        return found

    def saves(self) -> Bools:
        """Which rungs hand on more answers than asking below costs, by replay."""
        share = self.answers / np.maximum(self.units, 1)
        found: Bools = (self.units < JUDGED) | (share > self.costs)
        return found

    def decide(self) -> tuple[Ints, Floats, Floats]:
        """The orders for the next block: rung, audit share, explore share."""
        goal = self.goal
        counts = self.current.sum(axis=1)
        each = self.current_hits @ self.up - counts[:, None] * np.log1p(
            np.array(RISES) * goal.target
        )
        passed = each.max(axis=1) >= math.log(len(RISES) / goal.error)
        passed &= self.rung < goal.strictest
        mine = self.saves()[np.arange(self.replays), np.minimum(self.rung, goal.rungs - 1)]
        useless = ~passed & (self.rung < goal.strictest) & ~mine
        if passed.any():
            again = passed[:, None] & (np.arange(goal.rungs)[None, :] <= self.rung[:, None])
            self.evidence[again] = 0
            self.evidence_hits[again] = 0
            self.restarts[again] += 1
            self.units[again] = 0
            self.answers[again] = 0
            self.current[passed] = 0
            self.current_hits[passed] = 0
        shown = self.shown()
        stricter = shown & (np.arange(goal.rungs)[None, :] > self.rung[:, None])
        after = np.where(stricter.any(axis=1), np.argmax(stricter, axis=1), goal.strictest)
        self.rung = np.where(passed, after, np.where(useless, goal.strictest, self.rung))
        self.current[useless] = 0
        self.current_hits[useless] = 0
        cheaper = shown & (np.arange(goal.rungs)[None, :] < self.rung[:, None])
        looser = cheaper.any(axis=1)
        self.rung = np.where(looser, np.argmax(cheaper, axis=1), self.rung)
        self.current[looser] = 0
        self.current_hits[looser] = 0
        estimate = self.handed_hits @ (1 / self.steps)
        if goal.over == "requests":
            room = goal.target * self.requests
            most = self.most() + BLOCK
            closes = self.is_open & (most > room)
            opens = ~self.is_open & (most <= REOPEN * room)
            self.is_open = (self.is_open & ~closes) | opens
            rest = room - estimate
            unsure = estimate - self.handed_hits[:, -1]
            with np.errstate(divide="ignore", invalid="ignore"):
                need = np.maximum(FEE / rest, SPREAD * unsure / rest**2)
            audit = self._at_least(np.where(rest <= 0, 1.0, need))
        else:
            audit = np.where(self.handed_on.sum(axis=1) < goal.first, 1.0, goal.share)
        rung = np.where(self.is_open, self.rung, goal.strictest)
        return rung, audit, self._explore(rung)

    def _explore(self, rung: Ints) -> Floats:
        goal = self.goal
        counts = self.evidence.sum(axis=-1)
        rates = (self.evidence_hits / self.steps).sum(axis=-1) / np.maximum(counts, 1)
        mine = np.arange(goal.rungs)[None, :] < rung[:, None]
        fewest = np.where(mine, counts, np.inf).min(axis=1)
        hopeful = (mine & (rates < goal.target) & self.saves()).any(axis=1)
        often = goal.at_least(min(1.0, EXPLORE_OFTEN * goal.share))
        found = np.where(hopeful, often, goal.share)
        found = np.where(fewest < goal.first, 1.0, found)
        answer: Floats = np.where(mine.any(axis=1), found, goal.share)
        return answer

    def _at_least(self, needed: Floats) -> Floats:
        place = np.searchsorted(self.steps, needed, side="left")
        found: Floats = self.steps[np.minimum(place, len(self.steps) - 1)]
        return found

    def observe(
        self,
        orders: tuple[Ints, Floats, Floats],
        accepted: Ints,
        lost: Bools,
        draws: Floats,
    ) -> None:
        """Take in a block of requests.

        Args:
            orders: How they were handled.
            accepted: Of each replay's requests: the strictest rung that accepts the small answer.
            lost: Whether that one is a loss.
            draws: Numbers in [0, 1) for the draws.
        """
        goal, last, every = self.goal, len(self.steps) - 1, np.arange(self.replays)
        rung, audit, explore = orders
        small, below = goal.over == "small", (rung < goal.strictest)[:, None]
        handed = below & (accepted >= rung[:, None])
        # Rejected answers are all compared.
        probability = np.where(handed, audit[:, None], np.where(below, 1.0, explore[:, None]))
        drawn = draws < probability
        step = np.searchsorted(self.steps, audit - 1e-12)
        answers, hits = handed.sum(axis=1), (handed & drawn & lost).sum(axis=1)
        self.handed_on[every, step] += answers
        self.handed_hits[every, step] += hits
        mine = rung == self.rung
        self.current[every, step] += mine * answers
        self.current_hits[every, step] += mine * hits
        if not small:
            self.current[:, last] += mine * (~handed).sum(axis=1)
        # At "all frontier" each drawn request is one of its own.
        pairs = ~handed & drawn
        for each in range(goal.rungs):
            cheaper = each < rung
            takes, here = each <= accepted, each <= rung
            self.evidence[every, each, step] += here * answers
            self.evidence_hits[every, each, step] += here * hits
            compared = (pairs & takes).sum(axis=1) * cheaper
            told = np.where(cheaper, pairs.sum(axis=1), (~handed).sum(axis=1))
            self.evidence[:, each, last] += compared if small else told
            self.evidence_hits[:, each, last] += (pairs & takes & lost).sum(axis=1) * cheaper
            self.units[:, each] += here * answers + told
            self.answers[:, each] += here * answers + compared
        self.audits += (handed & drawn).sum(axis=1)
        self.explored += (~below & drawn).sum(axis=1)
        self.requests += accepted.shape[1]


@dataclass(frozen=True)
class Drawn:
    """The requests of all replays, to be taken block by block.

    Attributes:
        sources: The sources.
        first: The source that each replay begins with; -1 for one at random for each request.
        then: The source that it turns into.
        turn: At which request.
    """

    sources: Sequence[Source]
    first: Ints
    then: Ints
    turn: Ints

    @classmethod
    def of(
        cls,
        kind: str,
        name: str,
        sources: Sequence[Source],
        replays: int,
        requests: int,
        rng: np.random.Generator,
    ) -> Drawn:
        """The replays of a kind: "alone", "mixed" or "drifting"."""
        names = [each.name for each in sources]
        place = names.index(name) if name else -1
        first = np.full(replays, place)
        then, turn = first, np.full(replays, requests)
        if kind == "drifting":
            others = np.array([each for each in range(len(names)) if each != place])
            then, turn = rng.choice(others, replays), rng.integers(requests, size=replays)
        return cls(sources, first, then, turn)

    def block(self, begun: int, rng: np.random.Generator) -> tuple[Ints, Bools]:
        """Of the next requests: the strictest rung that hands on the answer, and whether it is lost."""
        shape = (len(self.first), BLOCK)
        at = begun + np.arange(BLOCK)[None, :]
        which = np.where(at < self.turn[:, None], self.first[:, None], self.then[:, None])
        which = np.where(which < 0, rng.integers(len(self.sources), size=shape), which)
        accepted, lost = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        pick = rng.random(shape)
        for place in np.unique(which):
            mine, source = which == place, self.sources[place]
            rows = (pick[mine] * len(source.lost)).astype(np.int64)
            accepted[mine], lost[mine] = source.accepted[rows], source.lost[rows]
        return accepted, rng.random(shape) < lost


@dataclass(frozen=True)
class Kept:
    """What replays with one target have come to, each an array over the replays.

    Attributes:
        loss: The true loss over the whole replay.
        ever: Whether it was ever over the target.
        cost: What a request cost, audits and explored calls among it, relative to the frontier alone.
        rung: The rung in force at the end.
        found: Audits and explored requests until the cheapest safe rung was in force; infinite where
            it never was.
    """

    loss: Floats
    ever: Bools
    cost: Floats
    rung: Ints
    found: Floats


def replayed(goal: Goal, drawn: Drawn, requests: int, safe: int, rng: np.random.Generator) -> Kept:
    """Replay all requests.

    Args:
        goal: What is to be kept.
        drawn: The requests.
        requests: How many a replay.
        safe: The cheapest safe rung.
        rng: Draws.
    """
    size = len(drawn.first)
    replays = Replays(goal, size)
    lost, cost, handed = np.zeros((3, size))
    ever, found = np.zeros(size, dtype=bool), np.full(size, np.inf)
    asked = np.array([*goal.costs, 0.0])
    for begun in range(0, requests, BLOCK):
        orders = replays.decide()
        accepted, losses = drawn.block(begun, rng)
        rung, audits, explored = orders[0], replays.audits.copy(), replays.explored.copy()
        replays.observe(orders, accepted, losses, rng.random(accepted.shape))
        here = (accepted >= rung[:, None]) & (rung < goal.strictest)[:, None]
        lost += (here & losses).sum(axis=1)
        handed += here.sum(axis=1)
        cost += BLOCK * asked[rung] + (~here).sum(axis=1) + (replays.audits - audits)
        cost += (replays.explored - explored) * asked[-2]
        whole = handed if goal.over == "small" else begun + BLOCK
        ever |= lost > goal.target * np.maximum(whole, 1)
        first = np.isinf(found) & (rung <= safe)
        found[first] = (replays.audits + replays.explored)[first]
    whole = np.maximum(handed, 1) if goal.over == "small" else np.full(size, requests)
    return Kept(lost / whole, ever, cost / requests, replays.rung, found)


def _asked(sources: Sequence[Source], kind: str, name: str, rungs: int) -> list[float]:
    """What it costs to ask below on each rung; where sources differ, the most."""
    used = [each for each in sources if kind != "alone" or each.name == name]
    voters = [[*each.voters, *[each.voters[-1]] * rungs][:rungs] for each in used]
    return [SMALL * (1 + max(column)) for column in zip(*voters, strict=True)]


def report(
    sources: Sequence[Source],
    plans: Iterable[tuple[str, str]],
    targets: Sequence[float],
    replays: int,
    requests: int,
    seed: int,
) -> None:
    """Print a row for each kind of replay and target."""
    rungs = max(len(each.voters) for each in sources)
    rng = np.random.default_rng(seed)
    print(
        f"\n{replays} replays of {requests} requests each; a call of a small model costs {SMALL} of "
        "the frontier's\n"
    )
    print(
        "| replays of | target | kept, whole replay | kept, at all times | true loss (median) | cost | "
        "best fixed rung | audits to the cheapest safe rung | end at all frontier |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    kept = {target: [0, 0, 0] for target in targets}
    for kind, name in plans:
        source = next((each for each in sources if each.name == name), None)
        for target in targets:
            goal = Goal(target, rungs, costs=tuple(_asked(sources, kind, name, rungs)))
            drawn = Drawn.of(kind, name, sources, replays, requests, rng)
            alone = source if kind == "alone" else None
            safe, best = rungs, "-"
            if alone is not None:
                every = (each for each in range(len(alone.voters)) if alone.cost(each) < 1)
                safe = next((each for each in every if alone.rate(each) <= target), rungs)
                best = f"{alone.cost(alone.best(target)):.2f} ({alone.best(target)})"
            one = replayed(goal, drawn, requests, safe, rng)
            good = one.loss <= target
            counts = kept[target]
            counts[0] += int(good.sum())
            counts[1] += int((~one.ever).sum())
            counts[2] += replays
            low, middle, high = np.percentile(one.cost, (2.5, 50, 97.5))
            found = np.median(one.found)
            audits = f"{found:.0f}" if np.isfinite(found) else "not found"
            audits = "-" if alone is None or safe == rungs else audits
            share = interval(int(good.sum()), replays)
            print(
                f"| {kind} {name} | {target} | {good.sum()}/{replays} {share} "
                f"| {(~one.ever).mean():.3f} | {np.median(one.loss):.3f} "
                f"| {middle:.2f} ({low:.2f} to {high:.2f}) | {best} | {audits} "
                f"| {(one.rung == rungs).mean():.2f} |",
                flush=True,
            )
    for target, (whole, always, of) in kept.items():
        print(
            f"\ntarget {target}: kept over the whole replay in {whole}/{of} {interval(whole, of)}, at "
            f"all times in {always}/{of} {interval(always, of)}"
        )


def interval(hits: int, of: int) -> str:
    """The Wilson interval of a share, 95 %, as text."""
    rate, more = hits / of, 1.96**2 / of
    middle = (rate + more / 2) / (1 + more)
    half = 1.96 * math.sqrt(rate * (1 - rate) / of + more / (4 * of)) / (1 + more)
    return f"({max(0.0, middle - half):.3f} to {min(1.0, middle + half):.3f})"
