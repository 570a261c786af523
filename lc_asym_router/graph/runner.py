"""Run the graph for a chat model, and notify handlers of the record.

One request in, one answer or its chunks out, and one record, whether the request succeeds or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, cast

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from lc_asym_router._internal.chunks import keepable
from lc_asym_router._internal.compat import CONFIG_KEY_CHECKPOINTER, CONFIG_KEY_DURABILITY
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import (
    config_context,
    metadata_of,
    run_id_of,
    tags_of,
    without_listeners,
)
from lc_asym_router._internal.tasks import cancel
from lc_asym_router.errors import ConfigurationError, TiersFailedError, UnreadableOutputError
from lc_asym_router.graph.state import RunContext
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.records.handlers import (
    FinishedRequest,
    OutputErrorHandler,
    RecordHandler,
    RequestScope,
    ScopeHandler,
)
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import open_record, own_tags

logger = logging.getLogger(__name__)

_waiting: ContextVar[tuple[Any, ...]] = ContextVar("lc_asym_router_waiting", default=())
"""Handlers that a router further out will notify: a router in its tier, check or classifier makes calls
of that request, which would be counted twice as a request of their own."""


class Runs(Protocol):
    """Runs a router's nodes to their end: its graph, or a walk without LangGraph's loop."""

    def invoke(self, state: Any, config: RunnableConfig, *, context: RunContext) -> dict[str, Any]:
        """Return the output, with its messages."""
        ...

    async def ainvoke(
        self, state: Any, config: RunnableConfig, *, context: RunContext
    ) -> dict[str, Any]:
        """The async twin of `invoke`."""
        ...


class Walks(Runs, Protocol):
    """Runs the nodes without LangGraph's loop."""

    def unseen(self, config: RunnableConfig) -> bool:
        """Whether nobody could see that."""
        ...


class Bounds(Protocol):
    """Limits on a graph's run."""

    @property
    def longest(self) -> int:
        """The greatest number of node runs in one request."""
        ...


@dataclass(frozen=True)
class GraphRunner:
    """Runs the graph without listeners on its inner steps.

    Attributes:
        graph: Returns the graph, compiled once; where a walk answers every request, never.
        policy: What bounds a run of it.
        checkpointed: Whether a parent's checkpointer keeps the graph's state.
        walk: Runs the same nodes where nobody can see that it is not the graph, or `None`.
    """

    graph: Callable[[], CompiledStateGraph[Any, Any, Any, Any]]
    policy: Bounds
    checkpointed: bool = False
    walk: Walks | None = None

    def answer(
        self, request: Request, config: RunnableConfig, sink: Sink | None = None
    ) -> AIMessage:
        """Run the graph to its answer."""
        runs, inner, context = self._prepare(request, config, sink)
        with config_context(None), notifying(config, context, request.messages) as answers:
            output = runs.invoke({"messages": []}, inner, context=context)
            answers.append(_last(output, config))
        return answers[-1]

    async def aanswer(
        self, request: Request, config: RunnableConfig, sink: Sink | None = None
    ) -> AIMessage:
        """The async twin of `answer`."""
        runs, inner, context = self._prepare(request, config, sink)
        with config_context(None), notifying(config, context, request.messages) as answers:
            output = await runs.ainvoke({"messages": []}, inner, context=context)
            answers.append(_last(output, config))
        return answers[-1]

    def chunks(self, request: Request, config: RunnableConfig) -> Iterator[AIMessageChunk]:
        """Yield the answer as chunks.

        The graph runs in a thread, and stops when the reader stops reading.
        """
        queue: SimpleQueue[AIMessageChunk | _End] = SimpleQueue()
        sink = Sink(queue.put)

        def run() -> None:
            try:
                queue.put(_End(answer=self.answer(request, config, sink)))
            except BaseException as error:  # handed to the reader, whatever it is
                queue.put(_End(error=error))

        context = copy_context()
        threading.Thread(
            target=context.run, args=(run,), daemon=True, name="lc-asym-router-stream"
        ).start()
        try:
            while not isinstance(item := queue.get(), _End):
                yield item
            yield item.chunk()
        finally:
            sink.close()

    async def achunks(
        self, request: Request, config: RunnableConfig, context: Context
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """The async twin of `chunks`; the graph runs in a task of that context, cancelled when the
        reader goes."""
        queue: asyncio.Queue[AIMessageChunk | _End] = asyncio.Queue()
        sink = Sink(queue.put_nowait)

        async def run() -> None:
            try:
                queue.put_nowait(_End(answer=await self.aanswer(request, config, sink)))
            except BaseException as error:
                queue.put_nowait(_End(error=error))
                raise

        task = asyncio.create_task(run(), context=context)
        try:
            while not isinstance(item := await queue.get(), _End):
                yield item
            yield item.chunk()
        finally:
            sink.close()
            with contextlib.suppress(asyncio.CancelledError):
                await cancel(task)

    def _prepare(
        self, request: Request, config: RunnableConfig, sink: Sink | None
    ) -> tuple[Runs, RunnableConfig, RunContext]:
        inner, listeners = without_listeners(config)
        walk = self.walk if self.walk and self.walk.unseen(inner) else None
        place = _place(metadata_of(config)) if listeners else {}
        context = RunContext(
            request,
            sink,
            tuple(listeners),
            place,
            run_id=run_id_of(config),
            sealed=walk is None,
        )
        if not self.checkpointed:
            inner = not_durable(inner)
        inner = {**inner, "recursion_limit": self.policy.longest + 1}
        return walk or cast("Runs", self.graph()), inner, context


@dataclass(frozen=True)
class _End:
    """The end of a stream: the answer, or what went wrong."""

    answer: AIMessage | None = None
    error: BaseException | None = None

    def chunk(self) -> AIMessageChunk:
        """The last chunk: no text, but the record.

        Raises:
            BaseException: What went wrong.
        """
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return AIMessageChunk(
            content="",
            id=self.answer.id,
            response_metadata={"router": self.answer.response_metadata["router"]},
            chunk_position="last",
        )


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """LangGraph's metadata of where a run stands."""
    return {
        key: value
        for key, value in metadata.items()
        if key.startswith("langgraph_") or key == "checkpoint_ns"
    }


def not_durable(config: RunnableConfig) -> RunnableConfig:
    """The config for a graph without a checkpointer: LangGraph (1.2) hands a parent's `durability` down
    to it, and then looks for a checkpoint that was never written."""
    values = (config.get("configurable") or {}).copy()
    values.pop(CONFIG_KEY_DURABILITY, None)
    return {**config, "configurable": values}


def _last(output: dict[str, Any], config: RunnableConfig) -> AIMessage:
    """The answer, as whoever asked with this config can keep it.

    Raises:
        ConfigurationError: There is none: something has interrupted the run.
    """
    if not output["messages"]:
        raise ConfigurationError(
            "A check, a classifier or a tool called interrupt(), and nothing here can take the run up "
            "again. Put the router's graph into a graph with a checkpointer."
        )
    answer = cast("AIMessage", output["messages"][-1])
    return (
        keepable(answer)
        if (config.get("configurable") or {}).get(CONFIG_KEY_CHECKPOINTER)
        else answer
    )


# the record ----------------------------------------------------------------------------------


@contextmanager
def notifying(
    config: RunnableConfig,
    context: RunContext,
    messages: Sequence[BaseMessage],
    passing: tuple[type[BaseException], ...] = (),
) -> Iterator[list[AIMessage]]:
    """Notify handlers of this block's request when it ends, in whatever way.

    A request that is cancelled, or whose stream is closed early, has been paid for too: its record
    so far is reported. Yields a list to put the answer in.

    Args:
        config: The config of the block's run.
        context: What is known of the request half-way.
        messages: What is asked.
        passing: Exceptions that are no end of the request.
    """
    handlers = _handlers(config)
    answers: list[AIMessage] = []
    if not handlers:
        yield answers
    else:
        mark = _waiting.set((*_waiting.get(), *handlers))
        step = RequestScope(
            context.run_id or run_id_of(config), context.under_model, passing, context.request_id
        )
        with _around(handlers, step):
            try:
                yield answers
            except passing:
                raise
            except BaseException as error:
                if record := _record_at(error, context):
                    _notify(handlers, _finished(config, context, messages, record, error=error))
                raise
            finally:
                _waiting.reset(mark)
            if answers and (record := answers[-1].response_metadata.get("router")):
                _notify(handlers, _finished(config, context, messages, record, answer=answers[-1]))
    while context.afterwards:
        context.afterwards.pop(0)()


def notify_unreadable(
    error: UnreadableOutputError, config: RunnableConfig, callbacks: Any = None
) -> None:
    """Notify the handlers that have had a request's record that its output can't be read.

    Args:
        error: What is wrong, with the record.
        config: The config of the parser's run.
        callbacks: The router's own.
    """
    if (request_id := error.record.get("id")) is None:
        return
    found = [*_handlers(config), *_handlers({"callbacks": callbacks})]
    for handler in {id(each): each for each in found}.values():
        if hasattr(handler, "on_router_output_error"):
            with _harmless(handler):
                cast("OutputErrorHandler", handler).on_router_output_error(request_id, error)


def _record_at(error: BaseException, context: RunContext) -> dict[str, Any] | None:
    """What is known of a request at an error; `None` before it was decided where it goes."""
    if isinstance(error, TiersFailedError):
        return error.record
    if not context.progress:
        return None
    trail, side_calls = context.progress[-1]
    return open_record({**trail, "side_calls": [*trail["side_calls"], *side_calls]})


def _finished(
    config: RunnableConfig,
    context: RunContext,
    messages: Sequence[BaseMessage],
    record: Mapping[str, Any],
    *,
    answer: AIMessage | None = None,
    error: BaseException | None = None,
) -> FinishedRequest:
    metadata = metadata_of(config)
    thread = (config.get("configurable") or {}).get("thread_id")
    if thread is not None:
        metadata = {"thread_id": thread, **metadata}
    return FinishedRequest(
        record=record,
        run_id=context.run_id or record.get("run_id"),
        tags=tuple(own_tags(tags_of(config))),
        metadata=metadata,
        messages=messages,
        answer=answer,
        error=error,
    )


def _handlers(config: RunnableConfig) -> list[RecordHandler]:
    callbacks = config.get("callbacks")
    found = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or ()
    outer = _waiting.get()
    return [
        cast("RecordHandler", each)
        for each in found
        if hasattr(each, "on_router_record") and not any(each is other for other in outer)
    ]


@contextmanager
def _around(handlers: Sequence[RecordHandler], step: RequestScope) -> Iterator[None]:
    entered: list[tuple[RecordHandler, AbstractContextManager[None]]] = []

    def leave(error: BaseException | None) -> None:
        kind, trace = (type(error), error.__traceback__) if error else (None, None)
        for handler, block in reversed(entered):
            with _harmless(handler):
                block.__exit__(kind, error, trace)

    for handler in handlers:
        if hasattr(handler, "around_router"):
            with _harmless(handler):
                block = cast("ScopeHandler", handler).around_router(step)
                block.__enter__()
                entered.append((handler, block))
    try:
        yield
    except BaseException as error:
        leave(error)
        raise
    leave(None)


def _notify(handlers: Sequence[RecordHandler], finished: FinishedRequest) -> None:
    for handler in handlers:
        with _harmless(handler):
            handler.on_router_record(finished)


@contextmanager
def _harmless(handler: RecordHandler) -> Iterator[None]:
    """As LangChain does with its callbacks: accounting takes no request down."""
    try:
        yield
    except Exception as error:  # handlers are anybody's
        log_fault(logger, "%s failed: %s", type(handler).__name__, describe_error(error))
