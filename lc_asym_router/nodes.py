"""The nodes of the graph: small functions of state to update, each with its async twin."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import END, TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router.ambient import ambient
from lc_asym_router.binding import bind, resampled
from lc_asym_router.calls import How, Outcome, acall, call, held, labelled
from lc_asym_router.context import Scene, Surroundings
from lc_asym_router.errors import (
    CheckError,
    ConfigurationError,
    describe_error,
)
from lc_asym_router.feedback import with_feedback
from lc_asym_router.history import fit
from lc_asym_router.meter import CallMeter
from lc_asym_router.money.budgets.gate import Gate
from lc_asym_router.money.budgets.purse import UsedUp, charged_trail
from lc_asym_router.options import CallOptions
from lc_asym_router.outcomes import Outcomes
from lc_asym_router.policy import Policy
from lc_asym_router.request import Request
from lc_asym_router.state import (
    Attempt,
    Decision,
    RouterState,
    Trail,
    Update,
    Verdict,
    unseal,
)
from lc_asym_router.streaming import (
    Audience,
    Draft,
    ahand_on,
    as_message,
    hand_on,
    loud,
    veiled,
)
from lc_asym_router.telling import run_id_of, telling
from lc_asym_router.tiers import Tier
from lc_asym_router.verify.check import Check
from lc_asym_router.watch import watch_for


@dataclass(frozen=True)
class Nodes:
    """The nodes under one policy."""

    policy: Policy

    @property
    def outcomes(self) -> Outcomes:
        """What comes of a call and of a verdict."""
        return Outcomes(self.policy)

    # classify -------------------------------------------------------------------------------

    def classify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Decide where the request goes."""
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        with self.policy.purse.gate(scene) as gate:
            metered = _metered(scene.around.config, meter, gate)
            with ambient(metered):
                decision = self.policy.decider.decide(scene.request, scene.options, metered)
        return _decided(decision, meter, scene, gate)

    async def aclassify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `classify`."""
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        async with self.policy.purse.gate(scene) as gate:
            metered = _metered(scene.around.config, meter, gate)
            with ambient(metered):
                decision = await self.policy.decider.adecide(scene.request, scene.options, metered)
        return _decided(decision, meter, scene, gate)

    # a tier ---------------------------------------------------------------------------------

    def ask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Ask a tier: live where its answer may pass at once, else held for `verify`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            plan = self._plan(tier, scene)

            def make() -> Outcome:
                self.outcomes.asking(tier, scene)
                return call(tier, scene.request, plan.messages, plan.config, plan.how)

            paid = self.policy.purse.pay(tier, scene, plan.messages, make)
            if isinstance(paid, UsedUp):
                update = self.outcomes.used_up(tier, scene, paid)
                for answer in update.get("messages", ()):
                    hand_on(answer, scene.request.messages, _audience(tier, scene.around))
                return done(update)
            charged, outcome = paid
            return done(self.outcomes.asked(tier, charged, outcome))

    async def aask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `ask`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            plan = self._plan(tier, scene)

            async def make() -> Outcome:
                self.outcomes.asking(tier, scene)
                return await acall(tier, scene.request, plan.messages, plan.config, plan.how)

            paid = await self.policy.purse.apay(tier, scene, plan.messages, make)
            if isinstance(paid, UsedUp):
                update = self.outcomes.used_up(tier, scene, paid)
                for answer in update.get("messages", ()):
                    await ahand_on(answer, scene.request.messages, _audience(tier, scene.around))
                return done(update)
            charged, outcome = paid
            return done(self.outcomes.asked(tier, charged, outcome))

    # verify ---------------------------------------------------------------------------------

    def verify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Check the draft: hand it on, or try again, or escalate."""
        scene = self._enter(state, config, runtime)
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        with self._accounting(scene, config) as done:
            scene.around.context.keep(scene.state["trail"], meter.calls)
            gate = self.policy.purse.gate(scene)
            with gate, ambient(_metered(scene.around.config, meter, gate)):
                try:
                    verdict = check(attempt)
                except Exception as error:
                    verdict = _raised(error, check)
            scene = _checked(scene, gate)
            if not verdict.passed:
                return done(self.outcomes.rejected(tier, scene, verdict, meter.calls))
            hand_on(draft, scene.request.messages, _audience(tier, scene.around))
            return done(self.outcomes.accepted(scene, attempt.message, draft, verdict, meter))

    async def averify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `verify`."""
        scene = self._enter(state, config, runtime)
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        with self._accounting(scene, config) as done:
            scene.around.context.keep(scene.state["trail"], meter.calls)
            async with self.policy.purse.gate(scene) as gate:
                with ambient(_metered(scene.around.config, meter, gate)):
                    try:
                        verdict = await check.acall(attempt)
                    except Exception as error:
                        verdict = _raised(error, check)
            scene = _checked(scene, gate)
            if not verdict.passed:
                return done(self.outcomes.rejected(tier, scene, verdict, meter.calls))
            await ahand_on(draft, scene.request.messages, _audience(tier, scene.around))
            return done(self.outcomes.accepted(scene, attempt.message, draft, verdict, meter))

    # what both twins share ------------------------------------------------------------------

    def _enter(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Scene:
        around = Surroundings.of(config, runtime)
        options = CallOptions.of(config, self.policy.ladder, self.policy.prefix)
        request = around.context.request or Request().with_messages(state["messages"])
        return Scene(state, around, request, options)

    @contextmanager
    def _accounting(
        self, scene: Scene, config: RunnableConfig
    ) -> Iterator[Callable[[Update], Update]]:
        """Keep account of a step; yields what takes its update in.

        As a subgraph the graph has no face that tells of its record, so its last step does.
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
        # A paused step is taken again, so there is nothing to tell yet.
        with telling(config, context, scene.request.messages, passing=GraphBubbleUp) as told:
            yield done
            told.extend(answers)

    def _plan(self, tier: Tier, scene: Scene) -> _Plan:
        around = scene.around
        check = self.policy.checks(tier, scene.options)
        number = len(scene.state["trail"]["attempts"]) + 1
        messages = self._messages(tier, scene)
        sink, listeners = around.context.sink, list(around.listeners)
        if check is None:
            # With listeners alone the model's own invoke streams to them, in their own protocol.
            how = How(stream=sink is not None, live=True, sink=sink, watched=bool(listeners))
            if len(messages) > len(scene.request.messages):  # feedback, and the draft with it
                listeners = [veiled(each, scene.request.messages) for each in listeners]
            config = loud(around.config, listeners, around.context.metadata)
            config = labelled(config, tier, number)
        else:
            watch = watch_for(tier, scene.request, check)
            how = How(
                stream=around.streams or watch is not None, live=False, sink=sink, watch=watch
            )
            config = held(around.config, tier, number)
        return _Plan(messages, config, how)

    def _messages(self, tier: Tier, scene: Scene) -> list[Any]:
        """The request's messages, with feedback on the attempt before where that is wanted."""
        messages = list(scene.request.messages)
        attempts = scene.state["trail"]["attempts"]
        if not attempts or not attempts[-1]["reason"]:
            return messages
        before = attempts[-1]
        if before["tier"] == tier.name:
            return with_feedback(messages, before["reason"])
        if self.policy.escalate_with == "draft" and (envelope := scene.state.get("draft")):
            return with_feedback(messages, before["reason"], as_message(unseal(envelope)))
        return messages

    def _open(self, scene: Scene) -> tuple[Tier, Draft, Attempt, Check]:
        """The draft that waits for its verdict, and what a check is to see of it."""
        entry = scene.state["trail"]["attempts"][-1]
        tier = self.policy.ladder.named(entry["tier"])
        envelope = scene.state.get("draft")
        check = self.policy.check
        assert tier is not None
        assert envelope is not None
        assert check is not None
        draft = unseal(envelope)
        model = tier.model
        fitted = replace(scene.request, messages=tuple(fit(scene.request.messages, tier.provider)))
        attempt = Attempt(
            tier=tier.name,
            model=entry["model"],
            message=as_message(draft),
            request=fitted,
            usage=entry["usage"],
            seconds=entry["seconds"],
            again=lambda temperature, seed: bind(resampled(model, temperature, seed), fitted),
            price=tier.called(scene.request)[1],
            provider=tier.provider,
        )
        return tier, draft, attempt, check


@dataclass(frozen=True)
class _Plan:
    """How a tier is to be called."""

    messages: list[Any]
    config: RunnableConfig
    how: How


def follow(state: Mapping[str, Any]) -> str:
    """The next node, as the last one set it."""
    return str(state["route"])


def _decided(decision: Decision, meter: CallMeter, scene: Scene, gate: Gate) -> Update:
    context = scene.around.context
    trail: Trail = {
        "id": uuid.uuid4().hex,
        "run_id": context.run_id or run_id_of(scene.around.config),
        "decision": decision.to_dict(),
        "attempts": [],
        "side_calls": meter.calls,
        "started": time.time(),
    }
    if gate.budgets:
        trail = charged_trail(trail, gate.took)
    context.keep(trail)
    return {"route": decision.tier, "trail": trail, "draft": None}


def _checked(scene: Scene, gate: Gate) -> Scene:
    """The scene with what the check's calls took on its trail's account."""
    if not gate.budgets:
        return scene
    trail = charged_trail(scene.state["trail"], gate.took)
    return replace(scene, state=cast("RouterState", {**scene.state, "trail": trail}))


def _metered(config: RunnableConfig, meter: CallMeter, gate: Gate) -> RunnableConfig:
    """The config for a classifier or a check: metered, under budget, and heard by no listener."""
    counted = loud(config, [meter, *gate.handlers], {})
    return {**counted, "tags": [*(counted.get("tags") or ()), TAG_NOSTREAM]}


def _raised(error: Exception, check: Check) -> Verdict:
    """What a check that raises comes to: nothing is handed on unverified.

    Raises:
        GraphBubbleUp: An interrupt passes through.
        CheckError: The check is no check: its author should hear of it at once.
        ConfigurationError: It is set up wrongly, likewise.
    """
    if isinstance(error, GraphBubbleUp | CheckError | ConfigurationError):
        raise error
    return Verdict(False, None, f"the check raised {describe_error(error)}", check.name)


def _audience(tier: Tier, around: Surroundings) -> Audience:
    """Who hears a held answer of a tier, and as which run."""
    return around.audience(tier.model.get_name())
