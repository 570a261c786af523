"""What a target's audits, or a shadow's, say of each rung: as figures, and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lc_asym_router.audits.bound import Stratum, lower_bound, upper_bound
from lc_asym_router.audits.rungs import Goal, Move, RungState, error_share, forecast_audits
from lc_asym_router.audits.tally import requests_to_show
from lc_asym_router.records.call import share


@dataclass(frozen=True, slots=True)
class RungFigures:
    """What is known of one rung.

    Attributes:
        name: Its name.
        requests: Requests that tell what it would do, or has done.
        handed_on: The share of requests whose lower tier's answer it hands on; `None` before the first.
        handed_on_bounds: Within which that share lies.
        cost: What asking below costs on it, as a share of the last tier's price; `None` where a price
            is not known.
        losses: The estimated rate of losses, over what the target is over; `None` before the first.
        at_most: The rate that the losses do not exceed, at any time.
        incomparable: Answers that could not be compared; they count as losses.
        needed: How many audits in all it would take to show the target at that rate; `None` where the
            rate is no lower than the target, or not known.
        shown: Whether it is shown to keep the target.
        audited: The share of its answers that would be audited now; 0 for a shadow.
    """

    name: str
    requests: int
    handed_on: float | None
    handed_on_bounds: tuple[float, float]
    cost: float | None
    losses: float | None
    at_most: float
    incomparable: int
    needed: int | None
    shown: bool
    audited: float = 0.0

    @property
    def saved(self) -> tuple[float, float, float] | None:
        """What it would save of the last tier's cost, with its audits paid, and the bounds of that;
        `None` where it is not known, less than 0 where it costs more."""
        if self.handed_on is None or self.cost is None:
            return None
        estimate, low, high = (
            answers * (1 - self.audited) - self.cost
            for answers in (self.handed_on, *self.handed_on_bounds)
        )
        return estimate, low, high

    @property
    def showing(self) -> str:
        """Whether it is shown to keep the target, or what that would take."""
        if self.shown:
            return "shown to keep the target"
        if self.needed is None:
            return "can't be shown to keep the target: it seems to lose too much"
        return f"not shown to keep the target, which would take about {self.needed:,} audits in all"

    def describe(self, kind: str) -> str:
        """The rung in one line.

        Args:
            kind: What counts as a loss, "worse" or "differs".
        """
        if self.handed_on is None or self.losses is None:
            return f"{self.name}: nothing is known yet"
        low, high = self.handed_on_bounds
        if (saved := self.saved) is None:
            text = f"would hand on {share(self.handed_on)} ({share(low)} to {share(high)})"
            text += ", a price is not known"
        else:
            text = f"would save {share(saved[0])} ({share(saved[1])} to {share(saved[2])})"
            if saved[0] <= 0:
                text += ", so nothing"
            if self.audited:
                text += f" with {share(self.audited)} audited"
        verb = "differ" if kind == "differs" else "be worse"
        text += f", would {verb} on {share(self.losses)} (at most {share(self.at_most)})"
        if self.incomparable:
            text += f", {self.incomparable:,} of them not comparable"
        return f"{self.name}: {text}; {self.requests:,} requests"


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What a router with a target, or a shadow, has found. Its repr is the report as text.

    Attributes:
        target: The target; `None` for a shadow.
        kind: What counts as a loss, "worse" or "differs".
        over: Of what losses are a share, "requests" or "small".
        confidence: The probability with which each bound, taken by itself, holds at all times.
        requests: All requests.
        handed_on: Answers of lower tiers that were handed on.
        losses: The estimated losses among all that the target is over, as a share; `None` before the
            first.
        at_most: What those losses do not exceed, as a share, at any time.
        rung: The name of the rung in force; "all frontier" where lower tiers may not answer now.
        rungs: What is known of each rung.
        moves: The moves that this process knows.
    """

    target: float | None
    kind: Literal["worse", "differs"]
    over: Literal["requests", "small"]
    confidence: float
    requests: int
    handed_on: int
    losses: float | None
    at_most: float
    rung: str
    rungs: tuple[RungFigures, ...]
    moves: tuple[Move, ...] = ()

    def __repr__(self) -> str:
        lines = []
        if self.target is not None:
            what = "requests" if self.over == "requests" else "answers of lower tiers"
            lines.append(
                f"target {share(self.target)} of the {what}: rung {self.rung!r} after "
                f"{self.requests:,} requests, {self.handed_on:,} answered below; lost "
                + ("nothing yet" if self.losses is None else share(self.losses))
                + f" (at most {share(self.at_most)})"
            )
            if self.rung == "all frontier":
                lines.append(f"all go to the frontier: {self._why()}")
        for each in self.rungs:
            known = self.target is not None and each.losses is not None
            lines.append(each.describe(self.kind) + (f"; {each.showing}" if known else ""))
        if self.moves:
            last = self.moves[-1]
            names = (*(each.name for each in self.rungs), "all frontier")
            lines.append(
                f"{len(self.moves)} moves; the last one after {last.requests:,} requests: {last.why}, "
                f"{names[last.before]!r} to {names[last.after]!r}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON: its figures, those of each rung with `saved` (estimate, least,
        most), and the moves with the names of their rungs."""
        names = (*(each.name for each in self.rungs), "all frontier")
        return {
            **asdict(self),
            "rungs": [{**asdict(each), "saved": each.saved} for each in self.rungs],
            "moves": [
                {**asdict(move), "before": names[move.before], "after": names[move.after]}
                for move in self.moves
            ],
        }

    def _why(self) -> str:
        """Why no rung is in force."""
        shown = [each for each in self.rungs if each.shown]
        if shown and all(each.saved is not None and each.saved[0] <= 0 for each in shown):
            return "what keeps the target saves nothing now, with its audits paid"
        if shown:
            return "there is no room yet for a loss, or it is used up"
        needed = [each.needed for each in self.rungs if each.needed is not None]
        if needed:
            return f"no rung is shown to keep the target yet; about {min(needed):,} audits would"
        target = self.target or 0.0
        for each in self.rungs:
            unable = each.incomparable / each.requests if each.requests else 0.0
            if each.losses is not None and each.losses - unable < target <= each.losses:
                return (
                    f"{each.incomparable:,} answers could not be compared, which counts as a loss; a "
                    "judge compares free text: Audit(judge=...)"
                )
        known = any(each.losses is not None for each in self.rungs)
        return "no rung keeps the target" if known else "nothing was compared yet"


def report_of_rungs(
    goal: Goal,
    names: Sequence[str],
    kind: Literal["worse", "differs"],
    state: RungState,
    incomparable: Sequence[int],
    moves: Sequence[Move] = (),
) -> TargetReport:
    """Work out what is known.

    Args:
        goal: What is to be kept.
        names: The rungs' names, "all frontier" last.
        kind: What counts as a loss.
        state: What is known.
        incomparable: For each rung: answers that could not be compared.
        moves: The moves so far.
    """
    whole = state.requests if goal.over == "requests" else state.handed_on.count
    confidence = 1 - goal.error
    rungs = []
    for rung, tally in enumerate(state.evidence):
        units, answers = state.taken[rung]
        seen = [Stratum(units, {1.0: answers})] if units else []
        rate, error = tally.rate, error_share(goal, state, rung)
        rungs.append(
            RungFigures(
                name=names[rung],
                requests=units,
                handed_on=answers / units if units else None,
                handed_on_bounds=(lower_bound(seen, confidence), upper_bound(seen, confidence)),
                cost=goal.costs[rung] if goal.costs else None,
                losses=rate,
                at_most=tally.rate_at_most(goal.error),
                incomparable=incomparable[rung],
                needed=None if rate is None else requests_to_show(goal.target, rate, error),
                shown=tally.shows(goal.target, error),
                audited=0.0 if goal.frozen else forecast_audits(goal, state),
            )
        )
    return TargetReport(
        target=None if goal.frozen else goal.target,
        kind=kind,
        over=goal.over,
        confidence=confidence,
        requests=state.requests,
        handed_on=state.handed_on.count,
        losses=state.handed_on.estimate / whole if whole else None,
        at_most=min(1.0, state.handed_on.most(goal.error) / whole) if whole else 0.0,
        rung=names[state.rung if state.is_open else goal.strictest],
        rungs=tuple(rungs),
        moves=tuple(moves),
    )
