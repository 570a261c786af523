"""The nodes of the graph: small functions of state to update, each with its async twin."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import END
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router._internal.run_config import config_context, run_id_of
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.graph.calls.paying import charged_trail
from lc_asym_router.graph.context import Scene, Surroundings
from lc_asym_router.graph.hedging import Hedge
from lc_asym_router.graph.notify import notifying
from lc_asym_router.graph.options import CallOptions
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.record import classifying
from lc_asym_router.graph.state import RouterState, Update
from lc_asym_router.graph.steps import Steps, metered
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.records.decision import Decision
from lc_asym_router.records.labels import Labels
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.faults.limits import limit_of
from lc_asym_router.tiers.tier import Tier


@dataclass(frozen=True)
class Nodes:
    """The nodes under one policy."""

    policy: Policy

    @property
    def steps(self) -> Steps:
        """What they are made of."""
        return Steps(self.policy)

    # classify -------------------------------------------------------------------------------

    def classify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Decide where the request goes."""
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        decider, seconds = self.policy.decider, self._share(scene)
        with self._accounting(scene, config, None) as done:
            with self.policy.purse.side_calls(scene) as side_calls:
                inner = metered(scene.around.config, self._classifying, meter, side_calls)
                with config_context(inner):
                    decision = decider.decide(scene.request, scene.options, inner, seconds)
            return done(self._decided(decision, meter, scene, side_calls))

    async def aclassify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `classify`."""
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        decider, seconds = self.policy.decider, self._share(scene)
        with self._accounting(scene, config, None) as done:
            async with self.policy.purse.side_calls(scene) as side_calls:
                inner = metered(scene.around.config, self._classifying, meter, side_calls)
                with config_context(inner):
                    decision = await decider.adecide(scene.request, scene.options, inner, seconds)
            return done(self._decided(decision, meter, scene, side_calls))

    # a tier ---------------------------------------------------------------------------------

    def ask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Ask a tier: live where its answer may pass at once, else held for `verify`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config, scene.state["trail"]) as done:
            if hedge := Hedge.of(self.policy, tier, scene):
                return done(self.steps.race(hedge))
            return done(self.steps.ask(tier, scene))

    async def aask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `ask`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config, scene.state["trail"]) as done:
            if hedge := Hedge.of(self.policy, tier, scene):
                return done(await self.steps.arace(hedge))
            return done(await self.steps.aask(tier, scene))

    # verify ---------------------------------------------------------------------------------

    def verify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Check the draft: hand it on, or try again, or escalate."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config, scene.state["trail"]) as done:
            return done(self.steps.verify(scene))

    async def averify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `verify`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config, scene.state["trail"]) as done:
            return done(await self.steps.averify(scene))

    # what both twins share ------------------------------------------------------------------

    @property
    def _classifying(self) -> Labels:
        return classifying(self.policy.decider.scorer.name)

    def _enter(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Scene:
        around = Surroundings.of(config, runtime)
        options = CallOptions.of(config, self.policy.ladder, self.policy.prefix)
        request = around.context.request or Request().with_messages(state["messages"])
        return Scene(state, around, request, options)

    def _decided(
        self, decision: Decision, meter: CallMeter, scene: Scene, side_calls: SideCallBudget
    ) -> Update:
        context = scene.around.context
        deadline = self._deadline(scene)
        trail: Trail = {
            "id": uuid.uuid4().hex,
            "run_id": context.run_id or run_id_of(scene.around.config),
            "decision": decision.to_dict(),
            "attempts": [],
            "side_calls": meter.calls,
            "started": meter.started,
        }
        if deadline is not None:
            trail["until"] = meter.started + deadline
        if side_calls.budgets:
            trail = charged_trail(trail, side_calls.took)
        return {"route": decision.tier, "trail": trail, "draft": None}

    def _share(self, scene: Scene) -> float | None:
        """Seconds that the classifier may take of the request's deadline."""
        return limit_of(None, self._deadline(scene), others=True).seconds

    def _deadline(self, scene: Scene) -> float | None:
        asked = scene.options.deadline
        return self.policy.deadline if asked is None else asked

    @contextmanager
    def _accounting(
        self, scene: Scene, config: RunnableConfig, trail: Trail | None
    ) -> Iterator[Callable[[Update], Update]]:
        """Keep account of a step; yields what takes its update in.

        As a subgraph the graph has no face that tells of its record, so its last step does.

        Args:
            scene: What the node found.
            config: The node's config.
            trail: What has happened so far; `None` in the first step, which may find another
                request's in the state.
        """
        context = scene.around.context
        answers: list[AIMessage] = []

        def done(update: Update) -> Update:
            context.keep(update["trail"])
            if update["route"] == END:
                answers.append(update["messages"][-1])
            return update

        if context.faced:
            yield done
            return
        if trail is not None:
            context.keep(trail)
        # A paused step is taken again, so there is nothing to tell yet.
        with notifying(config, context, scene.request.messages, passing=(GraphBubbleUp,)) as told:
            yield done
            told.extend(answers)


def follow(state: Mapping[str, Any]) -> str:
    """The next node, as the last one set it."""
    return str(state["route"])
