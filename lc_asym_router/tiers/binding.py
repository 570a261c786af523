"""What a tier's model is given in its own dialect: tools, schema, settings and the conversation."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

from lc_asym_router._internal.compat import openai_response_format, provider_of
from lc_asym_router.records.request import Request


def bind(
    model: BaseChatModel, request: Request, provider: str | None = None
) -> Runnable[Any, AIMessage]:
    """The model with the request's tools, schema and other arguments bound to it.

    Tools and schemas are converted here, by the model's own `bind_tools` and
    `with_structured_output`, and nowhere earlier. A schema's parser is left off: what comes back is
    the raw message, which `structured.structured` reads in the same way for every tier.

    Args:
        model: The model.
        request: What is asked.
        provider: The model's provider, where the caller knows it.
    """
    bound: Runnable[Any, Any] = model
    if not (request.schema or request.tools or request.kwargs):
        return cast("Runnable[Any, AIMessage]", bound)
    provider = provider_of(model) if provider is None else provider
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


# the conversation ---------------------------------------------------------------------------

LONGEST_ID = 40
"""Characters that OpenAI allows in a tool call's id."""
CACHE_KEY = "cache_control"
"""Anthropic's cache marker: other providers reject it."""


def fit(messages: Sequence[BaseMessage], provider: str) -> list[BaseMessage]:
    """The messages as `provider` ("ollama", "openai", ...) can take them; the caller's are not touched.

    A conversation that changes its tier holds what another provider said: content blocks, reasoning,
    refusals, server-side tool calls, cache settings, ids. What its own provider said passes as it is,
    so that prompt caches and reasoning stay intact.

    - What another provider's model said is brought down to its text and its tool calls; a refusal
      stands as the text that it was.
    - Anthropic's cache markers are taken off for every other provider.
    - Tool-call ids that are missing or too long are replaced, alike in the call and in its result.

    Messages that fit already are handed through as they are.
    """
    renamed: dict[str | None, str] = {}
    fitted: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage):
            own = message.response_metadata.get("model_provider") in (None, provider)
            if not own or _strange(message, provider):
                message = _plain(message)
            message = _with_call_ids(message, renamed)
        elif isinstance(message, ToolMessage) and message.tool_call_id in renamed:
            message = message.model_copy(update={"tool_call_id": renamed[message.tool_call_id]})
        if provider != "anthropic":
            message = _without_cache_marks(message)
        fitted.append(message)
    return fitted


def _strange(message: AIMessage, provider: str) -> bool:
    """Whether a message of unknown making holds blocks that Ollama's client would reject."""
    if message.response_metadata.get("model_provider") or isinstance(message.content, str):
        return False
    known = {"text", "tool_use", "tool_call"} | ({"refusal"} if provider == "openai" else set())
    return any(
        isinstance(block, dict) and block.get("type") not in known for block in message.content
    )


def _plain(message: AIMessage) -> AIMessage:
    """Text and tool calls alone."""
    return AIMessage(
        content=message.text or _refusal(message),
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
        name=message.name,
    )


def _refusal(message: AIMessage) -> str:
    if refusal := message.additional_kwargs.get("refusal"):
        return str(refusal)
    blocks = message.content if isinstance(message.content, list) else []
    said = (block.get("refusal") for block in blocks if isinstance(block, dict))
    return " ".join(str(refusal) for refusal in said if refusal)


def _with_call_ids(message: AIMessage, renamed: dict[str | None, str]) -> AIMessage:
    bad = [call["id"] for call in message.tool_calls if _unfit(call["id"])]
    if not bad:
        return message
    calls = []
    for place, call in enumerate(message.tool_calls):
        if _unfit(call["id"]):
            seed = call["id"] or f"{message.id}-{place}-{call['name']}"
            renamed[call["id"]] = f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
            calls.append({**call, "id": renamed[call["id"]]})
        else:
            calls.append(dict(call))
    return message.model_copy(update={"tool_calls": calls})


def _unfit(call_id: str | None) -> bool:
    return not call_id or len(call_id) > LONGEST_ID


def _without_cache_marks(message: BaseMessage) -> BaseMessage:
    content = message.content
    if isinstance(content, str) or not any(map(_marked, content)):
        return message
    return message.model_copy(update={"content": [_unmarked(block) for block in content]})


def _marked(block: Any) -> bool:
    return isinstance(block, Mapping) and (
        CACHE_KEY in block or any(CACHE_KEY in part for part in _nested(block))
    )


def _nested(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = (block.get(key) for key in ("extras", "metadata"))
    return [part for part in parts if isinstance(part, Mapping)]


def _unmarked(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    return {
        key: _unmarked(value) if key in ("extras", "metadata") else value
        for key, value in block.items()
        if key != CACHE_KEY
    }
