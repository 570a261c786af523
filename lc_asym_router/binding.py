"""Binding a request's tools and schema to a tier's model, in that model's own dialect."""

from __future__ import annotations

import inspect
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableSequence

from lc_asym_router.request import Request


def bind(model: BaseChatModel, request: Request) -> Runnable[Any, AIMessage]:
    """The model with the request's tools, schema and other arguments bound to it.

    Tools and schemas are converted here, by the model's own `bind_tools` and
    `with_structured_output`, and nowhere earlier. A schema's parser is left off: what comes back is
    the raw message, which `structured.structured` reads in the same way for every tier.
    """
    bound: Runnable[Any, Any] = model
    if request.schema:
        wanted = dict(request.schema.kwargs)
        chain = model.with_structured_output(request.schema.schema, **_taken(model, wanted))
        bound = chain.first if isinstance(chain, RunnableSequence) else chain
    elif request.tools:
        bound = model.bind_tools(list(request.tools.tools), **dict(request.tools.kwargs))
    if request.kwargs:
        bound = bound.bind(**dict(request.kwargs))
    return cast("Runnable[Any, AIMessage]", bound)


def _taken(model: BaseChatModel, wanted: dict[str, Any]) -> dict[str, Any]:
    """Leave out `strict` where the model's own method does not know it (Ollama's does not)."""
    parameters = inspect.signature(model.with_structured_output).parameters
    if "strict" in wanted and "strict" not in parameters:
        return {key: value for key, value in wanted.items() if key != "strict"}
    return wanted


def resampled(model: BaseChatModel, temperature: float, seed: int) -> BaseChatModel:
    """A copy of the model that samples anew: another temperature, another seed, no cache.

    Without `cache=False` a second sample would be the first one's cached answer.
    """
    fields = type(model).model_fields
    update: dict[str, Any] = {"cache": False}
    if "temperature" in fields:
        update["temperature"] = temperature
    own_seed = getattr(model, "seed", None) if "seed" in fields else None
    if own_seed is not None:
        update["seed"] = own_seed + seed
    return model.model_copy(update=update)
