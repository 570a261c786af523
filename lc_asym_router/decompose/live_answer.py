"""Telling those who listen of an answer while it comes, as one run of a model.

The reader of a stream has a sink; LangGraph's messages mode and `astream_events` have callback
handlers. `deliver` gives these an answer that is there; here it is still being written. The events
of the v2 protocol are drawn from the chunks one after the other, so whoever draws them waits for the
next chunk: a thread, or a task.
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
from lc_asym_router.decompose.join import JoinSink
from lc_asym_router.graph.streaming import Audience

Item = AIMessageChunk | BaseException | None
"""A chunk; or why there is no more; `None` where the answer is whole."""


@contextmanager
def deliver_live(
    sink: JoinSink | None, messages: Sequence[BaseMessage], audience: Audience
) -> Iterator[None]:
    """Within it, whoever listens is told of what the sink lets pass, when it does.

    Args:
        sink: Holds the answer back until it may pass; `None` where nobody streams.
        messages: What the model was asked, as they are told.
        audience: Who listens.
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
        thread.join()  # all has been told before anybody else goes on
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
    said = _Said()

    def generations() -> Iterator[ChatGenerationChunk]:
        item: Item = first
        while item is not None:
            chunk = said.chunk(item)
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
    run.on_llm_end(said.result)


async def _adeliver(
    queue: asyncio.Queue[Item], messages: Sequence[BaseMessage], audience: Audience
) -> None:
    first = await queue.get()
    if not isinstance(first, AIMessageChunk):
        return
    manager = audience.manager(AsyncCallbackManager)
    (run,) = await manager.on_chat_model_start({}, [list(messages)], name=audience.name)
    said = _Said()

    async def generations() -> AsyncIterator[ChatGenerationChunk]:
        item: Item = first
        while item is not None:
            chunk = said.chunk(item)
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
    await run.on_llm_end(said.result)


class _Broken(Exception):
    """The answer broke off; its cause says why."""


class _Said:
    """What has been said so far."""

    def __init__(self) -> None:
        self._chunks: list[AIMessageChunk] = []

    def chunk(self, item: AIMessageChunk | BaseException) -> ChatGenerationChunk:
        """Take in what has come, as those who listen are to have it.

        Raises:
            _Broken: No more comes, and the answer is not whole.
        """
        if isinstance(item, BaseException):
            raise _Broken from item
        self._chunks.append(item)
        return ChatGenerationChunk(message=item)

    @property
    def result(self) -> LLMResult:
        """The whole answer."""
        return LLMResult(generations=[[ChatGeneration(message=as_message(self._chunks))]])
