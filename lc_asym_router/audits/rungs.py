"""Rungs of strictness, and how a target moves a router between them: a pure state machine.

Rung 0 is the cheapest; each further one is stricter, so that what a rung accepts every cheaper one
would accept too; the last is "all frontier", which hands on no answer of a lower tier.

- **The promise.** With `over="requests"` an answer of a lower tier is handed on only while the losses
  so far, bounded by `Tally.most`, and all of the requests under way together are at most `target` of
  the requests. So with the probability `confidence` the losses among all requests never are more than
  `target` of them, at no time, however the traffic drifts and whichever rung is in force: one error is
  spent, over all rungs. With `over="small"` the answers handed on are what counts, and a rung is
  entered only where it is shown to keep the target, with a share of the error for each rung and each
  time.
- **Moves.** The router begins at "all frontier" (or where a calibration says) and asks the lower tier
  beside. It loosens to the cheapest rung that is shown to keep the target. It tightens as soon as an
  e-process shows that the rung in force does not, and then judges that rung and the cheaper ones anew.

Nothing here waits, draws or writes: `observe` and `decide` go from a state to the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from lc_asym_router.audits.tally import Tally

FEE = 12.0
"""Losses of room that a draw's uncertainty may take, for a loss that is seen for certain."""
SPREAD = 25.0
"""The same for the losses that are estimated: their spread grows with their root."""
REOPEN = 0.9
"""Share of the target's room under which lower tiers answer again after it was used up."""
EXPLORE_OFTEN = 10
"""How many times the share is explored while a cheaper rung may still be shown to keep the target."""

JUDGED = 50
"""Requests after which it is judged whether a rung saves anything."""

MoveReason = Literal["loosened", "tightened", "useless", "closed", "opened"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a router is to keep, and how many rungs it has.

    Attributes:
        target: The most losses, as a share, in (0, 1).
        rungs: How many rungs there are beside "all frontier", at least 1.
        over: Of what it is a share: of all "requests", where what goes to the last tier loses
            nothing; or of the answers of the "small" tiers.
        error: One less the confidence, over 0 and under 1.
        share: The least share of the lower tiers' answers that is audited, over 0 and up to 1.
        first: How many requests are all explored before that falls.
        start: The rung to begin with; `None` for "all frontier".
        costs: What it costs to ask below, for each rung, as a share of what the last tier costs; empty
            for nothing. A rung that hands on fewer answers than that saves nothing.
        frozen: Whether it is only measured: all go to the frontier, and a share is explored.
    """

    target: float
    rungs: int
    over: Literal["requests", "small"] = "requests"
    error: float = 0.05
    share: float = 0.02
    first: int = 300
    start: int | None = None
    costs: tuple[float, ...] = ()
    frozen: bool = False

    @property
    def strictest(self) -> int:
        """The number of "all frontier"."""
        return self.rungs

    @property
    def steps(self) -> tuple[float, ...]:
        """The probabilities that audits are drawn with, ascending: few, so that the counts are few."""
        found = [self.share]
        while found[-1] * 2 < 1.0:
            found.append(found[-1] * 2)
        return (*found, 1.0) if found[-1] < 1.0 else tuple(found)

    def at_least(self, probability: float) -> float:
        """The least of those steps that is at least so high; 1 beyond."""
        return next((step for step in self.steps if step >= probability), 1.0)


@dataclass(frozen=True, slots=True)
class Observation:
    """What became known of one request.

    Attributes:
        rung: The rung that it was handled on.
        handed_on: Whether an answer of a lower tier was handed on.
        probability: With which probability it was drawn: for an audit, or to ask the lower tier
            beside; 1 for a rejected answer, whose pair is free; 0 where it could not be.
        drawn: Whether it was.
        accepted: The strictest rung that would hand on the lower tier's answer; -1 for none. It is not
            read where nothing was drawn.
        lost: Whether that answer is a loss; what could not be compared is one.
    """

    rung: int
    handed_on: bool
    probability: float
    drawn: bool
    accepted: int = -1
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the rung in force, or of whether lower tiers may answer at all.

    Attributes:
        number: Its number, from 1.
        why: "loosened" or "tightened"; "useless" where the rung saves nothing; "closed" where
            the target's room is used up, "opened" where there is room again.
        before: The rung before.
        after: The rung after.
        requests: After how many requests.
    """

    number: int
    why: MoveReason
    before: int
    after: int
    requests: int


@dataclass(frozen=True, slots=True)
class RungState:
    """What a router with a target knows.

    Attributes:
        rung: The rung in force.
        is_open: Whether the target has room for answers of lower tiers.
        requests: How many requests there were.
        handed_on: The answers of lower tiers that were handed on, and their losses.
        evidence: For each rung, what it would have lost since it was judged anew.
        current: What the rung in force has lost since the last move.
        taken: For each rung, how many requests tell whether it hands on an answer, and how many answers
            it would hand on.
        restarts: How often each rung was judged anew.
        moves: How many moves there were.
    """

    rung: int
    is_open: bool
    requests: int
    handed_on: Tally
    evidence: tuple[Tally, ...]
    current: Tally
    taken: tuple[tuple[int, int], ...]
    restarts: tuple[int, ...]
    moves: int = 0

    @classmethod
    def begin(cls, goal: Goal) -> RungState:
        """The state before the first request."""
        start = goal.strictest if goal.start is None else goal.start
        none = Tally()
        return cls(
            rung=start,
            is_open=goal.over == "small",
            requests=0,
            handed_on=none,
            evidence=(none,) * goal.rungs,
            current=none,
            taken=((0, 0),) * goal.rungs,
            restarts=(0,) * goal.rungs,
        )


@dataclass(frozen=True, slots=True)
class Orders:
    """How the next request is handled.

    Attributes:
        rung: The rung that it is handled on.
        audit: Probability with which an answer of a lower tier is audited.
        explore: Probability with which the lower tier is asked beside where it was not asked.
    """

    rung: int
    audit: float
    explore: float


def observe(goal: Goal, state: RungState, seen: Observation) -> RungState:
    """Return the state after one more request.

    Args:
        goal: What is to be kept.
        state: The state before.
        seen: What became known of the request.
    """
    lost = seen.drawn and seen.lost
    handed_on, current = state.handed_on, state.current
    if seen.handed_on:
        handed_on = handed_on.plus(seen.probability, lost)
    if seen.rung == state.rung and (seen.handed_on or goal.over == "requests"):
        probability = seen.probability if seen.handed_on else 1.0
        current = current.plus(probability, lost and seen.handed_on)
    evidence = tuple(
        tally if (unit := unit_of(goal, rung, seen)) is None else tally.plus(*unit)
        for rung, tally in enumerate(state.evidence)
    )
    taken = tuple(
        (units + 1, answers + handed) if (handed := hands_on(rung, seen)) is not None else before
        for rung, before in enumerate(state.taken)
        for units, answers in (before,)
    )
    return replace(
        state,
        taken=taken,
        requests=state.requests + 1,
        handed_on=handed_on,
        current=current,
        evidence=evidence,
    )


def unit_of(goal: Goal, rung: int, seen: Observation) -> tuple[float, bool] | None:
    """What a request says of a rung: the probability of seeing a loss, and whether one was seen."""
    small = goal.over == "small"
    if seen.handed_on:
        return (seen.probability, seen.drawn and seen.lost) if rung <= seen.rung else None
    if rung >= seen.rung:  # it sends the request up as well, and loses nothing by that
        return None if small else (1.0, False)
    # At "all frontier" each drawn request is one of its own; below, it stands for those not drawn.
    weight = 1.0 if small or seen.rung == goal.strictest else seen.probability
    if not seen.drawn:
        return (weight, False) if 0 < weight < 1 else None
    if rung > seen.accepted:
        return None if small else (weight, False)
    return weight, seen.lost


def hands_on(rung: int, seen: Observation) -> bool | None:
    """Whether a rung would hand on a lower tier's answer; `None` where the request does not tell."""
    if seen.handed_on:
        return True if rung <= seen.rung else None
    if rung >= seen.rung:
        return False
    return rung <= seen.accepted if seen.drawn else None


def decide(
    goal: Goal, state: RungState, *, under_way: int = 1
) -> tuple[RungState, Orders, tuple[Move, ...]]:
    """Return how the next requests are handled, with the moves that this takes.

    Args:
        goal: What is to be kept.
        state: What is known.
        under_way: How many requests are under way with the orders of now, the next one among them.
    """
    if goal.frozen:
        return state, Orders(goal.strictest, goal.share, goal.share), ()
    moves: list[Move] = []
    state = _tightened(goal, state, moves)
    state = _loosened(goal, state, moves)
    if goal.over == "requests":
        state = _gated(goal, state, under_way, moves)
    rung = state.rung if state.is_open else goal.strictest
    return state, Orders(rung, _audit_share(goal, state), _explore_share(goal, state)), tuple(moves)


def _moved(state: RungState, why: MoveReason, after: int, moves: list[Move]) -> RungState:
    number = state.moves + 1
    moves.append(Move(number, why, state.rung, after, state.requests))
    return replace(state, rung=after, moves=number)


def _tightened(goal: Goal, state: RungState, moves: list[Move]) -> RungState:
    rung = state.rung
    if rung == goal.strictest:
        return state
    if not state.current.passes(goal.target, goal.error):
        if _saves(goal, state, rung):
            return state
        state = replace(state, current=Tally())
        return _moved(state, "useless", goal.strictest, moves)
    evidence, restarts, taken = list(state.evidence), list(state.restarts), list(state.taken)
    for each in range(rung + 1):
        evidence[each], restarts[each], taken[each] = Tally(), restarts[each] + 1, (0, 0)
    state = replace(
        state,
        evidence=tuple(evidence),
        restarts=tuple(restarts),
        taken=tuple(taken),
        current=Tally(),
    )
    stricter = (each for each in range(rung + 1, goal.rungs) if _is_shown(goal, state, each))
    return _moved(state, "tightened", next(stricter, goal.strictest), moves)


def _saves(goal: Goal, state: RungState, rung: int, audit: float = 0.0) -> bool:
    """Whether a rung hands on more answers than asking below costs, and auditing a share of them; so
    until that can be judged."""
    units, answers = state.taken[rung]
    cost = goal.costs[rung] if goal.costs else 0.0
    return units < JUDGED or answers * (1 - audit) > cost * units


def _loosened(goal: Goal, state: RungState, moves: list[Move]) -> RungState:
    audit = forecast_audits(goal, state)
    if audit <= goal.share:  # what is audited whatever it costs is no reason to stay
        audit = 0.0
    for rung in range(state.rung):
        if _is_shown(goal, state, rung) and _saves(goal, state, rung, audit):
            return replace(_moved(state, "loosened", rung, moves), current=Tally())
    return state


def error_share(goal: Goal, state: RungState, rung: int) -> float:
    """The share of the error that a rung may spend since it was judged anew the last time."""
    times = state.restarts[rung] + 1
    return goal.error / (goal.rungs * times * (times + 1))


def _is_shown(goal: Goal, state: RungState, rung: int) -> bool:
    """Whether a rung saves something, and is shown to keep the target with its share of the error."""
    if not _saves(goal, state, rung):
        return False
    return state.evidence[rung].shows(goal.target, error_share(goal, state, rung))


def _gated(goal: Goal, state: RungState, under_way: int, moves: list[Move]) -> RungState:
    room = goal.target * state.requests
    most = state.handed_on.most(goal.error) + under_way
    is_open = most <= room if state.is_open else most <= REOPEN * room
    if is_open == state.is_open:
        return state
    changed = replace(state, is_open=is_open)
    if state.rung == goal.strictest:  # all go to the frontier anyway
        return changed
    return _moved(changed, "opened" if is_open else "closed", state.rung, moves)


def forecast_audits(goal: Goal, state: RungState) -> float:
    """How often answers would be audited on a rung that is entered now, once it has begun."""
    return goal.share if goal.over == "small" else _audit_share(goal, state)


def _audit_share(goal: Goal, state: RungState) -> float:
    """How often answers are audited: so often that the target has room for what is not seen."""
    if goal.over == "small":
        return 1.0 if state.handed_on.count < goal.first else goal.share
    handed_on = state.handed_on
    room = goal.target * state.requests - handed_on.estimate
    if room <= 0:
        return 1.0
    unsure = handed_on.estimate - handed_on.known
    return goal.at_least(max(FEE / room, SPREAD * unsure / room**2))


def _explore_share(goal: Goal, state: RungState) -> float:
    """How often the lower tier is asked beside: always at first, often while that may help."""
    cheaper = state.evidence[: state.rung if state.is_open else goal.rungs]
    if not cheaper:
        return goal.share
    if min(tally.count for tally in cheaper) < goal.first:
        return 1.0
    hopeful = any(
        (tally.rate or 0.0) < goal.target and _saves(goal, state, rung)
        for rung, tally in enumerate(cheaper)
    )
    return goal.at_least(min(1.0, EXPLORE_OFTEN * goal.share)) if hopeful else goal.share
