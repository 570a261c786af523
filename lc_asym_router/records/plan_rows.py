"""The steps of a split request and their results, as rows for tables and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lc_asym_router.records.call import Call, ResultKind, describe_calls
from lc_asym_router.records.record import Part, Record
from lc_asym_router.records.trail import total


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One row: a step of the plan, the planning, the join, or the whole request.

    Attributes:
        name: The step's id, or "plan", "join" or "whole".
        title: The step's title, in one line, or "".
        result: The result in words.
        kind: The result's kind, which displays colour it by.
        record: The record of its calls; `None` where no model was called.
        begun: Start in seconds after the start of the first row.
    """

    name: str
    title: str
    result: str
    kind: ResultKind
    record: Record | None
    begun: float = 0.0

    @property
    def calls(self) -> tuple[Call, ...]:
        """All model calls made for the row."""
        return (*self.record.attempts, *self.record.side_calls) if self.record else ()

    @property
    def seconds(self) -> float | None:
        """Duration in seconds; `None` where it is unknown."""
        if self.record and self.record.seconds is not None:
            return self.record.seconds
        took = [call.seconds for call in self.calls if call.seconds is not None]
        return sum(took) if took else None

    @property
    def end(self) -> float:
        """End in seconds after the start of the first row."""
        return self.begun + (self.seconds or 0.0)

    @property
    def tiers(self) -> str:
        """The tiers that were asked, ending with the one that answered."""
        attempts = self.record.attempts if self.record else ()
        return " > ".join(dict.fromkeys(call.tier for call in attempts))

    @property
    def cost_usd(self) -> float | None:
        """Cost in USD, checks included; `None` where it is unknown."""
        if self.record and self.record.cost_usd is not None:
            return self.record.cost_usd
        return total(call.cost_usd for call in self.calls) if self.calls else None


def plan_rows(record: Record) -> list[PlanRow]:
    """Return the rows of a record: planning, steps, join, and the fallback to the whole request.

    A record does not have the steps' start times: each row starts as early as its needs allow.
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
        result, kind = found.join.described
        begun = max(row.end for row in rows)
        rows.append(PlanRow("join", f"by {found.join.by}", result, kind, found.join.record, begun))
    whole = tuple(call for call in record.attempts if not call.step)
    if whole:
        asked = replace(record, attempts=whole, side_calls=(), seconds=None, cost_usd=None)
        result, kind = describe_calls(whole)
        begun = max(row.end for row in rows)
        rows.append(PlanRow("whole", "the whole request after all", result, kind, asked, begun))
    return rows


def _step(part: Part) -> PlanRow:
    result, kind = part.described
    return PlanRow(part.id, part.title, result, kind, part.record)


def _begun(rows: list[PlanRow], parts: Sequence[Part], start: float) -> list[PlanRow]:
    """Set each step's start to the end of the last step that it needs.

    In a record made by hand steps may need each other in a cycle: then none of them waits.
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
