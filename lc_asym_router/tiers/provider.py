"""LangChain's own cache, on a tier's model or for the whole process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import BaseModel, SecretStr

from lc_asym_router.money.list_prices import base_url_of

_ADDRESSES = ("azure_endpoint", "api_base", "xai_api_base", "groq_api_base", "endpoint")
"""Where client classes keep the address that they call, besides those that prices look at."""
_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def reads_cache(model: BaseChatModel) -> bool:
    """Whether an invoked call of the model may be answered from a cache. A stream never is."""
    if model.cache is None:
        return get_llm_cache() is not None
    return model.cache is not False


def counted(message: AIMessage) -> AIMessage:
    """The message with whole token counts.

    LangChain's mark of a hit is a total cost of 0 in `usage_metadata`; of an answer that had come
    without token counts that mark is all there is, which no chunk may have.
    """
    usage = message.usage_metadata
    if not usage or "total_tokens" in usage:
        return message
    return message.model_copy(update={"usage_metadata": {**_NO_TOKENS, **usage}})


def ends_unmarked(message: AIMessage, provider: str) -> bool:
    """Whether a provider that always says why it stopped did not."""
    return (
        provider in {"ollama", "openai"}
        and not finish_reason(message)
        and message.response_metadata.get("status") != "completed"
    )


def finish_reason(message: AIMessage) -> str:
    """Why the model stopped, in lower case, wherever its provider puts that; "" if nowhere."""
    metadata = message.response_metadata
    for key in ("done_reason", "finish_reason", "stop_reason"):
        if isinstance(reason := metadata.get(key), str):
            return reason.lower()
    incomplete = metadata.get("incomplete_details")
    if isinstance(incomplete, dict) and incomplete.get("reason"):
        return str(incomplete["reason"]).lower()
    return ""


def tokens_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tokens with their logprobs, from a message's or a chunk's `response_metadata`.

    ChatOpenAI puts them under `logprobs.content` as dicts, ChatOllama in a list under `logprobs` as
    objects of Ollama's client.

    Returns:
        For each token a dict with `token`, `logprob` (nats) and, where given, `top_logprobs`.
    """
    given = metadata.get("logprobs")
    tokens = given.get("content") if isinstance(given, Mapping) else given
    if not isinstance(tokens, Sequence) or isinstance(tokens, str):
        return []
    plain = (token.model_dump() if isinstance(token, BaseModel) else token for token in tokens)
    return [
        dict(token)
        for token in plain
        if isinstance(token, Mapping) and isinstance(token.get("logprob"), int | float)
    ]


def credentials_digest(model: BaseChatModel) -> str:
    """A name for the keys and headers that a model's calls carry; the same for the same ones.

    One customer's wrong key says nothing of another's, so they share no breaker.
    """
    fields = vars(model)
    secrets = [
        f"{name}={value.get_secret_value()}"
        for name, value in sorted(fields.items())
        if isinstance(value, SecretStr)
    ]
    headers = (_headers(fields.get("client_kwargs")), fields.get("default_headers"))
    carried = repr((secrets, [sorted((each or {}).items()) for each in headers]))
    return hashlib.blake2b(carried.encode(), digest_size=8).hexdigest()


def endpoint_digest(model: BaseChatModel) -> str:
    """A name for the address that the model's calls go to, which does not tell it."""
    url = next((u for key in _ADDRESSES if isinstance(u := getattr(model, key, None), str)), "")
    url = url or base_url_of(model) or ""
    return hashlib.blake2b(url.rstrip("/").encode(), digest_size=6).hexdigest()


def _headers(client_kwargs: Any) -> dict[str, Any]:
    return dict((client_kwargs or {}).get("headers") or {})
