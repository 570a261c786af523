"""`OpenTelemetry`: a callback handler that creates spans and metrics for requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID
from weakref import ref

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from lc_asym_router._internal.imports import needed
from lc_asym_router.observe import conventions as names
from lc_asym_router.observe.fields import messages_json
from lc_asym_router.observe.instruments import Instruments
from lc_asym_router.observe.reading import ModelAnswer, asked, finish_of, parameters
from lc_asym_router.observe.spans import (
    CallSpan,
    RequestSpans,
    current_requests,
    error_type,
    fail,
    put,
)
from lc_asym_router.records.handlers import FinishedAudit, FinishedRequest, RequestScope
from lc_asym_router.records.trail import PREFIX

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from lc_asym_router.router.router import AsymRouter


class OpenTelemetry(BaseCallbackHandler):
    """Spans and metrics of every request, by OpenTelemetry's conventions for generative AI.

    A callback handler: `AsymRouter(callbacks=[OpenTelemetry()])`, in the config of a call, or for the
    whole process by `install()`. A request is a span; each model call below it, a judge's and a
    classifier's too, is a child of it, and counted once. Threads and tasks may share it.

    No prompt, no answer and no reason is in a span unless `content` is set, and never in a metric.

    Args:
        tracer_provider: The provider of spans; by default the global one.
        meter_provider: The provider of metrics; by default the global one.
        content: Whether to put the messages, and the reasons of decisions, on the spans.

    Raises:
        ConfigurationError: `opentelemetry-api` is not installed.
    """

    run_inline = True

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        content: bool = False,
    ) -> None:
        from lc_asym_router._internal.imports import __version__

        self._trace: Any = needed("opentelemetry.trace", "otel")
        metrics: Any = needed("opentelemetry.metrics", "otel")
        about = {"schema_url": names.SCHEMA_URL}
        self._tracer = self._trace.get_tracer(
            "lc_asym_router", __version__, tracer_provider=tracer_provider, **about
        )
        self._instruments = Instruments(
            metrics.get_meter("lc_asym_router", __version__, meter_provider=meter_provider, **about)
        )
        self.content = content
        # Subgraphs' requests between two of their steps, by their ids; which request the run of a
        # step belongs to, and then that of its graph.
        self._open: dict[str, RequestSpans] = {}
        self._steps: dict[str, str] = {}
        self._graphs: dict[str, str] = {}
        self._calls: dict[UUID, tuple[CallSpan, bool]] = {}  # and whether a request ends it

    def install(self) -> Self:
        """Observe every router of this process, without a callback in any config."""
        register_configure_hook(ContextVar(f"{PREFIX}_otel", default=self), inheritable=True)
        return self

    def watch_breakers(self, router: AsymRouter) -> Self:
        """Export the states of a router's breakers as a metric; call it once per router."""
        seen = ref(router)

        def states() -> dict[str, str]:
            found = seen()
            return {name: each.state for name, each in found.breakers.items()} if found else {}

        self._instruments.breakers(states)
        return self

    def watch_audits(self, router: AsymRouter) -> Self:
        """Export the bounds of a router's audits, and its target's rung, as metrics; call it once per
        router."""
        seen = ref(router)

        def bounds() -> dict[str, float]:
            router = seen()
            auditor = router.policy.auditor if router else None
            if router is None or auditor is None:
                return {}
            found: dict[str, float] = {}
            if (whole := router.audits.all) is not None:
                found |= {"differs": whole.differs.at_most, "worse": whole.worse.at_most}
            if auditor.keeper is not None:
                report = auditor.keeper.report
                found["target.at_most"] = report.at_most
                found["target.rung"] = float(auditor.keeper.names.index(report.rung))
            return found

        self._instruments.bounds(bounds)
        return self

    # requests -------------------------------------------------------------------------------

    @contextmanager
    def around_router(self, step: RequestScope) -> Iterator[None]:
        """Make the request's span current while the request, or a node of it, runs in this block."""
        known = None if step.request_id is None else self._open.pop(step.request_id, None)
        request = known or RequestSpans(self, self._request_span())
        mark = current_requests.set((*current_requests.get(), request))
        try:
            with self._trace.use_span(
                request.span, record_exception=False, set_status_on_exception=False
            ):
                yield
        except step.passing:
            put(request.span, {"outcome": "paused"})
            self._end(request)
            raise
        except BaseException as error:
            self._end(request, error)
            raise
        finally:
            current_requests.reset(mark)
        if step.whole or request.finished or step.request_id is None or step.run_id is None:
            self._end(request)
        else:
            self._open[step.request_id] = request
            self._steps[step.run_id] = step.request_id

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Record a finished request; the router calls it once per request."""
        self._instruments.request(finished)
        if (request := self._request) is None:
            return
        request.record(finished)
        if self.content:
            put(request.span, {"reason": finished.record["decision"]["reason"]})
            request.span.set_attribute(names.INPUT_MESSAGES, messages_json(finished.messages))
            if finished.answer is not None:
                output = messages_json([finished.answer], finish_of(finished.answer) or "")
                request.span.set_attribute(names.OUTPUT_MESSAGES, output)

    def on_router_audit(self, audit: FinishedAudit) -> None:
        """Record an audit; its request's span has ended long before."""
        self._instruments.audit(audit)

    def on_chain_end(
        self, outputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        """End the request of a subgraph whose run has ended."""
        if (request_id := self._steps.pop(str(run_id), None)) is not None:
            self._graphs[str(parent_run_id)] = request_id
        self._end_run(run_id, None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the request of a subgraph whose run was cancelled or failed between two of its nodes."""
        self._end_run(run_id, error)

    def _end_run(self, run_id: UUID, error: BaseException | None) -> None:
        request_id = self._graphs.pop(str(run_id), None)
        if request_id and (request := self._open.pop(request_id, None)):
            self._end(request, error)

    def _request_span(self) -> Any:
        return self._tracer.start_span(
            f"{names.INVOKE_WORKFLOW} AsymRouter",
            attributes={names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: "AsymRouter"},
        )

    @property
    def _request(self) -> RequestSpans | None:
        """The current request of this handler."""
        return next((each for each in current_requests.get()[::-1] if each.owner is self), None)

    def _end(self, request: RequestSpans, error: BaseException | None = None) -> None:
        for run_id, call in request.close():
            self._calls.pop(run_id, None)
            self._failed(call, error)
        request.end(error)

    # model calls ----------------------------------------------------------------------------

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Start the span of a model call, if a router makes the call."""
        labels = metadata or {}
        if f"{PREFIX}_purpose" not in labels:
            return
        about = asked(labels)
        span = self._tracer.start_span(
            f"{names.CHAT} {about[names.REQUEST_MODEL]}",
            kind=self._trace.SpanKind.CLIENT,
            attributes={**about, **parameters(labels)},
        )
        put(span, {key: labels.get(f"{PREFIX}_{key}") for key in _LABELS})
        if self.content and messages:
            span.set_attribute(names.INPUT_MESSAGES, messages_json(messages[0]))
        call, request = CallSpan(span, about, labels), self._request
        owned = request is not None and request.begin(run_id, call)
        self._calls[run_id] = call, owned

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a model call that was answered."""
        with self._ending(run_id) as call:
            if call is None:
                return
            answered = ModelAnswer.of(response)
            call.span.set_attributes(answered.attributes)
            put(call.span, {"cached": answered.cached})
            if self.content:
                output = messages_json([answered.message], answered.finish or "")
                call.span.set_attribute(names.OUTPUT_MESSAGES, output)
            if answered.cached:  # no model was called
                return
            if answered.model:
                call.about[names.RESPONSE_MODEL] = answered.model
            counts = answered.counts
            tokens = (counts.input, counts.output) if counts else None
            self._instruments.call(call.seconds, call.about, tokens)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a model call that failed."""
        with self._ending(run_id) as call:
            if call is None:
                return
            self._failed(call, error)

    @contextmanager
    def _ending(self, run_id: UUID) -> Iterator[CallSpan | None]:
        """End a call; yields `None` where it is not observed, or ended already with its request."""
        call, owned = self._calls.pop(run_id, (None, False))
        if call is None or not call.over():
            yield None
            return
        yield call
        if not owned:
            call.span.end(call.ended)

    def _failed(self, call: CallSpan, error: BaseException | None) -> None:
        fail(call.span, error)
        kind = {names.ERROR_TYPE: error_type(error)}
        self._instruments.call(call.seconds, {**call.about, **kind}, None)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


_LABELS = ("purpose", "tier", "attempt", "why", "because")
