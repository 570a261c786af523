"""The display of a comparison: the tiers' answers side by side, with verdicts and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router.notebook.markup import Html, display, tag
from lc_asym_router.records.amounts import seconds, usd
from lc_asym_router.records.call import describe_call

if TYPE_CHECKING:
    from lc_asym_router.router.compare import Comparison, Try


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
