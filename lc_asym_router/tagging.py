"""What is written on the runs below the router, for traces; and which tags are the caller's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lc_asym_router.errors import error_head

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from lc_asym_router.state import Trail
    from lc_asym_router.tiers import Ladder, Tier

PREFIX = "lc_asym_router"
FRAMEWORK_TAGS = ("graph:", "seq:", "map:", "langsmith:", "nostream", f"{PREFIX}:")
"""How the tags begin that LangChain, LangGraph and this package put on runs themselves."""

Purpose = Literal["answer", "classify", "verify"]
Why = Literal[
    "decided", "retried", "escalated", "hedged", "fell_back", "degraded", "classify", "verify"
]
UNDER_WAY = "under way"
"""The error of an attempt that a hedge runs beside, while it runs."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Why a model is called: on its run as metadata and tags, and in the record.

    Attributes:
        purpose: "answer" for a tier's call, "classify" or "verify" for a side call.
        why: "decided" (the decision sent the request there), "retried" (the same tier again),
            "escalated" (a tier up), "hedged" (a tier up, beside one that is late), "fell_back" (a
            fall-back of the last tier), "degraded" (a tier down); for a side call its purpose.
        because: What brought that about: the classifier that decided, the check that failed, or the
            class and HTTP status of the error. Never a text of anybody's.
        tier: The tier that is called, or whose answer is checked; `None` for a classifier's call.
        attempt: The number of that attempt, from 1; `None` likewise.
    """

    purpose: Purpose
    why: Why
    because: str
    tier: str | None = None
    attempt: int | None = None

    def on(self, config: RunnableConfig) -> RunnableConfig:
        """The config with the labels on it."""
        named = {
            "purpose": self.purpose,
            "tier": self.tier,
            "attempt": self.attempt,
            "why": self.why,
            "because": self.because,
        }
        metadata = {f"{PREFIX}_{key}": value for key, value in named.items() if value is not None}
        tags = [
            f"{PREFIX}:{key}:{named[key]}"
            for key in ("purpose", "tier", "why")
            if named[key] is not None
        ]
        return {
            **config,
            "metadata": {**(config.get("metadata") or {}), **metadata},
            "tags": [*(config.get("tags") or ()), *tags],
        }

    @property
    def in_record(self) -> dict[str, Any]:
        """Why a tier was called, as it stands in the attempt's entry."""
        return {"attempt": self.attempt, "why": self.why, "because": self.because}


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


def own_tags(tags: Iterable[str]) -> list[str]:
    """The tags without the frameworks' own."""
    return [tag for tag in tags if not tag.startswith(FRAMEWORK_TAGS)]
