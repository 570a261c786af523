"""The tier of a turn, signed in the ids of its tool calls.

OpenAI's and Anthropic's clients send back what they know of a message, and drop the rest: the record
would not come back, and each step of a tool loop would be routed anew. The ids of tool calls come back
as they went. So the gateway hands them out with the tier and a signature behind them, takes both off
again before a model sees them, and puts the record back on the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from lc_asym_router.records.request import Request
from lc_asym_router.records.signing import checked_tier, is_sealed, maker_of, seal, with_record
from lc_asym_router.tiers.ladder import Ladder

_PURPOSE = "tool call"
_DIGITS = 24
_SEALED = re.compile(
    rf"(?P<id>.*)-t(?P<made>\d{{1,2}})c(?P<checked>\d{{1,2}})-(?P<seal>[0-9a-f]{{{_DIGITS}}})"
)


def with_sealed_ids(
    message: AIMessage, record: Mapping[str, Any], ladder: Ladder, turn: str
) -> AIMessage:
    """The answer as a client gets it: the ids of its tool calls say which tier it is from.

    Args:
        message: The answer.
        record: Its record.
        ladder: The router's tiers.
        turn: The text of the human turn that it answers.
    """
    names = [tier.name for tier in ladder.every]
    made, checked = record.get("tier"), checked_tier(record)
    if not message.tool_calls or made not in names or checked not in names:
        return message
    places = f"t{names.index(str(made))}c{names.index(checked)}"
    maker = maker_of(record)
    calls = []
    for call in message.tool_calls:
        id = call["id"] or ""
        signed = _claim(id, str(made), checked, maker.get("model"), maker.get("endpoint"), turn)
        calls.append({**call, "id": f"{id}-{places}-{seal(_PURPOSE, signed)[:_DIGITS]}"})
    return message.model_copy(update={"tool_calls": calls})


def with_records(messages: Sequence[BaseMessage], ladder: Ladder) -> tuple[BaseMessage, ...]:
    """The messages as the router gets them: with the models' own ids, and with records where the ids
    say which tier a message is from, and that is to be believed.

    Args:
        messages: The conversation, as a client sent it.
        ladder: The router's tiers.
    """
    opened: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            opened.append(_with_record(message, ladder, opened))
        elif isinstance(message, ToolMessage) and (
            found := _SEALED.fullmatch(message.tool_call_id)
        ):
            opened.append(message.model_copy(update={"tool_call_id": found["id"]}))
        else:
            opened.append(message)
    return tuple(opened)


def _with_record(message: AIMessage, ladder: Ladder, before: Sequence[BaseMessage]) -> AIMessage:
    found = [_SEALED.fullmatch(call["id"] or "") for call in message.tool_calls]
    if not any(found):
        return message
    calls = [
        {**call, "id": each["id"]} if each else call
        for call, each in zip(message.tool_calls, found, strict=True)
    ]
    # OpenAI's raw calls are beside them where a converter keeps them, with the ids that came.
    extra = {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"}
    message = message.model_copy(update={"tool_calls": calls, "additional_kwargs": extra})
    first = found[0]
    if first is None or not any(isinstance(each, HumanMessage) for each in before):
        return message
    turn = Request(tuple(before)).turn_text
    places = int(first["made"]), int(first["checked"])
    if max(places) >= len(ladder.every):
        return message
    made, checked = (ladder.every[place] for place in places)
    signed = _claim(first["id"], made.name, checked.name, made.model_name, made.endpoint, turn)
    if not is_sealed(_PURPOSE, signed, first["seal"]):
        return message
    attempt = {"tier": made.name, "model": made.model_name, "endpoint": made.endpoint}
    record: dict[str, Any] = {"tier": made.name, "attempts": [attempt]}
    if checked is not made:  # a vote handed on another voter's answer
        record |= {
            "vouched": "vote",
            "attempts": [
                attempt,
                {"tier": checked.name, "votes": True},
                {"asked_by": checked.name},
            ],
        }
    return with_record(message, record, turn)


def _claim(id: str, made: str, checked: str, model: Any, endpoint: Any, turn: str) -> str:
    return "\n".join((id, made, checked, str(model), str(endpoint), turn))
