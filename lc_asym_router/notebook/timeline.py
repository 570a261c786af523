"""Drawings of a request's attempts in time, and of a plan's steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lc_asym_router.notebook.markup import Html, clipped, drawing, tag
from lc_asym_router.records.call import FIRST, ResultKind, describe_call, seconds, stopped, usd
from lc_asym_router.records.plan_rows import PlanRow, plan_rows

if TYPE_CHECKING:
    from lc_asym_router.records.call import Call
    from lc_asym_router.records.record import Record

WIDTH, BAR_X, BAR, ROW = 780, 250, 300, 40


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A row of the timeline.

    Attributes:
        call: The call.
        name: The row's name.
        result: The result in words.
        kind: The result's kind, which gives the colour.
        begun: Start in seconds after the start of the first call.
    """

    call: Call
    name: str
    result: str
    kind: ResultKind
    begun: float


def timeline_rows(record: Record) -> Iterator[TimelineRow]:
    """Yield the rows in the order of the calls; calls that raced run concurrently and end together.

    A record does not say which attempt a check's call was for. If only one attempt was checked, the
    check's calls follow it; else they come last.
    """
    checks = [(call, 0) for call in record.side_calls if call.tier not in FIRST]
    checked = [call for call in record.attempts if call.passed is not None and not call.error]
    order = [(call, 0) for call in record.side_calls if call.tier in FIRST]
    for number, call in enumerate(record.attempts, 1):
        order.append((call, number))
        if checked == [call]:
            order += checks
    order += checks if len(checked) != 1 else []
    at = 0.0
    for place, (call, number) in enumerate(order):
        result, kind = describe_call(call, side=not number)
        beside = [call, *(each for each, _ in order[place + 1 : place + 2] if stopped(call))]
        took = call.seconds or 0.0
        lead = max(each.seconds or 0.0 for each in beside) - took
        name = f"{number} {call.tier}" if number else call.tier
        yield TimelineRow(call, name, result, kind, at + lead)
        if stopped(call):
            at += max(0.0, took - (beside[-1].seconds or 0.0))
        else:
            at += took + (call.retry_in or 0.0)


def timeline_svg(record: Record) -> Html:
    """Draw a record's timeline."""
    steps = list(timeline_rows(record))
    longest = max((step.begun + (step.call.seconds or 0.0) for step in steps), default=0.0)
    scale = BAR / max(longest, record.seconds or 0.0, 1e-9)
    rows = [_row(step, ROW * place, scale) for place, step in enumerate(steps)]
    return footed(record, rows, title="The timeline of a request")


def footed(record: Record, rows: Sequence[Html], *, title: str) -> Html:
    """Draw rows, with the request's total time and cost below."""
    bottom = ROW * len(rows) + 8
    return drawing(
        WIDTH,
        bottom + 26,
        rows,
        tag("path", d=f"M0 {bottom - 4} h{WIDTH}", class_="rule"),
        tag("text", _in_all(record), x=0, y=bottom + 14, class_="b"),
        title=title,
    )


def _row(step: TimelineRow, y: int, scale: float) -> Html:
    call, usage = step.call, step.call.usage
    tokens = f"{usage['input_tokens']} + {usage['output_tokens']} tokens" if usage else ""
    cost = "" if call.cost_usd is None else usd(call.cost_usd)
    numbers = ", ".join(part for part in (tokens, cost) if part)
    return tag(
        "g",
        tag("title", f"{step.name} ({call.model}): {step.result}"),
        tag("text", clipped(step.name, 16), x=0, y=y + 16, class_="b"),
        tag("text", clipped(call.model, 24), x=BAR_X - 12, y=y + 16, class_="d end"),
        tag("text", clipped(step.result, 66), x=0, y=y + 32, class_="d"),
        tag("path", d=f"M{BAR_X} {y + 14} h{BAR}", class_="rule"),
        bar(step, y, scale),
        tag("text", seconds(call.seconds), x=BAR_X + BAR + 12, y=y + 18),
        tag("text", numbers, x=WIDTH, y=y + 18, class_="d end"),
        class_="step",
    )


def bar(step: TimelineRow, y: int, scale: float) -> Html:
    """Draw a call as a bar: its position is its start, its length its duration, its colour its result.

    Args:
        step: The call.
        y: The top of its row, in user units.
        scale: User units per second.
    """
    return tag(
        "rect",
        x=round(BAR_X + step.begun * scale, 1),
        y=y + 6,
        width=round(max((step.call.seconds or 0.0) * scale, 2.0), 1),
        height=15,
        rx=3,
        class_=step.kind,
    )


def _in_all(record: Record) -> str:
    """Return the request's total time and cost in one line."""
    result = f"in all {seconds(record.seconds)}, {usd(record.cost_usd)}"
    if record.frontier_cost_usd is not None:
        result += f"; the frontier alone about {usd(record.frontier_cost_usd)}"
    if record.saved_usd is not None:
        result += f"; {saving(record)}"
    return result


def saving(record: Record) -> str:
    """Return the saving, or how much more the checks cost than they saved."""
    saved, alone = record.saved_usd, record.frontier_cost_usd
    if saved is None:
        return "unknown"
    part = f" ({abs(saved) / alone:.0%})" if alone else ""
    return f"{'saved' if saved >= 0 else 'lost'} {usd(abs(saved))}{part}"


TITLE_AT = 84
"""Where a row's title begins, behind its name."""


def request_svg(record: Record) -> Html:
    """Draw a request: its plan if it was split, else its timeline."""
    rows = plan_rows(record)
    if not rows:
        return timeline_svg(record)
    longest = max(row.end for row in rows)
    scale = BAR / max(longest, record.seconds or 0.0, 1e-9)
    drawn = [_drawn(row, ROW * place, scale) for place, row in enumerate(rows)]
    return footed(record, drawn, title="The plan of a request")


def _drawn(row: PlanRow, y: int, scale: float) -> Html:
    numbers = (clipped(row.tiers, 18), "" if row.cost_usd is None else usd(row.cost_usd))
    return tag(
        "g",
        tag("title", f"{row.name}: {row.title}\n{row.result}"),
        tag("text", clipped(row.name, 10), x=0, y=y + 16, class_="b"),
        tag("text", clipped(row.title, 28), x=TITLE_AT, y=y + 16, class_="d"),
        tag("text", clipped(row.result, 120), x=0, y=y + 32, class_="d"),
        tag("path", d=f"M{BAR_X} {y + 14} h{BAR}", class_="rule"),
        list(_bars(row, y, scale)),
        tag("text", seconds(row.seconds), x=BAR_X + BAR + 12, y=y + 18) if row.calls else None,
        tag("text", ", ".join(filter(None, numbers)), x=WIDTH, y=y + 18, class_="d end"),
        class_="step",
    )


def _bars(row: PlanRow, y: int, scale: float) -> Iterator[Html]:
    """Draw a bar for each call of a row; the last answer has the colour of the row's result."""
    steps = list(timeline_rows(row.record)) if row.record else []
    last = max((at for at, step in enumerate(steps) if step.kind != "side"), default=None)
    for at, step in enumerate(steps):
        kind = row.kind if at == last else step.kind
        yield bar(replace(step, begun=row.begun + step.begun, kind=kind), y, scale)
