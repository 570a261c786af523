"""The display of a router: its graph, its tiers with prices and limits, its classifier and checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from lc_asym_router.graph.policy import Policy
from lc_asym_router.notebook.amounts import price
from lc_asym_router.notebook.graph_drawing import graph_svg
from lc_asym_router.notebook.markup import Html, display, table, tag
from lc_asym_router.records.amounts import number
from lc_asym_router.tiers.tier import Tier

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
    thresholds = ", ".join(map(number, decider.thresholds))
    yield "threshold", f"{thresholds}: complexity at or over it goes up (one: to {top})"
    yield from _checks(policy)
    yield "tries on a tier before it escalates", str(policy.small_attempts)
    yield "escalates with", f"the {policy.escalate_with}"
    yield "stays on its tier for a", decider.sticky or "single call"
    if policy.deadline is not None:
        yield "deadline", f"{policy.deadline:g} s"
    budgets = [
        f"{number(limit)} {unit} per {each.per}"
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
