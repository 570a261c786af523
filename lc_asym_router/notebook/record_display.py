"""The display of a record: the answer, the timeline, all calls, the saving."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lc_asym_router.notebook.decision_display import decision_parts
from lc_asym_router.notebook.markup import Html, display, table, tag
from lc_asym_router.notebook.plan_drawing import request_svg
from lc_asym_router.notebook.timeline import TimelineRow, saving, steps_of
from lc_asym_router.records.amounts import UNKNOWN, number, seconds, usd

if TYPE_CHECKING:
    from lc_asym_router.records.record import Decomposition, Record

_HEADS = ("step", "call", "model", "what came of it", "score", "time", "tokens", "cost")


def record_html(record: Record) -> str:
    """Return the display of a record."""
    return display(
        tag("pre", record.answer.text) if record.answer and record.answer.text else None,
        _tiles(record),
        _plan(record.decomposition) if record.decomposition else None,
        request_svg(record),
        tag(
            "details",
            tag("summary", "the decision and every call in full"),
            tag("div", decision_parts(record.decision)),
            _asked(record.decomposition) if record.decomposition else None,
            table(_HEADS, map(_row, steps_of(record))),
        ),
        title="The record of a request",
    )


def _plan(found: Decomposition) -> Html:
    """Return whether the request was split, by which planner, and why."""
    how = f"split into {len(found.parts)} steps" if found.parts else "not split"
    by = tag("span", f" (planner: {found.planner})", class_="dim") if found.planner else None
    return tag("p", tag("b", how), f": {found.reason}", by)


def _asked(found: Decomposition) -> Html | None:
    """Return the full instruction of each step."""
    rows = ((tag("b", part.id), part.title, ", ".join(part.needs)) for part in found.parts)
    return table(("step", "asks", "needs"), rows) if found.parts else None


def _tiles(record: Record) -> Html:
    """Return the most important figures as tiles."""
    how = ", escalated" if record.escalated else ", degraded" if record.degraded else ""
    lost = record.saved_usd is not None and record.saved_usd < 0
    tiles = (
        ("answered by", f"{record.tier or 'no tier'}{how}", None),
        ("attempts", str(len(record.attempts)), None),
        ("time", seconds(record.seconds), None),
        ("cost", usd(record.cost_usd), None),
        ("frontier alone (est.)", usd(record.frontier_cost_usd), None),
        ("saving", saving(record), "bad" if lost else "good"),
    )
    return tag("div", (tile(*each) for each in tiles), class_="tiles")


def tile(name: str, value: str, class_: str | None = None) -> Html:
    """Return a figure and its name as a tile."""
    shown = tag("b", value, class_=class_ if value != UNKNOWN else None)
    return tag("span", shown, tag("span", name, class_="dim"), class_="tile")


def _row(step: TimelineRow) -> Iterator[Any]:
    call = step.call
    yield call.step
    yield tag("b", step.name)
    yield call.model
    yield tag("span", step.result, class_=step.kind)
    yield "" if call.score is None else number(call.score)
    yield seconds(call.seconds)
    yield f"{call.usage['input_tokens']} + {call.usage['output_tokens']}" if call.usage else ""
    yield usd(call.cost_usd)
