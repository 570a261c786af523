"""What is written on the runs below the router, for traces; and which tags are the caller's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


PREFIX = "lc_asym_router"


FRAMEWORK_TAGS = ("graph:", "seq:", "map:", "langsmith:", "nostream", f"{PREFIX}:")
"""How the tags begin that LangChain, LangGraph and this package put on runs themselves."""


Purpose = Literal["answer", "classify", "verify"]


Why = Literal[
    "decided", "retried", "escalated", "hedged", "fell_back", "degraded", "classify", "verify"
]


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


def own_tags(tags: Iterable[str]) -> list[str]:
    """The tags without the frameworks' own."""
    return [tag for tag in tags if not tag.startswith(FRAMEWORK_TAGS)]
