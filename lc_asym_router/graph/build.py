"""Build the router's graph: nodes and edges.

START -> classify -+-> small -> verify -+-> END
                   |     ^______retry___|
                   |                    |
                   +-> frontier <-------+  (escalate)
                          |
                         END
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, cast

from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from lc_asym_router._internal.compat import RunnableCallable
from lc_asym_router._internal.display import renderer
from lc_asym_router._internal.tasks import cancelled_once, stepped
from lc_asym_router.graph.context import context_schema
from lc_asym_router.graph.node_runs import NodeRuns, Rungs
from lc_asym_router.graph.nodes import FIRST, GraphNodes
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import RouterIO, RouterState

Graph = CompiledStateGraph[Any, Any, Any, Any]


def build_graph(policy: Policy, checkpointer: bool | None = None) -> Graph:
    """Compile the router's graph.

    Args:
        policy: The router's resolved settings.
        checkpointer: `None` inherits a parent's, as a subgraph does; `False` has none.
    """
    runs = NodeRuns(Rungs(policy))
    graph = StateGraph(
        RouterState,
        context_schema=context_schema(policy.prefix),
        input_schema=RouterIO,
        output_schema=RouterIO,
    )
    for name in GraphNodes(policy).steps:
        graph.add_node(name, _node(partial(runs.node, name), partial(runs.anode, name)))
    graph.add_edge(START, FIRST)
    route = RunnableCallable(_follow, trace=False)
    names = [tier.name for tier in policy.ladder.every]
    graph.add_conditional_edges(FIRST, route, names)
    for tier in policy.ladder.every:
        exits = policy.exits(tier)
        if policy.check_on(tier) is not None and not policy.is_last(tier):
            exits = ["verify", *exits]
        if exits:
            graph.add_conditional_edges(tier.name, route, [*exits, END])
        else:
            graph.add_edge(tier.name, END)
    if policy.check is not None:
        graph.add_conditional_edges("verify", route, [*names, END])
    compiled = graph.compile(checkpointer=checkpointer, name="AsymRouter")
    # Values and updates modes show the messages alone: the trail and the draft are our own.
    compiled.stream_channels = ["messages"]
    return shown_graph(compiled, policy)


def _follow(state: Mapping[str, Any]) -> str:
    """Return the next node, which the previous node has set."""
    return str(state["route"])


def _node(function: Any, afunction: Any) -> RunnableCallable:
    # LangGraph's own pairing of sync and async, as LangChain's create_agent uses it.
    return RunnableCallable(function, cancelled_once(afunction), trace=False)


class ClosingGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """A compiled graph that ends its nodes when an anyio scope cancels its reader.

    LangGraph (1.2) begins the end of a run in a task, and a second cancellation ends that task before
    it has begun: the nodes, and the calls below them, would go on.
    """

    async def astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """As LangGraph's. `ainvoke` and the events are made of it."""
        stream = super().astream(*args, **kwargs)
        # Under a chat model that one's own reader is cancelled in order.
        steps = stream if self.checkpointer is False else stepped(cast("Any", stream))
        async for item in steps:
            yield item


class ShownGraph(ClosingGraph):
    """A compiled graph drawn locally in notebooks: LangGraph's own display calls a web service."""

    @property
    def policy(self) -> Policy:
        """The router's resolved settings, shared by all its nodes."""
        return cast("Policy", cast("Any", self.builder).policy)

    def _repr_html_(self) -> str:
        return str(renderer("ShownGraph")(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Every form of the display, by MIME type."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        nodes = ", ".join(name for name in self.nodes if not name.startswith("__"))
        return f"AsymRouter.graph({nodes})"


def shown_graph(compiled: CompiledStateGraph[Any, Any, Any, Any], policy: Policy) -> ShownGraph:
    """Add the local display to a compiled graph, in place.

    Args:
        compiled: The graph.
        policy: The router's settings, resolved.
    """
    compiled.__class__ = ShownGraph
    cast("Any", compiled.builder).policy = policy
    return cast("ShownGraph", compiled)
