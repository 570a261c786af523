"""A process that asks a decomposer under a SQLite checkpointer, to be killed by its test.

python -m tests.decompose.crashing DATABASE SMALL_URL FRONTIER_URL (ask | resume) (graph | parent)
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import AsymRouter, Decomposer, Tier
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.decompose.world import WHOLE, checked, plan_of


def main() -> None:
    """Ask, or take up what was asked."""
    database, small, frontier, what, kind = sys.argv[1:]
    router = AsymRouter(
        small=Tier(small_model(_at(small), keep_alive=1), price=SMALL_PRICE),
        frontier=Tier(frontier_model(_at(frontier), timeout=60), price=FRONTIER_PRICE),
        classify=lambda messages: 0.0,
        verify=checked,
    )
    plan = plan_of([[], [], [], [0, 1], [1, 2]])
    with SqliteSaver.from_conn_string(database) as saver:
        graph = Decomposer(
            router=router,
            planner=lambda text: plan,
            gate=None,
            join="template",
            checkpointer=saver if kind == "graph" else None,
        ).graph
        if kind == "parent":
            parent = StateGraph(MessagesState)
            parent.add_node("answer", graph)
            parent.add_edge(START, "answer")
            graph = cast("Any", parent.compile(checkpointer=saver))
        given = {"messages": [("human", WHOLE)]} if what == "ask" else None
        answer = graph.invoke(given, {"configurable": {"thread_id": "1"}})["messages"][-1]
        print(answer.text)
        print(record(answer)["cost_usd"])


def _at(url: str) -> Any:
    return SimpleNamespace(url=url, base_url=f"{url}/v1")


if __name__ == "__main__":
    main()
