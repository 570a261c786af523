"""Protocols and a base class of callback handlers that receive the records of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage


class RecordsOnly(BaseCallbackHandler):
    """Base of a callback handler that receives records only, and none of LangChain's own events.

    Copying a LangChain config does not copy the handler: it stays the same object.
    """

    run_inline = True

    @property
    def ignore_llm(self) -> bool:
        """Ignore the events of models' runs."""
        return True

    @property
    def ignore_chat_model(self) -> bool:
        """Ignore the events of chat models' runs."""
        return True

    @property
    def ignore_chain(self) -> bool:
        """Ignore the events of chains' runs."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Ignore the events of agents' runs."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Ignore the events of retrievers' runs."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Ignore custom events."""
        return True

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


@dataclass(frozen=True)
class FinishedRequest:
    """A request that has ended: answered, failed or cancelled.

    Attributes:
        record: The request's record, plain JSON; without totals where there is no answer.
        run_id: Id of the router's run, or `None`.
        tags: The caller's tags.
        metadata: The run's metadata, with `thread_id` where the call has one.
        messages: The request's messages.
        answer: The answer, or `None`.
        error: The exception raised instead, or `None`.
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
        """How the request ended; "left" where it was cancelled or its stream was closed early."""
        if self.answer is not None:
            return "answered"
        return "failed" if isinstance(self.error, Exception) else "left"


class RecordHandler(Protocol):
    """A callback handler that receives each request's record.

    It may also have the methods `around_router` and `on_router_output_error`: see `ScopeHandler`
    and `OutputErrorHandler`.
    """

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Receive the record of a request that has ended.

        The request waits for this call to return, so it must not block.
        """


class OutputErrorHandler(Protocol):
    """A record handler that is also notified when a structured output can't be parsed."""

    def on_router_output_error(self, request_id: str, error: Exception) -> None:
        """Receive the error of an answered request whose structured output can't be parsed.

        Called after `on_router_record` for the same request, whose record has this `id`. It must
        not block.
        """


class ScopeHandler(Protocol):
    """A record handler that is also notified when a request begins."""

    def around_router(self, step: RequestScope) -> AbstractContextManager[None]:
        """Return a context manager that is active while the request runs.

        `on_router_record` is called inside it. For a router that runs as a subgraph it is entered
        once for each node.
        """


@dataclass(frozen=True)
class RequestScope:
    """The request, or the subgraph's node, that an `around_router` block encloses.

    Attributes:
        run_id: Id of the calling run; in a subgraph, of the node's run.
        whole: Whether the block encloses the whole request.
        passing: Exceptions that interrupt the request without ending it: it will be resumed.
    """

    run_id: str | None
    whole: bool
    passing: tuple[type[BaseException], ...]
    _id: Callable[[], str | None] = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """The id of the request in its record; `None` before the decision."""
        return self._id()


@dataclass(frozen=True)
class FinishedAudit:
    """An audit that has ended: the last tier was asked besides, and the two answers compared.

    Attributes:
        request_id: Id of the audited request in its record.
        tier: The tier whose answer was audited.
        check: The check that had passed it, or "".
        tags: The caller's tags.
        probability: With which probability it was drawn.
        outcome: "same", "differs", "incomparable", or "failed": there was nothing to compare with.
        worse: Whether the last tier's answer is the better one; `None` where nobody says.
        by: What compared them: "calls", "fields", "answer", "judge", or "".
        reason: Why they were not compared, in one line without their text, or "".
        calls: The calls that the audit made, as in a record's side calls, with the purpose "audit".
        seconds: How long it took.
        kind: "audit"; or, with a target, "pair" for a rejected answer beside the last tier's, and
            "explored" for a lower tier that was asked beside the last one.
    """

    request_id: str
    tier: str
    check: str
    tags: tuple[str, ...]
    probability: float
    outcome: Literal["same", "differs", "incomparable", "failed"]
    worse: bool | None
    by: str
    reason: str
    calls: Sequence[Mapping[str, Any]]
    seconds: float
    kind: Literal["audit", "pair", "explored"] = "audit"


UNFINISHED = "UnfinishedCall"
"""What stands as the error of an audit's call that is under way."""


@dataclass(frozen=True)
class AuditCalls:
    """The calls of an audit so far.

    Attributes:
        request_id: Id of the audited request in its record.
        calls: The calls, as in `FinishedAudit`. While the audit is under way the last one is one more,
            of unknown cost and with the error "UnfinishedCall": the call that may be made now.
    """

    request_id: str
    calls: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Feedback:
    """What somebody thought of an answer.

    Attributes:
        run_id: Id of the router's run, as in the record's `run_id`; or the record's own `id`.
        score: From 0 (bad) to 1 (good).
        comment: In their words, or `None`.
    """

    run_id: str
    score: float
    comment: str | None = field(default=None, repr=False)


class FeedbackHandler(Protocol):
    """A callback handler that also receives what users thought of answers."""

    def on_router_feedback(self, feedback: Feedback) -> None:
        """Receive one user's score of an answer. It must not block."""


class AuditHandler(Protocol):
    """A record handler that also receives the audits of its requests, after their records.

    It may also have the method `on_router_audit_calls`, with an `AuditCalls`: it is called before the
    first call of an audit, after each, and at the audit's end, in the audit's thread, which waits for
    it. So what is paid for can be written down before the next call is made.
    """

    def on_router_audit(self, audit: FinishedAudit) -> None:
        """Receive an audit. Called in an audit's thread, after the request has long ended."""
