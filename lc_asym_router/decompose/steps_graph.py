"""The graph of the steps: LangGraph starts all of them at once, and each waits until it may run.

LangGraph runs a graph in supersteps, and a superstep ends with its slowest task. So all steps are
tasks of one superstep. The checkpointer stores the finished ones one by one, and a `Schedule` in
the run's context lets each begin as soon as it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lc_asym_router._internal.compat import (
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_STREAM,
    RunnableCallable,
)
from lc_asym_router._internal.tasks import cancelled_once
from lc_asym_router.decompose.decomposer_settings import DecomposerSettings
from lc_asym_router.decompose.node_entry import Entry
from lc_asym_router.decompose.plan import Step
from lc_asym_router.decompose.plan_state import StepInput, StepResult, StepsState
from lc_asym_router.decompose.schedule import Schedule, Turn
from lc_asym_router.decompose.step_calls import FAILURES, StepCall, plan_of, with_whole_record
from lc_asym_router.graph.build import Graph
from lc_asym_router.graph.runner import not_durable
from lc_asym_router.graph.state import RunContext, Update

SPARE = 2
"""Threads beyond one a step: a checkpointer writes in LangGraph's own pool."""


@dataclass(frozen=True)
class StepsContext:
    """The context of a run of the steps.

    Attributes:
        schedule: Says which steps may run.
        outer: The context of the decomposer's own run, which all steps share.
    """

    schedule: Schedule
    outer: RunContext


class StepsGraph:
    """Runs the steps of plans.

    Args:
        settings: The decomposer's resolved settings.
        checkpointed: Whether a checkpointer, if there is one, stores each finished step.
    """

    def __init__(self, settings: DecomposerSettings, checkpointed: bool) -> None:
        self._settings = settings
        self._checkpointed = checkpointed
        graph = StateGraph(StepsState, context_schema=StepsContext)
        graph.add_node(
            "step", RunnableCallable(self._step, cancelled_once(self._astep), trace=False)
        )
        graph.add_conditional_edges(START, RunnableCallable(_each, trace=False), ["step"])
        self._graph: Graph = graph.compile(
            checkpointer=None if checkpointed else False, name="steps"
        )

    def run(self, state: Mapping[str, Any], entry: Entry) -> dict[str, StepResult]:
        """Run all steps of the plan in the state; returns their results by step."""
        saver = self._saver(entry.config)
        saved = saver.get_tuple(entry.config) if saver else None
        schedule, config = self._begin(state, entry, _finished(saved))
        steps_context = StepsContext(schedule, entry.around.context)
        # The graph runs in a thread, so that an interrupt of this one stops the schedule first.
        with self._whole(schedule, state), ThreadPoolExecutor(1, "lc-asym-router-steps") as pool:
            run = partial(self._graph.invoke, _given(state), config, context=steps_context)
            running = pool.submit(copy_context().run, run)
            try:
                return _results(running.result())
            except BaseException:
                schedule.stop()
                raise

    async def arun(self, state: Mapping[str, Any], entry: Entry) -> dict[str, StepResult]:
        """The async twin of `out`."""
        saver = self._saver(entry.config)
        saved = await saver.aget_tuple(entry.config) if saver else None
        schedule, config = self._begin(state, entry, _finished(saved))
        steps_context = StepsContext(schedule, entry.around.context)
        with self._whole(schedule, state):
            return _results(await self._graph.ainvoke(_given(state), config, context=steps_context))

    @contextmanager
    def _whole(self, schedule: Schedule, state: Mapping[str, Any]) -> Iterator[None]:
        """Enclose a run: a step's error gets the record of all steps."""
        try:
            with schedule.ended():
                yield
        except FAILURES as error:
            raise with_whole_record(error, {**state, "results": schedule.noted}) from None

    def _saver(self, config: RunnableConfig) -> Any:
        """Return the run's checkpointer; `None` where there is none, or it is not for this graph."""
        return config["configurable"].get(CONFIG_KEY_CHECKPOINTER) if self._checkpointed else None

    def _begin(
        self, state: Mapping[str, Any], entry: Entry, results: dict[str, StepResult]
    ) -> tuple[Schedule, RunnableConfig]:
        plan, config = plan_of(state), entry.around.config
        schedule = Schedule(plan, config["max_concurrency"] or len(plan), results)
        if not self._saver(config):
            config = not_durable(config)
        values = {k: v for k, v in config["configurable"].items() if k != CONFIG_KEY_STREAM}
        room = len(plan) + SPARE  # a step that waits has a thread
        return schedule, {**config, "configurable": values, "max_concurrency": room}

    def _step(self, given: StepInput, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Run one step: the router answers it, without listeners."""
        step, schedule = Step(**given["step"]), runtime.context.schedule
        with schedule.turn(step) as turn:
            if turn is None:
                return {}
            part = self._part(given, config, runtime.context, turn)
            with part.settling(turn):
                turn.result = part.answered(self._settings.steps.answer(*part.call))
            return {"results": {step.id: turn.result}}

    async def _astep(
        self, given: StepInput, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `_step`."""
        step, schedule = Step(**given["step"]), runtime.context.schedule
        async with schedule.aturn(step) as turn:
            if turn is None:
                return {}
            part = self._part(given, config, runtime.context, turn)
            with part.settling(turn):
                turn.result = part.answered(await self._settings.steps.aanswer(*part.call))
            return {"results": {step.id: turn.result}}

    def _part(
        self, given: StepInput, config: RunnableConfig, steps_context: StepsContext, turn: Turn
    ) -> StepCall:
        own: RunnableConfig = {**config, "max_concurrency": steps_context.schedule.most}
        entry = Entry.of(self._settings, given, own, Runtime(context=steps_context.outer))
        return StepCall(entry, given, turn.known)


def _each(state: StepsState) -> list[Send]:
    """Return one task per step."""
    return [
        Send(
            "step",
            {"messages": state["messages"], "split": state["split"], "step": step.to_dict()},
        )
        for step in plan_of(state).steps
    ]


def _given(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"messages": state["messages"], "split": state["split"]}


def _finished(saved: Any) -> dict[str, StepResult]:
    """Return the results that an earlier run of the same steps has stored."""
    writes = (saved.pending_writes or ()) if saved else ()
    found = [value for _, channel, value in writes if channel == "results"]
    return {name: result for each in found for name, result in each.items()}


def _results(state: Any) -> dict[str, StepResult]:
    return cast("dict[str, StepResult]", state.get("results") or {})
