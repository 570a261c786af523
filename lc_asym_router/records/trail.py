"""What a run of the graph has recorded so far about one request.

The decision and the reason for it, the calls made and the reason for each, and their costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from lc_asym_router._internal.display import Displayed

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@dataclass(frozen=True, slots=True)
class Decision(Displayed):
    """Which tier a request goes to, and why.

    Attributes:
        tier: Name of the tier that is asked first.
        complexity: Probability that the request needs more than the small tier, in [0, 1]; `None`
            where no classifier was asked (a tier was forced, or only one could take the request).
        threshold: A complexity of at least this, in [0, 1], goes to a higher tier; `None` likewise.
        confidence: The classifier's confidence in [0, 1]; `None` where it gives none.
        classifier: Name of the classifier, or of the rule that decided in its place.
        reason: The reason in one line.
        cached: Whether the complexity was read from the router's `decision_cache`.
    """

    tier: str
    complexity: float | None
    threshold: float | None
    confidence: float | None
    classifier: str
    reason: str
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as it is stored in the record."""
        return {
            "tier": self.tier,
            "complexity": self.complexity,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "classifier": self.classifier,
            "reason": self.reason,
            "cached": self.cached,
        }


class Trail(TypedDict):
    """What the graph has recorded so far about one request; plain JSON."""

    id: str
    """The request's own id: 32 hex digits, unique."""
    run_id: str | None
    """Id of the run that asked; `None` where there is none."""
    decision: dict[str, Any]
    attempts: list[dict[str, Any]]
    side_calls: list[dict[str, Any]]
    """Model calls that routing and checking made: judges, agreement samples."""
    started: float
    """`time.time()` at the start, in seconds since the epoch."""
    until: NotRequired[float]
    """With a deadline: when it passes, in seconds since the epoch."""
    ready: NotRequired[dict[str, Any]]
    """Where a check has asked the next tier already and its answer is the draft: that "tier", and the
    place of its "call" among the side calls."""
    rung: NotRequired[dict[str, Any]]
    """With a target: the rung that the request is handled on, and how it is audited."""
    budget: NotRequired[dict[str, Any]]
    """With budgets: what was charged to them, and which of them had no room."""


def open_record(trail: Trail) -> dict[str, Any]:
    """Return the part of a record that needs no answer: ids, decision, calls and time."""
    return {
        "id": trail["id"],
        "run_id": trail["run_id"],
        "decision": trail["decision"],
        "attempts": trail["attempts"],
        "side_calls": trail["side_calls"],
        "seconds": max(0.0, time.time() - trail["started"]),
        **({"rung": trail["rung"]} if "rung" in trail else {}),
        **({"budget": trail["budget"]} if "budget" in trail else {}),
    }


def total(costs: Iterable[float | None]) -> float | None:
    """Sum amounts in USD; `None` if any is unknown (an unknown price is never 0)."""
    parts = list(costs)
    known = [cost for cost in parts if cost is not None]
    return math.fsum(known) if len(known) == len(parts) else None


# what is written on the runs below the router -----------------------------------------------

PREFIX = "lc_asym_router"


FRAMEWORK_TAGS = ("graph:", "seq:", "map:", "langsmith:", "nostream", f"{PREFIX}:")
"""How the tags begin that LangChain, LangGraph and this package put on runs themselves."""


Purpose = Literal["answer", "classify", "verify", "audit"]


Why = Literal[
    "decided",
    "retried",
    "escalated",
    "hedged",
    "fell_back",
    "degraded",
    "classify",
    "verify",
    "audit",
]


@dataclass(frozen=True, slots=True)
class Labels:
    """Why a model is called; written to its run's metadata and tags, and to the record.

    Attributes:
        purpose: "answer" for a tier's call, "classify" or "verify" for a side call, "audit" for a call
            that is made besides.
        why: "decided" (the decision chose the tier), "retried" (the same tier again), "escalated"
            (the next tier up), "hedged" (the next tier up, concurrently with one that is late),
            "fell_back" (a fallback of the last tier), "degraded" (a lower tier); for a side call
            its purpose.
        because: The cause of that: the classifier that decided, the check that failed, or the class
            and HTTP status of the error. Never a text of a user, a model or a provider.
        tier: The tier that is called, or whose answer is checked; `None` for a classifier's call.
        attempt: The number of that attempt, from 1; `None` for a classifier's call.
    """

    purpose: Purpose
    why: Why
    because: str
    tier: str | None = None
    attempt: int | None = None

    def on(self, config: RunnableConfig) -> RunnableConfig:
        """Return the config with the labels added."""
        metadata = {
            **(config.get("metadata") or {}),
            f"{PREFIX}_purpose": self.purpose,
            f"{PREFIX}_why": self.why,
            f"{PREFIX}_because": self.because,
        }
        tags = [*(config.get("tags") or ()), f"{PREFIX}:purpose:{self.purpose}"]
        if self.tier is not None:
            metadata[f"{PREFIX}_tier"] = self.tier
            tags.append(f"{PREFIX}:tier:{self.tier}")
        if self.attempt is not None:
            metadata[f"{PREFIX}_attempt"] = self.attempt
        tags.append(f"{PREFIX}:why:{self.why}")
        return {**config, "metadata": metadata, "tags": tags}

    @property
    def in_record(self) -> dict[str, Any]:
        """Return why a tier was called, as it is stored in the attempt's entry."""
        return {"attempt": self.attempt, "why": self.why, "because": self.because}


def own_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags without those that LangChain and LangGraph add."""
    return [tag for tag in tags if not tag.startswith(FRAMEWORK_TAGS)]
