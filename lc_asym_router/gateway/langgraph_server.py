"""The graph named in `langgraph.json`, for LangGraph Server and Studio."""

from __future__ import annotations

from typing import Any


def graph() -> Any:
    """Return the graph of `AsymRouter.from_env()`, for LangGraph Server and Studio."""
    from lc_asym_router.router.router import AsymRouter

    return AsymRouter.from_env().graph
