"""A request's record as the graph writes it: an entry an attempt, why it was made, and the totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router._internal.provider_errors import error_head
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.money.usage import from_cache
from lc_asym_router.records.amounts import total
from lc_asym_router.records.labels import Labels, Why
from lc_asym_router.records.trail import Trail, open_record
from lc_asym_router.verify.attempt import Verdict

if TYPE_CHECKING:
    from lc_asym_router.records.trail import Trail
    from lc_asym_router.tiers.ladder import Ladder
    from lc_asym_router.tiers.tier import Tier


UNDER_WAY = "under way"
"""The error of an attempt that a hedge runs beside, while it runs."""


def answering(tier: Tier, trail: Trail, ladder: Ladder) -> Labels:
    """The labels of the next call of a tier.

    Args:
        tier: The tier.
        trail: What has happened so far.
        ladder: The tiers, cheapest first.
    """
    attempts = trail["attempts"]
    number = len(attempts) + 1
    if not attempts:
        decision = trail["decision"]
        if decision["tier"] == tier.name:
            return Labels("answer", "decided", decision["classifier"], tier.name, number)
        return Labels("answer", "degraded", "budget", tier.name, number)
    before = attempts[-1]
    if before["error"] == UNDER_WAY:
        return Labels("answer", "hedged", "late", tier.name, number)
    step = ladder.position(tier.name) - ladder.position(before["tier"])
    why: Why = "escalated" if step > 0 else "degraded" if step < 0 else "fell_back"
    if tier.name == before["tier"]:
        why = "retried"
    return Labels("answer", why, _cause(before), tier.name, number)


def classifying(name: str) -> Labels:
    """The labels of a classifier's calls."""
    return Labels("classify", "classify", name)


def verifying(name: str, trail: Trail) -> Labels:
    """The labels of a check's calls."""
    attempts = trail["attempts"]
    return Labels("verify", "verify", name, attempts[-1]["tier"], len(attempts))


def _cause(attempt: Mapping[str, Any]) -> str:
    if attempt["error"]:
        return error_head(attempt["error"])
    return attempt["check"] or "budget"


def attempt_entry(
    *,
    tier: str,
    model: str,
    price: Pricing | None,
    seconds: float,
    usage: UsageMetadata | None = None,
    error: str | None = None,
    unbilled: bool = False,
) -> dict[str, Any]:
    """An attempt's entry in the record, before any verdict.

    Args:
        unbilled: The call failed before its model began to answer, which no provider bills: its
            cost is 0 where the price is known. What a call that failed later cost nobody knows.
    """
    cost = cost_of_call(price, usage, seconds, failed=bool(error), unbilled=unbilled)
    return {
        "tier": tier,
        "model": model,
        "passed": None if not error else False,
        "check": None,
        "score": None,
        "reason": None,
        "usage": dict(usage) if usage else None,
        "cost_usd": cost,
        "seconds": seconds,
        "error": error,
        "cached": bool(usage and from_cache(usage)),
    }


def judged(entry: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The entry with the verdict written in; with who voted what, where it was a vote."""
    return {
        **entry,
        "passed": verdict.passed,
        "check": verdict.check,
        "score": verdict.score,
        "reason": verdict.reason,
        "vouched": verdict.vouched if verdict.passed else "none",
        **({"votes": [dict(vote) for vote in verdict.votes]} if verdict.votes else {}),
    }


def record_of(
    trail: Trail,
    *,
    answered: int,
    frontier: Pricing | None,
    last: str,
    climbed: int,
    vouched: str,
) -> Any:
    """The record of a request whose answer is attempt number `answered`.

    `frontier_cost_usd` is an estimate: the answer's own token counts at the frontier's price. Where
    the frontier (the tier named `last`) gave the answer it is what that call cost; and so where a
    cache gave it, for that would have answered the frontier's caller too.

    Args:
        climbed: Rungs from the tier that was asked first to the one that answered.
        vouched: What the answer is vouched for by.
    """
    answer = trail["attempts"][answered]
    cost = total([call["cost_usd"] for call in (*trail["attempts"], *trail["side_calls"])])
    if answer["tier"] == last or answer["cached"]:
        alone = answer["cost_usd"]
    else:
        alone = frontier.of(answer["usage"]) if frontier else None
    return {
        **open_record(trail),
        "tier": answer["tier"],
        "escalated": climbed > 0,
        "degraded": climbed < 0,
        "vouched": vouched,
        "cost_usd": cost,
        "frontier_cost_usd": alone,
        "saved_usd": None if cost is None or alone is None else alone - cost,
    }
