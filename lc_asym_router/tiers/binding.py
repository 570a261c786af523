"""Binding a request's tools and schema to a tier's model, in that model's own dialect."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

from lc_asym_router._internal.compat import openai_response_format, provider_of
from lc_asym_router.records.request import Request


def bind(model: BaseChatModel, request: Request) -> Runnable[Any, AIMessage]:
    """The model with the request's tools, schema and other arguments bound to it.

    Tools and schemas are converted here, by the model's own `bind_tools` and
    `with_structured_output`, and nowhere earlier. A schema's parser is left off: what comes back is
    the raw message, which `structured.structured` reads in the same way for every tier.
    """
    provider = provider_of(model)
    bound: Runnable[Any, Any] = model
    rest = _dialect(provider, request.kwargs)
    if request.schema:
        method = model.with_structured_output
        chain = method(request.schema.schema, **_taken(method, request.schema.kwargs))
        bound = _unparsed(chain.first if isinstance(chain, RunnableSequence) else chain)
    elif request.tools:
        wanted = _taken(model.bind_tools, request.tools.kwargs)
        bound = model.bind_tools(list(request.tools.tools), **_dialect(provider, wanted))
    if rest:
        bound = bound.bind(**rest)
    return cast("Runnable[Any, AIMessage]", bound)


def _unparsed(bound: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """The same, with OpenAI's `response_format` as the JSON that goes on the wire.

    Given a class, OpenAI's client parses by itself and raises in the middle of the call, so that the
    answer is lost; the router reads every tier's answer in its own place.
    """
    wanted = bound.kwargs.get("response_format") if isinstance(bound, RunnableBinding) else None
    if not isinstance(wanted, type):
        return bound
    return bound.bind(response_format=openai_response_format(wanted))


OPTIONAL = frozenset({"strict", "parallel_tool_calls"})
"""Wishes that not every provider knows; its absence changes no answer that a check would pass."""
OWN = {
    "cache_control": {"anthropic", "amazon_bedrock"},
    "prompt_cache_key": {"openai", "azure", "fireworks"},
    "service_tier": {"openai", "azure", "anthropic", "groq"},
}
"""Settings that only some providers take (agents' middleware binds them); others reject them."""


def _taken(method: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out optional wishes that the model's own method does not declare (Ollama's don't)."""
    declared = inspect.signature(method).parameters
    return {k: v for k, v in wanted.items() if k not in OPTIONAL or k in declared}


def _dialect(provider: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as a provider takes them: others' settings left out, formats translated."""
    taken = {k: v for k, v in wanted.items() if provider in OWN.get(k, {provider})}
    if provider != "ollama" or taken.get("response_format") is None:
        return taken
    asked = taken.pop("response_format")
    if isinstance(asked, dict) and asked.get("type") == "json_schema":
        return {**taken, "format": asked["json_schema"]["schema"]}
    return {**taken, "format": "json"}


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
