"""Facts about a model's client and provider that a call depends on: cache, end marks, keys, address."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import BaseModel, SecretStr

from lc_asym_router.errors import CutStreamError, FailedEndError, NoAnswerError
from lc_asym_router.records.request import has_answer
from lc_asym_router.tiers.providers.description import GAVE_UP_LIKE
from lc_asym_router.tiers.providers.registry import BY_NAME, UNKNOWN

_PRIVATE_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def reads_cache(model: BaseChatModel) -> bool:
    """Whether an invoked call of the model may be answered from a cache. A stream never is."""
    if model.cache is None:
        return get_llm_cache() is not None
    return model.cache is not False


def with_counts(message: AIMessage) -> AIMessage:
    """The message with whole token counts.

    LangChain's mark of a hit is a total cost of 0 in `usage_metadata`; of an answer that had come
    without token counts that mark is all there is, which no chunk may have.
    """
    usage = message.usage_metadata
    if not usage or "total_tokens" in usage:
        return message
    return message.model_copy(update={"usage_metadata": {**_NO_TOKENS, **usage}})


def is_private(url: str | None, provider: str) -> bool:
    """Whether an address is on this machine or a private network, as Ollama's own is.

    Args:
        url: Where a model's calls go, or `None` for its provider's own address.
        provider: Its provider, as LangSmith names it.
    """
    if not url:
        if provider != "ollama":
            return False
        url = os.environ.get("OLLAMA_HOST") or "127.0.0.1"
    host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower()
    try:
        address = ip_address(host)
    except ValueError:
        return (
            host == "localhost" or host.endswith(_PRIVATE_NAMES) or (host != "" and "." not in host)
        )
    return address.is_loopback or address.is_private or address.is_link_local


LENGTH_REASONS = frozenset(
    {
        "length",
        "max_length",
        "max_tokens",
        "max_output_tokens",
        "max_tokens_reached",
        "model_length",
        "model_context_window_exceeded",
        "token_limit",
    }
)
"""What providers call an answer that was cut off at a token limit, in lower case."""
UNFINISHED = frozenset({"incomplete", "pause_turn"})
"""What providers call an answer that is to go on, or that they give no reason for, in lower case."""
WITHHELD = frozenset(
    {
        "blocklist",
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "guardrails",
        "image_prohibited_content",
        "image_recitation",
        "image_safety",
        "jailbreak",
        "language",
        "model_armor",
        "no_image",
        "prohibited_content",
        "recitation",
        "refusal",
        "safety",
        "sensitive",
        "spii",
    }
)
"""What providers call an answer that they did not let through, in lower case."""


def ends_unmarked(message: AIMessage, provider: str) -> bool:
    """Whether a message has no finish reason although its provider always gives one."""
    return (
        BY_NAME.get(provider, UNKNOWN).marks_end
        and not finish_reason(message)
        and message.response_metadata.get("status") != "completed"
    )


def failed_end(message: AIMessage, provider: str) -> str | None:
    """Return the server's name for the error that ended an answer, or `None` for a normal end."""
    known = BY_NAME.get(provider, UNKNOWN).failed_ends
    for end in (finish_reason(message), str(message.response_metadata.get("status", "")).lower()):
        if end in known or GAVE_UP_LIKE.search(end):
            return end
    return None


def check_end(message: AIMessage, provider: str) -> None:
    """Raise if a message is incomplete.

    Raises:
        CutStreamError: It has no end mark, and its provider always gives one.
        FailedEndError: Its end is an error.
    """
    if reason := failed_end(message, provider):
        raise FailedEndError(reason)
    if ends_unmarked(message, provider):
        raise CutStreamError


def no_answer(message: AIMessage) -> NoAnswerError | None:
    """Return why a complete message is no answer, or `None` where it is one."""
    reason = finish_reason(message)
    if reason in WITHHELD:
        return NoAnswerError(f"the answer was withheld by its provider ({reason})", passing=False)
    if message.tool_calls:
        return None
    if message.invalid_tool_calls:
        return NoAnswerError("the tool call can't be read: its arguments are no JSON object")
    if lost_call(message):
        return NoAnswerError("it ends as a tool call does, and holds none")
    if has_answer(message) or message.additional_kwargs.get("refusal"):
        return None
    if reason in LENGTH_REASONS:
        return NoAnswerError("the answer was cut off at the token limit before any text", False)
    if reason in UNFINISHED:
        return NoAnswerError(f"the answer is not finished ({reason}), and holds no text", False)
    return NoAnswerError("the answer is empty")


def cut_off(message: AIMessage) -> str | None:
    """Return the provider's word for the limit that a message was cut off at, or for being
    unfinished; `None` for a whole one."""
    reason = finish_reason(message)
    return reason if reason in LENGTH_REASONS | UNFINISHED else None


def finish_reason(message: AIMessage) -> str:
    """Why the model stopped, in lower case, wherever its provider puts that; "" if nowhere."""
    metadata = message.response_metadata
    for key in ("done_reason", "finish_reason", "stop_reason"):
        if isinstance(reason := metadata.get(key), str):
            return reason.lower()
    blocked = metadata.get("prompt_feedback")
    if isinstance(blocked, Mapping) and (why := blocked.get("block_reason")):
        # Gemini has no answer then, and so no reason for its end.
        return "prohibited_content" if "PROHIBITED" in str(why).upper() else "safety"
    incomplete = metadata.get("incomplete_details")
    reason = str(incomplete.get("reason") or "") if isinstance(incomplete, Mapping) else ""
    if reason.lower() in LENGTH_REASONS | WITHHELD:
        return reason.lower()
    return "incomplete" if reason or metadata.get("status") == "incomplete" else ""


def lost_call(message: AIMessage) -> bool:
    """Whether an answer says at its end that it calls a tool, and no call is in it."""
    ended = finish_reason(message) in ("tool_calls", "tool_use", "function_call")
    calls = message.tool_calls or message.invalid_tool_calls
    return (
        ended and not calls and not {"function_call", "tool_calls"} & set(message.additional_kwargs)
    )


LEAST_LOGPROB = -10_000.0
"""No logprob is taken for less, in nats."""


def tokens_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tokens with their logprobs, from a message's or a chunk's `response_metadata`.

    ChatOpenAI puts them under `logprobs.content` as dicts, ChatOllama in a list under `logprobs` as
    objects of Ollama's client.

    Returns:
        For each token a dict with `token`, `logprob` (nats, in [`LEAST_LOGPROB`, 0]) and, where given,
        `top_logprobs`, likewise. What has no such number, or is no token, is left out.
    """
    given = metadata.get("logprobs")
    tokens = given.get("content") if isinstance(given, Mapping) else given
    if not isinstance(tokens, Sequence) or isinstance(tokens, str):
        return []
    return _tokens(tokens)


def _tokens(given: Sequence[Any]) -> list[dict[str, Any]]:
    found = []
    for each in given:
        token = each.model_dump() if isinstance(each, BaseModel) else each
        if not isinstance(token, Mapping):
            continue
        logprob = token.get("logprob")
        if isinstance(logprob, bool) or not isinstance(logprob, int | float) or logprob != logprob:
            continue
        plain = {**token, "logprob": float(max(LEAST_LOGPROB, min(0.0, logprob)))}
        if (others := plain.get("top_logprobs")) is not None:
            listed = isinstance(others, Sequence) and not isinstance(others, str)
            plain["top_logprobs"] = _tokens(others) if listed else []
        found.append(plain)
    return found


def credentials_digest(model: BaseChatModel) -> str:
    """A name for the keys and headers that a model's calls carry; the same for the same ones.

    One customer's wrong key says nothing of another's, so they share no breaker.
    """
    fields = vars(model)
    secrets = [f"{name}={value}" for name, value in _secrets(fields)]
    headers = (_headers(fields.get("client_kwargs")), fields.get("default_headers"))
    carried = repr((secrets, [sorted((each or {}).items()) for each in headers]))
    return hashlib.blake2b(carried.encode(), digest_size=8).hexdigest()


def secrets_of(model: BaseChatModel) -> list[str]:
    """The model's keys, so that no message quotes one."""
    return [value for _, value in _secrets(vars(model))]


def _secrets(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value.get_secret_value())
        for name, value in sorted(fields.items())
        if isinstance(value, SecretStr)
    ]


def _headers(client_kwargs: Any) -> dict[str, Any]:
    return dict((client_kwargs or {}).get("headers") or {})


def streams_alike(model: BaseChatModel, provider: str) -> bool:
    """Whether a streamed answer equals an invoked one, if that is not from a cache.

    ChatOpenAI counts no tokens in a stream unless `stream_usage` is set.
    """
    whole = "streaming" in model.model_fields_set and getattr(model, "streaming", None) is False
    if model.disable_streaming or whole:
        return False
    return provider == "ollama" or bool(getattr(model, "stream_usage", False))
