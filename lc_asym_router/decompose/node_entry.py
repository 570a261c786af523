"""The context of a node of the decomposer's graph, and the configs of the calls that it makes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router._internal.compat import CONFIG_KEY_STREAM
from lc_asym_router._internal.run_config import run_id_of, with_handlers
from lc_asym_router.decompose.coverage import MutedSink
from lc_asym_router.decompose.decomposer_settings import DecomposerSettings
from lc_asym_router.decompose.plan_record import as_side_calls, attempts_of, decision_of, trail_of
from lc_asym_router.decompose.plan_state import Split
from lc_asym_router.graph.context import with_context
from lc_asym_router.graph.runner import notifying
from lc_asym_router.graph.state import CallOptions, Surroundings
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Trail

AT_LEAST = 0.001
"""Seconds that a call is given where the request's deadline has passed: it fails, and says why."""


@dataclass(frozen=True)
class Entry:
    """A node's view of its run.

    Attributes:
        settings: The decomposer's resolved settings.
        around: The run's context, its config without listeners, and the listeners.
        config: The node's config as LangGraph gave it.
        request: The request.
        options: The settings that this call overrides.
    """

    settings: DecomposerSettings
    around: Surroundings
    config: RunnableConfig
    request: Request
    options: CallOptions

    @classmethod
    def of(
        cls,
        settings: DecomposerSettings,
        state: Mapping[str, Any],
        config: RunnableConfig,
        runtime: Runtime[Any],
    ) -> Entry:
        """Build it from the arguments that LangGraph gives to a node."""
        config = with_context(config, runtime.context, settings.policy.prefix)
        around = Surroundings.of(config, runtime)
        options = CallOptions.of(config, settings.policy.ladder, settings.policy.prefix)
        request = around.context.request or Request().with_messages(state["messages"])
        return cls(settings, around, config, request, options)

    @classmethod
    def after_plan(
        cls,
        settings: DecomposerSettings,
        state: Mapping[str, Any],
        config: RunnableConfig,
        runtime: Runtime[Any],
    ) -> Entry:
        """Build it for a node after the plan.

        In a subgraph only the state has what was spent before, so that is read from there.
        """
        entry = cls.of(settings, state, config, runtime)
        if not entry.around.context.progress:
            entry.around.context.note(trail_of(state))
        return entry

    def new_split(self, planner: str | None, reason: str) -> Split:
        """Return the state of a request that is not split (yet)."""
        return {
            "id": uuid.uuid4().hex,
            "run_id": self.around.context.run_id or run_id_of(self.around.config),
            "started": time.time(),
            "planner": planner,
            "plan": None,
            "reason": reason,
            "estimate": None,
            "calls": [],
        }

    def quiet(self, collector: RecordCollector, tier: str | None = None) -> RunnableConfig:
        """Return a config for a call whose answer only the caller sees: no listeners, no outer stream.

        Args:
            collector: Takes in its record.
            tier: The tier to ask first; `None` lets the router decide.
        """
        config = with_handlers(
            self.around.config, [collector], {"lc_asym_router_part": collector.step or "whole"}
        )
        values = self._values(config, collector, tier)
        values.pop(CONFIG_KEY_STREAM, None)
        tags = [*(config.get("tags") or ()), TAG_NOSTREAM]
        return {**config, "configurable": values, "tags": tags}

    def answer_config(self, collector: RecordCollector, tier: str | None = None) -> RunnableConfig:
        """Return a config for a call that answers the whole request, with the run's listeners."""
        context = self.around.context
        config = with_handlers(
            self.around.config, [*self.around.listeners, collector], context.metadata
        )
        return {**config, "configurable": self._values(config, collector, tier)}

    def _values(
        self, config: RunnableConfig, collector: RecordCollector, tier: str | None
    ) -> dict[str, Any]:
        """Return the overrides of a call: its tier, and the remaining seconds of the deadline."""
        values = {**(config.get("configurable") or {})}
        prefix, asked = self.settings.policy.prefix, self.options.deadline
        deadline = self.settings.policy.deadline if asked is None else asked
        if tier is not None:
            values[f"{prefix}tier"] = tier
        if deadline is not None:
            remaining = deadline - (time.time() - collector.started)
            values[f"{prefix}deadline"] = max(remaining, AT_LEAST)
        return values

    @property
    def muted(self) -> Sink | None:
        """A sink that discards the chunks of a call, and stops it when the reader stops reading."""
        sink = self.around.context.sink
        return MutedSink(sink) if sink else None

    @contextmanager
    def notifying(self) -> Iterator[list[AIMessage]]:
        """Notify handlers of the request's record, once; yields a list to put the answer in.

        Under the decomposer's chat-model methods, those notify. As a subgraph the last node does,
        and a node that is cancelled or fails notifies of what was spent until then.
        """
        if self.around.context.under_model:
            yield []
            return
        context, messages = self.around.context, self.request.messages
        with notifying(self.config, context, messages, passing=(GraphBubbleUp,)) as answers:
            yield answers


class RecordCollector(BaseCallbackHandler):
    """Collects the records of the router's requests below a node, cancelled ones included.

    So when a request fails or is cancelled, all of its calls are in the context.

    Args:
        entry: The node's view of its run.
        split: The state of the request.
        step: The step that the calls are for, or `None`.
        purpose: The calls' purpose, where they are no attempts at an answer: "plan".
    """

    run_inline = True

    def __init__(
        self, entry: Entry, split: Split, step: str | None = None, purpose: str | None = None
    ) -> None:
        self.step = step
        self.started = split["started"]
        self.records: list[Mapping[str, Any]] = []
        self._purpose = purpose
        self._context = entry.around.context
        if not self._context.progress:
            trail: Trail = {
                "id": split["id"],
                "run_id": split["run_id"],
                "decision": decision_of(split),
                "attempts": [],
                "side_calls": [],
                "started": split["started"],
            }
            self._context.note(trail)

    def on_router_record(self, finished: Any) -> None:
        """Add the record of a request to the router."""
        self.records.append(finished.record)
        trail, _ = self._context.progress[0]
        # Steps run side by side: a list's own `extend` is all that may happen to it.
        if self._purpose:
            trail["side_calls"].extend(as_side_calls(self._purpose, finished.record))
            return
        trail["attempts"].extend(attempts_of(self.step, finished.record))
        trail["side_calls"].extend(finished.record.get("side_calls", ()))
