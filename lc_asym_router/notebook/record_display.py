"""Displays of decisions, records and comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lc_asym_router.classify.scorer import Factor
from lc_asym_router.notebook.markup import Html, clipped, display, drawing, markup, table, tag
from lc_asym_router.notebook.timeline import TimelineRow, request_svg, saving, timeline_rows
from lc_asym_router.records.call import UNKNOWN, describe_call, figure_text, seconds, usd

if TYPE_CHECKING:
    from lc_asym_router.records.record import Decomposition, Record
    from lc_asym_router.records.trail import Decision
    from lc_asym_router.router.compare import Comparison, Try
    from lc_asym_router.router.explain import Explanation, RubricLevel

WIDTH, BAR_X, BAR = 560, 190, 300


def decision_html(decision: Decision) -> str:
    """Return the display of a decision."""
    return display(decision_parts(decision), title="A decision")


def explanation_html(explanation: Explanation) -> str:
    """Return the display of a decision with its contributions."""
    asked = (part.name for part in explanation.parts if part.word)
    return display(
        decision_parts(explanation.decision),
        tag("pre", _marked(explanation.question, list(asked))) if explanation.question else None,
        _moved(explanation.parts),
        _levels(explanation.levels),
        _refusals(explanation.refusals),
        title="A decision and its parts",
    )


def decision_parts(decision: Decision) -> Iterator[Html]:
    """Yield the elements of a decision's display: its tier, the bar, the reason."""
    yield tag("h4", "asked first: ", tag("span", decision.tier, class_="calm"))
    if decision.complexity is not None:
        yield _bar(decision.complexity, decision.threshold)
    details = [decision.classifier]
    if decision.confidence is not None:
        details.append(f"confidence {figure_text(decision.confidence)}")
    if decision.cached:  # what moved it is not kept
        details.append("remembered in the decision cache")
    yield tag("p", decision.reason, tag("span", f" ({', '.join(details)})", class_="dim"))


def _bar(complexity: float, threshold: float | None) -> Html:
    """Draw the complexity as a bar on [0, 1], with a mark at the threshold."""
    over = threshold is not None and complexity >= threshold
    mark = None if threshold is None else BAR_X + BAR * threshold
    return drawing(
        WIDTH,
        52,
        tag("text", f"complexity {figure_text(complexity)}", x=0, y=24, class_="b"),
        tag("rect", x=BAR_X, y=12, width=BAR, height=16, rx=4, class_="box"),
        tag(
            "rect",
            x=BAR_X,
            y=12,
            width=round(BAR * complexity, 1),
            height=16,
            rx=4,
            class_="calm" if over else "good",
        ),
        (
            tag("path", d=f"M{mark:.1f} 6 v28", class_="edge"),
            tag("text", f"threshold {figure_text(threshold)}", x=mark, y=47, class_="d mid"),
        )
        if mark is not None
        else None,
        tag("text", "small", x=BAR_X - 8, y=24, class_="d end"),
        tag("text", "up", x=BAR_X + BAR + 8, y=24, class_="d"),
        title="Complexity against the threshold",
    )


def _moved(parts: Sequence[Factor]) -> Html | None:
    """Draw each contribution: a bar to the right if it raised the complexity, else to the left."""
    if not parts:
        return None
    most = max(abs(part.moved) for part in parts) or 1.0
    middle, half = BAR_X + BAR / 2 + 20, BAR / 2 - 20
    rows = []
    for row, part in enumerate(parts):
        length, y = half * abs(part.moved) / most, 20 * row
        rows.append(
            tag(
                "g",
                tag("title", part.name),
                tag("text", clipped(part.name, 34), x=0, y=y + 14),
                tag(
                    "rect",
                    x=round(middle if part.moved > 0 else middle - length, 1),
                    y=y + 4,
                    width=round(length, 1),
                    height=12,
                    rx=2,
                    class_="calm" if part.moved > 0 else "good",
                ),
                tag("text", f"{part.moved:+.2f}", x=WIDTH, y=y + 14, class_="d end"),
            )
        )
    line = tag("path", d=f"M{middle} 0 v{20 * len(parts)}", class_="rule")
    heading = tag("h5", "what moved it, in the classifier's own units")
    return markup((heading, drawing(WIDTH, 20 * len(parts), rows, line, title="What moved it")))


def _levels(levels: Sequence[RubricLevel]) -> Html | None:
    """List the rubric's levels with the classifier's probabilities."""
    if not levels:
        return None
    rows = [(f"{level.probability:.0%}", level.text) for level in levels]
    return markup(
        (tag("h5", "the level that it takes the request to be of"), table(("", ""), rows))
    )


def _refusals(refusals: dict[str, str]) -> Html | None:
    """List the tiers that can't take the request, with the reasons."""
    if not refusals:
        return None
    lines = (tag("p", tag("b", tier), f" can't take it: {why}") for tier, why in refusals.items())
    return markup(lines)


def _marked(text: str, words: Sequence[str]) -> Html:
    """Return the request with the words that were found in it marked."""
    shown = clipped(text, 2000)
    if not words:
        return markup(shown)
    pieces = re.split("(" + "|".join(map(re.escape, words)) + ")", shown, flags=re.IGNORECASE)
    return markup(tag("mark", piece) if i % 2 else piece for i, piece in enumerate(pieces))


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
            table(_HEADS, map(_row, timeline_rows(record))),
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
    yield "" if call.score is None else figure_text(call.score)
    yield seconds(call.seconds)
    yield f"{call.usage['input_tokens']} + {call.usage['output_tokens']}" if call.usage else ""
    yield usd(call.cost_usd)


def comparison_html(comparison: Comparison) -> str:
    """Return the display of a comparison."""
    explanation = comparison.explanation
    return display(
        tag("pre", explanation.question) if explanation.question else None,
        tag(
            "p",
            "The router asks ",
            tag("b", explanation.decision.tier),
            f" first: {explanation.decision.reason}",
        ),
        tag("div", map(_card, comparison.tries.values()), class_="cards"),
        title="All tiers, side by side",
    )


def _card(tried: Try) -> Html:
    """Return one tier's answer as a card."""
    call = tried.call
    if call is None:
        text, kind = f"not asked: {tried.refused}", "fail"
    else:
        text, kind = describe_call(call, side=False)
        text = text.replace("discarded", "rejected")
    calls = len(tried.record.side_calls) if tried.record else 0
    checked = f", {calls} calls to check it" if calls else ""
    usage = call.usage if call else None
    tokens = f", {usage['input_tokens']} + {usage['output_tokens']} tokens" if usage else ""
    numbers = f"{seconds(call.seconds)}, {usd(tried.cost_usd)}{tokens}{checked}" if call else None
    return tag(
        "div",
        tag("h4", tried.tier, tag("span", f" {tried.model}", class_="dim")),
        tag("p", text, class_=kind),
        tag("pre", tried.answer.text) if tried.answer else None,
        tag("p", numbers, class_="dim") if numbers else None,
        class_="card",
    )
