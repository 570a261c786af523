"""Where a turn that has begun goes on, and a thread that was at the last tier: from the records on
their messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata

from lc_asym_router.money.prices import Price, known_cost
from lc_asym_router.records.request import Request, estimated_tokens
from lc_asym_router.records.signing import answers_turn, believed_record, checked_tier
from lc_asym_router.records.trail import Decision
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.progress import stalled

Sticky = Literal["turn", "thread"] | None


def answered_by(message: AIMessage, turn: str | None = None) -> str | None:
    """The tier that made a message, from the record on it if that is to be believed.

    Args:
        message: The message.
        turn: The text of the human turn that it must have answered; `None` for any.
    """
    tier = _record(message, turn).get("tier")
    return tier if isinstance(tier, str) else None


def _record(message: AIMessage, turn: str | None) -> Mapping[str, Any]:
    record = believed_record(message)
    return {} if turn is not None and record and not answers_turn(record, turn) else record


def going_on(
    request: Request,
    ladder: Ladder,
    able: Collection[str],
    sticky: Sticky,
    stall_steps: int | None,
) -> Decision | None:
    """Where a turn goes on that has begun, or a thread that stays; `None` where it is to be decided.

    Args:
        request: What is asked.
        ladder: The tiers.
        able: Names of the tiers that can take it.
        sticky: Whether a turn (or a thread) stays on the tier that it is on.
        stall_steps: Steps of an agent's turn that may bring nothing new; `None` for any number.
    """
    replies, top, turn = request.replies, ladder.last.name, request.turn_text
    at_the_top = sticky == "thread" and top in able and _was_at_the_top(request, ladder)
    if at_the_top and _cache_keeps(request, ladder):
        return settled_decision(top, "sticky", f"the thread stays on {top}")
    if not replies:
        return None
    used = {_on(message, ladder, turn) for message in replies} & {each.name for each in ladder}
    highest = max(used, key=lambda name: ladder.position(str(name)), default=None)
    # Where each step is decided anew, one that was sent up is followed by steps of a lower tier.
    here = highest if sticky is not None else _on(replies[-1], ladder, turn)
    if stall_steps is not None and here != top:
        above = _above(here, ladder, able)
        why = stalled(request, stall_steps, lambda message: _on(message, ladder, turn) == here)
        if above is not None and why is not None:
            reason = f"the agent's turn goes round in circles ({why}), so it goes up to {above}"
            return settled_decision(above, "stalled", reason)
    if sticky is None or highest is None or highest not in able:
        return None
    return settled_decision(highest, "sticky", f"the turn stays on {highest}")


def settled_decision(tier: str, by: str, reason: str) -> Decision:
    """A decision that no classifier has made."""
    return Decision(tier, None, None, None, by, reason)


def _on(message: AIMessage, ladder: Ladder, turn: str) -> str | None:
    """The tier that a turn is on after a message: a fall-back's is the last; where a vote handed on
    another voter's answer nothing was escalated, so it is the one whose answer was voted on."""
    name = checked_tier(_record(message, turn))
    return ladder.last.name if name in {each.name for each in ladder.fallbacks} else name


def _above(name: str | None, ladder: Ladder, able: Collection[str]) -> str | None:
    """The next able tier above the one that a turn is on; above the first where that is not known."""
    place = 0 if name is None else ladder.position(name)
    return next((each.name for each in ladder[place + 1 :] if each.name in able), None)


def _was_at_the_top(request: Request, ladder: Ladder) -> bool:
    return bool(_cached_history(request, ladder))


# what a thread's prompt cache is worth ----------------------------------------------------------


def _cache_keeps(request: Request, ladder: Ladder) -> bool:
    """Whether a thread stays on the last tier for the sake of its prompt cache there.

    It leaves where its next answer there, with the history read from the provider's cache, costs more
    than the cheapest tier's and, on top, reading that history anew when it comes back. Where any of
    these prices is not known it stays.
    """
    rate = ladder.last.rate
    if not isinstance(rate, Price) or rate.cached_input is None:
        return True
    tokens, answer = request.input_tokens, _answer_tokens(request)
    tools = request.tools.openai_tools if request.tools else None
    read = min(tokens, estimated_tokens(_cached_history(request, ladder), tools))
    first = next(each for each in ladder if each.refuses(request) is None)
    there, anew = (_at(ladder.last, tokens, answer, cached) for cached in (read, 0))
    below = _at(first, tokens, answer, 0)
    if there is None or anew is None or below is None:
        return True
    return there <= below + (anew - there)


def _cached_history(request: Request, ladder: Ladder) -> Sequence[BaseMessage]:
    """What was said up to the last tier's newest answer: that much its provider can have in its cache;
    what other tiers have answered since it has never seen. Empty where the last tier said nothing."""
    top = {ladder.last.name, *(each.name for each in ladder.fallbacks)}
    for place in range(len(request.messages) - 1, -1, -1):
        message = request.messages[place]
        if isinstance(message, AIMessage) and answered_by(message) in top:
            return request.messages[: place + 1]
    return ()


def _answer_tokens(request: Request) -> int:
    """How long the next answer will be: as long as the thread's answers were on average."""
    answers = [each for each in request.messages if isinstance(each, AIMessage)]
    counts = [
        each.usage_metadata["output_tokens"] if each.usage_metadata else estimated_tokens([each])
        for each in answers
    ]
    return sum(counts) // len(counts) if counts else 0


def _at(tier: Tier, tokens: int, answer: int, cached: int) -> float | None:
    """What a call of a tier costs, in USD; `None` where that is not known."""
    if tier.rate is None:
        return 0.0 if tier.runs_here else None
    usage = UsageMetadata(
        input_tokens=tokens,
        output_tokens=answer,
        total_tokens=tokens + answer,
        input_token_details=InputTokenDetails(cache_read=cached),
    )
    return known_cost(tier.rate.of(usage))
