"""Entries of the record: an attempt's, with its verdict, and the whole record on an answer; and the
answer handed to those who follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.constants import END

from lc_asym_router._internal.chunks import Draft
from lc_asym_router.graph.state import NodeRun, Update
from lc_asym_router.graph.streaming import Audience, adeliver, deliver
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.money.usage import believed, from_cache
from lc_asym_router.records.trail import Trail, open_record, total
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Verdict


def vouched_by(answer: Mapping[str, Any], last: bool) -> str:
    """What vouches for the answer of an attempt: its check, else being the last tier's."""
    if answer["passed"]:
        return str(answer["vouched"])
    return "frontier" if last else "none"


def answered_instead(trail: Trail, message: AIMessage) -> Update:
    """An answer that no model gave: a budget's `on_exhausted` did."""
    record = {
        **open_record(trail),
        "tier": None,
        "escalated": False,
        "degraded": False,
        "vouched": "none",
        "cost_usd": cost_of_trail(trail),
        "frontier_cost_usd": None,
        "saved_usd": None,
    }
    return with_answer(trail, message, record)


def cost_of_trail(trail: Trail) -> float | None:
    """Return the cost of all calls so far in USD; `None` where one is unknown."""
    return total([call["cost_usd"] for call in (*trail["attempts"], *trail["side_calls"])])


def with_answer(trail: Trail, message: AIMessage, record: dict[str, Any]) -> Update:
    """Return the state update that ends a request with an answer and its record."""
    metadata = {**message.response_metadata, "router": record}
    answer = message.model_copy(update={"response_metadata": metadata})
    return {"messages": [answer], "route": END, "trail": trail, "draft": None}


def without_record(answer: AIMessage) -> AIMessage:
    """Return an answer without its record: a stream has the record in its last chunk."""
    metadata = {k: v for k, v in answer.response_metadata.items() if k != "router"}
    return answer.model_copy(update={"response_metadata": metadata})


def attempt_entry(
    *,
    tier: str,
    model: str,
    price: Pricing | None,
    seconds: float,
    usage: UsageMetadata | None = None,
    error: str | None = None,
    unbilled: bool = False,
    estimated: bool = False,
) -> dict[str, Any]:
    """An attempt's entry in the record, before any verdict.

    Args:
        estimated: The call broke off, and its counts are an estimate from what was received.
        unbilled: The call failed before its model began to answer, which no provider bills: its
            cost is 0 where the price is known. What a call that failed later cost nobody knows.
    """
    counted, believable = believed(usage) if usage else (None, True)
    failed = bool(error) and not estimated
    cost = None
    if price is not None or counted is not None:  # a cached answer costs nothing at any price
        cost = cost_of_call(price, counted, seconds, failed=failed, unbilled=unbilled)
    return {
        "tier": tier,
        "model": model,
        "passed": None if not error else False,
        "check": None,
        "score": None,
        "reason": None,
        "usage": counted,
        "cost_usd": cost,
        "seconds": seconds,
        "error": error,
        "cached": bool(usage and from_cache(usage)),
        **({} if believable else {"usage_doubtful": True}),
        **({"usage_estimated": True} if estimated else {}),
    }


def with_verdict(trail: Trail, verdict: Verdict, side_calls: list[dict[str, Any]]) -> Trail:
    """Return the trail with a verdict in its last attempt, and the check's calls beside it."""
    *before, last = trail["attempts"]
    last = {
        **last,
        "passed": verdict.passed,
        "check": verdict.check,
        "score": verdict.score,
        "reason": verdict.reason,
        "vouched": verdict.vouched if verdict.passed else "none",
        **({"votes": [dict(vote) for vote in verdict.votes]} if verdict.votes else {}),
    }
    return {
        **trail,
        "attempts": [*before, last],
        "side_calls": [*trail["side_calls"], *side_calls],
    }


# the answer, to whoever follows it as it comes ---------------------------------------------


def deliver_draft(draft: Draft, tier: Tier, run: NodeRun) -> None:
    """Deliver a tier's buffered answer, where anybody wants it as chunks."""
    if run.around.streams:
        deliver(draft, run.request.messages, _audience(tier, run))


async def adeliver_draft(draft: Draft, tier: Tier, run: NodeRun) -> None:
    """The async twin of `deliver_draft`."""
    if run.around.streams:
        await adeliver(draft, run.request.messages, _audience(tier, run))


def delivered(update: Update, tier: Tier, run: NodeRun) -> Update:
    """Deliver the answer in an update, if there is one, and give the update back."""
    for answer in update.get("messages", ()):
        deliver_draft(without_record(answer), tier, run)
    return update


async def adelivered(update: Update, tier: Tier, run: NodeRun) -> Update:
    """The async twin of `delivered`."""
    for answer in update.get("messages", ()):
        await adeliver_draft(without_record(answer), tier, run)
    return update


def _audience(tier: Tier, run: NodeRun) -> Audience:
    return run.around.audience(tier.model.get_name(), run.around.context.sink)
