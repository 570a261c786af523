"""A router's nodes run one after the other, without LangGraph's loop around them.

The loop costs more than all that the nodes do. Where nobody listens to it, a plain walk over the nodes
comes to the same: answer, record, errors, and what a user's code within a node sees of LangGraph.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import count
from typing import Any, cast
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.constants import END
from langgraph.errors import (
    GraphBubbleUp,
    GraphInterrupt,
    GraphRecursionError,
    NodeCancelledError,
)
from langgraph.graph.message import add_messages
from langgraph.runtime import ExecutionInfo, RunControl, Runtime

from lc_asym_router._internal.compat import (
    CONFIG_KEY_CHECKPOINT_ID,
    CONFIG_KEY_CHECKPOINT_MAP,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_READ,
    CONFIG_KEY_READ_STATE,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
    PregelScratchpad,
    ensure_graph_config,
)
from lc_asym_router._internal.run_config import follows_runs
from lc_asym_router._internal.tasks import cancelled_once
from lc_asym_router.graph.nodes import FIRST, GraphNodes
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import (
    CallOptions,
    NodeRun,
    RouterState,
    RunContext,
    Surroundings,
    Update,
)

_walks: ContextVar[bool | None] = ContextVar("lc_asym_router_walks", default=None)
"""Whether to walk, whoever listens; `None` to look. For tests that compare both."""
_QUIET = {"ls_integration": "langgraph"}


@dataclass(frozen=True)
class Walk:
    """Walks the nodes of one policy's graph.

    Attributes:
        nodes: The nodes.
    """

    nodes: GraphNodes

    @classmethod
    def of(cls, policy: Policy) -> Walk:
        """The walk over a router's nodes.

        Args:
            policy: The router's resolved settings.
        """
        return cls(GraphNodes(policy))

    def unseen(self, config: RunnableConfig) -> bool:
        """Whether nobody could see that a run is not LangGraph's own.

        Those who could are a handler that follows runs, a parent graph (its streams, its checkpoints),
        and a user's tasks (`langgraph.func`), which only LangGraph's loop runs.
        """
        if (forced := _walks.get()) is not None:
            return forced
        if "langgraph.func" in sys.modules or follows_runs(config):
            return False
        return CONFIG_KEY_TASK_ID not in (config.get("configurable") or {})

    def invoke(
        self, state: Mapping[str, Any], config: RunnableConfig, *, context: RunContext
    ) -> dict[str, Any]:
        """Run the nodes from the first one to an answer, as the graph's `invoke` does.

        Args:
            state: The state to begin with.
            config: The run's.
            context: The run's.

        Returns:
            The messages; none where a node was interrupted.

        Raises:
            GraphRecursionError: More nodes ran than the config's `recursion_limit` allows.
        """
        nodes = self.nodes.on_rung()
        run, steps = _Run(nodes.policy, config, context), nodes.steps
        try:
            while (name := run.follow()) is not None:
                step = steps[name].call
                try:
                    node, own = run.at(name)
                    update = step(node) if own is None else own.run(step, node)
                    run.take(node.finished(update))
                except asyncio.CancelledError as error:  # the node's own: nobody cancels a thread
                    raise NodeCancelledError(name) from error
                except GraphBubbleUp:
                    raise
                except Exception as error:
                    run.note(name, error)
                    raise
        except GraphInterrupt:
            pass
        return run.output

    async def ainvoke(
        self, state: Mapping[str, Any], config: RunnableConfig, *, context: RunContext
    ) -> dict[str, Any]:
        """The async twin of `invoke`; it is cancelled once, however often its caller is."""
        nodes = self.nodes.on_rung()
        run = _Run(nodes.policy, config, context)
        await cancelled_once(self._awalk)(run, nodes)
        return run.output

    async def _awalk(self, run: _Run, nodes: GraphNodes) -> None:
        steps, task = nodes.steps, cast("asyncio.Task[None]", asyncio.current_task())
        try:
            while (name := run.follow()) is not None:
                step = steps[name].acall
                try:
                    node, own = run.at(name)
                    if own is None:
                        update = await step(node)
                    else:
                        update = await asyncio.create_task(step(node), context=own)
                    run.take(node.finished(update))
                except asyncio.CancelledError as error:
                    if task.cancelling():
                        raise
                    raise NodeCancelledError(name) from error
                except GraphBubbleUp:
                    raise
                except Exception as error:
                    run.note(name, error)
                    raise
        except GraphInterrupt:
            pass


class _Run:
    """A walk that is under way.

    Attributes:
        task: LangGraph's id of the node that runs; "" where the node asks for nothing of LangGraph.
    """

    def __init__(self, policy: Policy, config: RunnableConfig, context: RunContext) -> None:
        assert context.request is not None
        # What a user sets for a call stands in the metadata too.
        config = ensure_graph_config(config) if config.get("configurable") else config
        self.task = ""
        self._policy = policy
        self._config = config
        self._context = context
        self._request = context.request
        self._options = CallOptions.of(config, policy.ladder, policy.prefix)
        self._around = Surroundings(context, config, context.listeners, policy.auditor)
        self._state: dict[str, Any] = {"messages": []}
        self._next = FIRST
        self._step = 0
        self._limit = config["recursion_limit"]

    @property
    def output(self) -> dict[str, Any]:
        """The graph's output."""
        return {"messages": self._state["messages"]}

    def follow(self) -> str | None:
        """The next node's name; `None` at the end.

        Raises:
            GraphRecursionError: More nodes ran than the config's `recursion_limit` allows.
        """
        if self._step >= self._limit:
            raise GraphRecursionError(
                f"Recursion limit of {self._limit} reached without hitting a stop condition. You can "
                "increase the limit by setting the `recursion_limit` config key."
            )
        self._step += 1
        return None if self._next == END else self._next

    def at(self, name: str) -> tuple[NodeRun, Context | None]:
        """The next node's run, and the context that it runs in: `None` where no code of a user's
        runs in it."""
        around, context, self.task = self._around, None, ""
        if not self._own(name):
            self.task = str(uuid4())
            inner = self._inner(name)
            context = copy_context()
            context.run(var_child_runnable_config.set, inner)
            around = replace(self._around, config=inner)
        state = cast("RouterState", self._state)
        return NodeRun(state, around, self._request, self._options), context

    def take(self, update: Update) -> None:
        """Apply a node's update to the state, with the reducer of its messages."""
        if added := update.get("messages"):
            update = {**update, "messages": add_messages(self._state["messages"], added)}
        self._state = {**self._state, **update}
        self._next = update["route"]

    def note(self, name: str, error: Exception) -> None:
        """Note on an error where it was raised, in LangGraph's words."""
        error.add_note(f"During task with name '{name}' and id '{self.task or uuid4()}'")

    def _own(self, name: str) -> bool:
        """Whether nothing in a node asks for LangGraph: only this package's own code runs in it."""
        if self._context.listeners:  # they see where an answer comes from
            return False
        if name == FIRST:
            return self._policy.decider.own
        if name == "verify":
            setup = self._policy.setups[self._state["trail"]["attempts"][-1]["tier"]]
            return not (setup.makes_calls or self._request.tools or self._request.schema)
        return False

    @cached_property
    def _runtime(self) -> Runtime[Any]:
        return Runtime(context=self._context, control=RunControl())

    @cached_property
    def _manager(self) -> BaseCallbackManager:
        """The callbacks of the graph's own run."""
        manager = cast("BaseCallbackManager", self._config["callbacks"]).copy()
        manager.add_tags(self._config.get("tags") or [])
        manager.add_metadata({**(self._config.get("metadata") or {}), **_QUIET})
        return manager

    def _inner(self, name: str) -> RunnableConfig:
        """The config of a node, with LangGraph's keys, metadata and tags in it."""
        place = {
            "langgraph_step": self._step,
            "langgraph_node": name,
            "langgraph_triggers": (f"branch:to:{name}",),
            "langgraph_path": ("__pregel_pull", name),
            "langgraph_checkpoint_ns": f"{name}:{self.task}",
        }
        manager = self._manager.copy()
        manager.parent_run_id = uuid4()
        manager.metadata.update(place)
        manager.inheritable_metadata.update(place)
        manager.tags.append("seq:step:1")
        configurable = self._config.get("configurable") or {}
        return {
            **self._config,
            "metadata": {**(self._config.get("metadata") or {}), **place},
            "callbacks": manager,
            "configurable": {
                **configurable,
                **self._keys(f"{name}:{self.task}", configurable.get("thread_id")),
            },
        }

    def _keys(self, place: str, thread: str | None) -> dict[str, Any]:
        """What LangGraph keeps in a node's config, of a graph without a checkpointer."""
        info = ExecutionInfo("", place, self.task, thread, node_first_attempt_time=time.time())
        scratchpad = PregelScratchpad(
            step=self._step,
            stop=self._limit,
            call_counter=count().__next__,
            interrupt_counter=count().__next__,
            get_null_resume=_no_answer,
            resume=[],
            subgraph_counter=count().__next__,
        )
        return {
            CONFIG_KEY_TASK_ID: self.task,
            CONFIG_KEY_SEND: [].extend,
            CONFIG_KEY_READ: partial(_read, self._state),
            CONFIG_KEY_READ_STATE: None,
            CONFIG_KEY_CHECKPOINTER: None,
            CONFIG_KEY_CHECKPOINT_MAP: {"": ""},
            CONFIG_KEY_CHECKPOINT_ID: None,
            CONFIG_KEY_CHECKPOINT_NS: place,
            CONFIG_KEY_SCRATCHPAD: scratchpad,
            CONFIG_KEY_RUNTIME: self._runtime.override(execution_info=info),
        }


def _no_answer(consume: bool = False) -> None:
    """No interrupt has been answered: nothing takes a run up again that has no checkpointer."""


def _read(state: Mapping[str, Any], select: str | Sequence[str], fresh: bool = False) -> Any:
    if isinstance(select, str):
        return state[select]
    return {name: state[name] for name in select if name in state}
