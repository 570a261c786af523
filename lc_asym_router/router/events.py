"""The v3 protocol of `stream_events`, made from a stream of chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from langchain_core.language_models.chat_model_stream import (
    AsyncChatModelStream,
    ChatModelStream,
)
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from lc_asym_router._internal.compat import achunks_to_events, chunks_to_events, start_producer


def events_of(chunks: Iterator[AIMessageChunk]) -> ChatModelStream:
    """Return a `ChatModelStream` that pulls the chunks when its own reader asks for them."""
    stream = ChatModelStream()
    number = _Numbers()
    events = chunks_to_events(number.generation(chunk) for chunk in chunks)

    def pump() -> bool:
        try:
            stream.dispatch(next(events))
        except StopIteration:
            return False
        except BaseException as error:  # handed to the reader, whatever it is
            stream.fail(error)
            return False
        return True

    stream.bind_pump(pump)
    return stream


def aevents_of(chunks: AsyncIterator[AIMessageChunk]) -> AsyncChatModelStream:
    """The async twin of `events_of`: a task reads the chunks, started by the first request."""
    stream = AsyncChatModelStream()
    number = _Numbers()

    async def generations() -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in chunks:
            yield number.generation(chunk)

    async def produce() -> None:
        try:
            async for event in achunks_to_events(generations()):
                stream.dispatch(event)
        except asyncio.CancelledError as error:
            stream.fail(error)
            raise
        except BaseException as error:
            stream.fail(error)

    async def start() -> None:
        start_producer(stream, produce)

    stream.set_start(start)
    return stream


class _Numbers:
    """Gives tool calls an index where the provider sends none (as Ollama).

    Without an index the v3 protocol takes two calls for one and loses both.
    """

    def __init__(self) -> None:
        self._next = 0

    def generation(self, chunk: AIMessageChunk) -> ChatGenerationChunk:
        """Return the chunk as a generation whose complete tool calls have an index."""
        if any(call["index"] is None for call in chunk.tool_call_chunks):
            calls = []
            for call in chunk.tool_call_chunks:
                calls.append({**call, "index": self._next} if call["index"] is None else call)
                self._next += call["index"] is None
            chunk = chunk.model_copy(update={"tool_call_chunks": calls})
        return ChatGenerationChunk(message=chunk)
