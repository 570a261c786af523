"""The base of callback handlers that want requests' records and none of LangChain's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage


class RecordsOnly(BaseCallbackHandler):
    """A handler whose `on_router_record` is all that is called; LangChain's events pass it by.

    It stays one handler where LangChain copies a config.
    """

    run_inline = True

    @property
    def ignore_llm(self) -> bool:
        """Models' runs are passed over."""
        return True

    @property
    def ignore_chat_model(self) -> bool:
        """Chat models' runs are passed over."""
        return True

    @property
    def ignore_chain(self) -> bool:
        """Chains' runs are passed over."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Agents' runs are passed over."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Retrievers' runs are passed over."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Custom events are passed over."""
        return True

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


@dataclass(frozen=True)
class FinishedRequest:
    """A request that has come to its end.

    Attributes:
        record: Its record, plain JSON; the totals are missing where it got no answer.
        run_id: Id of the router's run, or `None`.
        tags: The tags that the caller gave.
        metadata: The run's metadata, with `thread_id` where the call has one.
        messages: What was asked.
        answer: What was answered, or `None`.
        error: What was raised instead, or `None`.
    """

    record: Mapping[str, Any]
    run_id: str | None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    messages: Sequence[BaseMessage] = field(default=(), repr=False)
    answer: AIMessage | None = field(default=None, repr=False)
    error: BaseException | None = field(default=None, repr=False)

    @property
    def outcome(self) -> Literal["answered", "failed", "left"]:
        """How it ended; "left" where it was cancelled or its reader has gone."""
        if self.answer is not None:
            return "answered"
        return "failed" if isinstance(self.error, Exception) else "left"


class RecordHandler(Protocol):
    """A callback handler that wants each request's record.

    It may have the methods `around_router` and `on_router_output_error` too: see `ScopeHandler` and
    `OutputErrorHandler`.
    """

    def on_router_record(self, finished: FinishedRequest) -> None:
        """A request has come to its end. Called on the request's path: it must not wait."""


class OutputErrorHandler(Protocol):
    """A record handler that wants to know when an answer turns out to be of no use."""

    def on_router_output_error(self, request_id: str, error: Exception) -> None:
        """The structured output of a request that was answered can't be read.

        It comes after the request's record, whose `id` it names, and must not wait either.
        """


class ScopeHandler(Protocol):
    """A record handler that wants to know when a request begins."""

    def around_router(self, step: RequestScope) -> AbstractContextManager[None]:
        """What is entered around a request; `on_router_record` is called inside it.

        A subgraph's request has a block for each of its steps.
        """


@dataclass(frozen=True)
class RequestScope:
    """A request, or a step of a subgraph's, as `around_router` sees it.

    Attributes:
        run_id: Id of the run that asks; of the node's run in a subgraph.
        whole: Whether all of the request is in the block.
        passing: Exceptions that are no end of the request: it will be taken up again.
    """

    run_id: str | None
    whole: bool
    passing: tuple[type[BaseException], ...]
    _id: Callable[[], str | None] = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """The request's own id, as in its record; `None` before it was decided where it goes."""
        return self._id()
