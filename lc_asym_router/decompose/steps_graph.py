"""The graph of the steps: LangGraph sends them all out at once, and each waits for its own turn.

LangGraph runs a graph in waves, and a wave ends with its slowest task. So all steps are tasks of one
wave, the finished ones among them are kept by the checkpointer one by one, and a `Schedule` beside the
state lets each begin as soon as it can.
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
from lc_asym_router.decompose.node_entry import Entry
from lc_asym_router.decompose.plan import Step
from lc_asym_router.decompose.schedule import Schedule, Turn
from lc_asym_router.decompose.settings import DecomposerSettings
from lc_asym_router.decompose.state import StepInput, StepResult, StepsState
from lc_asym_router.decompose.step_calls import FAILURES, StepCall, plan_of, with_whole_record
from lc_asym_router.graph.build import Graph
from lc_asym_router.graph.runner import not_durable
from lc_asym_router.graph.state import RunContext, Update

SPARE = 2
"""Threads beyond one a step: a checkpointer writes in LangGraph's own pool."""


@dataclass(frozen=True)
class Beside:
    """The context of a run of the steps.

    Attributes:
        board: Says whose turn it is.
        outer: The context of the decomposer's own run, which all steps share.
    """

    schedule: Schedule
    outer: RunContext


class StepsGraph:
    """Takes the steps of plans.

    Args:
        way: The decomposer's settings.
        kept: Whether a checkpointer, if there is one, keeps each finished step.
    """

    def __init__(self, settings: DecomposerSettings, kept: bool) -> None:
        self._settings = settings
        self._kept = kept
        graph = StateGraph(StepsState, context_schema=Beside)
        graph.add_node(
            "step", RunnableCallable(self._step, cancelled_once(self._astep), trace=False)
        )
        graph.add_conditional_edges(START, RunnableCallable(_each, trace=False), ["step"])
        self._graph: Graph = graph.compile(checkpointer=None if kept else False, name="steps")

    def out(self, state: Mapping[str, Any], entry: Entry) -> dict[str, StepResult]:
        """Take all steps of the plan in the state; what came of each."""
        saver = self._saver(entry.config)
        saved = saver.get_tuple(entry.config) if saver else None
        schedule, config = self._begin(state, entry, _finished(saved))
        beside = Beside(schedule, entry.around.context)
        # The graph runs in a thread, so that whoever interrupts this one stops the board first.
        with self._whole(schedule, state), ThreadPoolExecutor(1, "lc-asym-router-steps") as pool:
            run = partial(self._graph.invoke, _given(state), config, context=beside)
            running = pool.submit(copy_context().run, run)
            try:
                return _results(running.result())
            except BaseException:
                schedule.stop()
                raise

    async def aout(self, state: Mapping[str, Any], entry: Entry) -> dict[str, StepResult]:
        """The async twin of `out`."""
        saver = self._saver(entry.config)
        saved = await saver.aget_tuple(entry.config) if saver else None
        schedule, config = self._begin(state, entry, _finished(saved))
        beside = Beside(schedule, entry.around.context)
        with self._whole(schedule, state):
            return _results(await self._graph.ainvoke(_given(state), config, context=beside))

    @contextmanager
    def _whole(self, schedule: Schedule, state: Mapping[str, Any]) -> Iterator[None]:
        """Around a run: an error of a step carries the record of all of them."""
        try:
            with schedule.ended():
                yield
        except FAILURES as error:
            raise with_whole_record(error, {**state, "results": schedule.noted}) from None

    def _saver(self, config: RunnableConfig) -> Any:
        """The checkpointer of the run; `None` where there is none, or it is not for this graph."""
        return config["configurable"].get(CONFIG_KEY_CHECKPOINTER) if self._kept else None

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
        """Take a step: the router answers it, and nobody hears it."""
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
        self, given: StepInput, config: RunnableConfig, beside: Beside, turn: Turn
    ) -> StepCall:
        own: RunnableConfig = {**config, "max_concurrency": beside.schedule.most}
        entry = Entry.of(self._settings, given, own, Runtime(context=beside.outer))
        return StepCall(entry, given, turn.known)


def _each(state: StepsState) -> list[Send]:
    """A task for each step."""
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
    """The results that an earlier run of the same steps has left."""
    writes = (saved.pending_writes or ()) if saved else ()
    found = [value for _, channel, value in writes if channel == "results"]
    return {name: result for each in found for name, result in each.items()}


def _results(state: Any) -> dict[str, StepResult]:
    return cast("dict[str, StepResult]", state.get("results") or {})
