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
        method = model.with_structured_output
        chain = method(request.schema.schema, **_taken(method, wanted))
        bound = chain.first if isinstance(chain, RunnableSequence) else chain
    elif request.tools:
        wanted = _taken(model.bind_tools, {**request.tools.kwargs, **_formats(request)})
        bound = model.bind_tools(list(request.tools.tools), **_dialect(model, wanted))
    if rest := {key: value for key, value in request.kwargs.items() if key not in FORMATS}:
        bound = bound.bind(**rest)
    if not request.tools and (formats := _formats(request)):
        bound = bound.bind(**_dialect(model, formats))
    return cast("Runnable[Any, AIMessage]", bound)


FORMATS = ("response_format",)
"""Call arguments that ask for a form of answer, in OpenAI's dialect (agents bind them)."""
OPTIONAL = frozenset({"strict", "parallel_tool_calls"})
"""Wishes that not every provider knows; its absence changes no answer that a check would pass."""


def _formats(request: Request) -> dict[str, Any]:
    return {key: request.kwargs[key] for key in FORMATS if key in request.kwargs}


def _taken(method: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """Leave out optional wishes that the model's own method does not declare (Ollama's don't)."""
    declared = inspect.signature(method).parameters
    return {k: v for k, v in wanted.items() if k not in OPTIONAL or k in declared}


def _dialect(model: BaseChatModel, wanted: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's `response_format` as Ollama's `format`; the rest as it is."""
    asked = wanted.get("response_format")
    if asked is None or model._get_ls_params().get("ls_provider") != "ollama":
        return wanted
    rest = {key: value for key, value in wanted.items() if key != "response_format"}
    if isinstance(asked, dict) and asked.get("type") == "json_schema":
        return {**rest, "format": asked["json_schema"]["schema"]}
    return {**rest, "format": "json"}


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
