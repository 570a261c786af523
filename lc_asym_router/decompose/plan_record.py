"""The record of a split request: in the router's form, with the parts' own records in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages.ai import UsageMetadata, add_usage

from lc_asym_router.decompose.plan import JOIN, Plan
from lc_asym_router.decompose.plan_state import DecomposerState, Joined, Split, StepResult
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.trail import Decision, Trail, open_record, total
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.verify.attempt import VOUCHED

RecordDict = dict[str, Any]


def trail_of(state: Mapping[str, Any], *more: tuple[str | None, Mapping[str, Any]]) -> Trail:
    """Collect every call so far, once, in the form of the router's own trail.

    Args:
        state: The graph's state.
        *more: Further records of the router, each with the step that it is for.
    """
    split: Split = state["split"]
    results: Mapping[str, StepResult] = state.get("results") or {}
    joined: Joined | None = state.get("joined")
    records: list[tuple[str | None, Mapping[str, Any]]] = [
        (name, results[name]["record"]) for name in _order(split) if name in results
    ]
    if joined and joined["record"]:
        records.append((JOIN, joined["record"]))
    records += more
    return {
        "id": split["id"],
        "run_id": split["run_id"],
        "decision": decision_of(split),
        "attempts": [entry for name, record in records for entry in attempts_of(name, record)],
        "side_calls": [
            *split["calls"],
            *(call for _, record in records for call in record.get("side_calls", ())),
        ],
        "started": split["started"],
    }


def attempts_of(step: str | None, record: Mapping[str, Any]) -> Iterable[RecordDict]:
    """Return a record's attempts, marked with the step that they are for."""
    mark = {} if step is None else {"step": step}
    return ({**attempt, **mark} for attempt in record.get("attempts", ()))


def as_side_calls(purpose: str, record: Mapping[str, Any]) -> list[RecordDict]:
    """Return the calls of a router's record as side calls of another request."""
    keys = ("model", "usage", "cost_usd", "seconds", "error", "cached")
    attempts = ({key: attempt[key] for key in keys} for attempt in record.get("attempts", ()))
    return [
        *({"purpose": purpose, **attempt} for attempt in attempts),
        *record.get("side_calls", ()),
    ]


def decision_of(split: Split) -> RecordDict:
    """Return where the request went, in the form of a router's decision."""
    return Decision(
        tier="parts" if split["plan"] else "whole",
        complexity=None,
        threshold=None,
        confidence=None,
        classifier=split["planner"] or "decomposer",
        reason=split["reason"],
    ).to_dict()


def parts_record(
    state: DecomposerState, ladder: Ladder, asked_tokens: int, usage: UsageMetadata | None
) -> RecordDict:
    """Build the record of a request that was answered in parts.

    `frontier_cost_usd` is an estimate: the request's and the answer's tokens at the frontier's
    price.

    Args:
        state: The graph's state, with results and join.
        ladder: The router's tiers.
        asked_tokens: Estimated tokens of the request.
        usage: The answer's own usage.
    """
    trail = trail_of(state)
    answering = {
        str(attempt["tier"]) for attempt in trail["attempts"] if attempt["passed"] is not False
    }
    highest = max(answering, key=ladder.position)
    joined = state["joined"]
    records = [result["record"] for result in state["results"].values()]
    records += [joined["record"]] if joined and joined["record"] else []
    escalated = any(record.get("escalated") for record in records)
    alone = _alone(ladder[-1].rate, asked_tokens, usage)
    return {
        **open_record(trail),
        "tier": highest,
        "escalated": escalated,
        "degraded": any(record.get("degraded") for record in records),
        "vouched": _weakest([str(record.get("vouched", "none")) for record in records]),
        **_money(trail, alone),
        "decomposition": decomposition_of(state),
    }


def _weakest(vouched: Sequence[str]) -> str:
    """What an answer in parts is vouched for by: no more than the weakest of them."""
    known = [each for each in vouched if each in VOUCHED]
    return min(known, key=VOUCHED.index) if len(known) == len(vouched) and known else "none"


def whole_record(state: DecomposerState, record: Mapping[str, Any]) -> RecordDict:
    """Build the record of a request that the router answered unsplit, with what was spent before."""
    trail = trail_of(state, (None, record))
    nothing_before = not state["split"]["plan"]
    return {
        **record,
        "id": trail["id"],
        "run_id": trail["run_id"],
        "decision": record["decision"] if nothing_before else trail["decision"],
        "attempts": trail["attempts"],
        "side_calls": trail["side_calls"],
        "seconds": open_record(trail)["seconds"],
        "escalated": record.get("escalated", False) or not nothing_before,
        **_money(trail, record.get("frontier_cost_usd")),
        "decomposition": decomposition_of(state),
    }


def decomposition_of(state: Mapping[str, Any]) -> RecordDict:
    """Return plan, steps and join, as stored in the record under "decomposition"."""
    split: Split = state["split"]
    results: Mapping[str, StepResult] = state.get("results") or {}
    steps = [
        {**step, "error": results[step["id"]]["error"], "record": results[step["id"]]["record"]}
        for step in (split["plan"] or {"steps": []})["steps"]
        if step["id"] in results
    ]
    joined: Joined | None = state.get("joined")
    return {
        "split": split["plan"] is not None,
        "planner": split["planner"],
        "reason": split["reason"],
        "estimate": split["estimate"],
        "plan": split["plan"],
        "steps": steps,
        "join": {key: joined[key] for key in ("by", "record", "unused")} if joined else None,
    }


def without_texts(decomposition: RecordDict) -> RecordDict:
    """Return a decomposition without the steps' texts and schemas, as an error carries it."""

    def bare(step: RecordDict) -> RecordDict:
        return {k: v for k, v in step.items() if k not in ("instruction", "title", "schema")}

    plan = decomposition["plan"]
    return {
        **decomposition,
        "plan": plan and {"steps": [bare(step) for step in plan["steps"]]},
        "steps": [bare(step) for step in decomposition["steps"]],
    }


def plan_usage(results: Iterable[StepResult]) -> UsageMetadata | None:
    """Sum the token counts of the parts' answers; `None` where one has none."""
    summed: UsageMetadata | None = None
    for result in results:
        if result["usage"] is None:
            return None
        summed = add_usage(summed, result["usage"])
    return summed


def _order(split: Split) -> list[str]:
    return [step.id for step in Plan.from_dict(split["plan"]).steps] if split["plan"] else []


def _alone(price: Pricing | None, asked: int, usage: UsageMetadata | None) -> float | None:
    if price is None or usage is None:
        return None
    went = usage["output_tokens"]
    return price.of(
        UsageMetadata(input_tokens=asked, output_tokens=went, total_tokens=asked + went)
    )


def _money(trail: Trail, alone: float | None) -> RecordDict:
    cost = total(call["cost_usd"] for call in (*trail["attempts"], *trail["side_calls"]))
    return {
        "cost_usd": cost,
        "frontier_cost_usd": alone,
        "saved_usd": None if cost is None or alone is None else alone - cost,
    }
