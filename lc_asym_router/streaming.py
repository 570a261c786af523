"""Holding text back and handing it on: who may see which chunk, and when.

Three kinds of listener could see a model's tokens while they come: the caller of `stream` (a sink),
LangGraph's messages mode, and `astream_events` (both are callback handlers). A call whose answer
may pass live has all of them; a held call has none, and its chunks are handed to them after the
check has passed, so that a failed draft is never seen. Handlers that count and trace (usage,
LangSmith) are never taken away: they see each real call once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
)
from langchain_core.language_models._compat_bridge import achunks_to_events, chunks_to_events
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    message_chunk_to_message,
)
from langchain_core.messages.tool import invalid_tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config
from langchain_core.tracers._streaming import (
    _StreamingCallbackHandler,
    _V2StreamingCallbackHandler,
)

Draft = list[AIMessageChunk] | AIMessage
ManagerT = TypeVar("ManagerT", bound=BaseCallbackManager)


class Sink:
    """Where the chunks of a streamed answer go; closed when its reader has gone."""

    def __init__(self, put: Callable[[AIMessageChunk], None]) -> None:
        self._put = put
        self._closed = threading.Event()

    def put(self, chunk: AIMessageChunk) -> None:
        """Hand on a chunk. The last one's mark is taken off: the record's chunk comes after it."""
        if chunk.chunk_position:
            chunk = chunk.model_copy(update={"chunk_position": None})
        self._put(chunk)

    def close(self) -> None:
        """The reader has gone: a generation that is under way may stop."""
        self._closed.set()

    @property
    def closed(self) -> bool:
        """Whether the reader has gone."""
        return self._closed.is_set()


class ReaderGone(BaseException):
    """The reader of a stream has gone, so the generation stops; no failure of any tier."""


def listens(handler: BaseCallbackHandler) -> bool:
    """Whether a handler passes tokens on to somebody who reads them as they come."""
    return isinstance(handler, _StreamingCallbackHandler | _V2StreamingCallbackHandler)


def quiet(config: RunnableConfig) -> tuple[RunnableConfig, list[BaseCallbackHandler]]:
    """The config without its listening handlers, and those handlers."""
    callbacks = config.get("callbacks")
    if callbacks is None:
        return config, []
    if isinstance(callbacks, BaseCallbackManager):
        found = [handler for handler in callbacks.handlers if listens(handler)]
        if not found:
            return config, []
        manager = callbacks.copy()
        for handler in found:
            manager.remove_handler(handler)
        return patch_config(config, callbacks=cast("Any", manager)), found
    found = [handler for handler in callbacks if listens(handler)]
    rest = [handler for handler in callbacks if not listens(handler)]
    return patch_config(config, callbacks=cast("Any", rest)) if found else config, found


def loud(
    config: RunnableConfig, handlers: Sequence[BaseCallbackHandler], metadata: dict[str, Any]
) -> RunnableConfig:
    """The config with listening handlers put (back) in, as seen from where they listen."""
    if not handlers:
        return config
    callbacks = config.get("callbacks")
    merged: Any
    if isinstance(callbacks, BaseCallbackManager):
        merged = callbacks.copy()
        for handler in handlers:
            merged.add_handler(handler, inherit=True)
    else:
        merged = [*(callbacks or ()), *handlers]
    return {
        **config,
        "callbacks": merged,
        "metadata": {**(config.get("metadata") or {}), **metadata},
    }


def veiled(handler: BaseCallbackHandler, messages: Sequence[BaseMessage]) -> BaseCallbackHandler:
    """A listening handler that is told of a model's call with these messages as its input.

    With `escalate_with="draft"` a live tier's real input holds the rejected draft, which nobody who
    listens may see. What counts and traces is told the truth.
    """
    veil = copy(handler)
    for name in dir(handler):
        if name.startswith("on_"):
            veil.__dict__[name] = getattr(handler, name)
    start: Any = handler.on_chat_model_start

    def told(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return start(serialized, [list(messages)], **kwargs)

    async def atold(serialized: Any, _: Any, **kwargs: Any) -> Any:
        return await start(serialized, [list(messages)], **kwargs)

    veil.__dict__["on_chat_model_start"] = atold if iscoroutinefunction(start) else told
    return veil


def metadata_of(config: RunnableConfig) -> dict[str, Any]:
    """The metadata that a child run would have: the callback manager's, then the config's own."""
    inherited = getattr(config.get("callbacks"), "inheritable_metadata", None) or {}
    return {**inherited, **(config.get("metadata") or {})}


def tags_of(config: RunnableConfig) -> list[str]:
    """The tags that a child run would have, likewise."""
    inherited = getattr(config.get("callbacks"), "inheritable_tags", None) or []
    return list(dict.fromkeys([*inherited, *(config.get("tags") or ())]))


def as_chunks(draft: Draft) -> list[AIMessageChunk]:
    """A draft as the chunks in which it came; a whole message as one chunk."""
    return draft if isinstance(draft, list) else [as_chunk(draft)]


def as_chunk(message: AIMessage) -> AIMessageChunk:
    """A whole message as a single chunk."""
    if isinstance(message, AIMessageChunk):
        return message
    return AIMessageChunk(
        **{
            **message.model_dump(exclude={"type", "tool_calls", "invalid_tool_calls"}),
            "tool_call_chunks": [
                {
                    "name": call["name"],
                    "args": _arguments(call["args"]),
                    "id": call["id"],
                    "index": index,
                    "type": "tool_call_chunk",
                }
                for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls])
            ],
            "chunk_position": "last",
        }
    )


def _arguments(args: Any) -> str:
    return args if isinstance(args, str) else json.dumps(args or {})


def as_message(draft: Draft) -> AIMessage:
    """A draft as the message that its chunks add up to."""
    if isinstance(draft, AIMessage) and not isinstance(draft, AIMessageChunk):
        return draft
    chunks = as_chunks(draft)
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return _strict(whole, cast("AIMessage", message_chunk_to_message(whole)))


def _strict(whole: AIMessageChunk, message: AIMessage) -> AIMessage:
    """Undo the repair of broken tool calls.

    LangChain completes a streamed call's half JSON (`'{"a": 1, '` becomes `{"a": 1}`), so that a
    call that was cut off looks whole. Such a call belongs among the invalid ones.
    """
    broken = [chunk for chunk in whole.tool_call_chunks if not _is_object(chunk["args"])]
    if not broken:
        return message
    ids = {chunk["id"] for chunk in broken}
    return message.model_copy(
        update={
            "tool_calls": [call for call in message.tool_calls if call["id"] not in ids],
            "invalid_tool_calls": [
                invalid_tool_call(
                    name=chunk["name"], args=chunk["args"], id=chunk["id"], error="not whole"
                )
                for chunk in broken
            ],
        }
    )


def _is_object(args: str | None) -> bool:
    try:
        return not args or isinstance(json.loads(args), dict)
    except ValueError:
        return False


@dataclass(frozen=True)
class Audience:
    """Who is to hear a held answer, and under which run.

    Attributes:
        name: Name of the model that said it.
        handlers: The listening handlers.
        parent: Id of the run above.
        metadata: The run's metadata.
        tags: The run's tags.
    """

    name: str
    handlers: Sequence[BaseCallbackHandler]
    parent: UUID | None
    metadata: dict[str, Any]
    tags: list[str]

    @property
    def by_events(self) -> bool:
        """Whether any of them follows the v2 protocol."""
        return any(isinstance(handler, _V2StreamingCallbackHandler) for handler in self.handlers)

    def manager(self, kind: type[ManagerT]) -> ManagerT:
        """A callback manager of just these handlers."""
        return kind(
            list(self.handlers),
            list(self.handlers),
            parent_run_id=self.parent,
            tags=self.tags,
            inheritable_tags=self.tags,
            metadata=self.metadata,
            inheritable_metadata=self.metadata,
        )


def hand_on(draft: Draft, messages: Sequence[BaseMessage], audience: Audience) -> None:
    """Give a held answer to the listening handlers, as if the model said it now."""
    if not audience.handlers:
        return
    chunks = as_chunks(draft)
    manager = audience.manager(CallbackManager)
    (run,) = manager.on_chat_model_start({}, [list(messages)], name=audience.name)
    if audience.by_events:
        for event in chunks_to_events(_generations(chunks), message_id=chunks[0].id):
            run.on_stream_event(event)
    for chunk in _generations(chunks):
        run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
    run.on_llm_end(_result(draft))


async def ahand_on(draft: Draft, messages: Sequence[BaseMessage], audience: Audience) -> None:
    """The async twin of `hand_on`."""
    if not audience.handlers:
        return
    chunks = as_chunks(draft)
    manager = audience.manager(AsyncCallbackManager)
    (run,) = await manager.on_chat_model_start({}, [list(messages)], name=audience.name)
    if audience.by_events:
        async for event in achunks_to_events(_agenerations(chunks), message_id=chunks[0].id):
            await run.on_stream_event(event)
    for chunk in _generations(chunks):
        await run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
    await run.on_llm_end(_result(draft))


def _generations(chunks: Iterable[AIMessageChunk]) -> Any:
    return (ChatGenerationChunk(message=chunk) for chunk in chunks)


async def _agenerations(chunks: Iterable[AIMessageChunk]) -> Any:
    for chunk in _generations(chunks):
        yield chunk


def _result(draft: Draft) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=as_message(draft))]])
