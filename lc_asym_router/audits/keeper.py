"""Keep a target: count what requests lose, and say on which rung the next one is handled.

All that is known is counts in the audits' store, which processes add up, so that they share one state.
An answer that is handed on is counted before its audit is paid for: until it is known to be no loss, it
is one, also where the process was killed in between. The moves are a log in the same store.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lc_asym_router.audits.audit import ALL
from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.counts import FIELDS, Cell, Counts
from lc_asym_router.audits.rungs import (
    Goal,
    Move,
    Observation,
    Orders,
    RungState,
    decide,
    hands_on,
    unit_of,
)
from lc_asym_router.audits.tally import Tally
from lc_asym_router.audits.target_report import TargetReport, report_of_rungs

logger = logging.getLogger(__name__)

ALWAYS = 500
"""Requests in which it is decided anew before each."""
EVERY = 10
"""Later it is decided anew after so many."""
LONGEST = 600.0
"""Seconds after which a request that never came to an answer is taken for ended."""
RUNG, MOVE, GOAL = "rung", "move", "goal"


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request that was answered on a rung, before its audit.

    Attributes:
        rung: The rung.
        handed_on: Whether an answer of a lower tier was handed on.
        probability: With which probability it was drawn.
        drawn: Whether it was.
        since: Number of the move that the rung was in force since.
        restarts: How often each rung had been judged anew.
    """

    rung: int
    handed_on: bool
    probability: float
    drawn: bool
    since: int
    restarts: tuple[int, ...]


class Keeper:
    """Says how requests are handled, so that a target is kept. Threads may share it; it waits for none.

    Args:
        goal: What is to be kept.
        names: The names of the rungs, without "all frontier".
        kind: What counts as a loss, "worse" or "differs".
        store: Where the counts are.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        goal: Goal,
        names: Sequence[str],
        kind: Literal["worse", "differs"],
        store: AuditStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.goal = goal
        self.names = (*names, ALL)
        self.kind = kind
        self._store = store
        self._clock = clock
        # With other settings the counts begin anew; the share may change.
        known = repr((goal.target, goal.over, goal.error, goal.frozen, kind, self.names))
        self._key = hashlib.sha256(known.encode()).hexdigest()[:8]
        self.fresh()

    def fresh(self) -> None:
        """Begin with what the store knows: in a new router, and in a forked child."""
        self._lock = threading.Lock()
        self._state = RungState.begin(self.goal)
        self._counts: dict[tuple[str, float], dict[str, int]] = {}
        self._begun: deque[float] = deque()
        self._since = 0
        self._changed = 0  # number of the last move to another rung
        self._log: list[Move] = []
        self._unrecorded: list[Move] = []
        # What a report of the database alone must know.
        goal = self.goal
        known = [f"goal|{goal.target!r}|{goal.over}|{goal.error!r}|{int(goal.frozen)}|{self.kind}"]
        costs = goal.costs or ("",) * goal.rungs
        for rung, cost in enumerate(costs):
            known.append(f"rung|{rung}|{cost}|{self.names[rung]}")
        for each in known:
            self._store.add([Cell(GOAL, f"{self._key}|{each}", "", "", 0.0)], {})
        self.refresh()

    # on the request's path --------------------------------------------------------------------

    def begin(self) -> dict[str, Any]:
        """Return how a request that begins now is handled, as it is stored in the record, with the
        moves of this process since the request before."""
        with self._lock:
            now = self._clock()
            while self._begun and now - self._begun[0] > LONGEST:
                self._begun.popleft()
            self._begun.append(now)
            self._since += 1
            if self._since >= self._every or self._orders is None:
                self._decide()
            assert self._orders is not None
            moves, self._unrecorded = self._unrecorded, []
            return {
                "number": self._orders.rung,
                "name": self.names[self._orders.rung],
                "audit": self._orders.audit,
                "explore": self._orders.explore,
                "since": self._changed,
                "restarts": list(self._state.restarts),
                "moves": [self._in_record(move) for move in moves],
            }

    def answered(self, answer: AnsweredRequest) -> None:
        """Count a request that was answered. Its loss is one until it is known not to be."""
        drawn = int(answer.drawn)
        with self._lock:
            if self._begun:
                self._begun.popleft()
            self._add("requests", 1.0, requests=1)
            if answer.handed_on:
                for name in self._handed(answer):
                    self._add(name, answer.probability, requests=1, drawn=drawn)
                for rung in range(min(answer.rung + 1, self.goal.rungs)):
                    name = f"taken|{rung}|{answer.restarts[rung]}"
                    self._add(name, 1.0, requests=1, compared=1)
                return
            if self.goal.over == "requests" and answer.rung < self.goal.strictest:
                self._add(f"current|{answer.since}", 1.0, requests=1)
            if not answer.drawn:
                self._tell(answer, Observation(answer.rung, False, answer.probability, False))

    # in the audits' threads -------------------------------------------------------------------

    def compared(
        self, answer: AnsweredRequest, accepted: int, lost: bool, *, comparable: bool = True
    ) -> None:
        """Count what an audit has found.

        Args:
            answer: The request, as `answered` has counted it.
            accepted: The strictest rung that would hand on the lower tier's answer; -1 for none.
            lost: Whether that answer is a loss; so is one that could not be compared.
            comparable: Whether it could be.
        """
        with self._lock:
            if not answer.handed_on:
                seen = Observation(answer.rung, False, answer.probability, True, accepted, lost)
                self._tell(answer, seen, comparable)
            else:
                for name in self._handed(answer):
                    more = {"judged": int(not lost), "compared": int(comparable)}
                    self._add(name, answer.probability, **more)
            self._decide()

    def refresh(self) -> None:
        """Take over what the store knows of other processes' counts and moves."""
        with self._lock:
            counts = self._store.counts((RUNG, MOVE))
            self._counts = {
                (cell.value.partition("|")[2], cell.probability): dict(row)
                for cell, row in counts.items()
                if cell.by == RUNG and cell.value.startswith(f"{self._key}|")
            }
            self._follow(counts)
            self._orders: Orders | None = None

    # reading ----------------------------------------------------------------------------------

    @property
    def state(self) -> RungState:
        """What is known now."""
        with self._lock:
            return self._now()

    @property
    def report(self) -> TargetReport:
        """What is known of each rung, and of the target."""
        with self._lock:
            state = self._now()
            missing = []
            for rung, restart in enumerate(state.restarts):
                name = f"evidence|{rung}|{restart}"
                rows = [row for (found, _), row in self._counts.items() if found == name]
                # Drawn from what was handed on and not compared, and pairs that could not be.
                missing.append(
                    sum(row["drawn"] - row["compared"] + row["unpriced"] for row in rows)
                )
            moves = tuple(self._log)
        return report_of_rungs(self.goal, self.names, self.kind, state, missing, moves)

    @property
    def moves(self) -> tuple[Move, ...]:
        """The moves of this process, and those of others that it has taken over."""
        with self._lock:
            return tuple(self._log)

    # ------------------------------------------------------------------------------------------

    @property
    def _every(self) -> int:
        return 1 if self._count("requests") < ALWAYS else EVERY

    def _decide(self) -> None:
        self._since = 0
        under_way = len(self._begun) + self._every
        state, self._orders, moves = decide(self.goal, self._now(), under_way=under_way)
        for move in moves:
            self._note(move, state)
        self._state = replace(state, handed_on=Tally(), evidence=(), current=Tally(), taken=())

    def _note(self, move: Move, state: RungState) -> None:
        self._log.append(move)
        self._unrecorded.append(move)
        if move.before != move.after:
            self._changed = move.number
        restarts = ",".join(map(str, state.restarts))
        value = f"{self._key}|{move.number:06}|{move.why}|{move.before}|{move.after}|"
        value += f"{int(state.is_open)}|{restarts}|{move.requests}"
        self._store.add([Cell(MOVE, value, "", move.why, 0.0)], {"requests": 1})
        level = logging.INFO if move.why in ("loosened", "opened") else logging.WARNING
        logger.log(level, "%s", self.describe(move))

    def _in_record(self, move: Move) -> dict[str, Any]:
        names = {"before": self.names[move.before], "after": self.names[move.after]}
        return {"number": move.number, "why": move.why, **names, "requests": move.requests}

    def describe(self, move: Move) -> str:
        """A move in one line."""
        before, after = self.names[move.before], self.names[move.after]
        target = f"the target of {self.goal.target:.1%}"
        why = {
            "loosened": f"rung {before!r} -> {after!r}: it is shown to keep {target}",
            "tightened": f"rung {before!r} -> {after!r}: {target} is passed",
            "useless": f"rung {before!r} -> {after!r}: it hands on too few answers to save anything",
            "closed": f"all go to the frontier: {target} has no room for rung {before!r}",
            "opened": f"rung {before!r} again: {target} has room",
        }[move.why]
        return f"After {move.requests:,} requests: {why}."

    def _follow(self, counts: Counts) -> None:
        """Take over the last move in the log, where it is another process's."""
        mine = f"{self._key}|"
        found = sorted(
            cell.value.split("|")[1:]
            for cell in counts
            if cell.by == MOVE and cell.value.startswith(mine)
        )
        later = [each for each in found if int(each[0]) > self._state.moves]
        if not found or not later:
            return
        last = found[-1][0]
        # A log whose moves only closed or opened the rung has changed none.
        changes = [int(each[0]) for each in found if each[2] != each[3]]
        self._changed = max(changes, default=self._changed)
        # Of two processes' moves at the same time the stricter one holds.
        number, _, _, after, is_open, restarts, _ = max(
            (each for each in found if each[0] == last),
            key=lambda each: (int(each[3]), each[4] == "0"),
        )
        self._state = replace(
            self._state,
            rung=int(after),
            is_open=is_open == "1",
            moves=int(number),
            restarts=tuple(map(int, restarts.split(","))),
        )
        self._log += [
            Move(int(each[0]), each[1], int(each[2]), int(each[3]), int(each[6]))  # type: ignore[arg-type]
            for each in later
        ]

    def _now(self) -> RungState:
        """The state, of the counts."""
        rungs = range(self.goal.rungs)
        restarts = self._state.restarts
        taken = [self._counts.get((f"taken|{each}|{restarts[each]}", 1.0), {}) for each in rungs]
        return replace(
            self._state,
            requests=self._count("requests"),
            handed_on=self._tally("handed"),
            current=self._tally(f"current|{self._changed}"),
            evidence=tuple(self._tally(f"evidence|{each}|{restarts[each]}") for each in rungs),
            taken=tuple((row.get("requests", 0), row.get("compared", 0)) for row in taken),
        )

    def _handed(self, answer: AnsweredRequest) -> list[str]:
        """What an answer of a lower tier that was handed on counts for."""
        rungs = range(min(answer.rung + 1, self.goal.rungs))
        known = [f"evidence|{rung}|{answer.restarts[rung]}" for rung in rungs]
        return ["handed", f"current|{answer.since}", *known]

    def _count(self, name: str) -> int:
        return self._counts.get((name, 1.0), {}).get("requests", 0)

    def _tally(self, name: str) -> Tally:
        requests, losses = {}, {}
        for (found, probability), row in self._counts.items():
            if found == name and row["requests"]:
                requests[probability] = row["requests"]
                losses[probability] = row["worse"] + row["drawn"] - row["judged"]
        return Tally(requests, losses)

    def _tell(self, answer: AnsweredRequest, seen: Observation, comparable: bool = True) -> None:
        """Count what a request that went to the last tier says of each rung."""
        for rung, restart in enumerate(answer.restarts):
            if (unit := unit_of(self.goal, rung, seen)) is not None:
                name, lost = f"evidence|{rung}|{restart}", int(unit[1])
                self._add(name, unit[0], requests=1, worse=lost, unpriced=lost * (not comparable))
            if (handed := hands_on(rung, seen)) is not None:
                self._add(f"taken|{rung}|{restart}", 1.0, requests=1, compared=int(handed))

    def _add(self, name: str, probability: float, **more: int) -> None:
        row = self._counts.setdefault((name, probability), dict.fromkeys(FIELDS, 0))
        for field, count in more.items():
            row[field] += count
        self._store.add([Cell(RUNG, f"{self._key}|{name}", "", "", probability)], more)


def lost_of(kind: str, outcome: str, worse: bool | None) -> bool:
    """Whether an audit's outcome is a loss; what could not be compared or judged is one.

    Args:
        kind: "worse" or "differs".
        outcome: "same", "differs", "incomparable" or "failed".
        worse: What the judge says, or `None`.
    """
    if outcome == "differs":
        return kind == "differs" or worse is not False
    return outcome != "same"


def reports_of(store: AuditStore) -> list[tuple[bool, TargetReport]]:
    """Read what a database says of targets and of shadows: whether it is a shadow's, and the report.

    Args:
        store: The store, after it was read.
    """
    known: dict[str, list[list[str]]] = {}
    for cell in store.counts((GOAL,)):
        key, *rest = cell.value.split("|")
        known.setdefault(key, []).append(rest)
    found = []
    for each in known.values():
        goals = [rest for what, *rest in each if what == "goal"]
        rungs = sorted(
            (int(place), cost, name)
            for what, place, cost, *names in each
            if what == "rung"
            for name in ["|".join(names)]
        )
        if not goals or not rungs:
            continue
        target, over, error, frozen, kind = goals[0]
        costs = tuple(float(cost) for _, cost, _ in rungs if cost)
        goal = Goal(
            target=float(target),
            rungs=len({place for place, _, _ in rungs}),
            over=over,  # type: ignore[arg-type]
            error=float(error),
            costs=costs if len(costs) == len(rungs) else (),
            frozen=frozen == "1",
        )
        names = [name for _, _, name in rungs][: goal.rungs]
        found.append((goal.frozen, Keeper(goal, names, kind, store).report))  # type: ignore[arg-type]
    return found
