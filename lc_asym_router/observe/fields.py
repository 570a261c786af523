"""A request's record as flat fields, and messages in the conventions' form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from lc_asym_router._internal.provider_errors import error_head
from lc_asym_router.records.handlers import FinishedRequest
from lc_asym_router.records.trail import total


def fields_of(finished: FinishedRequest) -> dict[str, Any]:
    """Return a request's names and numbers. `None` where a value is unknown.

    Reasons are omitted: a user's own check or classifier may quote the prompt in one.
    """
    record = finished.record
    decision, attempts = record["decision"], record["attempts"]
    last = attempts[-1] if attempts else {}
    answered = finished.outcome == "answered"
    return {
        "request_id": record["id"],
        "outcome": finished.outcome,
        "error": None if finished.error is None else type(finished.error).__name__,
        "tier": record.get("tier") if answered else None,
        "model": last.get("model"),
        "escalated": record.get("escalated", len({each["tier"] for each in attempts}) > 1),
        "degraded": record.get("degraded", False),
        "vouched": record.get("vouched") if answered else None,
        "decided_tier": decision["tier"],
        "complexity": _number(decision["complexity"]),
        "threshold": _number(decision["threshold"]),
        "confidence": _number(decision["confidence"]),
        "classifier": decision["classifier"],
        "decision_cached": decision["cached"],
        "attempts": len(attempts),
        "side_calls": len(record["side_calls"]),
        "cost_usd": total(call["cost_usd"] for call in (*attempts, *record["side_calls"])),
        "frontier_cost_usd": record.get("frontier_cost_usd"),
        "saved_usd": record.get("saved_usd"),
        "seconds": record["seconds"],
    }


def call_fields(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names and numbers of a call, an attempt or a side call."""
    usage = call["usage"] or {}
    return {
        "purpose": call.get("purpose", "answer"),
        "tier": call.get("tier"),
        "model": call["model"],
        "why": call.get("why"),
        "because": call.get("because"),
        "result": result_of(call),
        "check": call.get("check"),
        "score": _number(call.get("score")),
        "error": error_head(call["error"]) if call["error"] else None,
        "retry_in": call.get("retry_in"),
        "cached": call["cached"],
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost_usd": call["cost_usd"],
        "seconds": call["seconds"],
    }


def result_of(call: Mapping[str, Any]) -> str:
    """Return the result of a call.

    "passed" or "rejected" by a check, "unchecked", "failed" (it raised), "left" (the request was
    cancelled, or another tier's answer came first), or "not_asked" (the breaker, the queue or the
    deadline prevented it).
    """
    if call.get("asked") is False:
        return "not_asked"
    if call["error"]:
        return "left" if error_head(call["error"]) in ("left", "stopped") else "failed"
    return {True: "passed", False: "rejected", None: "unchecked"}[call.get("passed")]


def _number(value: Any) -> float | None:
    """Return a plain float: a user's own check may return NumPy's."""
    return None if value is None else float(value)


_ROLES = {"human": "user", "ai": "assistant"}


def messages_json(messages: Sequence[BaseMessage], finish: str | None = None) -> str:
    """Return messages as the value of `gen_ai.input.messages` or `gen_ai.output.messages`.

    Args:
        messages: The messages. Of blocks other than text, only the type is included.
        finish: The output's finish reason.
    """
    finished: list[dict[str, Any]] = [
        {"role": _ROLES.get(message.type, message.type), "parts": _parts(message)}
        for message in messages
    ]
    if finish is not None:
        finished = [{**each, "finish_reason": finish} for each in finished]
    return json.dumps(finished, ensure_ascii=False, default=str)


def _parts(message: BaseMessage) -> list[dict[str, Any]]:
    if isinstance(message, ToolMessage):
        return [
            {
                "type": "tool_call_response",
                "id": message.tool_call_id,
                "response": message.text,
            }
        ]
    parts: list[dict[str, Any]] = []
    blocks = [message.content] if isinstance(message.content, str) else message.content
    for block in blocks:
        text = block if isinstance(block, str) else block.get("text")
        if isinstance(text, str):
            parts += [{"type": "text", "content": text}] if text else []
        elif isinstance(block, dict):
            parts.append({"type": str(block.get("type"))})
    if isinstance(message, AIMessage):
        parts += [
            {
                "type": "tool_call",
                "id": call["id"],
                "name": call["name"],
                "arguments": call["args"],
            }
            for call in message.tool_calls
        ]
    return parts
