"""State of the decomposer's graph; all of it can be checkpointed."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from langchain_core.messages import AnyMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.graph.message import add_messages


class StepResult(TypedDict):
    """The result of one step."""

    text: str | None
    """Its answer, checked; `None` where it has none."""
    usage: UsageMetadata | None
    """The answer's own token counts, as its provider reported them."""
    record: dict[str, Any]
    """The router's own record of it."""
    error: str | None
    """Why it has no answer, without any text of it."""


class Split(TypedDict):
    """How a request is split, or why it is not; plain JSON."""

    id: str
    """The request's own id: 32 hex digits, unique."""
    run_id: str | None
    """Id of the run that asked; `None` where there is none."""
    started: float
    """`time.time()` at the start, in seconds since the epoch."""
    planner: str | None
    """Name of the planner that made the plan, or that failed; `None` where none was asked."""
    plan: dict[str, Any] | None
    """The plan; `None` where the request goes whole."""
    reason: str
    """Why it is split, or is not, or goes to the frontier after all; one line for a person."""
    estimate: dict[str, Any] | None
    """What the gate went by."""
    calls: list[dict[str, Any]]
    """The calls that planning made."""


class Joined(TypedDict):
    """How the answers were joined; plain JSON."""

    by: str
    """"template", or the name of the tier that was asked first."""
    record: dict[str, Any] | None
    """The router's own record of it; `None` for a template."""
    unused: list[str]
    """Ids of the steps whose answers are not in it."""
    shown: bool
    """Whether its reader has it already."""


def merged_results(
    old: dict[str, StepResult], new: dict[str, StepResult] | None
) -> dict[str, StepResult]:
    """Merge new results into the old ones; `None` clears them.

    A thread's next request clears them.
    """
    return {} if new is None else {**old, **new}


class DecomposerState(TypedDict):
    """The state of the graph. Only `messages` is part of its input and output."""

    messages: Annotated[list[AnyMessage], add_messages]
    route: NotRequired[str]
    split: NotRequired[Split]
    results: NotRequired[Annotated[dict[str, StepResult], merged_results]]
    joined: NotRequired[Joined | None]
    draft: NotRequired[bytes | None]


class StepsState(TypedDict):
    """The state of the steps' graph."""

    messages: list[AnyMessage]
    """The conversation, in a subgraph; under the chat-model face it stands in the run's context."""
    split: Split
    results: NotRequired[Annotated[dict[str, StepResult], merged_results]]


class StepInput(TypedDict):
    """The input of one step's task."""

    messages: list[AnyMessage]
    split: Split
    step: dict[str, Any]
