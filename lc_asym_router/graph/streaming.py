"""Buffering text and delivering it: who may see which chunk, and when.

Three kinds of listener could see a model's tokens while they come: the caller of `stream` (a sink),
LangGraph's messages mode, and `astream_events` (both are callback handlers). A call whose answer
may pass live has all of them; a buffered call has none, and its chunks are delivered to them after the
check has passed, so that a failed draft is never seen. Handlers that count and trace (usage,
LangSmith) are never taken away: they see each real call once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    BaseCallbackManager,
    CallbackManager,
)
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult

from lc_asym_router._internal.chunks import Draft, as_chunks, as_message
from lc_asym_router._internal.compat import (
    EventStreamingHandler,
    achunks_to_events,
    chunks_to_events,
)

ManagerT = TypeVar("ManagerT", bound=BaseCallbackManager)


class Sink:
    """Receives the chunks of a streamed answer; closed when its reader stops reading."""

    def __init__(self, put: Callable[[AIMessageChunk], None]) -> None:
        self._put = put
        self._closed = threading.Event()

    def put(self, chunk: AIMessageChunk) -> None:
        """Hand on a chunk. The last one's mark is taken off: the record's chunk comes after it."""
        if chunk.chunk_position:
            chunk = chunk.model_copy(update={"chunk_position": None})
        self._put(chunk)

    def close(self) -> None:
        """Mark the stream as closed by its reader: a running generation may stop."""
        self._closed.set()

    @property
    def closed(self) -> bool:
        """Whether the reader has stopped reading."""
        return self._closed.is_set()

    def check(self) -> None:
        """Go on only while the reader is there.

        Raises:
            StreamClosed: It has gone.
        """
        if self.closed:
            raise StreamClosed


class StreamClosed(BaseException):
    """A stream's reader stopped reading, so the generation stops; this is no failure of a tier."""


@dataclass(frozen=True)
class Audience:
    """The receivers of a buffered answer, and the run that it is reported under.

    Attributes:
        name: Name of the model that made it.
        handlers: The listening handlers.
        parent: Id of the run above.
        metadata: The run's metadata.
        tags: The run's tags.
        sink: The reader of a stream, or `None`.
    """

    name: str
    handlers: Sequence[BaseCallbackHandler]
    parent: UUID | None
    metadata: dict[str, Any]
    tags: list[str]
    sink: Sink | None = None

    @property
    def by_events(self) -> bool:
        """Whether any of them follows the v2 protocol."""
        return any(isinstance(handler, EventStreamingHandler) for handler in self.handlers)

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


def deliver(draft: Draft, messages: Sequence[BaseMessage], audience: Audience) -> None:
    """Give a buffered answer to everybody who wants it, as if the model made it now.

    Args:
        draft: The answer, without a record.
        messages: What was asked.
        audience: The listening handlers, and the reader of a stream.
    """
    chunks = as_chunks(draft)
    if audience.handlers:
        manager = audience.manager(CallbackManager)
        (run,) = manager.on_chat_model_start({}, [list(messages)], name=audience.name)
        if audience.by_events:
            for event in chunks_to_events(_generations(chunks), message_id=chunks[0].id):
                run.on_stream_event(event)
        for chunk in _generations(chunks):
            run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
        run.on_llm_end(_result(draft))
    _put(chunks, audience.sink)


async def adeliver(draft: Draft, messages: Sequence[BaseMessage], audience: Audience) -> None:
    """The async twin of `deliver`."""
    chunks = as_chunks(draft)
    if audience.handlers:
        manager = audience.manager(AsyncCallbackManager)
        (run,) = await manager.on_chat_model_start({}, [list(messages)], name=audience.name)
        if audience.by_events:
            async for event in achunks_to_events(_agenerations(chunks), message_id=chunks[0].id):
                await run.on_stream_event(event)
        for chunk in _generations(chunks):
            await run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
        await run.on_llm_end(_result(draft))
    _put(chunks, audience.sink)


def _put(chunks: Iterable[AIMessageChunk], sink: Sink | None) -> None:
    if sink is not None:
        for chunk in chunks:
            sink.put(chunk)


def _generations(chunks: Iterable[AIMessageChunk]) -> Any:
    return (ChatGenerationChunk(message=chunk) for chunk in chunks)


async def _agenerations(chunks: Iterable[AIMessageChunk]) -> Any:
    for chunk in _generations(chunks):
        yield chunk


def _result(draft: Draft) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=as_message(draft))]])
