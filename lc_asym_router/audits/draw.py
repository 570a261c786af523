"""Whether an answer is audited, and what an audit counts for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage

from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.asking import LowerTiers, ask_tier
from lc_asym_router.audits.comparison import PairOutcome
from lc_asym_router.audits.counts import NANO
from lc_asym_router.audits.keeper import AnsweredRequest
from lc_asym_router.records.handlers import AuditCalls, FinishedAudit
from lc_asym_router.records.request import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draw:
    """Whether an answer is audited.

    Attributes:
        request: What was asked.
        answer: The accepted answer.
        record: Its record.
        tags: The caller's tags.
        handlers: Who gets the audit.
        drawn: Whether it is audited.
        probability: With which probability it was drawn; 0 where it can't be audited.
        phase: Why with that probability.
        kind: "audit" where an answer of a lower tier was handed on; "pair" where one was rejected, so
            that there are two answers already; "explored" where none was asked.
        draft: The rejected answer's tier, and the answer.
        rung: With a target: the rung that the request was handled on.
        day: The day (UTC) that it counts under, with its audit, however late that ends.
    """

    request: Request = field(repr=False)
    answer: AIMessage = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)
    tags: tuple[str, ...]
    handlers: Sequence[Any] = field(repr=False)
    drawn: bool
    probability: float
    phase: str
    kind: Literal["audit", "pair", "explored"] = "audit"
    draft: tuple[str, AIMessage] | None = field(default=None, repr=False)
    rung: AnsweredRequest | None = None
    day: str = ""

    @property
    def in_record(self) -> dict[str, Any]:
        """The draw as it is stored in the record."""
        return {"drawn": self.drawn, "probability": self.probability, "phase": self.phase}

    @property
    def check(self) -> str:
        """The check that had passed the answer, or ""."""
        attempts = self.record.get("attempts") or [{}]
        return str(attempts[-1].get("check") or "")


def form_of(request: Request, answer: AIMessage) -> str:
    """What kind of answer it is: tool calls, fields, or text."""
    if answer.tool_calls:
        return "calls"
    return "fields" if request.schema is not None else "text"


def audit_counts(found: PairOutcome, calls: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    compared = found.outcome != "incomparable"
    costs = [call["cost_usd"] for call in calls]
    return {
        "compared": int(compared),
        "differs": int(found.outcome == "differs"),
        "judged": int(compared and found.worse is not None),
        "worse": int(compared and found.worse is True),
        "cost_nano": round(sum(cost for cost in costs if cost is not None) * NANO),
        "unpriced": sum(cost is None for cost in costs),
    }


def answer_below(
    lower: LowerTiers, draw: Draw, seconds: float
) -> tuple[str, AIMessage | None, int]:
    """Return a lower tier's answer beside the last one's: whose it is, the answer, and the strictest
    rung that would hand it on; `None` and -1 where none would.

    Args:
        lower: What the rungs would do.
        draw: The request; it may have the answer already.
        seconds: How long the tier may take.

    Raises:
        Exception: Whatever the tier raises.
    """
    assert draw.rung is not None
    if draw.draft is not None:
        name, message = draw.draft
        accepted = lower.accepted(draw.request, name, message, draw.rung.rung - 1)
        return name, message if accepted >= 0 else None, accepted
    tier, strictest = lower.tier(draw.request)
    if tier is None:
        return "", None, -1
    message = ask_tier(tier, draw.request, seconds)
    accepted = lower.accepted(draw.request, tier.name, message, strictest)
    return tier.name, message if accepted >= 0 else None, accepted


def finished_audit(
    draw: Draw,
    tier: str,
    outcome: Literal["same", "differs", "incomparable", "failed"],
    found: PairOutcome,
    calls: Sequence[dict[str, Any]],
    seconds: float,
) -> FinishedAudit:
    """What handlers get of an audit.

    Args:
        draw: The draw.
        tier: The lower tier that was compared.
        outcome: How the audit ended.
        found: What the comparison has come to.
        calls: The audit's calls.
        seconds: How long it took.
    """
    return FinishedAudit(
        request_id=str(draw.record.get("id", "")),
        tier=tier,
        check=draw.check,
        tags=draw.tags,
        probability=draw.probability,
        outcome=outcome,
        worse=found.worse,
        by=found.by,
        reason=found.reason,
        calls=tuple(calls),
        seconds=seconds,
        kind=draw.kind,
    )


ENDED, CALLS = "on_router_audit", "on_router_audit_calls"
"""The methods that handlers may have."""


def takes_audits(handler: Any) -> bool:
    """Whether a callback handler wants audits, or their calls."""
    return hasattr(handler, ENDED) or hasattr(handler, CALLS)


def notify_audit(handlers: Sequence[Any], method: str, audit: FinishedAudit | AuditCalls) -> None:
    """Hand an audit, or its calls so far, to those handlers of its request that have the method."""
    for handler in handlers:
        if not hasattr(handler, method):
            continue
        try:
            getattr(handler, method)(audit)
        except Exception as error:  # handlers are anybody's
            log_fault(logger, "%s failed: %s", type(handler).__name__, describe_error(error))
