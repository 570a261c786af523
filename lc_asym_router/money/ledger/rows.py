"""A request's rows in the ledger, and the times that they are found by."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from lc_asym_router._internal.provider_errors import error_head
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.database.sql_store import FeedbackRow, LaterCalls, Rows
from lc_asym_router.money.usage import TokenCounts, from_cache
from lc_asym_router.records.handlers import Feedback, FinishedRequest
from lc_asym_router.records.trail import total

Moment = datetime | date | str | None

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(given: Moment, label: str) -> datetime | None:
    """A moment in UTC.

    Args:
        given: A datetime or a date (UTC where it names no zone), their ISO form, or how long ago:
            "90m", "24h", "7d", "2w".
        label: Name of the argument, for the error.

    Raises:
        ConfigurationError: It is none of these.
    """
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if isinstance(given, str):
        text = given.strip()
        try:
            if ago := re.fullmatch(r"(\d+)([mhdw])", text):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return moment_of(datetime.fromisoformat(text), label)
        except (ValueError, OverflowError):
            pass
    raise ConfigurationError(
        f"{label}={given!r} is no date. Write 2026-01-31, 2026-01-31T12:00+00:00, or how long ago: "
        "90m, 24h, 7d, 2w."
    )


def ledger_rows(finished: FinishedRequest, *, keep_text: bool) -> Rows:
    """The rows of a request.

    Args:
        finished: The request, at its end.
        keep_text: Keep the prompt, the answer, and the reasons. A reason is free text: a check of
            one's own may quote the answer in it.
    """
    record = finished.record
    rung: Mapping[str, Any] = record.get("rung") or {}
    decision, attempts = record["decision"], record["attempts"]
    answered = finished.answer is not None
    last = attempts[-1] if attempts else {}
    tiers = [attempt["tier"] for attempt in attempts]
    made = [*attempts, *record["side_calls"]]
    request = {
        "id": record["id"],
        "run_id": _short(finished.run_id, 64),
        "time": datetime.now(UTC),
        "outcome": finished.outcome,
        "error": _short(type(finished.error).__name__, 120) if finished.error is not None else None,
        "tier": _short(last.get("tier"), 120) if answered else None,
        "model": _short(last.get("model"), 240),
        "vouched": (_short(record.get("vouched"), 16) or None) if answered else None,
        "escalated": record.get("escalated", len(set(tiers)) > 1),
        "decided_tier": _short(decision["tier"], 120),
        "complexity": _number(decision["complexity"]),
        "threshold": _number(decision["threshold"]),
        "confidence": _number(decision["confidence"]),
        "classifier": _short(decision["classifier"], 240),
        "attempts": len(attempts),
        "cost_usd": total(call["cost_usd"] for call in made),
        "frontier_cost_usd": record.get("frontier_cost_usd"),
        "saved_usd": record.get("saved_usd"),
        "seconds": record["seconds"],
        "rung": _short(rung.get("name"), 60),
        "thread_id": _short(finished.metadata.get("thread_id"), 240),
        "reason": _text(decision["reason"]) if keep_text else None,
        "prompt": _prompt(finished.messages) if keep_text else None,
        "answer": _said(finished.answer) if keep_text and finished.answer is not None else None,
    }
    calls = [
        {"request_id": record["id"], "number": number, **_call(call, keep_text)}
        for number, call in enumerate(made, 1)
    ]
    moves = [
        {
            "request_id": record["id"],
            **move,
            "before": _short(move["before"], 60),
            "after": _short(move["after"], 60),
        }
        for move in rung.get("moves", ())
    ]
    return Rows(request, calls, sorted({str(_short(tag, 240)) for tag in finished.tags}), moves)


AUDIT_CALLS = 1_000
"""The number of a request's first call of an audit: a request's own calls are far fewer."""


def audit_rows(
    request_id: str, calls: Sequence[Mapping[str, Any]], *, keep_text: bool
) -> LaterCalls:
    """The rows of an audit's calls.

    Args:
        request_id: Id of the audited request.
        calls: The calls, as in a record's side calls.
        keep_text: As for `ledger_rows`.
    """
    return LaterCalls(
        request_id,
        [
            {"request_id": request_id, "number": number, **_call(call, keep_text)}
            for number, call in enumerate(calls, AUDIT_CALLS)
        ],
    )


def feedback_row(feedback: Feedback, *, keep_text: bool) -> FeedbackRow:
    """The row of a user's score.

    Args:
        feedback: The score.
        keep_text: Keep the comment.
    """
    return FeedbackRow(
        {
            "id": uuid.uuid4().hex,
            "run_id": _short(feedback.run_id, 64),
            "time": datetime.now(UTC),
            "score": feedback.score,
            "comment": _text(feedback.comment) if keep_text and feedback.comment else None,
        }
    )


def _call(call: Mapping[str, Any], keep_text: bool) -> dict[str, Any]:
    usage = call["usage"]
    counts = TokenCounts.of(usage) if usage else None
    if usage and from_cache(usage):
        counts = TokenCounts(0, 0)  # the provider has counted none
    error = call["error"]
    return {
        "purpose": _short(call.get("purpose", "answer"), 16),
        "tier": _short(call.get("tier"), 120),
        "model": _short(call["model"], 240),
        "passed": None if call.get("passed") is None else bool(call["passed"]),
        "check": _short(call.get("check"), 240) or None,
        "score": _number(call.get("score")),
        "input_tokens": counts.input if counts else None,
        "output_tokens": counts.output if counts else None,
        "cached_tokens": counts.cache_read if counts else None,
        "cache_write_tokens": counts.cache_write if counts else None,
        "reasoning_tokens": counts.reasoning if counts else None,
        "usage_estimated": bool(
            call.get("usage_estimated") or (call.get("stopped_early") or {}).get("usage_estimated")
        ),
        "cost_usd": call["cost_usd"],
        "seconds": call["seconds"],
        "error": _short(error_head(error), 120) if error else None,
        "reason": _text(call.get("reason")) if keep_text else None,
    }


def _prompt(messages: Any) -> str:
    return json.dumps(
        [{"type": message.type, "text": _said(message)} for message in messages],
        ensure_ascii=False,
    )


def _said(message: BaseMessage) -> str:
    text = str(message.text)
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [{"name": call["name"], "args": call["args"]} for call in message.tool_calls]
        text += "\n" + json.dumps(calls, ensure_ascii=False, default=str)
    return _text(text) or ""


def _text(value: Any) -> str | None:
    """Text that every database takes: PostgreSQL has no NUL, and UTF-8 no lone surrogate."""
    if value is None:
        return None
    return str(value).replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _number(value: Any) -> float | None:
    """A plain float: a check of one's own may bring NumPy's."""
    return None if value is None else float(value)


def _short(value: Any, length: int) -> str | None:
    text = _text(value)
    return None if text is None else text[:length]
