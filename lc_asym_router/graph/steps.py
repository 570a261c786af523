"""The steps of a request, as functions of a scene: ask a tier, check its answer, race two tiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.chunks import Draft, as_message
from lc_asym_router._internal.deadline import awithin, within
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import buffered, config_context, with_handlers
from lc_asym_router.errors import CheckError, ConfigurationError, TiersFailedError
from lc_asym_router.graph.calls.call import Outcome, acall, call
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.graph.calls.paying import UsedUp, charged_trail
from lc_asym_router.graph.calls.plan import Planner
from lc_asym_router.graph.calls.tiers_above import AskableTiers
from lc_asym_router.graph.calls.waiting import KEPT_OUT, apause, look_of, pause, settle, time_left
from lc_asym_router.graph.context import Scene, Surroundings
from lc_asym_router.graph.hedging import Hedge, Result
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.record import verifying
from lc_asym_router.graph.state import RouterState, Update, unseal
from lc_asym_router.graph.streaming import Audience, ahand_on, hand_on
from lc_asym_router.graph.updates import Outcomes
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.records.labels import Labels
from lc_asym_router.tiers.binding import bind_again
from lc_asym_router.tiers.conversation import fit
from lc_asym_router.tiers.faults.race import arace, race
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check


@dataclass(frozen=True)
class Steps:
    """The steps under one policy."""

    policy: Policy

    @property
    def planner(self) -> Planner:
        """How tiers are called."""
        return Planner(self.policy)

    @property
    def outcomes(self) -> Outcomes:
        """What comes of a call and of a verdict."""
        return Outcomes(self.policy)

    # a tier ---------------------------------------------------------------------------------

    def ask(self, tier: Tier, scene: Scene) -> Update:
        """Ask a tier: live where its answer may pass at once, else held for `verify`."""
        if self.outcomes.heard_already(tier, scene):
            update = self.outcomes.heard(tier, scene)
            for answer in update.get("messages", ()):
                hand_on(answer, scene.request.messages, _audience(tier, scene.around))
            return update
        pause(scene, tier)
        try:
            seconds, last = self.planner.entry(tier, scene)
            with tier.guard.entered(seconds, last, look_of(scene)) as permit:
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

    async def aask(self, tier: Tier, scene: Scene) -> Update:
        """The async twin of `ask`."""
        if self.outcomes.heard_already(tier, scene):
            update = self.outcomes.heard(tier, scene)
            for answer in update.get("messages", ()):
                await ahand_on(answer, scene.request.messages, _audience(tier, scene.around))
            return update
        await apause(scene, tier)
        try:
            seconds, last = self.planner.entry(tier, scene)
            async with tier.guard.aentered(seconds, last) as permit:
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

    def race(self, hedge: Hedge) -> Update:
        """Ask a tier, and another one beside it where it is late."""

        def way(number: int) -> Result:
            try:
                update = self.ask(hedge.tiers[number], hedge.sides[number])
                if update["route"] != "verify":
                    return update
                return self.verify(hedge.sides[number].with_update(update))
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

    async def arace(self, hedge: Hedge) -> Update:
        """The async twin of `race`."""

        async def way(number: int) -> Result:
            try:
                update = await self.aask(hedge.tiers[number], hedge.sides[number])
                if update["route"] != "verify":
                    return update
                return await self.averify(hedge.sides[number].with_update(update))
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

    def verify(self, scene: Scene) -> Update:
        """Check the draft: hand it on, or try again, or escalate."""
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        scene.around.context.keep(scene.state["trail"], meter.calls)
        labels = verifying(check.name, scene.state["trail"])
        side_calls = self.policy.purse.side_calls(scene)
        with side_calls, config_context(metered(scene.around.config, labels, meter, side_calls)):
            try:
                limit = self.planner.limit(tier, scene)
                verdict = within(limit.seconds, lambda: check(attempt))
            except Exception as error:
                verdict = _raised(error, check)
        scene = _checked(scene, side_calls)
        if not verdict.passed:
            heard = attempt.tiers_above.calls(meter.of_answer) if attempt.tiers_above else {}
            return self.outcomes.rejected(tier, scene, verdict, meter.calls, heard)
        hand_on(draft, scene.request.messages, _audience(tier, scene.around))
        return self.outcomes.accepted(scene, attempt.message, draft, verdict, meter)

    async def averify(self, scene: Scene) -> Update:
        """The async twin of `verify`."""
        tier, draft, attempt, check = self._open(scene)
        meter = CallMeter("verify", self.policy.price_of)
        scene.around.context.keep(scene.state["trail"], meter.calls)
        labels = verifying(check.name, scene.state["trail"])
        async with self.policy.purse.side_calls(scene) as side_calls:
            with config_context(metered(scene.around.config, labels, meter, side_calls)):
                try:
                    limit = self.planner.limit(tier, scene)
                    verdict = await awithin(limit.seconds, lambda: check.acall(attempt))
                except Exception as error:
                    verdict = _raised(error, check)
        scene = _checked(scene, side_calls)
        if not verdict.passed:
            heard = attempt.tiers_above.calls(meter.of_answer) if attempt.tiers_above else {}
            return self.outcomes.rejected(tier, scene, verdict, meter.calls, heard)
        await ahand_on(draft, scene.request.messages, _audience(tier, scene.around))
        return self.outcomes.accepted(scene, attempt.message, draft, verdict, meter)

    def _open(self, scene: Scene) -> tuple[Tier, Draft, Attempt, Check]:
        """The draft that waits for its verdict, and what a check is to see of it."""
        entry = scene.state["trail"]["attempts"][-1]
        tier = self.policy.ladder.named(entry["tier"])
        envelope = scene.state.get("draft")
        assert tier is not None
        assert envelope is not None
        check = self.policy.check_on(tier)
        assert check is not None
        draft = unseal(envelope)
        model = tier.model
        fitted = replace(scene.request, messages=tuple(fit(scene.request.messages, tier.model)))
        attempt = Attempt(
            tier=tier.name,
            model=entry["model"],
            message=as_message(draft),
            request=fitted,
            usage=entry["usage"],
            seconds=entry["seconds"],
            again=lambda temperature, seed: bind_again(model, fitted, temperature, seed),
            price=tier.called(scene.request)[1],
            provider=tier.provider,
            tiers_above=AskableTiers(self.policy.ladder, scene.request, lambda: time_left(scene)),
        )
        return tier, draft, attempt, check


def metered(
    config: RunnableConfig, labels: Labels, meter: CallMeter, side_calls: SideCallBudget
) -> RunnableConfig:
    """The config for a classifier or a check: metered, under budget, and heard by no listener."""
    return buffered(labels.on(with_handlers(config, [meter, *side_calls.handlers], {})))


def _checked(scene: Scene, side_calls: SideCallBudget) -> Scene:
    """The scene with what the check's calls took on its trail's account."""
    if not side_calls.budgets:
        return scene
    trail = charged_trail(scene.state["trail"], side_calls.took)
    return replace(scene, state=cast("RouterState", {**scene.state, "trail": trail}))


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
