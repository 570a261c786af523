"""What came of each step of a split request, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lc_asym_router.records.call import Call, Kind, describe_calls
from lc_asym_router.records.record import Part, Record
from lc_asym_router.records.trail import total


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A row of the drawing.

    Attributes:
        name: The step's id, or "plan", "join" or "whole".
        title: What it asks, in a line, or "".
        result: What came of it.
        kind: The same in one word.
        record: Its calls; `None` where no model was asked.
        begun: Seconds from the start of the first.
    """

    name: str
    title: str
    result: str
    kind: Kind
    record: Record | None
    begun: float = 0.0

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that was made for it."""
        return (*self.record.attempts, *self.record.side_calls) if self.record else ()

    @property
    def seconds(self) -> float | None:
        """How long it took, in seconds; `None` where that is not known."""
        if self.record and self.record.seconds is not None:
            return self.record.seconds
        took = [call.seconds for call in self.calls if call.seconds is not None]
        return sum(took) if took else None

    @property
    def end(self) -> float:
        """Seconds from the start of the first to its end."""
        return self.begun + (self.seconds or 0.0)

    @property
    def tiers(self) -> str:
        """The tiers that it went through, to the one that answered."""
        attempts = self.record.attempts if self.record else ()
        return " > ".join(dict.fromkeys(call.tier for call in attempts))

    @property
    def cost_usd(self) -> float | None:
        """What it cost in USD, checks included; `None` where that is not known."""
        if self.record and self.record.cost_usd is not None:
            return self.record.cost_usd
        return total(call.cost_usd for call in self.calls) if self.calls else None


def rows_of(record: Record) -> list[PlanRow]:
    """Planning, each step when what it needs is there, the join, and the whole request after all.

    When a step began, a record does not say: the rows stand as they could have at the earliest.
    """
    found = record.decomposition
    if found is None or not found.parts:
        return []
    rows: list[PlanRow] = []
    planning = tuple(call for call in record.side_calls if call.tier == "plan")
    if planning:
        asked = replace(record, attempts=(), side_calls=planning, seconds=None, cost_usd=None)
        rows.append(PlanRow("plan", found.planner, found.reason, "side", asked))
    planned = rows[0].end if rows else 0.0
    rows += _begun([_step(part) for part in found.parts], found.parts, planned)
    if found.join:
        said, kind = found.join.described
        begun = max(row.end for row in rows)
        rows.append(PlanRow("join", f"by {found.join.by}", said, kind, found.join.record, begun))
    whole = tuple(call for call in record.attempts if not call.step)
    if whole:
        asked = replace(record, attempts=whole, side_calls=(), seconds=None, cost_usd=None)
        said, kind = describe_calls(whole)
        begun = max(row.end for row in rows)
        rows.append(PlanRow("whole", "the whole request after all", said, kind, asked, begun))
    return rows


def _step(part: Part) -> PlanRow:
    said, kind = part.described
    return PlanRow(part.id, part.title, said, kind, part.record)


def _begun(rows: list[PlanRow], parts: Sequence[Part], start: float) -> list[PlanRow]:
    """The steps' rows, each begun when the last that it needs has ended.

    A made-up record may let steps wait for each other: then none of those waits.
    """
    names = {part.id for part in parts}
    ends: dict[str, float] = {}
    placed = {}
    waiting = list(range(len(parts)))
    while waiting:
        free = [at for at in waiting if names.intersection(parts[at].needs) <= set(ends)]
        free = free or waiting
        for at in free:
            begun = max((ends[need] for need in parts[at].needs if need in ends), default=start)
            placed[at] = replace(rows[at], begun=begun)
        ends |= {parts[at].id: placed[at].end for at in free}
        waiting = [at for at in waiting if at not in placed]
    return [placed[at] for at in range(len(parts))]
