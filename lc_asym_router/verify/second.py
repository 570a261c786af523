"""Asking a second model what it would say: any chat model, or a tier above by its name."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.binding import bind
from lc_asym_router.tiers.conversation import fit
from lc_asym_router.verify.attempt import Attempt

Second = BaseChatModel | str
"""A second model: a chat model, which is asked as it is, or the name of a tier above."""


def ask_second(second: Second, attempt: Attempt) -> AIMessage:
    """What a second model answers to the attempt's request.

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
    return await bind(second, attempt.request).ainvoke(fit(attempt.request.messages, second))


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
