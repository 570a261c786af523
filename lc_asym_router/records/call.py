"""`Call`: one call of a model, read from a record in which anything may be missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lc_asym_router.records.amounts import UNKNOWN, seconds

Kind = Literal["good", "bad", "fail", "calm", "side"]
"""Passed, rejected, failed, not checked, a side call: also the class that colours it."""

FIRST = {"plan": "to plan", "classify": "to decide"}
"""What side calls before the first attempt were for."""


@dataclass(frozen=True)
class Call:
    """One call of a model: an attempt of a tier, or a side call of a classifier or a check.

    Attributes:
        tier: The tier's name; of a side call, what it was for ("classify", "verify").
        model: The model's name.
        passed: The check's verdict; `None` where no check was made.
        check: The check that decided, or "".
        score: Its score in [0, 1], or `None`.
        reason: Why, in one line, or "".
        usage: Token counts under "input_tokens" and "output_tokens", or `None`.
        cost_usd: Cost in USD, or `None` where it is not known.
        seconds: How long it took, or `None` where the record does not say.
        error: Why it failed, or "".
        stopped_early: Whether the router ended it before it was whole.
        cached: Whether the answer came from LangChain's cache, and no model was asked.
        retry_in: Seconds that were waited before the same tier was asked again, or `None`.
        step: The step of a split request that it was for ("join" where it joined them), or "".
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
    cached: bool
    retry_in: float | None
    step: str

    @classmethod
    def of(cls, entry: Any) -> Call:
        """A call of its entry in a record, whatever is missing there."""
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
            cached=given.get("cached") is True,
            retry_in=number_of(given.get("retry_in")),
            step=text_of(given.get("step")),
        )


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence_of(value: Any) -> Sequence[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text_of(value: Any) -> str:
    """The value where it is a text, else ""."""
    return value if isinstance(value, str) else ""


def number_of(value: Any) -> float | None:
    """The value where it is a number that is one, else `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def stopped(call: Call) -> bool:
    """Whether it has lost a race with the call that follows: both ended at once."""
    return call.error.startswith("stopped:")


def describe_call(call: Call, *, side: bool) -> tuple[str, Kind]:
    """What came of a call."""
    if call.error:
        again = "" if call.retry_in is None else f"; again after {seconds(call.retry_in)}"
        return f"failed: {call.error}{again}", "fail"
    kept = " from the cache" if call.cached else ""
    if side:
        return f"{FIRST.get(call.tier, 'to check')}{kept}", "side"
    if call.passed is None:
        return f"answered{kept}, not checked", "calm"
    why = f": {call.reason}" if call.reason else ""
    if call.passed:
        return f"passed{kept}{why}", "good"
    early = ", ended early" if call.stopped_early else ""
    return f"discarded{early}, {call.check or 'a check'}{why}", "bad"


def describe_calls(calls: Sequence[Call]) -> tuple[str, Kind]:
    """What came of calls of tiers, one after the other."""
    if not calls:
        return "no tier was asked", "side"
    said = [describe_call(call, side=False) for call in calls]
    words = (f"{call.tier} {told}" for call, (told, _) in zip(calls, said, strict=True))
    return "; ".join(words), said[-1][1]
