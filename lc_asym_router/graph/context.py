"""What a caller may set for one run of the graph, as LangGraph's context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from langchain_core.runnables import RunnableConfig
from pydantic import Field
from typing_extensions import TypedDict, get_type_hints


class RouterContext(TypedDict, total=False):
    """The context schema of `router.graph`: settings of the router overridden for one run.

    A parent graph that declares it (`StateGraph(MessagesState, context_schema=RouterContext)`)
    passes its own context on to the router's graph. The same keys in `config["configurable"]` do the
    same; a key in both is taken from the context.
    """

    tier: Annotated[str | None, Field(description="Name of the tier that is asked first.")]
    threshold: Annotated[
        float | None,
        Field(ge=0, le=1, description="Complexity at or over it goes up, in [0, 1]."),
    ]
    verify: Annotated[bool | None, Field(description="Whether small answers are checked.")]
    escalate: Annotated[
        bool | None, Field(description="Whether a failed answer goes to the next tier up.")
    ]
    deadline: Annotated[float | None, Field(gt=0, description="Seconds that the request may take.")]


def context_schema(prefix: str) -> Any:
    """Return the context schema of a router whose keys have a prefix.

    Args:
        prefix: The router's `configurable_prefix`.
    """
    if not prefix:
        return RouterContext
    hints = get_type_hints(RouterContext, include_extras=True)
    keys = {f"{prefix}{name}": hint for name, hint in hints.items()}
    return cast("Any", TypedDict)("RouterContext", keys, total=False)


def with_context(config: RunnableConfig, context: Any, prefix: str) -> RunnableConfig:
    """Return a node's config with the overrides of its run's context among its own.

    Args:
        config: The node's config.
        context: The run's context, whatever a parent graph's is; only a mapping has overrides.
        prefix: The router's `configurable_prefix`.
    """
    if not isinstance(context, Mapping):
        return config
    given = {
        key: context[key]
        for name in RouterContext.__annotations__
        if context.get(key := f"{prefix}{name}") is not None
    }
    if not given:
        return config
    return {**config, "configurable": {**(config.get("configurable") or {}), **given}}
