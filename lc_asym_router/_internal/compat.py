"""Every private name of other packages that is used here: what for, and in which versions it was seen.

Nothing else in the package imports or reaches for one. See `tests/_internal/test_compat.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel

# Events of a run from its chunks, for listeners; langchain-core 1.8.3.
from langchain_core.language_models._compat_bridge import achunks_to_events, chunks_to_events

# Base of handlers that pass tokens on as they come, protocol v1; langchain-core 1.8.3.
from langchain_core.tracers._streaming import _StreamingCallbackHandler as StreamingHandler

# Base of handlers that pass events on as they come, protocol v2; langchain-core 1.8.3.
from langchain_core.tracers._streaming import _V2StreamingCallbackHandler as EventStreamingHandler

# Keys of a node's config: the parent's checkpointer, to look for finished steps; its durability, which
# a graph without a checkpointer must not inherit; and its stream, which a call that nobody may follow
# must not inherit either; langgraph 1.2.24.
from langgraph._internal._constants import (
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_DURABILITY,
    CONFIG_KEY_STREAM,
)

# A node with a sync and an async function that opens no run of its own; langgraph 1.2.24.
from langgraph._internal._runnable import RunnableCallable

__all__ = [
    "ANTHROPIC_CLIENTS",
    "CONFIG_KEY_CHECKPOINTER",
    "CONFIG_KEY_DURABILITY",
    "CONFIG_KEY_STREAM",
    "EventStreamingHandler",
    "RunnableCallable",
    "StreamingHandler",
    "achunks_to_events",
    "chunks_to_events",
    "http_clients",
    "langsmith_params",
    "openai_response_format",
    "provider_of",
    "resource_client",
    "start_producer",
    "with_streams",
]


ANTHROPIC_CLIENTS = ("_client_params", "_client", "_async_client")
"""Clients that `ChatAnthropic` builds when it is first asked, and keeps; langchain-anthropic 1.7.10."""


def resource_client(resource: Any) -> Any:
    """The client that a resource of an SDK (`ChatGroq.client`) belongs to, or `None`; groq 0.37.1."""
    return getattr(resource, "_client", None)


def langsmith_params(model: BaseChatModel) -> dict[str, Any]:
    """What LangSmith is told of a model: `ls_provider`, `ls_model_name`, ...

    `BaseChatModel._get_ls_params`: nothing public names the provider; langchain-core 1.8.3.
    """
    return dict(model._get_ls_params())


def provider_of(model: BaseChatModel) -> str:
    """The model's provider, as LangSmith names it: "ollama", "openai", ...; "" where it has none."""
    return str(langsmith_params(model).get("ls_provider", ""))


def http_clients(model: BaseChatModel) -> Iterator[Any]:
    """The sync httpx clients that a model calls with, as far as they are found.

    `ChatOpenAI.root_client._client` and `ChatOllama._client._client`: their event hooks bound and end
    a sync call; langchain-openai 1.7.4, langchain-ollama 1.1.0,
    openai 3.57.0, ollama 0.6.3.
    """
    for holder in ("root_client", "_client"):
        client = getattr(getattr(model, holder, None), "_client", None)
        if client is not None:
            yield client


def with_streams(
    model: BaseChatModel,
    stream: Callable[[Callable[..., Any]], Callable[..., Any]],
    astream: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> BaseChatModel:
    """A copy of the model whose chunks pass through two functions of its own streams.

    `BaseChatModel._stream` and `_astream`, put on the instance: LangChain looks at the class to see
    whether a model can stream at all; langchain-core 1.8.3.
    """
    copy = model.model_copy()
    copy.__dict__["_stream"] = stream(model._stream)
    copy.__dict__["_astream"] = astream(model._astream)
    return copy


def start_producer(stream: Any, produce: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start the task that fills an `AsyncChatModelStream`, unless it runs.

    `AsyncChatModelStream._producer_task`: its own reader awaits and cancels it; langchain-core 1.8.3.
    """
    if stream._producer_task is None:
        stream._producer_task = asyncio.get_running_loop().create_task(produce())


def openai_response_format(schema: type) -> Any:
    """The JSON that OpenAI's client sends for a class given as `response_format`.

    `openai.lib._parsing._completions.type_to_response_format_param`: nothing public converts without
    parsing the answer too; openai 3.57.0.
    """
    from openai.lib._parsing._completions import type_to_response_format_param

    return type_to_response_format_param(schema)
