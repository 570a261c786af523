"""The router as middleware of LangChain's `create_agent`."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, NotRequired

try:
    from langchain.agents.middleware import AgentMiddleware
    from langchain.agents.middleware.types import (
        AgentState,
        ExtendedModelResponse,
        ModelRequest,
        ModelResponse,
    )
except ImportError as error:
    raise ImportError(
        "AsymRouterMiddleware is for agents of the package langchain, which is not installed: "
        '`pip install "lc-asym-router[langchain]"`.'
    ) from error
from langchain_core.language_models import BaseChatModel
from langgraph.types import Command

from lc_asym_router.classify.scorer import known_settings
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.router.router import AsymRouter


class AsymRouterState(AgentState[Any]):
    """What the middleware adds to an agent's state: the latest call's record, as plain JSON."""

    router_decision: NotRequired[dict[str, Any]]
    """Why the call went where it went."""
    router_record: NotRequired[dict[str, Any]]
    """The whole record: decision, attempts, totals."""


class AsymRouterMiddleware(AgentMiddleware[AsymRouterState, Any, Any]):
    """Routes an agent's model calls with the same decisions, checks and escalation as `AsymRouter`.

    The model of each call is replaced by the router (`request.override(model=...)`), so that tools,
    response format, streaming and other middleware work as with any chat model. A turn stays on its
    tier through its tool loop.

    Args:
        router: A router; or omit it and give the router's settings.
        **settings: The settings of `AsymRouter`. Without `frontier` (and `tiers`), the agent's own
            model is the frontier.

    Raises:
        ConfigurationError: Both a router and settings are given, or neither.
        pydantic.ValidationError: A setting is invalid.

    Example:
        ```python
        agent = create_agent(
            "openai:gpt-4o",
            tools=[search],
            middleware=[AsymRouterMiddleware(small=ChatOllama(model="llama3.1:8b"))],
        )
        ```
    """

    state_schema = AsymRouterState

    def __init__(self, router: AsymRouter | None = None, **settings: Any) -> None:
        super().__init__()
        if (router is None) == (not settings):
            raise ConfigurationError(
                "AsymRouterMiddleware takes a router, or a router's settings (at least small=)."
            )
        self._settings = known_settings(AsymRouter, settings)
        self._lock = threading.Lock()
        self._routers: dict[int, tuple[BaseChatModel, AsymRouter]] = {}
        whole = "frontier" in settings or "tiers" in settings
        self._router = router or (AsymRouter(**settings) if whole else None)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ExtendedModelResponse[Any]:
        """Route a model call."""
        return _with_record(handler(request.override(model=self._router_for(request.model))))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ExtendedModelResponse[Any]:
        """The async twin of `wrap_model_call`."""
        return _with_record(await handler(request.override(model=self._router_for(request.model))))

    def _router_for(self, model: BaseChatModel) -> AsymRouter:
        """Return the router; one for each agent's model that serves as the frontier."""
        if self._router is not None:
            return self._router
        with self._lock:
            # The model is kept beside its router, so that its id can't become another's.
            known = self._routers.get(id(model))
            if known is None:
                known = (model, AsymRouter(frontier=model, **self._settings))
                self._routers[id(model)] = known
            return known[1]


def _with_record(response: ModelResponse[Any]) -> ExtendedModelResponse[Any]:
    """Add the answer's record to the response, for the agent's state."""
    metadata = (getattr(message, "response_metadata", {}) for message in response.result)
    records = [found["router"] for found in metadata if "router" in found]
    if not records:
        return ExtendedModelResponse(model_response=response)
    update = {"router_decision": records[-1]["decision"], "router_record": records[-1]}
    return ExtendedModelResponse(model_response=response, command=Command(update=update))
