"""Deliver a buffered answer to the stream's reader and the handlers that listen."""

from __future__ import annotations

from lc_asym_router._internal.chunks import Draft
from lc_asym_router.graph.entries import without_record
from lc_asym_router.graph.state import NodeRun, Update
from lc_asym_router.graph.streaming import Audience, adeliver, deliver
from lc_asym_router.tiers.tier import Tier


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
