"""The nodes of the decomposer's graph, each with its async twin."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from langgraph.constants import END
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router._internal.chunks import Draft, as_chunks, as_message
from lc_asym_router._internal.deadline import finished
from lc_asym_router._internal.run_config import config_context
from lc_asym_router.decompose.chat_planner import ChatPlanner
from lc_asym_router.decompose.decomposer_settings import DecomposerSettings
from lc_asym_router.decompose.live_answer import adeliver_live, deliver_live
from lc_asym_router.decompose.node_entry import Entry, RecordCollector
from lc_asym_router.decompose.plan_record import parts_record, plan_usage, whole_record
from lc_asym_router.decompose.plan_state import DecomposerState, StepResult
from lc_asym_router.decompose.planning import Planning
from lc_asym_router.decompose.step_calls import FAILURES, Joining, with_whole_record
from lc_asym_router.decompose.steps_graph import StepsGraph
from lc_asym_router.errors import UnverifiedError
from lc_asym_router.graph.state import Update, unseal
from lc_asym_router.graph.streaming import Audience, Sink, adeliver, deliver
from lc_asym_router.records.request import Request
from lc_asym_router.records.signing import with_record
from lc_asym_router.tiers.faults.event_loops import connect_per_loop


@dataclass(frozen=True)
class Nodes:
    """The graph's nodes for one decomposer's settings.

    Attributes:
        settings: The resolved settings, shared by all nodes.
        steps_graph: Runs the steps of a plan.
    """

    settings: DecomposerSettings
    steps_graph: StepsGraph

    # plan -----------------------------------------------------------------------------------

    def plan(self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Find a plan, or a reason why there is none."""
        entry = Entry.of(self.settings, state, config, runtime)
        work = Planning.of(entry)
        with entry.notifying():
            for planner in work.planners():
                try:
                    work.accept(planner, self._planned(planner, work))
                except GraphBubbleUp:
                    raise
                except Exception as error:
                    work.failed(planner, error)
            return work.update()

    async def aplan(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `plan`."""
        entry = Entry.of(self.settings, state, config, runtime)
        work = Planning.of(entry)
        with entry.notifying():
            for planner in work.planners():
                try:
                    work.accept(planner, await self._aplanned(planner, work))
                except GraphBubbleUp:
                    raise
                except Exception as error:
                    work.failed(planner, error)
            return work.update()

    def _planned(self, planner: Any, work: Planning) -> Any:
        ladder = self.settings.policy.ladder
        if not isinstance(planner, ChatPlanner):
            with config_context(work.config()):
                found = planner(work.entry.request.turn_text)
                return finished(found) if inspect.isawaitable(found) else found
        if planner.model is None:
            asked, config = work.asked(planner), work.tier_config(planner)
            return planner.read(self.settings.face.answer(asked, config, work.entry.muted), ladder)
        model, messages = work.own(planner)
        return planner.read(model.invoke(messages, work.config()), ladder)

    async def _aplanned(self, planner: Any, work: Planning) -> Any:
        ladder = self.settings.policy.ladder
        if not isinstance(planner, ChatPlanner):
            text = work.entry.request.turn_text
            with config_context(work.config()):
                if inspect.iscoroutinefunction(planner):
                    return await planner(text)
                found = await run_in_executor(None, planner, text)  # it may ask a model
                return await found if inspect.isawaitable(found) else found
        if planner.model is None:
            asked, config = work.asked(planner), work.tier_config(planner)
            answer = await self.settings.face.aanswer(asked, config, work.entry.muted)
            return planner.read(answer, ladder)
        connect_per_loop(planner.model)
        model, messages = work.own(planner)
        return planner.read(await model.ainvoke(messages, work.config()), ladder)

    # the steps ------------------------------------------------------------------------------

    def steps(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Run every step; a checkpointer stores each result separately."""
        entry = Entry.after_plan(self.settings, state, config, runtime)
        with entry.notifying():
            return _gathered(state, self.steps_graph.run(state, entry))

    async def asteps(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `steps`."""
        entry = Entry.after_plan(self.settings, state, config, runtime)
        with entry.notifying():
            return _gathered(state, await self.steps_graph.arun(state, entry))

    # join and verify ------------------------------------------------------------------------

    def join(self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Join the answers; the draft waits for `verify`."""
        work = Joining.of(Entry.after_plan(self.settings, state, config, runtime), state)
        if work.tier is None:
            return work.by_template()
        with work.entry.notifying():
            try:
                with deliver_live(*work.delivery):
                    answer = self.settings.face.answer(work.request, work.config, work.sink)
            except FAILURES as error:
                return work.failed(error)
            return work.answered(answer)

    async def ajoin(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `join`."""
        work = Joining.of(Entry.after_plan(self.settings, state, config, runtime), state)
        if work.tier is None:
            return work.by_template()
        with work.entry.notifying():
            try:
                async with adeliver_live(*work.delivery):
                    answer = await self.settings.face.aanswer(work.request, work.config, work.sink)
            except FAILURES as error:
                return work.failed(error)
            return work.answered(answer)

    def verify(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Return a join that uses every part; send any other request to the frontier."""
        entry = Entry.after_plan(self.settings, state, config, runtime)
        with entry.notifying() as answers:
            if update := _incomplete_join(entry, state):
                return update
            draft, audience = _shown(entry, state)
            deliver(draft, entry.request.messages, audience)
            answers.append(_answer(entry, state, draft))
            return {"messages": answers[-1:], "route": END}

    async def averify(
        self, state: DecomposerState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `verify`."""
        entry = Entry.after_plan(self.settings, state, config, runtime)
        with entry.notifying() as answers:
            if update := _incomplete_join(entry, state):
                return update
            draft, audience = _shown(entry, state)
            await adeliver(draft, entry.request.messages, audience)
            answers.append(_answer(entry, state, draft))
            return {"messages": answers[-1:], "route": END}

    # the whole request ----------------------------------------------------------------------

    def whole(
        self,
        tier: str | None,
        state: DecomposerState,
        config: RunnableConfig,
        runtime: Runtime[Any],
    ) -> Update:
        """Let the router answer the whole request; `tier` is the first one to ask, or `None`."""
        with self._whole(tier, state, config, runtime) as whole:
            return whole.answered(self.settings.face.answer(*whole.call))

    async def awhole(
        self,
        tier: str | None,
        state: DecomposerState,
        config: RunnableConfig,
        runtime: Runtime[Any],
    ) -> Update:
        """The async twin of `whole`."""
        with self._whole(tier, state, config, runtime) as whole:
            return whole.answered(await self.settings.face.aanswer(*whole.call))

    @contextmanager
    def _whole(
        self,
        tier: str | None,
        state: DecomposerState,
        config: RunnableConfig,
        runtime: Runtime[Any],
    ) -> Iterator[_Whole]:
        entry = Entry.after_plan(self.settings, state, config, runtime)
        answer_config = entry.answer_config(RecordCollector(entry, state["split"]), tier)
        with entry.notifying() as answers:
            try:
                yield _Whole(
                    state, answers, (entry.request, answer_config, entry.around.context.sink)
                )
            except FAILURES as error:
                raise with_whole_record(error, state, getattr(error, "record", None)) from None


@dataclass(frozen=True)
class _Whole:
    """A call of the router for the whole request: its arguments, and the update with its answer."""

    state: DecomposerState
    answers: list[AIMessage]
    call: tuple[Request, RunnableConfig, Sink | None]

    def answered(self, answer: AIMessage) -> Update:
        """Return the update with the router's answer."""
        record = whole_record(self.state, answer.response_metadata["router"])
        metadata = {**answer.response_metadata, "router": record}
        self.answers.append(answer.model_copy(update={"response_metadata": metadata}))
        return {"messages": self.answers[-1:], "route": END}


def _gathered(state: DecomposerState, results: dict[str, StepResult]) -> Update:
    """Return the update after the steps: on to the join, or to the frontier if one has no answer."""
    failed = {name: result["error"] for name, result in results.items() if result["error"]}
    if not failed:
        return {"results": results, "route": "join"}
    name, why = next(iter(failed.items()))
    reason = f"frontier: step {name!r} has no answer: {why}"
    split = {**state["split"], "reason": reason}
    return {"results": results, "route": "frontier", "split": split}


def _incomplete_join(entry: Entry, state: DecomposerState) -> Update | None:
    """Return the update for a join that does not use every part; `None` where it does.

    Raises:
        UnverifiedError: The call allows no escalation.
    """
    joined = state["joined"]
    assert joined is not None
    if not joined["unused"]:
        return None
    omitted = ", ".join(joined["unused"])
    what = (
        f"the join leaves out {omitted}" if state.get("draft") else "no tier could join the answers"
    )
    split = {**state["split"], "reason": f"frontier: {what}"}
    if not entry.options.escalate:
        bare = UnverifiedError(joined["record"] or {})
        raise with_whole_record(bare, {**state, "split": split})
    return {"route": "frontier", "split": split, "draft": None}


def _shown(entry: Entry, state: DecomposerState) -> tuple[Draft, Audience]:
    """Put the draft into the stream, if it was not streamed yet.

    Returns the draft, and the handlers that are still to be notified of it.
    """
    joined, envelope, sink = state["joined"], state["draft"], entry.around.context.sink
    assert joined is not None
    assert envelope is not None
    draft = unseal(envelope)
    audience = entry.around.audience("Decomposer")
    if joined["shown"]:
        return draft, replace(audience, handlers=())
    if sink:
        for chunk in as_chunks(draft):
            sink.put(chunk)
    return draft, audience


def _answer(entry: Entry, state: DecomposerState, draft: Draft) -> AIMessage:
    """Return the joined answer with its record."""
    message, joined = as_message(draft), state["joined"]
    assert joined is not None
    if joined["by"] == "template":
        message = message.model_copy(
            update={"usage_metadata": plan_usage(state["results"].values())}
        )
    ladder, tokens = entry.settings.policy.ladder, entry.request.input_tokens
    record = parts_record(state, ladder, tokens, message.usage_metadata)
    return with_record(message, record, entry.request.turn_text)
