"""Ask a second model, or a tier above by its name, and compare both answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import bind
from lc_asym_router.tiers.conversation import fit
from lc_asym_router.tiers.faults.event_loops import connect_per_loop
from lc_asym_router.verify.answers.calls import same_calls
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.attempt import Attempt

Second = BaseChatModel | str
"""A second model: a chat model, which is asked as it is, or the name of a tier above."""


def ask_second(second: Second, attempt: Attempt) -> AIMessage:
    """Return a second model's answer to the attempt's request.

    Args:
        second: The model. Where it is a tier's name and that tier is asked next, because the check
            fails, it is not called again: its answer is the next attempt.
        attempt: The attempt that is checked; `can_ask` has nothing against it.

    Raises:
        Exception: Whatever the call raises.
    """
    if isinstance(second, str):
        assert attempt.tiers_above is not None
        return attempt.tiers_above.ask(second)
    return bind(second, attempt.request).invoke(fit(attempt.request.messages, second))


async def aask_second(second: Second, attempt: Attempt) -> AIMessage:
    """The async twin of `ask_second`."""
    if isinstance(second, str):
        assert attempt.tiers_above is not None
        return await attempt.tiers_above.aask(second)
    connect_per_loop(second)
    return await bind(second, attempt.request).ainvoke(fit(attempt.request.messages, second))


def same_said(
    request: Request,
    one: AIMessage,
    other: AIMessage,
    overlap: float,
    read: tuple[FinalAnswer | None, FinalAnswer | None] = (None, None),
) -> bool:
    """Whether two replies to a request agree.

    Tool calls are compared for what they do. Where tools are bound, two replies without a call do
    the same, whatever they say; without tools it is the final answers that are compared.

    Args:
        request: What was asked.
        one: A reply.
        other: Another.
        overlap: Share of common words from which two long texts mean the same, in [0, 1].
        read: What each comes to, where that is not what its text says.
    """
    tools = request.tools.openai_tools if request.tools else []
    if one.tool_calls or other.tool_calls or tools:
        return same_calls(
            cast("list[Mapping[str, Any]]", one.tool_calls),
            cast("list[Mapping[str, Any]]", other.tool_calls),
            tools,
        )
    ours, theirs = (
        final_answer(str(said.text)) if known is None else known
        for said, known in zip((one, other), read, strict=True)
    )
    return agree(request.turn_text, ours, theirs, overlap)


def check_second(second: object, owner: str) -> None:
    """Refuse what is neither a chat model nor a name.

    Raises:
        ConfigurationError: It is neither.
    """
    if second is not None and (not isinstance(second, BaseChatModel | str) or second == ""):
        raise ConfigurationError(
            f"{owner}(second=...) is a {type(second).__name__}; give a chat model, such as "
            'ChatOllama(model="gemma2:9b"), or the name of a tier above.'
        )


def can_ask(second: Second | None, attempt: Attempt) -> None:
    """Refuse to ask a tier about an attempt that no router made.

    Raises:
        ConfigurationError: A tier is named, and the attempt was made by hand.
    """
    if isinstance(second, str) and attempt.tiers_above is None:
        raise ConfigurationError(
            f"second={second!r} names a tier, and this attempt was made by hand: there are no tiers. "
            "Give the check a chat model."
        )
