"""Build the decomposer's graph.

START -> plan -+-> steps (concurrently, as far as their needs allow) -+-> join -> verify -+-> END
               |                                                     |                   |
               +-----------------------------------------------------+-> frontier <------+
               +-> whole -> END                                            |
                                                                          END

`steps` is a graph of its own: one task per step, sent by LangGraph's `Send`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from langgraph.constants import END, START
from langgraph.graph import StateGraph

from lc_asym_router._internal.compat import RunnableCallable
from lc_asym_router._internal.tasks import cancelled_once
from lc_asym_router.decompose.decomposer_settings import DecomposerSettings
from lc_asym_router.decompose.plan_nodes import Nodes
from lc_asym_router.decompose.plan_state import DecomposerState
from lc_asym_router.decompose.steps_graph import StepsGraph
from lc_asym_router.graph.build import ClosingGraph, Graph
from lc_asym_router.graph.context import context_schema
from lc_asym_router.graph.state import RouterIO


def build_decomposer_graph(
    settings: DecomposerSettings, max_concurrency: int, checkpointer: Any = None
) -> Graph:
    """Compile the decomposer's graph.

    Args:
        settings: The resolved settings, shared by all nodes.
        max_concurrency: How many steps run concurrently, unless a call's config says otherwise.
        checkpointer: `None` inherits a parent's, as a subgraph does; `False` has none.
    """
    nodes = Nodes(settings, StepsGraph(settings, checkpointed=checkpointer is not False))
    top = settings.policy.ladder[-1].name
    graph = StateGraph(
        DecomposerState,
        context_schema=context_schema(settings.policy.prefix),
        input_schema=RouterIO,
        output_schema=RouterIO,
    )
    for name, node, anode in (
        ("plan", nodes.plan, nodes.aplan),
        ("steps", nodes.steps, nodes.asteps),
        ("join", nodes.join, nodes.ajoin),
        ("verify", nodes.verify, nodes.averify),
        ("whole", partial(nodes.whole, None), partial(nodes.awhole, None)),
        ("frontier", partial(nodes.whole, top), partial(nodes.awhole, top)),
    ):
        graph.add_node(name, RunnableCallable(node, cancelled_once(anode), trace=False))
    route = RunnableCallable(_route, trace=False)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", route, ["steps", "whole", "frontier"])
    graph.add_conditional_edges("steps", route, ["join", "frontier"])
    graph.add_edge("join", "verify")
    graph.add_conditional_edges("verify", route, ["frontier", END])
    graph.add_edge("whole", END)
    graph.add_edge("frontier", END)
    compiled = graph.compile(checkpointer=checkpointer, name="Decomposer")
    compiled.__class__ = ClosingGraph
    # Values and updates modes show the messages alone: plan, answers and draft are our own.
    compiled.stream_channels = ["messages"]
    return compiled.with_config(max_concurrency=max_concurrency)


def _route(state: DecomposerState) -> str:
    return state["route"]
