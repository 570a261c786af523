"""Displays of a report and of a router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lc_asym_router.graph.policy import Policy
from lc_asym_router.notebook.graph_drawing import graph_svg
from lc_asym_router.notebook.markup import Html, clipped, display, drawing, price, table, tag
from lc_asym_router.notebook.record_display import tile
from lc_asym_router.records.call import figure_text, share, usd
from lc_asym_router.tiers.tier import Tier

if TYPE_CHECKING:
    from lc_asym_router.notebook.report_figures import Day, Report

WIDTH, BAR_X, BAR = 780, 190, 420
TALL, MOST_DAYS = 130, 31
_KINDS = ("good", "calm", "bad", "side", "fail")


def report_html(report: Report) -> str:
    """Return the display of a report."""
    if not report.requests:
        return display(tag("p", "no requests yet"), title="A report")
    missing = report.unknown_cost
    return display(
        tag("div", _tiles(report), class_="tiles"),
        tag("p", f"{missing} requests of unknown cost are not in the sums", class_="dim")
        if missing
        else None,
        tag("h5", "who answered"),
        _bars(report.tiers, report.requests, _KINDS),
        tag("h5", "what vouches for the answers"),
        _bars(report.vouched, sum(report.vouched.values()) or None, _KINDS),
        tag("h5", "cost by day, and what the frontier alone would have cost (outlined, estimated)"),
        _bill(report.days[-MOST_DAYS:]),
        (tag("h5", "answers that a check has failed"), _bars(report.checks, None, ("bad",)))
        if report.checks
        else None,
        title="A report",
    )


def _tiles(report: Report) -> Iterator[Html]:
    saved = report.saved_usd
    yield tile("requests", f"{report.requests:,}")
    yield tile("escalated", share(report.escalated))
    yield tile("cost", usd(report.cost_usd))
    yield tile("frontier alone (est.)", usd(report.frontier_cost_usd))
    yield tile("saved", usd(saved), "bad" if saved is not None and saved < 0 else "good")


def _bars(counts: Mapping[str, int], whole: int | None, kinds: tuple[str, ...]) -> Html:
    """Draw a bar per name; its length is relative to the whole, or else to the largest count."""
    most = whole or max(counts.values(), default=1)
    rows = []
    for place, (name, count) in enumerate(counts.items()):
        y, length = 22 * place, BAR * count / most
        label = f"{count:,}" + (f" ({count / whole:.0%})" if whole else "")
        bar = tag(
            "rect",
            x=BAR_X,
            y=y + 4,
            width=round(max(length, 1.0), 1),
            height=14,
            rx=3,
            class_=kinds[place % len(kinds)],
        )
        name_of = tag("text", clipped(name, 30), x=0, y=y + 15)
        rows.append(
            tag(
                "g",
                tag("title", name),
                name_of,
                bar,
                tag("text", label, x=BAR_X + BAR + 12, y=y + 15),
            )
        )
    return drawing(WIDTH, 22 * len(rows) + 4, rows, title="Counts")


def _bill(days: tuple[Day, ...]) -> Html:
    """Draw a column for each day's cost, inside the outline of the frontier's cost."""
    tops = [amount for day in days for amount in (day.cost_usd, day.frontier_cost_usd) if amount]
    most = max(tops, default=1.0)
    step = min(90.0, (WIDTH - 80) / len(days))
    every = max(1, round(46 / step))
    columns = []
    for place, day in enumerate(days):
        x = round(70 + place * step, 1)
        cost, alone = day.cost_usd or 0.0, day.frontier_cost_usd or 0.0
        title = f"{day.day}: {usd(day.cost_usd)}, the frontier alone {usd(day.frontier_cost_usd)}"
        columns.append(
            tag(
                "g",
                tag("title", title),
                _column(x, step * 0.7, TALL * alone / most, "box"),
                _column(x + step * 0.1, step * 0.5, TALL * cost / most, "calm"),
                tag("text", day.day[5:], x=x + step * 0.35, y=TALL + 26, class_="d mid")
                if place % every == 0
                else None,
            )
        )
    return drawing(
        WIDTH,
        TALL + 34,
        tag("text", usd(most if tops else None), x=62, y=18, class_="d end"),
        tag("text", "$0", x=62, y=TALL + 12, class_="d end"),
        tag("path", d=f"M66 {TALL + 10} H{WIDTH}", class_="rule"),
        columns,
        title="Cost by day",
    )


def _column(x: float, width: float, height: float, class_: str) -> Html:
    return tag(
        "rect",
        x=round(x, 1),
        y=round(TALL + 10 - height, 1),
        width=round(width, 1),
        height=round(height, 1),
        class_=class_,
    )


_HEADS = (
    "tier",
    "model",
    "provider",
    "price",
    "prompts up to",
    "answers up to",
    "takes",
    "limits",
    "source",
)


class HasPolicy(Protocol):
    """A router, or its graph."""

    @property
    def policy(self) -> Policy:
        """The router's resolved settings."""


def router_html(router: HasPolicy) -> str:
    """Return the display of a router."""
    policy = router.policy
    return display(
        graph_svg(policy),
        table(_HEADS, map(_tier, policy.ladder.every)),
        table(("", ""), _settings(policy)),
        title="A router",
    )


def graph_html(graph: HasPolicy) -> str:
    """Return the display of a router's graph alone."""
    return display(graph_svg(graph.policy), title="The graph of a router")


def _tier(tier: Tier) -> Iterator[Any]:
    profile = tier.model.profile or {}
    inputs = tier.inputs
    if inputs is None:
        known = ("image", "audio", "pdf", "video")
        inputs = frozenset(kind for kind in known if profile.get(f"{kind}_inputs"))
    tools = tier.tools if tier.tools is not None else profile.get("tool_calling")
    yield tag("b", tier.name)
    yield tier.model_name
    yield tier.provider
    yield price(tier.rate)
    yield _tokens(tier.room)
    yield _tokens(tier.answer_limit)
    yield ", ".join(["text", *sorted(inputs), *(["no tools"] if tools is False else [])])
    yield ", ".join(_limits(tier))
    yield tier.source


def _limits(tier: Tier) -> Iterator[str]:
    """Describe a tier's timeout, its attempts, and its maximum concurrency."""
    if tier.timeout is not None:
        yield f"{tier.timeout:g} s a call"
    if tier.retry.attempts > 1:
        yield f"{tier.retry.attempts} tries where it fails"
    if slots := tier.guard.slots:
        yield f"{slots.limit} at once"


def _tokens(count: int | None) -> str:
    return "" if count is None else f"{count:,} tokens"


def _settings(policy: Policy) -> Iterator[tuple[str, Any]]:
    decider = policy.decider
    top = policy.ladder[-1].name
    yield "classifier", decider.scorer.name
    thresholds = ", ".join(map(figure_text, decider.thresholds))
    yield "threshold", f"{thresholds}: complexity at or over it goes up (one: to {top})"
    yield from _checks(policy)
    yield "tries on a tier before it escalates", str(policy.small_attempts)
    yield "escalates with", f"the {policy.escalate_with}"
    yield "stays on its tier for a", decider.sticky or "single call"
    if policy.deadline is not None:
        yield "deadline", f"{policy.deadline:g} s"
    budgets = [
        f"{figure_text(limit)} {unit} per {each.per}"
        for each in policy.budgets
        for unit in ("usd", "tokens", "calls")
        if (limit := getattr(each, unit)) is not None
    ]
    if budgets:
        yield "budgets", [_chip(budget) for budget in budgets]


def _checks(policy: Policy) -> Iterator[tuple[str, Any]]:
    """Describe the checks, once if all tiers have the same."""
    lower = policy.ladder[:-1]
    found = {
        tier.name: [part.name for part in check.parts] if (check := policy.check_on(tier)) else []
        for tier in lower
    }
    same = all(names == found[lower[0].name] for names in found.values())
    for tier, names in list(found.items())[: 1 if same else None]:
        named = "checks" if same else f"checks on {tier}"
        yield named, [_chip(name) for name in names] or "none: every answer passes"


def _chip(text: str) -> Html:
    return tag("span", text, class_="chip")
