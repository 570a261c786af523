"""Run a router's steps as nodes of LangGraph's, with the settings of the rung that a request is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router._internal.chunks import as_message
from lc_asym_router.graph.context import with_context
from lc_asym_router.graph.nodes import FIRST, GraphNodes
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.runner import notifying
from lc_asym_router.graph.state import (
    CallOptions,
    NodeRun,
    RouterState,
    Surroundings,
    Update,
    unseal,
)
from lc_asym_router.records.request import Request


@dataclass(frozen=True)
class Rungs:
    """The nodes of a router that may keep a target: one set for each rung, or one alone.

    Attributes:
        policy: The router's settings, resolved.
    """

    policy: Policy

    @cached_property
    def all(self) -> tuple[GraphNodes, ...]:
        """Each rung's nodes, cheapest first; those of a router without a target."""
        return tuple(GraphNodes(policy) for policy in self.policy.rungs or (self.policy,))

    def begin(self) -> GraphNodes:
        """The nodes for a request that begins."""
        if self.policy.auditor is None or not self.policy.rungs:
            return self.all[0]
        rung = self.policy.auditor.begin()
        number: int = rung["number"]
        return replace(self.all[number], rung=rung)

    def of(self, state: RouterState) -> GraphNodes:
        """The nodes for a request by its state; the strictest where that names no rung."""
        if not self.policy.rungs:
            return self.all[0]
        if "trail" not in state:
            return self.begin()
        last = len(self.all) - 1
        number: int = state["trail"].get("rung", {"number": last})["number"]
        return self.all[min(number, last)]


@dataclass(frozen=True)
class NodeRuns:
    """Runs steps as nodes of LangGraph's.

    Attributes:
        rungs: Whose nodes.
    """

    rungs: Rungs

    def node(
        self, name: str, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Run a step."""
        with self._run(state, config, runtime, begun=name != FIRST) as run:
            return run.finished(self.rungs.of(run.state).steps[name].call(run))

    async def anode(
        self, name: str, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `node`."""
        with self._run(state, config, runtime, begun=name != FIRST) as run:
            return run.finished(await self.rungs.of(run.state).steps[name].acall(run))

    @contextmanager
    def _run(
        self,
        state: RouterState,
        config: RunnableConfig,
        runtime: Runtime[Any],
        begun: bool = False,
    ) -> Iterator[NodeRun]:
        """Run a node's block, and report its request if that ends half-way.

        As a subgraph the graph runs under no chat model that reports its record, so its last node
        does.

        Args:
            state: The graph's state.
            config: The node's config.
            runtime: LangGraph's runtime.
            begun: Whether there is a trail yet; the first node may find another request's in the
                state.
        """
        policy = self.rungs.policy
        config = with_context(config, runtime.context, policy.prefix)
        around = Surroundings.of(config, runtime, policy.auditor)
        context = around.context
        options = CallOptions.of(config, policy.ladder, policy.prefix)
        if not begun:  # another request's, under a checkpointer
            state = cast("RouterState", {k: v for k, v in state.items() if k != "trail"})
        if context.request is not None:
            yield NodeRun(state, around, context.request, options)
            return
        run = NodeRun(state, around, Request().with_messages(state["messages"]), options)
        if begun:
            context.note(state["trail"])
            request_id, tier, draft = state.get("rejected") or (None, "", b"")
            if request_id == state["trail"]["id"]:
                context.rejected.append((tier, as_message(unseal(draft))))
        # A paused step is taken again, so there is nothing to report yet.
        messages = run.request.messages
        with notifying(config, context, messages, passing=(GraphBubbleUp,)) as answers:
            yield run
            answers.extend(run.answers)
