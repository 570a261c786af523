"""All private names of other packages that are used here, with their purpose and the versions they
are in.

No other module uses one. `tests/_internal/test_compat.py` tests each.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from typing import Any

from langchain_core.language_models import BaseChatModel

# Events of a run from its chunks, for listeners; langchain-core 1.8.3.
from langchain_core.language_models._compat_bridge import achunks_to_events, chunks_to_events
from langchain_core.runnables import Runnable

# Base of handlers that pass tokens on as they come, protocol v1; langchain-core 1.8.3.
from langchain_core.tracers._streaming import _StreamingCallbackHandler as StreamingHandler

# Base of handlers that pass events on as they come, protocol v2; langchain-core 1.8.3.
from langchain_core.tracers._streaming import _V2StreamingCallbackHandler as EventStreamingHandler

# For a key that older versions have not.
from langgraph._internal import _constants

# What LangGraph puts into a graph's config; langgraph 1.2.24.
from langgraph._internal._config import ensure_config as ensure_graph_config

# Keys of a node's config: the parent's checkpointer, to look for finished steps; its durability, which
# a graph without a checkpointer must not inherit; and its stream, which a call that nobody may follow
# must not inherit either. And what a node run without LangGraph's loop needs in its config, for
# `interrupt()`, `get_runtime()`, `get_stream_writer()` and graphs below it; langgraph 1.2.24.
from langgraph._internal._constants import (
    CONFIG_KEY_CHECKPOINT_ID,
    CONFIG_KEY_CHECKPOINT_MAP,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_DURABILITY,
    CONFIG_KEY_READ,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_STREAM,
    CONFIG_KEY_TASK_ID,
)

# A node with a sync and an async function that opens no run of its own; langgraph 1.2.24.
from langgraph._internal._runnable import RunnableCallable

# What `interrupt()` and graphs below a node count in; langgraph 1.2.24.
from langgraph._internal._scratchpad import PregelScratchpad

__all__ = [
    "ANTHROPIC_CLIENTS",
    "CONFIG_KEY_CHECKPOINTER",
    "CONFIG_KEY_CHECKPOINT_ID",
    "CONFIG_KEY_CHECKPOINT_MAP",
    "CONFIG_KEY_CHECKPOINT_NS",
    "CONFIG_KEY_DURABILITY",
    "CONFIG_KEY_READ",
    "CONFIG_KEY_READ_STATE",
    "CONFIG_KEY_RUNTIME",
    "CONFIG_KEY_SCRATCHPAD",
    "CONFIG_KEY_SEND",
    "CONFIG_KEY_STREAM",
    "CONFIG_KEY_TASK_ID",
    "EventStreamingHandler",
    "PregelScratchpad",
    "RunnableCallable",
    "StreamingHandler",
    "achunks_to_events",
    "another_pool",
    "async_transports",
    "chunks_to_events",
    "class_streams",
    "convert_input",
    "ensure_graph_config",
    "generate_parameters",
    "goes_to_responses_api",
    "hook_google_replies",
    "http_clients",
    "langsmith_params",
    "ls_provider",
    "openai_response_format",
    "replace_pool",
    "resource_client",
    "start_producer",
    "streaming_disabled",
    "transform_stream",
    "transport_pool",
    "with_streams",
]


CONFIG_KEY_READ_STATE = getattr(_constants, "CONFIG_KEY_READ_STATE", "__pregel_read_state")
"""The parent's whole state, which a node below a walk has none of; not in langgraph 1.2.12."""
ANTHROPIC_CLIENTS = ("_client_params", "_client", "_async_client")
"""Clients that `ChatAnthropic` builds when it is first asked, and keeps; langchain-anthropic 1.7.10."""

convert_input = BaseChatModel._convert_input
"""What a chat model reads its input as: text, messages or a prompt; langchain-core 1.8.3."""
streaming_disabled = BaseChatModel._streaming_disabled
"""Whether a call of a chat model may not stream, by `disable_streaming`; langchain-core 1.8.3."""
transform_stream = Runnable._transform_stream_with_config
"""A stream as one run of a runnable, with callbacks; langchain-core 1.8.3."""


def resource_client(resource: Any) -> Any:
    """Return the client that an SDK's resource (`ChatGroq.client`) belongs to, or `None`; groq
    0.37.1.
    """
    return getattr(resource, "_client", None)


def langsmith_params(model: BaseChatModel) -> dict[str, Any]:
    """Return a model's parameters for LangSmith: `ls_provider`, `ls_model_name`, ...

    `BaseChatModel._get_ls_params`: nothing public names the provider; langchain-core 1.8.3.
    """
    return dict(model._get_ls_params())


def ls_provider(model: BaseChatModel) -> str:
    """Return the provider's LangSmith name: "ollama", "openai", ...; "" where there is none."""
    return str(langsmith_params(model).get("ls_provider", ""))


def http_clients(model: BaseChatModel, *, is_async: bool = False) -> Iterator[Any]:
    """The httpx clients that a model calls with, as far as they are found.

    `ChatOpenAI.root_client._client`, `ChatOllama._client._client`, `ChatAnthropic._client._client`,
    `ChatGroq.client._client._client`, `ChatMistralAI.client`,
    `ChatGoogleGenerativeAI.client._api_client._httpx_client`, and their async twins: event hooks bound
    and end a sync call, and keep what a server sent; langchain-openai 1.7.4, langchain-ollama 1.1.0,
    openai 3.57.0, ollama 0.6.3, anthropic 2.14.0, groq 0.37.1, google-genai 3.6.1.
    """
    sync = ("root_client", "_client", "client")
    for name in (
        ("root_async_client", "_async_client", "async_client", "client") if is_async else sync
    ):
        found = getattr(model, name, None)
        for _ in range(3):
            if found is None or hasattr(found, "event_hooks"):
                break
            api = getattr(found, "_api_client", None)
            leaf = "_async_httpx_client" if is_async else "_httpx_client"
            found = getattr(api, leaf, None) if api is not None else getattr(found, "_client", None)
        if hasattr(found, "event_hooks"):
            yield found
            return


def hook_google_replies(
    model: BaseChatModel, begin: Callable[[], Callable[[bytes], None] | None]
) -> None:
    """Show what Google's async client reads by aiohttp, which has no event hooks; done once a client.

    `ChatGoogleGenerativeAI.client._api_client._async_request` returns an `HttpResponse`, whose
    `response_stream` is a list of texts or what `_aiter_response_stream` reads; google-genai 3.6.1.

    Args:
        model: The model; any other one is left as it is.
        begin: Called for each reply; returns what takes its parts, or `None`.
    """
    api: Any = getattr(getattr(model, "client", None), "_api_client", None)
    request = getattr(api, "_async_request", None)
    if request is None or "_async_request" in vars(api):
        return

    async def _async_request(*args: Any, **kwargs: Any) -> Any:
        reply = await request(*args, **kwargs)
        if (add := begin()) is None:
            return reply
        if isinstance(reply.response_stream, list):
            add("".join(reply.response_stream).encode())
            return reply
        read = reply._aiter_response_stream

        async def _aiter_response_stream() -> AsyncIterator[str]:
            async with aclosing(read()) as parts:
                async for part in parts:
                    add(f"{part}\n".encode())
                    yield part

        reply._aiter_response_stream = _aiter_response_stream
        return reply

    api._async_request = _async_request


def async_transports(model: BaseChatModel) -> Iterator[Any]:
    """The transports of the async httpx clients that a model calls with, where they keep a pool.

    `ChatOpenAI.root_async_client`, `ChatOllama._async_client`, `ChatAnthropic._async_client` and
    `ChatGroq.async_client` hold an httpx client some `_client` down, `ChatMistralAI.async_client` is
    one; its transports are `_transport` and, by address, `_mounts`, and their pool is `_pool`;
    httpx 0.28.1.
    """
    for holder in ("root_async_client", "_async_client", "async_client"):
        client = getattr(model, holder, None)
        for _ in range(3):
            if client is None or hasattr(client, "_transport"):
                break
            client = getattr(client, "_client", None)
        own = getattr(client, "_transport", None)
        for each in (own, *getattr(client, "_mounts", {}).values()):
            if hasattr(each, "_pool"):
                yield each


def another_pool(pool: Any) -> Any | None:
    """An empty connection pool with another one's settings; `None` where it is of an unknown kind.

    `AsyncConnectionPool` keeps what is its own in `_connections` and `_requests`; httpcore 1.0.9.
    """
    if not isinstance(getattr(pool, "_connections", None), list):
        return None
    if not isinstance(getattr(pool, "_requests", None), list):
        return None
    empty = copy.copy(pool)
    empty._connections, empty._requests = [], []
    return empty


def transport_pool(transport: Any) -> Any:
    """The connection pool of one of `async_transports`: `AsyncHTTPTransport._pool`; httpx 0.28.1."""
    return transport._pool


def replace_pool(transport: Any, pool: Any) -> None:
    """Let a transport take its connections from another pool; httpx 0.28.1."""
    transport._pool = pool


def generate_parameters(model: BaseChatModel) -> Collection[str]:
    """Names of the arguments of a call that a model's class names itself.

    `BaseChatModel._generate`: what `invoke` is given goes on to it; langchain-core 1.8.3.
    """
    return inspect.signature(type(model)._generate).parameters


def goes_to_responses_api(model: BaseChatModel, payload: Mapping[str, Any]) -> bool:
    """Whether a call of OpenAI's class goes to the Responses API; of other classes it does not.

    `ChatOpenAI._use_responses_api`: nothing public says it; langchain-openai 1.7.4.
    """
    asks = getattr(model, "_use_responses_api", None)
    return bool(asks and asks(dict(payload)))


def class_streams(base: type[BaseChatModel]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions with which a class streams, sync and async, to be called with the model first.

    `BaseChatModel._stream` and `_astream`; langchain-core 1.8.3.
    """
    return base._stream, base._astream


def with_streams(
    model: BaseChatModel,
    stream: Callable[[Callable[..., Any]], Callable[..., Any]],
    astream: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> BaseChatModel:
    """Return a copy of the model whose streams pass through two functions.

    `BaseChatModel._stream` and `_astream`, put on the instance: LangChain looks at the class to see
    whether a model can stream at all; langchain-core 1.8.3.
    """
    copied = model.model_copy()
    copied.__dict__["_stream"] = stream(model._stream)
    copied.__dict__["_astream"] = astream(model._astream)
    return copied


def start_producer(stream: Any, produce: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start the task that fills an `AsyncChatModelStream`, unless it is running.

    `AsyncChatModelStream._producer_task`: its own reader awaits and cancels it; langchain-core 1.8.3.
    """
    if stream._producer_task is None:
        stream._producer_task = asyncio.get_running_loop().create_task(produce())


def openai_response_format(schema: type) -> Any:
    """Return the JSON that OpenAI's client sends for a class given as `response_format`.

    `openai.lib._parsing._completions.type_to_response_format_param`: nothing public converts without
    parsing the answer too; openai 3.57.0.
    """
    from openai.lib._parsing._completions import type_to_response_format_param

    return type_to_response_format_param(schema)
