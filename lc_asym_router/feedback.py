"""What a tier is told of the attempt before it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


def with_feedback(
    messages: Sequence[BaseMessage], reason: str, draft: AIMessage | None = None
) -> list[BaseMessage]:
    """The conversation, with a last word on why the answer before was rejected.

    It is one human message, so that no provider sees a dangling tool call or two answers in a row.

    Args:
        messages: The request's messages; they are not changed.
        reason: The failed verdict's reason.
        draft: The rejected answer, to be shown; `None` to give the reason alone.
    """
    told = "An earlier answer to this was rejected"
    if draft is not None:
        calls = [[call["name"], call["args"]] for call in draft.tool_calls]
        shown = draft.text + (f"\n{json.dumps(calls, default=str)}" if calls else "")
        told = f"An earlier answer to this was:\n<rejected>\n{shown}\n</rejected>\nIt was rejected"
    return [
        *messages,
        HumanMessage(f"{told}: {reason}. Answer again, without mentioning the earlier answer."),
    ]
