"""Running the graph as a chat model does: one request in, one answer or its chunks out."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.compat import CONFIG_KEY_DURABILITY
from lc_asym_router._internal.run_config import (
    config_context,
    metadata_of,
    run_id_of,
    without_listeners,
)
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.build import Graph
from lc_asym_router.graph.context import RunContext
from lc_asym_router.graph.notify import notifying
from lc_asym_router.graph.streaming import ReaderGone, Sink
from lc_asym_router.records.request import Request


class Bounds(Protocol):
    """What bounds a run of a graph."""

    @property
    def longest(self) -> int:
        """The greatest number of node runs in one request."""
        ...


@dataclass(frozen=True)
class Face:
    """The graph, run without listeners on its inner steps.

    Attributes:
        graph: The graph.
        policy: What bounds a run of it.
        kept: Whether the graph is one that a parent's checkpointer keeps.
    """

    graph: Graph
    policy: Bounds
    kept: bool = False

    def answer(
        self, request: Request, config: RunnableConfig, sink: Sink | None = None
    ) -> AIMessage:
        """Run the graph to its answer."""
        inner, context = self._prepare(request, config, sink)
        with config_context(None), notifying(config, context, request.messages) as answers:
            answers.append(_last(self.graph.invoke({"messages": []}, inner, context=context)))
        return answers[-1]

    async def aanswer(
        self, request: Request, config: RunnableConfig, sink: Sink | None = None
    ) -> AIMessage:
        """The async twin of `answer`."""
        inner, context = self._prepare(request, config, sink)
        with config_context(None), notifying(config, context, request.messages) as answers:
            output = await self.graph.ainvoke({"messages": []}, inner, context=context)
            answers.append(_last(output))
        return answers[-1]

    def chunks(self, request: Request, config: RunnableConfig) -> Iterator[AIMessageChunk]:
        """The answer as chunks. The graph runs in a thread, and stops when the reader has gone."""
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
        self, request: Request, config: RunnableConfig
    ) -> AsyncIterator[AIMessageChunk]:
        """The async twin of `chunks`; the graph runs in a task, cancelled when the reader goes."""
        queue: asyncio.Queue[AIMessageChunk | _End] = asyncio.Queue()
        sink = Sink(queue.put_nowait)

        async def run() -> None:
            try:
                queue.put_nowait(_End(answer=await self.aanswer(request, config, sink)))
            except BaseException as error:
                queue.put_nowait(_End(error=error))
                raise

        task = asyncio.create_task(run())
        try:
            while not isinstance(item := await queue.get(), _End):
                yield item
            yield item.chunk()
        finally:
            sink.close()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ReaderGone, Exception):
                await task

    def _prepare(
        self, request: Request, config: RunnableConfig, sink: Sink | None
    ) -> tuple[RunnableConfig, RunContext]:
        inner, listeners = without_listeners(config)
        place = {
            key: value
            for key, value in metadata_of(config).items()
            if key.startswith("langgraph_") or key == "checkpoint_ns"
        }
        context = RunContext(request, sink, tuple(listeners), place, run_id=run_id_of(config))
        if not self.kept:
            inner = not_durable(inner)
        return {**inner, "recursion_limit": self.policy.longest + 1}, context


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


def not_durable(config: RunnableConfig) -> RunnableConfig:
    """The config for a graph without a checkpointer: LangGraph (1.2) hands a parent's `durability` down
    to it, and then looks for a checkpoint that was never written."""
    values = {
        k: v for k, v in (config.get("configurable") or {}).items() if k != CONFIG_KEY_DURABILITY
    }
    return {**config, "configurable": values}


def _last(output: dict[str, Any]) -> AIMessage:
    """The answer.

    Raises:
        ConfigurationError: There is none: something has interrupted the run.
    """
    if not output["messages"]:
        raise ConfigurationError(
            "A check, a classifier or a tool called interrupt(), and nothing here can take the run up "
            "again. Put the router's graph into a graph with a checkpointer."
        )
    return cast("AIMessage", output["messages"][-1])
