"""Format a record as text lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def decision_line(decision: Mapping[str, Any]) -> str:
    """Format the decision as one line."""
    return f"decision: {decision['tier']} ({decision['classifier']}): {decision['reason']}"


def attempt_line(number: int, attempt: Mapping[str, Any]) -> str:
    """Format an attempt and its verdict as one line."""
    if attempt["error"]:
        result = f"failed: {attempt['error']}"
    elif attempt["passed"] is None:
        result = "answered, not checked"
    else:
        result = "passed" if attempt["passed"] else f"rejected by {attempt['check']}"
        result += f": {attempt['reason']}" if attempt["reason"] else ""
    usage = attempt["usage"]
    tokens = f", {usage['input_tokens']} + {usage['output_tokens']} tokens" if usage else ""
    spent = f"[{_seconds(attempt['seconds'])}{tokens}{_usd(attempt['cost_usd'])}]"
    step = f"step {attempt['step']}: " if attempt.get("step") else ""
    return f"attempt {number}: {step}{attempt['tier']} ({attempt['model']}) {result} {spent}"


def record_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Format the whole record, one line per step."""
    yield decision_line(record["decision"])
    yield from spent_lines(record)


def spent_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Format a record's calls and their totals, one line each."""
    for number, attempt in enumerate(record["attempts"], 1):
        yield attempt_line(number, attempt)
    if record["side_calls"]:
        seconds = sum(call["seconds"] or 0.0 for call in record["side_calls"])
        count = len(record["side_calls"])
        plans = any(
            "plan" in (call.get("purpose"), call.get("tier")) for call in record["side_calls"]
        )
        what = "plan, classify and check" if plans else "classify and check"
        yield f"side calls: {count} to {what} [{seconds:.2f} s]"
    saved = record["saved_usd"]
    compared = "" if saved is None else f", ${saved:.6f} saved against the frontier alone"
    yield f"in all: {_seconds(record['seconds'])}{_usd(record['cost_usd'])}{compared}"


def _seconds(took: float | None) -> str:
    return "unknown time" if took is None else f"{took:.2f} s"


def _usd(cost: float | None) -> str:
    return "" if cost is None else f", ${cost:.6f}"
