"""What a check hands on in the draft's place: another voter's answer is the next attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.chunks import Draft
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.record import answering, attempt_entry, judged
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Verdict

TierAnswers = Mapping[str, tuple[AIMessage, dict[str, Any]]]
"""What tiers above have said to a check, by their names, each with the side call that it was."""


@dataclass(frozen=True)
class HandedOn:
    """A passed answer, as it is handed on.

    Attributes:
        tier: Whose answer it is; the checked tier where a model that is no tier gave it.
        message: The answer.
        draft: The same, as it came.
        trail: The trail, with the verdict, and with the call that gave the answer as its last attempt.
        side_calls: The check's other calls.
    """

    tier: Tier
    message: AIMessage
    draft: Draft
    trail: Trail
    side_calls: list[dict[str, Any]]


def handed_on(
    policy: Policy,
    tier: Tier,
    trail: Trail,
    message: AIMessage,
    draft: Draft,
    verdict: Verdict,
    side_calls: list[dict[str, Any]],
    calls: Mapping[str | None, dict[str, Any]],
    asked: TierAnswers,
) -> HandedOn:
    """What a passed draft comes to: itself, or the answer that the verdict holds in its place.

    Args:
        policy: The router's settings.
        tier: Whose draft it is.
        trail: What has happened so far; its last attempt is the draft's.
        message: The draft's message.
        draft: The draft as it came.
        verdict: The passed verdict.
        side_calls: The calls that the check made.
        calls: The same by the ids of their answers.
        asked: What tiers above have said to the check.
    """
    *before, last = trail["attempts"]
    answer = verdict.answer
    if answer is None:
        judged_trail: Trail = {**trail, "attempts": [*before, judged(last, verdict)]}
        return HandedOn(tier, message, draft, judged_trail, side_calls)
    call = calls.get(answer.id)
    if call is None:  # the check wrote it itself
        judged_trail = {**trail, "attempts": [*before, judged(last, verdict)]}
        return HandedOn(tier, answer, answer, judged_trail, side_calls)
    outvoted = replace(verdict, passed=False, vouched="none")
    trail = {**trail, "attempts": [*before, judged(last, outvoted)]}
    name = next((name for name, (said, _) in asked.items() if said is answer), None)
    by = (name and policy.ladder.named(name)) or tier
    entry = attempt_entry(
        tier=by.name, model=call["model"], price=None, seconds=call["seconds"], usage=call["usage"]
    )
    entry |= {"cost_usd": call["cost_usd"], **answering(by, trail, policy.ladder).in_record}
    entry |= {"asked_by": verdict.check}
    entry = judged(entry, replace(verdict, votes=()))
    others = [each for each in side_calls if each is not call]
    return HandedOn(by, answer, answer, {**trail, "attempts": [*trail["attempts"], entry]}, others)
