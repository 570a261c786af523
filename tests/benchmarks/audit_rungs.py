"""Whether a router with a target keeps it, on replays of recorded answers: ``make bench-audit``.

All replays of one source go side by side, in numpy; orders change every ten requests, as they do where
audits take a while. `tests/audits/test_rungs.py` shows that it decides as the router does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lc_asym_router.audits.rungs import EXPLORE_OFTEN, FEE, JUDGED, REOPEN, SPREAD, Goal
from lc_asym_router.audits.tally import BETS, RISES
from tests.benchmarks.audit_sources import Source

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 10
"""Requests between two orders."""


class Replays:
    """Many replays side by side; see `lc_asym_router.audits.rungs` for what it does.

    Replays are the last axis of every array. What the bounds need of the counts is summed up as it
    comes, so that no array has an axis for the probabilities that audits are drawn with.

    Args:
        goals: What is to be kept, for each part of the replays; they differ in the target alone.
        replays: How many for each goal.
    """

    def __init__(self, goals: Sequence[Goal], replays: int) -> None:
        self.goal, size = goals[0], replays * len(goals)
        goal, rungs = self.goal, self.goal.rungs
        self.target = np.repeat([each.target for each in goals], replays)
        self.steps = np.array(goal.steps)
        self.rung = np.full(size, goal.strictest)
        self.is_open = np.full(size, goal.over == "small")
        self.requests = 0
        # Answers handed on: how many, and of those that are not all audited how many; losses seen, as
        # they are known, as they are estimated, and as each bet counts them.
        self.handed_on, self.sampled, self.known, self.estimate = np.zeros((4, size))
        self.handed_bets = np.zeros((len(BETS), size))
        self.current, self.current_bets = np.zeros(size), np.zeros((len(RISES), size))
        self.evidence, self.rates = np.zeros((2, rungs, size))
        self.evidence_bets = np.zeros((len(BETS), rungs, size))
        self.restarts, self.units, self.answers = np.zeros((3, rungs, size))
        self.places = np.arange(rungs)[:, None]
        self.costs = np.array(goal.costs if goal.costs else [0.0] * rungs)[:, None]
        self.audits, self.explored = np.zeros((2, size))
        bets = np.array(BETS)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.down = np.where(bets < self.steps, np.log1p(-bets / self.steps), 0.0)
        # A bet that is not under the least probability of all can't be made.
        self.unusable = np.where(bets < self.steps, 0.0, -np.inf)
        self.up = np.log1p(np.array(RISES)[:, None] / self.steps)
        self.low = np.log1p(-bets * self.target)
        self.high = np.log1p(np.array(RISES)[:, None] * self.target)
        self.losses = -np.log1p(-bets)

    def most(self) -> Floats:
        """The most losses among the answers handed on."""
        limit = math.log(len(BETS) / self.goal.error)
        each = ((limit - self.handed_bets) / self.losses).min(axis=0)
        found: Floats = self.known + np.where(self.sampled > 0, np.minimum(self.sampled, each), 0.0)
        return found

    def shown(self) -> Bools:
        """Which rungs are shown to keep the target, by replay."""
        errors = self.goal.error / (self.goal.rungs * (self.restarts + 1) * (self.restarts + 2))
        each = (self.evidence_bets - self.evidence * self.low[:, None]).max(axis=0)
        found: Bools = (each >= np.log(len(BETS) / errors)) & self.saves()
        return found

    def saves(self, audit: Floats | float = 0.0) -> Bools:
        """Which rungs hand on more answers than asking below and audits cost, by replay."""
        saved = self.answers * (1 - audit) > self.costs * self.units
        found: Bools = (self.units < JUDGED) | saved
        return found

    def audit_share(self) -> Floats:
        """How often answers are audited now, by replay."""
        goal = self.goal
        if goal.over == "small":
            return np.where(self.handed_on < goal.first, 1.0, goal.share)
        rest = self.target * self.requests - self.estimate
        unsure = self.estimate - self.known
        with np.errstate(divide="ignore", invalid="ignore"):
            need = np.maximum(FEE / rest, SPREAD * unsure / rest**2)
        return self._at_least(np.where(rest <= 0, 1.0, need))

    def decide(self) -> tuple[Ints, Floats, Floats]:
        """The orders for the next block: rung, audit share, explore share."""
        goal, below = self.goal, self.rung < self.goal.strictest
        each = (self.current_bets - self.current * self.high).max(axis=0)
        passed = below & (each >= math.log(len(RISES) / goal.error))
        if passed.any():
            again = passed & (self.places <= self.rung)
            self.restarts += again
            for counts in (self.evidence, self.rates, self.units, self.answers):
                counts[again] = 0
            self.evidence_bets[:, again] = 0
        saves = np.take_along_axis(
            self.saves(), np.minimum(self.rung, goal.rungs - 1)[None, :], axis=0
        )[0]
        useless = ~passed & below & ~saves
        shown = self.shown()
        stricter = shown & (self.places > self.rung)
        after = np.where(stricter.any(axis=0), np.argmax(stricter, axis=0), goal.strictest)
        self.rung = np.where(passed, after, np.where(useless, goal.strictest, self.rung))
        audit = self.audit_share()
        forecast = goal.share if goal.over == "small" else audit
        saves = self.saves(np.where(forecast <= goal.share, 0.0, forecast))
        cheaper = shown & (self.places < self.rung) & saves
        looser = cheaper.any(axis=0)
        self.rung = np.where(looser, np.argmax(cheaper, axis=0), self.rung)
        moved = passed | useless | looser
        self.current[moved] = 0
        self.current_bets[:, moved] = 0
        if goal.over == "requests":
            room = self.target * self.requests
            most = self.most() + BLOCK
            closes = self.is_open & (most > room)
            opens = ~self.is_open & (most <= REOPEN * room)
            self.is_open = (self.is_open & ~closes) | opens
        rung = np.where(self.is_open, self.rung, goal.strictest)
        return rung, audit, self._explore(rung)

    def _explore(self, rung: Ints) -> Floats:
        goal = self.goal
        rates = self.rates / np.maximum(self.evidence, 1)
        mine = self.places < rung
        fewest = np.where(mine, self.evidence, np.inf).min(axis=0)
        hopeful = (mine & (rates < self.target) & self.saves()).any(axis=0)
        often = goal.at_least(min(1.0, EXPLORE_OFTEN * goal.share))
        found = np.where(hopeful, often, goal.share)
        found = np.where(fewest < goal.first, 1.0, found)
        answer: Floats = np.where(mine.any(axis=0), found, goal.share)
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
            accepted: Of each request, by replay: the strictest rung that accepts the small answer.
            lost: Whether that one is a loss.
            draws: Numbers in [0, 1) for the draws.
        """
        goal, last = self.goal, len(self.steps) - 1
        rung, audit, explore = orders
        small, below = goal.over == "small", rung < goal.strictest
        handed = (accepted >= rung) & below
        # Rejected answers are all compared.
        drawn = draws < np.where(handed, audit, np.where(below, 1.0, explore))
        step = np.searchsorted(self.steps, audit - 1e-12)
        seen = handed & drawn
        answers, hits = _count(handed), _count(seen & lost)
        down = hits * self.down[:, step]
        down[:, answers > 0] += self.unusable[:, step[answers > 0]]
        self.handed_on += answers
        self.sampled += np.where(step < last, answers, 0)
        self.known += np.where(step < last, 0, hits)
        self.handed_bets += np.where(step < last, down, 0.0)
        self.estimate += hits / audit
        mine = rung == self.rung
        self.current += mine * (answers if small else len(accepted))
        self.current_bets += np.where(mine, hits, 0) * self.up[:, step]
        # At "all frontier" each drawn request is one of its own.
        pairs = ~handed & drawn
        compared, told = pairs & lost, _count(pairs)
        others = len(accepted) - answers
        for each in range(goal.rungs):
            cheaper, here, takes = each < rung, each <= rung, each <= accepted
            mine = np.where(here, answers, 0)
            taken = np.where(cheaper, _count(pairs & takes), 0)
            found = np.where(cheaper, _count(compared & takes), 0)
            all_told = np.where(cheaper, told, others)
            self.evidence[each] += mine + (taken if small else all_told)
            self.rates[each] += np.where(here, hits, 0) / audit + found
            self.evidence_bets[:, each] += np.where(here, down, 0.0) + found * self.down[:, last:]
            self.units[each] += mine + all_told
            self.answers[each] += mine + taken
        self.audits += _count(seen)
        self.explored += np.where(below, 0, told)
        self.requests += len(accepted)


def _count(what: Bools) -> Ints:
    """How many of a block, by replay."""
    found: Ints = what.sum(axis=0, dtype=np.int8)
    return found


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

    def blocks(
        self, requests: int, rng: np.random.Generator
    ) -> Iterator[tuple[Ints, Bools, Floats]]:
        """Of each block of requests: the strictest rung that hands on the answer, whether it is lost,
        and a number in [0, 1) for the draws; requests by replays."""
        accepted = np.concatenate([each.accepted for each in self.sources]).astype(np.int8)
        lost = np.concatenate([each.lost for each in self.sources]).astype(np.float32)
        sizes = np.array([len(each.lost) for each in self.sources])
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        shape = (BLOCK, len(self.first))
        for begun in range(0, requests, BLOCK):
            at = begun + np.arange(BLOCK)[:, None]
            which = np.where(at < self.turn, self.first, self.then)
            if (self.first < 0).any():
                which = rng.integers(len(sizes), size=shape)
            rows = begins[which] + (rng.random(shape) * sizes[which]).astype(np.int64)
            draws = rng.random((2, *shape), dtype=np.float32)
            yield accepted[rows], draws[0] < lost[rows], draws[1]


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


def replayed(
    goals: Sequence[Goal],
    drawn: Drawn,
    requests: int,
    safe: Sequence[int],
    rng: np.random.Generator,
) -> list[Kept]:
    """Replay all requests with each goal.

    Args:
        goals: What is to be kept; they differ in the target alone.
        drawn: The requests.
        requests: How many a replay.
        safe: The cheapest safe rung, for each goal.
        rng: Draws.
    """
    goal, every = goals[0], len(drawn.first)
    replays, size = Replays(goals, every), every * len(goals)
    lost, cost, handed = np.zeros((3, size))
    ever, found = np.zeros(size, dtype=bool), np.full(size, np.inf)
    asked, cheapest = np.array([*goal.costs, 0.0]), np.repeat(safe, every)
    for place, block in enumerate(drawn.blocks(requests, rng)):
        # A row for each request, the same for each goal.
        accepted, losses = np.tile(block[0], len(goals)), np.tile(block[1], len(goals))
        draws = np.tile(block[2], len(goals))
        orders = replays.decide()
        rung, audits, explored = orders[0], replays.audits.copy(), replays.explored.copy()
        replays.observe(orders, accepted, losses, draws)
        here = (accepted >= rung) & (rung < goal.strictest)
        answers = _count(here)
        lost += _count(here & losses)
        handed += answers
        cost += BLOCK * asked[rung] + (BLOCK - answers) + (replays.audits - audits)
        cost += (replays.explored - explored) * asked[-2]
        whole = handed if goal.over == "small" else (place + 1) * BLOCK
        ever |= lost > replays.target * np.maximum(whole, 1)
        first = np.isinf(found) & (rung <= cheapest)
        found[first] = (replays.audits + replays.explored)[first]
    whole = np.maximum(handed, 1) if goal.over == "small" else np.full(size, requests)
    parts = zip(
        *(
            np.split(each, len(goals))
            for each in (lost / whole, ever, cost / requests, replays.rung, found)
        ),
        strict=True,
    )
    return [Kept(*part) for part in parts]
