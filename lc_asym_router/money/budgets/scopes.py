"""Under what a request counts: its thread, its tags, the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router.money.budgets.budget import NONE, Scope, today
from lc_asym_router.streaming import metadata_of, tags_of
from lc_asym_router.tagging import own_tags

if TYPE_CHECKING:
    from lc_asym_router.context import Scene


def scope_of(scene: Scene) -> Scope:
    """What a request counts under."""
    config = scene.around.config
    thread = metadata_of(config).get("thread_id")
    if thread is None:
        thread = (config.get("configurable") or {}).get("thread_id")
    tags = tuple(own_tags(tags_of(config)))
    return Scope(NONE if thread is None else str(thread), tags or (NONE,), today())
