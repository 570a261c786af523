"""The compiled graph as it shows itself: LangGraph's own display asks a web service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langgraph.graph.state import CompiledStateGraph

if TYPE_CHECKING:
    from lc_asym_router.graph.policy import Policy


class ShownGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """A compiled graph that is drawn here."""

    def _repr_html_(self) -> str:
        from lc_asym_router.notebook.router_display import graph_html

        return graph_html(cast("Any", self.builder).policy)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Every form of the display, by MIME type."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        nodes = ", ".join(name for name in self.nodes if not name.startswith("__"))
        return f"AsymRouter.graph({nodes})"


def shown(compiled: CompiledStateGraph[Any, Any, Any, Any], policy: Policy) -> ShownGraph:
    """The compiled graph itself, made to show itself.

    Args:
        compiled: The graph. Its builder, which its copies share, keeps the policy.
        policy: What its nodes go by.
    """
    compiled.__class__ = ShownGraph
    cast("Any", compiled.builder).policy = policy
    return cast("ShownGraph", compiled)
