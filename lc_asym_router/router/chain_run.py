"""The chain run of a request: who answers below it, and a stream of its answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from contextvars import Context
from typing import Any, Protocol

from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables import config as runs

from lc_asym_router._internal.compat import StreamingHandler
from lc_asym_router.records.request import Request


class Answerer(Protocol):
    """Runs the graph on a request, below the chain run."""

    def answer(self, request: Request, config: RunnableConfig) -> AIMessage:
        """Return the whole answer."""

    def aanswer(self, request: Request, config: RunnableConfig) -> Coroutine[Any, Any, AIMessage]:
        """The async twin of `answer`."""

    def chunks(self, request: Request, config: RunnableConfig) -> Iterator[AIMessageChunk]:
        """Yield the answer in chunks."""

    def achunks(
        self, request: Request, config: RunnableConfig, context: Context
    ) -> AsyncGenerator[AIMessageChunk, None]:
        """The async twin of `chunks`; the graph runs in the context."""


async def chunks_of_run(
    name: str,
    input: LanguageModelInput,
    config: RunnableConfig,
    source: Callable[[RunnableConfig, Context], AsyncGenerator[AIMessageChunk, None]],
) -> AsyncGenerator[AIMessageChunk, None]:
    """Stream an answer under a chain run.

    As LangChain's `_atransform_stream_with_config`, which would take a task of the event loop for
    each chunk.

    Args:
        name: The run's name.
        input: What was asked, as it is traced.
        config: The run's config.
        source: From the config of what runs below, and its context, to the chunks.
    """
    run_id = config.pop("run_id", None)
    manager = runs.get_async_callback_manager_for_config(config)
    run = await manager.on_chain_start(None, {"input": ""}, name=name, run_id=run_id)
    chunks: list[AIMessageChunk] = []
    try:
        inner = runs.patch_config(config, callbacks=run.get_child())
        with runs.set_config_context(inner) as context:
            given = source(inner, context)
        async with aclosing(given):
            async for chunk in _tapped(run, given):
                chunks.append(chunk)
                yield chunk
    except BaseException as error:
        await run.on_chain_error(error, inputs=input)
        raise
    answer = add_ai_message_chunks(chunks[0], *chunks[1:]) if run.handlers else None
    await run.on_chain_end(answer, inputs=input)


def _tapped(
    run: AsyncCallbackManagerForChainRun, chunks: AsyncIterator[AIMessageChunk]
) -> AsyncIterator[AIMessageChunk]:
    """The chunks, which `astream_log` and `astream_events` read too."""
    for handler in run.handlers:
        if isinstance(handler, StreamingHandler):
            return handler.tap_output_aiter(run.run_id, chunks)
    return chunks
