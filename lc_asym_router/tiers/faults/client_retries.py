"""Retries of a provider's own client, taken over by the router.

Hidden in the client they would be in no record, under no deadline and on no budget.
"""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import ANTHROPIC_CLIENTS, resource_client
from lc_asym_router.tiers.faults.retry import Retry
from lc_asym_router.tiers.providers.registry import provider_of

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
