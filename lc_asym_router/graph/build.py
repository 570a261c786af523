"""The picture of the design as code: nodes and edges, nothing else.

START -> classify -+-> small -> verify -+-> END
                   |     ^______retry___|
                   |                    |
                   +-> frontier <-------+  (escalate)
                          |
                         END
"""

from __future__ import annotations

from functools import partial
from typing import Any

from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from lc_asym_router._internal.compat import RunnableCallable
from lc_asym_router.graph.context import RunContext
from lc_asym_router.graph.nodes import Nodes, follow
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.shown_graph import shown
from lc_asym_router.graph.state import RouterIO, RouterState

Graph = CompiledStateGraph[Any, Any, Any, Any]


def build_graph(policy: Policy, checkpointer: bool | None = None) -> Graph:
    """Compile the router's graph.

    Args:
        policy: What its nodes go by.
        checkpointer: `None` inherits a parent's, as a subgraph does; `False` has none.
    """
    nodes = Nodes(policy)
    graph = StateGraph(
        RouterState, context_schema=RunContext, input_schema=RouterIO, output_schema=RouterIO
    )
    graph.add_node("classify", _node(nodes.classify, nodes.aclassify))
    for tier in policy.ladder.every:
        graph.add_node(tier.name, _node(partial(nodes.ask, tier), partial(nodes.aask, tier)))
    graph.add_edge(START, "classify")
    route = RunnableCallable(follow, trace=False)
    names = [tier.name for tier in policy.ladder.every]
    graph.add_conditional_edges("classify", route, names)
    for tier in policy.ladder.every:
        exits = policy.exits(tier)
        if policy.check_on(tier) is not None and not policy.is_last(tier):
            exits = ["verify", *exits]
        if exits:
            graph.add_conditional_edges(tier.name, route, [*exits, END])
        else:
            graph.add_edge(tier.name, END)
    if policy.check is not None:
        graph.add_node("verify", _node(nodes.verify, nodes.averify))
        graph.add_conditional_edges("verify", route, [*names, END])
    compiled = graph.compile(checkpointer=checkpointer, name="AsymRouter")
    # Values and updates modes show the messages alone: the trail and the draft are our own.
    compiled.stream_channels = ["messages"]
    return shown(compiled, policy)


def _node(function: Any, afunction: Any) -> RunnableCallable:
    # LangGraph's own pairing of sync and async, as LangChain's create_agent uses it.
    return RunnableCallable(function, afunction, trace=False)
