"""Telling handlers of a request's record: once a request, whatever became of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.run_config import metadata_of, run_id_of, tags_of
from lc_asym_router.errors import TiersFailedError, UnreadableOutputError
from lc_asym_router.graph.context import RunContext
from lc_asym_router.records.handlers import (
    FinishedRequest,
    OutputErrorHandler,
    RecordHandler,
    RequestScope,
    ScopeHandler,
)
from lc_asym_router.records.labels import own_tags
from lc_asym_router.records.trail import open_record

logger = logging.getLogger(__name__)

_waiting: ContextVar[tuple[Any, ...]] = ContextVar("lc_asym_router_waiting", default=())
"""Handlers that a router further out will tell: a router in its tier, check or classifier makes calls
of that request, which would be counted twice as a request of their own."""


@contextmanager
def notifying(
    config: RunnableConfig,
    context: RunContext,
    messages: Sequence[BaseMessage],
    passing: tuple[type[BaseException], ...] = (),
) -> Iterator[list[AIMessage]]:
    """Tell of the request that is answered in this block, at its end or when it is left.

    A request that is cancelled, or whose reader has gone, has been paid for too: what is known of it
    is told. Yields a list to put the answer in.

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
        return
    mark = _waiting.set((*_waiting.get(), *handlers))
    step = RequestScope(
        context.run_id or run_id_of(config), context.faced, passing, context.request_id
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


def notify_unreadable(
    error: UnreadableOutputError, config: RunnableConfig, callbacks: Any = None
) -> None:
    """Tell the handlers that have had a request's record that its output can't be read.

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
    if not context.kept:
        return None
    trail, side_calls = context.kept[-1]
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
    except Exception as error:
        logger.warning("%s failed: %s", type(handler).__name__, type(error).__name__)
