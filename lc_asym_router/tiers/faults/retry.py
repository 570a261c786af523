"""Retrying a call that failed, by the client's own retries or ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import ANTHROPIC_CLIENTS, resource_client
from lc_asym_router._internal.fault_log import FaultLog
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.faults.error_kinds import is_retryable, retry_after
from lc_asym_router.tiers.providers.registry import provider_of

if TYPE_CHECKING:
    from tenacity import RetryCallState

logger = logging.getLogger(__name__)

_ONCE = {"anthropic": 0, "google_genai": 1, "mistral": 1}
"""The `max_retries` under which a class tries once: some count the first try, some do not."""


def retry_like(model: BaseChatModel) -> Retry:
    """As many tries as the model's own client would make; one where it makes none, or hides them."""
    return Retry(attempts=1 + _hidden(model))


def without_own_retries(model: BaseChatModel) -> BaseChatModel:
    """The model with a client that tries once; the model itself where it does so already."""
    if not _hidden(model):
        return model
    name = provider_of(model).name
    if name in _ONCE:
        copy = model.model_copy(update={"max_retries": _ONCE[name]})
        if name == "anthropic":
            for built in ANTHROPIC_CLIENTS:
                copy.__dict__.pop(built, None)
        return copy
    update: dict[str, Any] = {}
    if name == "groq":
        for leaf in ("client", "async_client"):
            root = resource_client(getattr(model, leaf, None))
            if root is not None:
                update[leaf] = root.with_options(max_retries=0).chat.completions
        return model.model_copy(update=update)
    for root, leaf in (("root_client", "client"), ("root_async_client", "async_client")):
        client = getattr(model, root, None)
        if client is not None:
            once = client.with_options(max_retries=0)
            update |= {root: once, leaf: once.chat.completions}
    return model.model_copy(update=update)


def _hidden(model: BaseChatModel) -> int:
    """Retries that the model's client makes by itself, as far as they can be taken over."""
    name = provider_of(model).name
    if name in _ONCE:
        given = getattr(model, "max_retries", None)
        return max(0, given - _ONCE[name]) if isinstance(given, int) else 0
    roots = [getattr(model, root, None) for root in ("root_client", "root_async_client")]
    if name == "groq":
        roots = [resource_client(getattr(model, "client", None))]
    for client in roots:
        retries = getattr(client, "max_retries", 0)
        if hasattr(client, "with_options") and isinstance(retries, int) and retries > 0:
            return retries
    return 0


LONGEST_WAIT = 86_400
"""No wait before another try is longer, in seconds."""

Wait = Callable[["RetryCallState"], float]


@dataclass(frozen=True)
class Retry:
    """How often a tier's failed call is repeated, and after which waits.

    Args:
        attempts: Calls at most, the first one counted; 1 for no retry.
        initial: The first wait lies between 0 and this many seconds, and the bound doubles with
            each further one ("full jitter").
        max_wait: The longest wait, in seconds, a day at most. Where the server asks for more
            (`Retry-After`), the tier is given up for this request, and the next one is asked at once.
        on: Whether to repeat a call that raised an exception; `None` for the package's own rule: lost
            connections, time-outs, answers that broke off, and the statuses 408, 409, 425, 429 and
            5xx are repeated. It is called on the event loop, and must not block.
        wait: Another wait: any of tenacity's wait strategies, or a callable like them; likewise.
            Where `on` or `wait` raises, that is logged, and there is no other try.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    attempts: int = 3
    initial: float = 0.5
    max_wait: float = 8.0
    on: Callable[[Exception], bool] | None = field(default=None, repr=False)
    wait: Wait | None = field(default=None, repr=False)
    _faults: FaultLog = field(
        default_factory=lambda: FaultLog(logger), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int):
            raise ConfigurationError("Retry(attempts=...) is a number of calls, such as 3.")
        if self.attempts < 1:
            raise ConfigurationError(
                f"Retry(attempts={self.attempts}) must be at least 1, the first call; 1 means no "
                "retry."
            )
        if not (0 <= self.initial <= LONGEST_WAIT and 0 <= self.max_wait <= LONGEST_WAIT):
            raise ConfigurationError(
                f"Retry(initial=..., max_wait=...) are seconds, from 0 to {LONGEST_WAIT:,}: a day."
            )
        if self.attempts > 1:
            import_module("tenacity")  # now, not on the event loop of the first failure

    def pause(self, failed: int, error: Exception) -> float | None:
        """Seconds to wait before the next call, or `None` where there is to be none.

        Args:
            failed: Calls of the tier that have failed in this request, at least 1.
            error: What the last one raised.
        """
        if failed >= self.attempts:
            return None
        try:
            if not (self.on or is_retryable)(error):
                return None
            asked = retry_after(error)
            if asked is not None:
                return asked if asked <= self.max_wait else None
            return self._jittered(failed, error)
        except Exception as fault:  # of the user's own code: the next tier is asked
            self._faults.note("Retry(on=..., wait=...)", fault)
            return None

    def _jittered(self, failed: int, error: Exception) -> float:
        from tenacity import RetryCallState, Retrying, wait_random_exponential

        wait = self.wait or wait_random_exponential(multiplier=self.initial, max=self.max_wait)
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = failed
        state.set_exception((type(error), error, None))
        seconds = float(wait(state))
        return min(max(0.0, seconds), LONGEST_WAIT) if seconds == seconds else 0.0


def retry_of(given: Retry | int | None) -> Retry | None:
    """Return the policy that a user gave; a number is one of attempts.

    Raises:
        ConfigurationError: It is neither.
    """
    if given is None or isinstance(given, Retry):
        return given
    if isinstance(given, bool) or not isinstance(given, int):
        raise ConfigurationError(
            f"Tier(retry=...) is a {type(given).__name__}; give a number of attempts, or "
            "Retry(attempts, initial, max_wait)."
        )
    return Retry(attempts=given)
