"""Draw a split request: a row for each step, for the join, and for what followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lc_asym_router.notebook.markup import Html, clipped, tag
from lc_asym_router.notebook.timeline import (
    BAR,
    BAR_X,
    ROW,
    WIDTH,
    bar,
    footed,
    steps_of,
    timeline_svg,
)
from lc_asym_router.records.amounts import seconds, usd
from lc_asym_router.records.plan_rows import PlanRow, rows_of

if TYPE_CHECKING:
    from lc_asym_router.records.record import Record


TITLE_AT = 84
"""Where a row's title begins, behind its name."""


def request_svg(record: Record) -> Html:
    """Draw a request: its plan if it was split, else its timeline."""
    rows = rows_of(record)
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
    steps = list(steps_of(row.record)) if row.record else []
    last = max((at for at, step in enumerate(steps) if step.kind != "side"), default=None)
    for at, step in enumerate(steps):
        kind = row.kind if at == last else step.kind
        yield bar(replace(step, begun=row.begun + step.begun, kind=kind), y, scale)
