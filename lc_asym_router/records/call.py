"""One call of a model in the record, and numbers as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

UNKNOWN = "unknown"


def usd(amount: float | None) -> str:
    """Format an amount in USD."""
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    figure = f"{size:.2f}" if size >= 1 else f"{Decimal(f'{size:.3g}'):f}"
    whole, _, part = figure.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{part.rstrip('0'):0<2}"


def seconds(amount: float | None) -> str:
    """Format a time in seconds."""
    return UNKNOWN if amount is None else f"{amount:.2f} s"


def share(part: float | None) -> str:
    """Format a share in [0, 1] as a percentage."""
    return UNKNOWN if part is None else f"{part:.1%}"


def figure_text(value: float | None) -> str:
    """Format a count or a score."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


ResultKind = Literal["good", "bad", "fail", "calm", "side"]
"""Passed, rejected, failed, not checked, a side call: also the class that colours it."""

FIRST = {"plan": "to plan", "classify": "to decide"}
"""What side calls before the first attempt were for."""


@dataclass(frozen=True)
class Call:
    """One model call: an attempt of a tier, or a side call of a classifier or a check.

    Attributes:
        tier: The tier's name; for a side call, its purpose ("classify", "verify").
        model: The model's name.
        passed: The check's verdict; `None` where no check was made.
        check: The check that decided, or "".
        score: The check's score in [0, 1], or `None`.
        reason: Why, in one line, or "".
        usage: Token counts under "input_tokens" and "output_tokens", or `None`.
        cost_usd: Cost in USD, or `None` where it is unknown.
        seconds: Duration in seconds, or `None` where the record does not have it.
        error: Why it failed, or "".
        stopped_early: Whether the router ended it before the answer was complete.
        cut_off: The provider's word for the limit that the answer was cut off at, or "".
        cached: Whether the answer came from LangChain's cache, and no model was called.
        retry_in: Seconds waited before the same tier was asked again, or `None`.
        step: The step of a split request that the call was for ("join" where it joined them), or
            "".
    """

    tier: str
    model: str
    passed: bool | None
    check: str
    score: float | None
    reason: str
    usage: Mapping[str, int] | None
    cost_usd: float | None
    seconds: float | None
    error: str
    stopped_early: bool
    cut_off: str
    cached: bool
    retry_in: float | None
    step: str

    @classmethod
    def of(cls, entry: Any) -> Call:
        """Read a call from its entry in a record; missing fields become unknown."""
        given = mapping_of(entry)
        usage = mapping_of(given.get("usage"))
        counts = {name: number_of(usage.get(name)) for name in ("input_tokens", "output_tokens")}
        known = {name: int(count) for name, count in counts.items() if count is not None}
        passed = given.get("passed")
        return cls(
            tier=text_of(given.get("tier")) or text_of(given.get("purpose")) or UNKNOWN,
            model=text_of(given.get("model")) or UNKNOWN,
            passed=passed if isinstance(passed, bool) else None,
            check=text_of(given.get("check")),
            score=number_of(given.get("score")),
            reason=text_of(given.get("reason")),
            usage=known if len(known) == len(counts) else None,
            cost_usd=number_of(given.get("cost_usd")),
            seconds=number_of(given.get("seconds")),
            error=text_of(given.get("error")),
            stopped_early=bool(given.get("stopped_early")),
            cut_off=text_of(given.get("cut_off")),
            cached=given.get("cached") is True,
            retry_in=number_of(given.get("retry_in")),
            step=text_of(given.get("step")),
        )


def mapping_of(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence_of(value: Any) -> Sequence[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text_of(value: Any) -> str:
    """Return the value if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def number_of(value: Any) -> float | None:
    """Return the value if it is a finite number, else `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def stopped(call: Call) -> bool:
    """Whether the call lost a race with the call that follows it and was cancelled."""
    return call.error.startswith("stopped:")


def describe_call(call: Call, *, side: bool) -> tuple[str, ResultKind]:
    """Describe a call's result in a line, with the kind that displays colour it by."""
    if call.error:
        again = "" if call.retry_in is None else f"; again after {seconds(call.retry_in)}"
        return f"failed: {call.error}{again}", "fail"
    source = " from the cache" if call.cached else ""
    if side:
        return f"{FIRST.get(call.tier, 'to check')}{source}", "side"
    cut = f", cut off ({call.cut_off})" if call.cut_off else ""
    if call.passed is None:
        return f"answered{source}, not checked{cut}", "calm"
    why = f": {call.reason}" if call.reason else ""
    if call.passed:
        return f"passed{source}{cut}{why}", "good"
    early = ", ended early" if call.stopped_early else ""
    return f"discarded{early}{cut}, {call.check or 'a check'}{why}", "bad"


def describe_calls(calls: Sequence[Call]) -> tuple[str, ResultKind]:
    """Describe the results of successive calls of tiers."""
    if not calls:
        return "no tier was asked", "side"
    described = [describe_call(call, side=False) for call in calls]
    words = (f"{call.tier} {text}" for call, (text, _) in zip(calls, described, strict=True))
    return "; ".join(words), described[-1][1]
