"""Planning: which requests are planned, by which planner, and whether a plan is worth its cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import with_handlers
from lc_asym_router.decompose.chat_planner import ChatPlanner
from lc_asym_router.decompose.decomposer_settings import planner_name
from lc_asym_router.decompose.gate import Gate
from lc_asym_router.decompose.node_entry import Entry, RecordCollector
from lc_asym_router.decompose.plan import Plan
from lc_asym_router.decompose.plan_record import as_side_calls
from lc_asym_router.decompose.plan_state import Split
from lc_asym_router.errors import BudgetExceededError, ConfigurationError
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.graph.state import Update
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import total
from lc_asym_router.tiers.binding import bind
from lc_asym_router.tiers.conversation import fit

_ESTIMATES = Gate()
"""Estimates for the record where no gate is set."""


def undivided(entry: Entry) -> str | None:
    """Return why a request is never split, or `None` if it may be."""
    request = entry.request
    if request.tools:
        return "tools are bound"
    if request.schema or request.kwargs.get("response_format") is not None:
        return "an output schema is bound"
    if request.kwargs.get("stop"):
        return "stop words are bound"
    if entry.options.tier is not None:
        return "this call's configuration names the tier"
    if not isinstance(request.messages[-1], HumanMessage):
        return "the latest message is not a human's"
    if any(not _is_text(message.content) for message in request.turn):
        return "it holds more than text"
    return None


def _is_text(content: Any) -> bool:
    return isinstance(content, str) or all(
        isinstance(block, str) or block.get("type") == "text" for block in content
    )


@dataclass
class Planning:
    """The planning of one request; what the sync and async node share.

    Attributes:
        entry: The node's view of its run.
        split: The state of the request so far.
        route: The next node: "whole", "frontier" or "steps".
    """

    entry: Entry
    split: Split
    route: str = "whole"
    collector: RecordCollector = field(init=False)
    meter: CallMeter = field(init=False)
    _settled: bool = False

    def __post_init__(self) -> None:
        self.collector = RecordCollector(self.entry, self.split, purpose="plan")
        self.meter = CallMeter("plan", self.entry.settings.policy.price_of)

    @classmethod
    def of(cls, entry: Entry) -> Planning:
        """Start planning the request of a node."""
        why = undivided(entry)
        planning = cls(entry, entry.new_split(None, f"whole: {why}" if why else "whole: one task"))
        planning._settled = why is not None
        return planning

    def planners(self) -> Iterator[Any]:
        """Yield the planners in order, until the plan is decided.

        A planner that costs something is skipped where the gate rejects it.
        """
        settings, gate = self.entry.settings, self.entry.settings.gate
        for planner in settings.planners:
            if self._settled:
                return
            tier = settings.planning_tier(planner)
            if gate is not None and tier is not None:
                estimate = gate.before(self.entry.request, settings.policy.ladder, tier)
                if not gate.lets(estimate):
                    self._set(None, f"whole: a plan is not worth it: {estimate.reason}", estimate)
                    continue
            yield planner

    def asked(self, planner: ChatPlanner) -> Request:
        """Return the request for a chat planner."""
        return planner.request(self.entry.request)

    def tier_config(self, planner: ChatPlanner) -> RunnableConfig:
        """Return the config for a planning call of one of the router's tiers."""
        tier = planner.tier or self.entry.settings.policy.ladder[-1].name
        return self.entry.quiet(self.collector, tier)

    def config(self) -> RunnableConfig:
        """Return the config for any other planning call: metered, without listeners."""
        return with_handlers(self.entry.quiet(self.collector), [self.meter], {})

    def own(self, planner: ChatPlanner) -> tuple[Runnable[Any, AIMessage], list[Any]]:
        """Return a planner's own model with the plan's schema bound, and its messages."""
        model: BaseChatModel = planner.model
        asked = self.asked(planner)
        return bind(model, asked), fit(asked.messages, model)

    def failed(self, planner: Any, error: Exception) -> None:
        """Handle a planner's failure: the whole request goes to the frontier, unless that is ruled out.

        Raises:
            ConfigurationError: The planner is misconfigured, which its author must see.
        """
        if isinstance(error, ConfigurationError):
            raise error
        broke = isinstance(error, BudgetExceededError)
        self.route = "frontier" if self.entry.options.escalate and not broke else "whole"
        why = "no budget for it" if broke else describe_error(error)
        self._set(planner, f"{self.route}: the plan failed: {why}")
        self._settled = True

    def accept(self, planner: Any, found: Any) -> None:
        """Handle a planner's result.

        Raises:
            PlanError: It can't be executed.
        """
        if found is None:
            return
        settings, gate = self.entry.settings, self.entry.settings.gate
        plan = found if isinstance(found, Plan) else Plan(found)
        plan.check(settings.max_steps, [tier.name for tier in settings.policy.ladder])
        self._settled = True
        if len(plan) == 1:
            self._set(planner, "whole: the plan is one step, so the request goes as it is")
            return
        joiner = settings.joiner(plan)
        joined = f"joined by {joiner.name if joiner else 'template'}"
        estimate = replace(
            (gate or _ESTIMATES).estimate(
                plan, self.entry.request, settings.policy.ladder, join=joiner
            ),
            planned_usd=total(call["cost_usd"] for call in self._calls()),
        )
        if gate is not None and not gate.lets(estimate):
            self._set(planner, f"whole: splitting is not worth it: {estimate.reason}", estimate)
            return
        self._set(planner, f"{len(plan)} steps, {joined}: {estimate.reason}", estimate)
        self.split["plan"] = plan.to_dict()
        self.route = "steps"

    def _set(self, planner: Any, reason: str, estimate: Any = None) -> None:
        self.split["planner"] = planner_name(planner) if planner is not None else None
        self.split["reason"] = reason
        self.split["estimate"] = estimate.to_dict() if estimate else None

    def _calls(self) -> list[dict[str, Any]]:
        """Return the calls made for planning so far."""
        records = (as_side_calls("plan", record) for record in self.collector.records)
        return [*(call for calls in records for call in calls), *self.meter.calls]

    def update(self) -> Update:
        """Return the state update; it clears the results of the thread's earlier request."""
        self.split["calls"] = self._calls()
        if self.entry.around.context.progress:
            self.entry.around.context.progress[0][0]["side_calls"][:] = self.split["calls"]
        return {
            "route": self.route,
            "split": self.split,
            "results": None,
            "joined": None,
            "draft": None,
        }
