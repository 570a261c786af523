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
from lc_asym_router.calls import Outcome, acall, call
from lc_asym_router.context import Scene, Surroundings
from lc_asym_router.deadline import awithin, within
from lc_asym_router.errors import (
    CheckError,
    ConfigurationError,
    TiersFailedError,
    describe_error,
)
from lc_asym_router.faults.limits import limit_of
from lc_asym_router.faults.race import arace, race
from lc_asym_router.faults.waiting import (
    KEPT_OUT,
    apause,
    look_of,
    pause,
    settle,
    time_left,
)
from lc_asym_router.hedging import Hedge, Result
from lc_asym_router.history import fit
from lc_asym_router.meter import CallMeter
from lc_asym_router.money.budgets.gate import Gate
from lc_asym_router.money.budgets.purse import UsedUp, charged_trail
from lc_asym_router.options import CallOptions
from lc_asym_router.outcomes import Outcomes
from lc_asym_router.planning import Planner
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
    metadata_of,
    tags_of,
)
from lc_asym_router.telling import run_id_of, telling
from lc_asym_router.tiers import Tier
from lc_asym_router.verify.check import Check


@dataclass(frozen=True)
class Nodes:
    """The nodes under one policy."""

    policy: Policy

    @property
    def planner(self) -> Planner:
        """How tiers are called."""
        return Planner(self.policy)

    @property
    def outcomes(self) -> Outcomes:
        """What comes of a call and of a verdict."""
        return Outcomes(self.policy)

    # classify -------------------------------------------------------------------------------

    def classify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Decide where the request goes."""
        started = time.time()
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        with self.policy.purse.gate(scene) as gate:
            metered = _metered(scene.around.config, meter, gate)
            with ambient(metered):
                decision = self.policy.decider.decide(
                    scene.request, scene.options, metered, self._share(scene)
                )
        return self._decided(decision, meter, scene, gate, started)

    async def aclassify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `classify`."""
        started = time.time()
        scene = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        async with self.policy.purse.gate(scene) as gate:
            metered = _metered(scene.around.config, meter, gate)
            with ambient(metered):
                decision = await self.policy.decider.adecide(
                    scene.request, scene.options, metered, self._share(scene)
                )
        return self._decided(decision, meter, scene, gate, started)

    # a tier ---------------------------------------------------------------------------------

    def ask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Ask a tier: live where its answer may pass at once, else held for `verify`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            if hedge := Hedge.of(self.policy, tier, scene):
                return done(self._race(hedge))
            return done(self._ask(tier, scene))

    async def aask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `ask`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            if hedge := Hedge.of(self.policy, tier, scene):
                return done(await self._arace(hedge))
            return done(await self._aask(tier, scene))

    def _ask(self, tier: Tier, scene: Scene) -> Update:
        pause(scene, tier)
        try:
            with tier.guard.entered(time_left(scene), look_of(scene)) as permit:
                plan = self.planner.plan(tier, scene)

                def make() -> Outcome:
                    self.outcomes.asking(tier, scene)
                    return call(tier, scene.request, plan.messages, plan.config, plan.how)

                paid = self.policy.purse.pay(tier, scene, plan.messages, make)
                settle(permit, tier, paid)
        except KEPT_OUT as error:
            return self.outcomes.kept_out(tier, scene, error)
        if isinstance(paid, UsedUp):
            update = self.outcomes.used_up(tier, scene, paid)
            for answer in update.get("messages", ()):
                hand_on(answer, scene.request.messages, _audience(tier, scene.around))
            return update
        charged, outcome = paid
        return self.outcomes.asked(tier, charged, outcome)

    async def _aask(self, tier: Tier, scene: Scene) -> Update:
        await apause(scene, tier)
        try:
            async with tier.guard.aentered(time_left(scene)) as permit:
                plan = self.planner.plan(tier, scene)

                async def make() -> Outcome:
                    self.outcomes.asking(tier, scene)
                    return await acall(tier, scene.request, plan.messages, plan.config, plan.how)

                paid = await self.policy.purse.apay(tier, scene, plan.messages, make)
                settle(permit, tier, paid)
        except KEPT_OUT as error:
            return self.outcomes.kept_out(tier, scene, error)
        if isinstance(paid, UsedUp):
            update = self.outcomes.used_up(tier, scene, paid)
            for answer in update.get("messages", ()):
                await ahand_on(answer, scene.request.messages, _audience(tier, scene.around))
            return update
        charged, outcome = paid
        return self.outcomes.asked(tier, charged, outcome)

    # two tiers at once ------------------------------------------------------------------------

    def _race(self, hedge: Hedge) -> Update:
        def way(number: int) -> Result:
            try:
                update = self._ask(hedge.tiers[number], hedge.sides[number])
                if update["route"] != "verify":
                    return update
                return self._verify(hedge.sides[number].with_update(update))
            except TiersFailedError as error:
                return error

        try:
            ways = (lambda: way(0), lambda: way(1))
            run = race(ways, hedge.after, hedge.won, hedge.stop)
        except BaseException:
            hedge.keep()
            raise
        update = hedge.joined(run.results, run.winner)
        if run.winner is not None:
            hand_on(*hedge.handed(run.winner), _audience(hedge.tiers[run.winner], hedge.around))
        return update

    async def _arace(self, hedge: Hedge) -> Update:
        async def way(number: int) -> Result:
            try:
                update = await self._aask(hedge.tiers[number], hedge.sides[number])
                if update["route"] != "verify":
                    return update
                return await self._averify(hedge.sides[number].with_update(update))
            except TiersFailedError as error:
                return error

        try:
            run = await arace((lambda: way(0), lambda: way(1)), hedge.after, hedge.won)
        except BaseException:
            hedge.keep()
            raise
        update = hedge.joined(run.results, run.winner)
        if run.winner is not None:
            audience = _audience(hedge.tiers[run.winner], hedge.around)
            await ahand_on(*hedge.handed(run.winner), audience)
        return update

    # verify ---------------------------------------------------------------------------------

    def verify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Check the draft: hand it on, or try again, or escalate."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            return done(self._verify(scene))

    async def averify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `verify`."""
        scene = self._enter(state, config, runtime)
        with self._accounting(scene, config) as done:
            return done(await self._averify(scene))

    def _verify(self, scene: Scene) -> Update:
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        scene.around.context.keep(scene.state["trail"], meter.calls)
        gate = self.policy.purse.gate(scene)
        with gate, ambient(_metered(scene.around.config, meter, gate)):
            try:
                limit = self.planner.limit(tier, scene)
                verdict = within(limit.seconds, lambda: check(attempt))
            except Exception as error:
                verdict = _raised(error, check)
        scene = _checked(scene, gate)
        if not verdict.passed:
            return self.outcomes.rejected(tier, scene, verdict, meter.calls)
        hand_on(draft, scene.request.messages, _audience(tier, scene.around))
        return self.outcomes.accepted(scene, attempt.message, draft, verdict, meter)

    async def _averify(self, scene: Scene) -> Update:
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        scene.around.context.keep(scene.state["trail"], meter.calls)
        async with self.policy.purse.gate(scene) as gate:
            with ambient(_metered(scene.around.config, meter, gate)):
                try:
                    limit = self.planner.limit(tier, scene)
                    verdict = await awithin(limit.seconds, lambda: check.acall(attempt))
                except Exception as error:
                    verdict = _raised(error, check)
        scene = _checked(scene, gate)
        if not verdict.passed:
            return self.outcomes.rejected(tier, scene, verdict, meter.calls)
        await ahand_on(draft, scene.request.messages, _audience(tier, scene.around))
        return self.outcomes.accepted(scene, attempt.message, draft, verdict, meter)

    # what both twins share ------------------------------------------------------------------

    def _enter(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Scene:
        around = Surroundings.of(config, runtime)
        options = CallOptions.of(config, self.policy.ladder, self.policy.prefix)
        request = around.context.request or Request().with_messages(state["messages"])
        return Scene(state, around, request, options)

    def _decided(
        self, decision: Decision, meter: CallMeter, scene: Scene, gate: Gate, started: float
    ) -> Update:
        context = scene.around.context
        deadline = self._deadline(scene)
        trail: Trail = {
            "id": uuid.uuid4().hex,
            "run_id": context.run_id or run_id_of(scene.around.config),
            "decision": decision.to_dict(),
            "attempts": [],
            "side_calls": meter.calls,
            "started": started,
        }
        if deadline is not None:
            trail["until"] = started + deadline
        if gate.budgets:
            trail = charged_trail(trail, gate.took)
        context.keep(trail)
        return {"route": decision.tier, "trail": trail, "draft": None}

    def _share(self, scene: Scene) -> float | None:
        """Seconds that the classifier may take of the request's deadline."""
        return limit_of(None, self._deadline(scene), others=True).seconds

    def _deadline(self, scene: Scene) -> float | None:
        asked = scene.options.deadline
        return self.policy.deadline if asked is None else asked

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


def follow(state: Mapping[str, Any]) -> str:
    """The next node, as the last one set it."""
    return str(state["route"])


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
    return Audience(
        name=tier.model.get_name(),
        handlers=around.listeners,
        parent=getattr(around.config.get("callbacks"), "parent_run_id", None),
        metadata={**metadata_of(around.config), **around.context.metadata},
        tags=tags_of(around.config),
    )
