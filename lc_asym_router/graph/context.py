"""What travels beside the state of one run: nothing here is checkpointed or streamed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from lc_asym_router._internal.run_config import metadata_of, tags_of, without_listeners
from lc_asym_router.graph.options import CallOptions
from lc_asym_router.graph.state import RouterState, Update
from lc_asym_router.graph.streaming import Audience, Sink
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.faults.connections import Connections


@dataclass(frozen=True)
class Aside:
    """One way of a race: nobody hears it before it has won.

    Attributes:
        line: Its connections, to be hung up when it has lost.
        streams: Whether anybody wants the winner's answer as chunks.
    """

    connections: Connections
    streams: bool


@dataclass(frozen=True)
class RunContext:
    """The context of a run of the graph under the chat-model face.

    As a subgraph the graph has its parent's context instead, and then none of this.

    Attributes:
        request: The messages and what is bound to them. They don't stand in the state: its reducer
            would give ids to messages that the caller holds, and merge those of one id.
        sink: The reader of a streamed answer, or `None`.
        listeners: Handlers that want tokens as they come, kept off the graph's own run.
        metadata: LangGraph's metadata of the place where the router stands, so that a parent's
            messages mode sees the tokens as that node's own.
        exceptions: What the tiers raised, in order, for the final error.
        run_id: Id of the run that asked, or `None`.
        kept: The newest trail, and the side calls that are not yet in it, for whoever accounts for a
            request that is left half-way; empty before the decision.
        aside: Set where a call is one way of a race.
    """

    request: Request | None = None
    sink: Sink | None = None
    listeners: tuple[BaseCallbackHandler, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    exceptions: list[Exception] = field(default_factory=list)
    run_id: str | None = None
    kept: list[tuple[Trail, list[dict[str, Any]]]] = field(default_factory=list)
    aside: Aside | None = None

    def keep(self, trail: Trail, side_calls: list[dict[str, Any]] | None = None) -> None:
        """Keep the newest trail; `side_calls` may still grow."""
        self.kept[:] = [(trail, [] if side_calls is None else side_calls)]

    def request_id(self) -> str | None:
        """The request's own id; `None` before the decision."""
        return self.kept[-1][0]["id"] if self.kept else None

    @property
    def faced(self) -> bool:
        """Whether the graph runs under the chat-model face, which tells of the record itself."""
        return self.request is not None


@dataclass(frozen=True)
class Surroundings:
    """A node's view of its run: the context, the config that nobody listens to, the listeners."""

    context: RunContext
    config: RunnableConfig
    listeners: tuple[BaseCallbackHandler, ...]

    @classmethod
    def of(cls, config: RunnableConfig, runtime: Runtime[Any]) -> Surroundings:
        """From what LangGraph gives to a node."""
        context = runtime.context
        quiet, found = without_listeners(config)
        if isinstance(context, RunContext):
            return cls(context, quiet, (*context.listeners, *found))
        return cls(RunContext(), quiet, tuple(found))

    @property
    def streams(self) -> bool:
        """Whether anybody wants the answer as chunks."""
        if self.context.aside is not None:
            return self.context.aside.streams
        return self.context.sink is not None or bool(self.listeners)

    def audience(self, name: str) -> Audience:
        """Who hears a held answer, and as which run.

        Args:
            name: Name of the model that said it.
        """
        return Audience(
            name=name,
            handlers=self.listeners,
            parent=getattr(self.config.get("callbacks"), "parent_run_id", None),
            metadata={**metadata_of(self.config), **self.context.metadata},
            tags=tags_of(self.config),
        )


@dataclass(frozen=True)
class Scene:
    """What a node finds when it is entered.

    Attributes:
        state: The graph's state.
        around: Context, config and listeners.
        request: What is asked.
        options: What is set differently for this call.
    """

    state: RouterState
    around: Surroundings
    request: Request
    options: CallOptions

    def with_update(self, update: Update) -> Scene:
        """The scene after an update of the state, for a step that is no node of its own."""
        return replace(self, state=cast("RouterState", {**self.state, **update}))
