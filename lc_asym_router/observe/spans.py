"""The spans of one request: its own, and one for each model call below it.

A call's span is exported with the request's, with the time at which the call ended: only then the
check's verdict and the call's cost are known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import RouterError
from lc_asym_router.observe import conventions as names
from lc_asym_router.observe.fields import call_fields, fields_of
from lc_asym_router.records.handlers import FinishedRequest
from lc_asym_router.records.trail import PREFIX

if TYPE_CHECKING:
    from opentelemetry.trace import Span

current_requests: ContextVar[tuple[RequestSpans, ...]] = ContextVar(
    "lc_asym_router_request_spans", default=()
)
"""The requests that are being answered here, one for each handler that watches."""


@dataclass
class CallSpan:
    """A model call.

    Attributes:
        span: Its span.
        about: The attributes by the conventions that its metrics have too.
        labels: The run's metadata, which says why the call was made.
        started: `time.perf_counter()` at its start, in seconds.
        stopped: `time.perf_counter()` at its end, in seconds; `None` while it runs.
        ended: `time.time_ns()` at its end; `None` while it runs.
    """

    span: Span
    about: dict[str, Any]
    labels: Mapping[str, Any]
    started: float = field(default_factory=time.perf_counter)
    stopped: float | None = None
    ended: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def seconds(self) -> float:
        """Its duration in seconds, until now if it is running."""
        return (self.stopped or time.perf_counter()) - self.started

    def over(self) -> bool:
        """Mark it as ended; returns whether it had not ended before."""
        with self._lock:
            if self.ended is not None:
                return False
            self.ended, self.stopped = time.time_ns(), time.perf_counter()
            return True

    def judge(self, attempts: list[dict[str, Any]]) -> None:
        """Put the check's verdict on the span, if the call is one of these attempts."""
        if self.labels.get(f"{PREFIX}_purpose") != "answer":
            return
        # By the model too: a router may be the tier of another one, and numbers its calls itself.
        mine = [self.labels.get(f"{PREFIX}_{key}") for key in ("attempt", "tier")]
        mine.append(self.about[names.REQUEST_MODEL])
        for entry in attempts:
            if [entry["attempt"], entry["tier"], entry["model"]] == mine:
                finished = call_fields(entry)
                put(
                    self.span,
                    {key: finished[key] for key in ("result", "check", "score", "cost_usd")},
                )


class RequestSpans:
    """The spans of one request.

    Args:
        owner: The handler that observes it.
        span: Its own span.
    """

    def __init__(self, owner: object, span: Span) -> None:
        self.owner = owner
        self.span = span
        self.finished = False
        self._calls: dict[UUID, CallSpan] = {}
        self._over = False
        self._lock = threading.Lock()

    def begin(self, run_id: UUID, call: CallSpan) -> bool:
        """Add a call; returns whether its span ends with the request, which may be over already."""
        with self._lock:
            if not self._over:
                self._calls[run_id] = call
            return not self._over

    def record(self, finished: FinishedRequest) -> None:
        """Put the request's record on the spans."""
        self.finished = True
        put(self.span, fields_of(finished))
        if thread := finished.metadata.get("thread_id"):
            self.span.set_attribute(names.CONVERSATION, str(thread))
        for call in list(self._calls.values()):
            call.judge(finished.record["attempts"])

    def close(self) -> list[tuple[UUID, CallSpan]]:
        """Mark the request as over; returns its calls that were still running, now ended."""
        with self._lock:
            self._over = True
            return [(run_id, call) for run_id, call in self._calls.items() if call.over()]

    def end(self, error: BaseException | None = None) -> None:
        """End the spans; `error` is the request's exception, or `None`."""
        for call in self._calls.values():
            call.span.end(call.ended)
        if error is not None:
            fail(self.span, error)
        self.span.end()


def put(span: Span, fields: Mapping[str, Any]) -> None:
    """Set attributes in the router's namespace; those that are `None` are omitted."""
    span.set_attributes(
        {f"{PREFIX}.{key}": value for key, value in fields.items() if value is not None}
    )


def fail(span: Span, error: BaseException | None) -> None:
    """Mark a span as failed, with the error's class and without a provider's text.

    Args:
        span: The span.
        error: The exception; `None` where the call was still running when its request ended.
    """
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute(names.ERROR_TYPE, error_type(error))
    if error is None:
        described = "left behind by its request"
    elif isinstance(error, RouterError):  # its text has checks' reasons in it
        described = error_type(error)
    else:
        described = describe_error(error)
    span.set_status(Status(StatusCode.ERROR, described))


def error_type(error: BaseException | None) -> str:
    """Return the value of `error.type`."""
    return type(error).__name__ if error else "left"
