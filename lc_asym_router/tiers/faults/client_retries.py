"""Retries of a provider's own client, taken over by the router.

Hidden in the client they would be in no record, under no deadline and on no budget.
"""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.faults.retry import Retry


def retry_like(model: BaseChatModel) -> Retry:
    """As many tries as the model's own client would make; one where it makes none, or hides them."""
    return Retry(attempts=1 + _hidden(model))


def without_own_retries(model: BaseChatModel) -> BaseChatModel:
    """The model with a client that tries once; the model itself where it does so already."""
    if not _hidden(model):
        return model
    update: dict[str, Any] = {}
    for root, leaf in (("root_client", "client"), ("root_async_client", "async_client")):
        client = getattr(model, root, None)
        if client is not None:
            once = client.with_options(max_retries=0)
            update |= {root: once, leaf: once.chat.completions}
    return model.model_copy(update=update)


def _hidden(model: BaseChatModel) -> int:
    """Retries that the model's client makes by itself, as far as they can be taken over."""
    for root in ("root_client", "root_async_client"):
        client = getattr(model, root, None)
        retries = getattr(client, "max_retries", 0)
        if hasattr(client, "with_options") and isinstance(retries, int) and retries > 0:
            return retries
    return 0
