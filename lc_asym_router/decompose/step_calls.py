"""One step on its way, and the join on its way: what the twins of their nodes share."""

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
from lc_asym_router.decompose.join import JoinSink, join_request, template, unused
from lc_asym_router.decompose.node_entry import Bill, Entry
from lc_asym_router.decompose.plan import JOIN, Plan, Step
from lc_asym_router.decompose.record import decomposition_of, trail_of, untold
from lc_asym_router.decompose.schedule import Turn
from lc_asym_router.decompose.state import DecomposerState, Joined, StepInput, StepResult
from lc_asym_router.errors import BudgetExceededError, NoTierError, TiersFailedError
from lc_asym_router.graph.state import Update, seal
from lc_asym_router.graph.streaming import Audience, Sink
from lc_asym_router.records.request import Request, SchemaBinding
from lc_asym_router.records.trail import open_record
from lc_asym_router.tiers.structured import structured
from lc_asym_router.tiers.tier import Tier

FAILURES = (TiersFailedError, NoTierError)
"""What the router raises where a request gets no answer."""


@dataclass(frozen=True)
class StepCall:
    """A step that is being taken.

    Attributes:
        entry: The node's view of its run.
        given: What is to be done.
        known: Instruction and answer of each step that it needs: all else that it gets to see.
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
        """What the router is asked: what the step needs as earlier turns of the conversation, and then
        its instruction."""
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
        """What the router is called with; nobody hears it."""
        bill = Bill(self.entry, self.given["split"], step=self.step.id)
        return self.request, self.entry.quiet(bill, self.step.tier), self.entry.muted

    def answered(self, answer: AIMessage) -> StepResult:
        """The router has answered: what no check of a tier sees is seen to here."""
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
        """Take a failure in this block for the step's result.

        Raises:
            TiersFailedError: A budget is used up, or this call wants no escalation.
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
    """A join that is being made.

    Attributes:
        entry: The node's view of its run.
        state: The graph's state; every step has its answer.
        tier: The tier that is asked first; `None` for the template.
        sink: Holds a streamed join back until it has used every part; `None` where nobody streams.
    """

    entry: Entry
    state: DecomposerState
    tier: Tier | None
    sink: JoinSink | None

    @classmethod
    def of(cls, entry: Entry, state: DecomposerState) -> Joining:
        """Begin."""
        plan, sink = plan_of(state), None
        if entry.around.streams:
            sink = JoinSink(entry.around.context.sink, plan, texts_of(state))
        return cls(entry, state, entry.settings.joiner(plan), sink)

    @property
    def delivery(self) -> tuple[JoinSink | None, Sequence[BaseMessage], Audience]:
        """What whoever listens is told of while it comes, and who that is."""
        return self.sink, self.entry.request.messages, self.entry.around.audience("Decomposer")

    @property
    def request(self) -> Request:
        """What the tier is asked."""
        return join_request(self.entry.request, plan_of(self.state), texts_of(self.state))

    @property
    def config(self) -> RunnableConfig:
        """The config of its call: heard by nobody but the sink."""
        assert self.tier is not None
        bill = Bill(self.entry, self.state["split"], step=JOIN)
        return self.entry.quiet(bill, self.tier.name)

    def by_template(self) -> Update:
        """The answers under their questions."""
        name = f"lc_run--{uuid.uuid4()}"
        pieces = template(plan_of(self.state), texts_of(self.state))
        chunks = [AIMessageChunk(content=piece, id=name) for piece in pieces]
        return {"draft": seal(chunks), "joined": _joined("template", None, [], False)}

    def answered(self, answer: AIMessage) -> Update:
        """The tier has joined them; whether every part is in it, is seen to."""
        plan, texts = plan_of(self.state), texts_of(self.state)
        shown = self.sink is not None and self.sink.shown
        omitted = [] if shown else unused(plan, texts, str(answer.text))
        chunks = self.sink.chunks if self.sink else None
        draft = chunks if chunks and as_message(chunks).text == answer.text else answer
        record = answer.response_metadata["router"]
        return {"draft": seal(draft), "joined": _joined(self._by, record, omitted, shown)}

    def failed(self, error: Exception) -> Update:
        """No tier could join them.

        Raises:
            TiersFailedError: A part of the join was seen already, a budget is used up, or this call
                wants no escalation.
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
    """The error with the record of all that was done, not of the last call alone; as in any error, no
    text of the request is in it.

    Args:
        error: What the router raised.
        state: The graph's state.
        record: The record of the last call, where the state does not hold it.
    """
    if isinstance(error, TiersFailedError):
        trail = trail_of(state, *([(None, record)] if record else []))
        error.record = {**open_record(trail), "decomposition": untold(decomposition_of(state))}
    return error


def plan_of(state: Mapping[str, Any]) -> Plan:
    """The plan in the state."""
    return Plan.from_dict(state["split"]["plan"])


def texts_of(state: Mapping[str, Any]) -> dict[str, str]:
    """The answer of each step that has one."""
    results = cast("dict[str, StepResult]", state.get("results") or {})
    return {name: result["text"] for name, result in results.items() if result["text"] is not None}


def _joined(by: str, record: Mapping[str, Any] | None, omitted: list[str], shown: bool) -> Joined:
    return {
        "by": by,
        "record": dict(record) if record else None,
        "unused": omitted,
        "shown": shown,
    }
