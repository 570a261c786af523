"""The compiled graph as it shows itself: LangGraph's own display asks a web service."""

from __future__ import annotations

from typing import Any, cast

from langgraph.graph.state import CompiledStateGraph

from lc_asym_router._internal.display import renderer
from lc_asym_router.graph.policy import Policy


class ShownGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """A compiled graph that is drawn here."""

    @property
    def policy(self) -> Policy:
        """The settings that its nodes go by; its builder, which its copies share, keeps them."""
        return cast("Policy", cast("Any", self.builder).policy)

    def _repr_html_(self) -> str:
        return str(renderer("ShownGraph")(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Every form of the display, by MIME type."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        nodes = ", ".join(name for name in self.nodes if not name.startswith("__"))
        return f"AsymRouter.graph({nodes})"


def shown(compiled: CompiledStateGraph[Any, Any, Any, Any], policy: Policy) -> ShownGraph:
    """The compiled graph itself, made to show itself.

    Args:
        compiled: The graph.
        policy: What its nodes go by.
    """
    compiled.__class__ = ShownGraph
    cast("Any", compiled.builder).policy = policy
    return cast("ShownGraph", compiled)
