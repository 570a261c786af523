"""The graph that `langgraph.json` names, for LangGraph's own server and studio."""

from __future__ import annotations

from typing import Any


def graph() -> Any:
    """The graph of `AsymRouter.from_env()`, for LangGraph's own server and studio."""
    from lc_asym_router.router.router import AsymRouter

    return AsymRouter.from_env().graph
