"""Notify callback handlers of an answer while it arrives, as one run of a chat model.

The reader of a stream has a sink; LangGraph's messages mode and `astream_events` use callback
handlers. `deliver` notifies these of a complete answer; here it is still being written. The v2
protocol's events are pulled from the chunks one by one, so whatever pulls them waits for the next
chunk: a thread, or a task.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult

from lc_asym_router._internal.chunks import as_message
from lc_asym_router._internal.compat import achunks_to_events, chunks_to_events
from lc_asym_router.decompose.coverage import JoinSink
from lc_asym_router.graph.streaming import Audience

Item = AIMessageChunk | BaseException | None
"""A chunk; or why there is no more; `None` where the answer is whole."""


@contextmanager
def deliver_live(
    sink: JoinSink | None, messages: Sequence[BaseMessage], audience: Audience
) -> Iterator[None]:
    """Return a context in which the handlers are notified of each chunk that the sink passes on.

    Args:
        sink: Buffers the answer until it may be passed on; `None` where nothing streams.
        messages: The model's messages, as the handlers receive them.
        audience: The callback handlers.
    """
    if sink is None or not audience.handlers:
        yield
        return
    queue: SimpleQueue[Item] = SimpleQueue()
    faults: list[BaseException] = []
    context = copy_context()

    def run() -> None:
        try:
            _deliver(iter(queue.get, None), messages, audience)
        except BaseException as error:  # a handler's that asks for its errors to be raised
            faults.append(error)

    thread = threading.Thread(
        target=context.run, args=(run,), daemon=True, name="lc-asym-router-join"
    )
    sink.listener = queue.put
    thread.start()
    try:
        yield
        queue.put(None)
    except BaseException as error:
        queue.put(error)
        raise
    finally:
        thread.join()  # handlers have been notified of everything before the run continues
    for fault in faults:
        raise fault


@asynccontextmanager
async def adeliver_live(
    sink: JoinSink | None, messages: Sequence[BaseMessage], audience: Audience
) -> AsyncIterator[None]:
    """The async twin of `deliver_live`."""
    if sink is None or not audience.handlers:
        yield
        return
    queue: asyncio.Queue[Item] = asyncio.Queue()
    sink.listener = queue.put_nowait
    task = asyncio.create_task(_adeliver(queue, messages, audience))
    try:
        yield
        queue.put_nowait(None)
    except BaseException as error:
        queue.put_nowait(error)
        await asyncio.wait([task])
        raise
    await task


def _deliver(items: Iterator[Item], messages: Sequence[BaseMessage], audience: Audience) -> None:
    first = next(items, None)
    if not isinstance(first, AIMessageChunk):
        return  # nothing was let pass
    manager = audience.manager(CallbackManager)
    (run,) = manager.on_chat_model_start({}, [list(messages)], name=audience.name)
    message = _LiveMessage()

    def generations() -> Iterator[ChatGenerationChunk]:
        item: Item = first
        while item is not None:
            chunk = message.chunk(item)
            run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
            yield chunk
            item = next(items, None)

    try:
        if audience.by_events:
            for event in chunks_to_events(generations(), message_id=first.id):
                run.on_stream_event(event)
        else:
            deque(generations(), maxlen=0)
    except _Broken as broken:
        run.on_llm_error(cast("BaseException", broken.__cause__))
        return
    run.on_llm_end(message.result)


async def _adeliver(
    queue: asyncio.Queue[Item], messages: Sequence[BaseMessage], audience: Audience
) -> None:
    first = await queue.get()
    if not isinstance(first, AIMessageChunk):
        return
    manager = audience.manager(AsyncCallbackManager)
    (run,) = await manager.on_chat_model_start({}, [list(messages)], name=audience.name)
    message = _LiveMessage()

    async def generations() -> AsyncIterator[ChatGenerationChunk]:
        item: Item = first
        while item is not None:
            chunk = message.chunk(item)
            await run.on_llm_new_token(cast("Any", chunk.message.content), chunk=chunk)
            yield chunk
            item = await queue.get()

    try:
        if audience.by_events:
            async for event in achunks_to_events(generations(), message_id=first.id):
                await run.on_stream_event(event)
        else:
            async for _ in generations():
                pass
    except _Broken as broken:
        await run.on_llm_error(cast("BaseException", broken.__cause__))
        return
    await run.on_llm_end(message.result)


class _Broken(Exception):
    """The answer broke off; the exception's cause says why."""


class _LiveMessage:
    """The chunks of the answer so far."""

    def __init__(self) -> None:
        self._chunks: list[AIMessageChunk] = []

    def chunk(self, item: AIMessageChunk | BaseException) -> ChatGenerationChunk:
        """Add a chunk, and return it in the form that handlers expect.

        Raises:
            _Broken: The answer broke off before it was complete.
        """
        if isinstance(item, BaseException):
            raise _Broken from item
        self._chunks.append(item)
        return ChatGenerationChunk(message=item)

    @property
    def result(self) -> LLMResult:
        """The complete answer."""
        return LLMResult(generations=[[ChatGeneration(message=as_message(self._chunks))]])
