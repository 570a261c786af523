"""The calls for one step and for the join: what their sync and async nodes share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.chunks import as_message
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.schemas import SchemaError
from lc_asym_router.decompose.coverage import JoinSink, join_request, template, unused
from lc_asym_router.decompose.node_entry import Entry, RecordCollector
from lc_asym_router.decompose.plan import JOIN, Plan, Step
from lc_asym_router.decompose.plan_record import decomposition_of, trail_of, without_texts
from lc_asym_router.decompose.plan_state import DecomposerState, Joined, StepInput, StepResult
from lc_asym_router.decompose.schedule import Turn
from lc_asym_router.errors import BudgetExceededError, NoTierError, TiersFailedError
from lc_asym_router.graph.state import Update, sealed_draft
from lc_asym_router.graph.streaming import Audience, Sink
from lc_asym_router.records.bindings import SchemaBinding
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import open_record
from lc_asym_router.tiers.binding import structured
from lc_asym_router.tiers.tier import Tier

FAILURES = (TiersFailedError, NoTierError)
"""What the router raises where a request gets no answer."""


@dataclass(frozen=True)
class StepCall:
    """The router's call for one step.

    Attributes:
        entry: The node's view of its run.
        given: The step's input.
        known: Instruction and answer of each step that it needs: all other context that it gets.
    """

    entry: Entry
    given: StepInput
    known: Sequence[tuple[str, str]]

    @property
    def step(self) -> Step:
        """The step."""
        return Step(**self.given["step"])

    @property
    def request(self) -> Request:
        """The request for the router.

        What the step needs comes as earlier turns of the conversation, then its instruction.
        """
        asked, step = self.entry.request, self.step
        before = asked.messages[: len(asked.messages) - len(asked.turn)]
        known = [
            message
            for instruction, text in self.known
            for message in (HumanMessage(instruction), AIMessage(text))
        ]
        return replace(
            asked,
            messages=(*before, *known, HumanMessage(step.instruction)),
            schema=SchemaBinding(step.schema) if step.schema else None,
        )

    @property
    def call(self) -> tuple[Request, RunnableConfig, Sink | None]:
        """The arguments of the router's call; it has no listeners."""
        collector = RecordCollector(self.entry, self.given["split"], step=self.step.id)
        return self.request, self.entry.quiet(collector, self.step.tier), self.entry.muted

    def answered(self, answer: AIMessage) -> StepResult:
        """Check the router's answer for what no tier's check does, and return the step's result."""
        error = None
        if not answer.text.strip():
            error = "the answer is empty"
        elif self.step.schema:
            try:
                structured(answer, SchemaBinding(self.step.schema))
            except SchemaError as fault:
                error = f"the answer does not follow its schema: {fault}"
        return {
            "text": None if error else str(answer.text),
            "usage": answer.usage_metadata,
            "record": dict(answer.response_metadata["router"]),
            "error": error,
        }

    @contextmanager
    def settling(self, turn: Turn) -> Iterator[None]:
        """Turn a failure in this block into the step's result.

        Raises:
            TiersFailedError: A budget is exhausted, or the call allows no escalation.
        """
        try:
            yield
        except FAILURES as error:
            record = error.record if isinstance(error, TiersFailedError) else {}
            why = describe_error(error).partition("\n")[0]
            turn.result = {"text": None, "usage": None, "record": dict(record), "error": why}
            if isinstance(error, BudgetExceededError) or not self.entry.options.escalate:
                raise


@dataclass(frozen=True)
class Joining:
    """The call that joins the answers.

    Attributes:
        entry: The node's view of its run.
        state: The graph's state; every step has its answer.
        tier: The tier that is asked first; `None` for the template.
        sink: Buffers a streamed join until it uses every part; `None` where nothing streams.
    """

    entry: Entry
    state: DecomposerState
    tier: Tier | None
    sink: JoinSink | None

    @classmethod
    def of(cls, entry: Entry, state: DecomposerState) -> Joining:
        """Prepare the join of a node's request."""
        plan, sink = plan_of(state), None
        if entry.around.streams:
            sink = JoinSink(entry.around.context.sink, plan, texts_of(state))
        return cls(entry, state, entry.settings.joiner(plan), sink)

    @property
    def delivery(self) -> tuple[JoinSink | None, Sequence[BaseMessage], Audience]:
        """The arguments of `deliver_live`: the sink, the messages and the handlers."""
        return self.sink, self.entry.request.messages, self.entry.around.audience("Decomposer")

    @property
    def request(self) -> Request:
        """The request for the tier."""
        return join_request(self.entry.request, plan_of(self.state), texts_of(self.state))

    @property
    def config(self) -> RunnableConfig:
        """The config of its call: no listeners but the sink."""
        assert self.tier is not None
        collector = RecordCollector(self.entry, self.state["split"], step=JOIN)
        return self.entry.quiet(collector, self.tier.name)

    def by_template(self) -> Update:
        """Return the update with the answers under their questions."""
        name = f"lc_run--{uuid.uuid4()}"
        pieces = template(plan_of(self.state), texts_of(self.state))
        chunks = [AIMessageChunk(content=piece, id=name) for piece in pieces]
        return {"draft": sealed_draft(chunks), "joined": _joined("template", None, [], False)}

    def answered(self, answer: AIMessage) -> Update:
        """Return the update with the tier's answer, checked for parts that it leaves out."""
        plan, texts = plan_of(self.state), texts_of(self.state)
        shown = self.sink is not None and self.sink.shown
        omitted = [] if shown else unused(plan, texts, str(answer.text))
        chunks = self.sink.chunks if self.sink else None
        draft = chunks if chunks and as_message(chunks).text == answer.text else answer
        record = answer.response_metadata["router"]
        return {"draft": sealed_draft(draft), "joined": _joined(self._by, record, omitted, shown)}

    def failed(self, error: Exception) -> Update:
        """Return the update after no tier could join the answers.

        Raises:
            TiersFailedError: A part of the join was streamed already, a budget is exhausted, or the
                call allows no escalation.
        """
        seen = self.sink is not None and self.sink.shown
        record = error.record if isinstance(error, TiersFailedError) else None
        joined = _joined(self._by, record, [step.id for step in plan_of(self.state).steps], False)
        broke = isinstance(error, BudgetExceededError)
        if seen or broke or not self.entry.options.escalate:
            raise with_whole_record(error, {**self.state, "joined": joined})
        return {"draft": None, "joined": joined}

    @property
    def _by(self) -> str:
        return self.tier.name if self.tier else "template"


def with_whole_record(
    error: Exception, state: Mapping[str, Any], record: Mapping[str, Any] | None = None
) -> Exception:
    """Put the record of everything done so far on the error, not only that of the last call.

    As in any error, it has no text of the request.

    Args:
        error: The router's error.
        state: The graph's state.
        record: The record of the last call, where it is not in the state.
    """
    if isinstance(error, TiersFailedError):
        trail = trail_of(state, *([(None, record)] if record else []))
        error.record = {
            **open_record(trail),
            "decomposition": without_texts(decomposition_of(state)),
        }
    return error


def plan_of(state: Mapping[str, Any]) -> Plan:
    """Return the plan in the state."""
    return Plan.from_dict(state["split"]["plan"])


def texts_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Return the answer of each step that has one, by the step's id."""
    results = cast("dict[str, StepResult]", state.get("results") or {})
    return {name: result["text"] for name, result in results.items() if result["text"] is not None}


def _joined(by: str, record: Mapping[str, Any] | None, omitted: list[str], shown: bool) -> Joined:
    return {
        "by": by,
        "record": dict(record) if record else None,
        "unused": omitted,
        "shown": shown,
    }
