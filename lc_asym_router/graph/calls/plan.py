"""How a tier is to be called: with which messages, heard by whom, in what time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.chunks import as_message
from lc_asym_router._internal.run_config import buffered, with_handlers, with_input_hidden
from lc_asym_router.graph.calls.call import How
from lc_asym_router.graph.calls.early_stop import streams_alike, watch_for
from lc_asym_router.graph.calls.waiting import time_left
from lc_asym_router.graph.context import Scene
from lc_asym_router.graph.policy import Policy, tried
from lc_asym_router.graph.record import answering
from lc_asym_router.graph.state import unseal
from lc_asym_router.tiers.faults.limits import Limit, limit_of
from lc_asym_router.tiers.provider import reads_cache
from lc_asym_router.tiers.tier import Tier


@dataclass(frozen=True)
class Plan:
    """How a tier is to be called."""

    messages: list[Any]
    config: RunnableConfig
    how: How


@dataclass(frozen=True)
class Planner:
    """Plans calls under one policy."""

    policy: Policy

    def plan(self, tier: Tier, scene: Scene) -> Plan:
        """Plan a call."""
        around = scene.around
        check = self.policy.checks(tier, scene.options)
        labels = answering(tier, scene.state["trail"], self.policy.ladder)
        messages = self._messages(tier, scene)
        aside = around.context.aside
        sink, listeners = around.context.sink, list(around.listeners)
        if check is None:
            # With listeners alone the model's own invoke streams to them, in their own protocol.
            how = How(
                stream=sink is not None and (aside is None or aside.streams or streams_alike(tier)),
                live=True,
                sink=sink,
                watched=bool(listeners),
                limit=self.limit(tier, scene, tier.timeout),
                connections=aside.connections if aside else None,
            )
            if len(messages) > len(scene.request.messages):  # feedback, and the draft with it
                listeners = [with_input_hidden(each, scene.request.messages) for each in listeners]
            config = with_handlers(around.config, listeners, around.context.metadata)
            config = labels.on(config)
        else:
            watch = watch_for(tier, scene.request, check)
            how = How(
                # Nobody hears it yet, so it need not come as a stream, which passes the cache by.
                stream=(around.streams and not reads_cache(tier.model))
                or watch is not None
                or (aside is not None and streams_alike(tier)),
                live=False,
                sink=sink,
                watch=watch,
                limit=self.limit(tier, scene, tier.timeout),
                connections=aside.connections if aside else None,
            )
            config = buffered(labels.on(around.config))
        return Plan(messages, config, how)

    def limit(self, tier: Tier, scene: Scene, own: float | None = None) -> Limit:
        """The time for a step of a tier's: its call, or the check of its answer.

        Args:
            tier: The tier.
            scene: What its node found.
            own: The step's own limit in seconds, or `None`.
        """
        return limit_of(own, time_left(scene), not self.last_resort(tier, scene))

    def last_resort(self, tier: Tier, scene: Scene) -> bool:
        """Whether no other tier is left to ask."""
        others = {*tried(scene.state["trail"]), tier.name}
        return self.policy.next_after(tier, scene.request, scene.options, others) is None

    def entry(self, tier: Tier, scene: Scene) -> tuple[float | None, bool]:
        """How long the way in to a tier may take, and whether it is the last one."""
        last = self.last_resort(tier, scene)
        return limit_of(None, time_left(scene), not last).seconds, last

    def _messages(self, tier: Tier, scene: Scene) -> list[Any]:
        """The request's messages, with feedback on the attempt before where that is wanted."""
        messages = list(scene.request.messages)
        # A draft that failed its check may have failed calls after it.
        attempts = [each for each in scene.state["trail"]["attempts"] if not each["error"]]
        if not attempts or not attempts[-1]["reason"]:
            return messages
        before = attempts[-1]
        if before["tier"] == tier.name:
            return with_feedback(messages, before["reason"])
        if self.policy.escalate_with == "draft" and (envelope := scene.state.get("draft")):
            return with_feedback(messages, before["reason"], as_message(unseal(envelope)))
        return messages


def with_feedback(
    messages: Sequence[BaseMessage], reason: str, draft: AIMessage | None = None
) -> list[BaseMessage]:
    """The conversation, with a last word on why the answer before was rejected.

    It is one human message, so that no provider sees a dangling tool call or two answers in a row.

    Args:
        messages: The request's messages; they are not changed.
        reason: The failed verdict's reason.
        draft: The rejected answer, to be shown; `None` to give the reason alone.
    """
    told = "An earlier answer to this was rejected"
    if draft is not None:
        calls = [[call["name"], call["args"]] for call in draft.tool_calls]
        shown = draft.text + (f"\n{json.dumps(calls, default=str)}" if calls else "")
        told = f"An earlier answer to this was:\n<rejected>\n{shown}\n</rejected>\nIt was rejected"
    return [
        *messages,
        HumanMessage(f"{told}: {reason}. Answer again, without mentioning the earlier answer."),
    ]
