"""The graph's nodes: small functions from state to update, each with its async twin."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from lc_asym_router._internal.deadline import LateError, awithin, within
from lc_asym_router._internal.fault_log import FaultLog
from lc_asym_router._internal.run_config import run_id_of
from lc_asym_router.graph.calls.exhausted import BudgetExhausted
from lc_asym_router.graph.calls.invoke import ainvoke, invoke
from lc_asym_router.graph.calls.payments import Payment, Payments, SideCalls
from lc_asym_router.graph.calls.tier_call import NOT_ADMITTED, CallResult, DraftCheck, TierCall
from lc_asym_router.graph.calls.timing import SHARE, apause, pause
from lc_asym_router.graph.entries import adeliver_draft, adelivered, deliver_draft, delivered
from lc_asym_router.graph.hedging import Hedge, ahedged, hedged
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import NodeRun, Update, sealed_draft
from lc_asym_router.graph.updates import Passed, Updates
from lc_asym_router.graph.voting import VoteBeside, Voted
from lc_asym_router.records.trail import Decision, Labels, Trail
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Verdict

logger = logging.getLogger(__name__)
FIRST = "classify"  # the node that a request begins with


@dataclass(frozen=True)
class NodeStep:
    """What a node does in a run of it, sync and async."""

    call: Callable[[NodeRun], Update]
    acall: Callable[[NodeRun], Coroutine[Any, Any, Update]]


@dataclass(frozen=True)
class GraphNodes:
    """The graph's nodes for one policy.

    Attributes:
        policy: The router's settings, resolved.
        faults: What its checks and its budgets' callbacks have raised.
        rung: With a target: the rung that a request which begins is handled on.
    """

    policy: Policy
    faults: FaultLog = field(default_factory=lambda: FaultLog(logger), compare=False, repr=False)
    rung: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def updates(self) -> Updates:
        """The state updates after calls and verdicts."""
        return Updates(self.policy)

    @cached_property
    def payments(self) -> Payments:
        """Pays for the calls."""
        return Payments(self.policy.budgets, self.policy.price_of, self.faults)

    @cached_property
    def steps(self) -> Mapping[str, NodeStep]:
        """What each node does, by its name."""
        found = {FIRST: NodeStep(self.classify, self.aclassify)}
        for tier in self.policy.ladder.every:
            found[tier.name] = NodeStep(partial(self.ask, tier), partial(self.aask, tier))
        if self.policy.check is not None:
            found["verify"] = NodeStep(self.verify, self.averify)
        return found

    # classify -------------------------------------------------------------------------------

    def classify(self, run: NodeRun) -> Update:
        """Decide where the request goes."""
        decider, seconds = self.policy.decider, self._share(run)
        with self.payments.side_calls(run, *self._classifying, seconds) as calls:
            decision = decider.decide(run.request, run.options, calls.config, seconds)
        return self._decided(decision, run, calls)

    async def aclassify(self, run: NodeRun) -> Update:
        """The async twin of `classify`."""
        decider, seconds = self.policy.decider, self._share(run)
        async with self.payments.async_side_calls(run, *self._classifying, seconds) as calls:
            decision = await decider.adecide(run.request, run.options, calls.config, seconds)
        return self._decided(decision, run, calls)

    @cached_property
    def _classifying(self) -> tuple[Labels, bool]:
        """The labels of a classifier's calls, and whether it may make any."""
        scorer = self.policy.decider.scorer
        return Labels("classify", "classify", scorer.name), scorer.makes_calls

    def _decided(self, decision: Decision, run: NodeRun, calls: SideCalls) -> Update:
        deadline = run.options.deadline or self.policy.deadline
        trail: Trail = {
            "id": uuid.uuid4().hex,
            "run_id": run.around.context.run_id or run_id_of(run.around.config),
            "decision": decision.to_dict(),
            "attempts": [],
            "side_calls": calls.calls,
            "started": calls.started,
        }
        if self.rung is not None:
            trail["rung"] = self.rung
        if deadline is not None:
            trail["until"] = calls.started + deadline
        return {"route": decision.tier, "trail": calls.charged(trail), "draft": None}

    def _share(self, run: NodeRun) -> float | None:
        """Seconds that the classifier may take of the request's deadline."""
        deadline = run.options.deadline or self.policy.deadline
        return None if deadline is None else deadline * SHARE

    # a tier ---------------------------------------------------------------------------------

    def ask(self, tier: Tier, run: NodeRun) -> Update:
        """Ask a tier: its answer is streamed live if it needs no check, else buffered for `verify`."""
        if self.policy.hedge is not False and (hedge := Hedge.of(self.policy, tier, run)):
            return self._race(hedge)
        if self.policy.setups[tier.name].votes_at_once:
            return self._ask_beside(tier, run)
        return self._ask(tier, run)

    async def aask(self, tier: Tier, run: NodeRun) -> Update:
        """The async twin of `ask`."""
        if self.policy.hedge is not False and (hedge := Hedge.of(self.policy, tier, run)):
            return await self._arace(hedge)
        if self.policy.setups[tier.name].votes_at_once:
            return await self._aask_beside(tier, run)
        return await self._aask(tier, run)

    def _ask(self, tier: Tier, run: NodeRun) -> Update:
        call = TierCall.of(self.policy, tier, run)
        if run.state["trail"].get("ready", {}).get("tier") == tier.name:
            update = self.updates.answered_before(call, run)
            return delivered(update, tier, run)
        if run.state["trail"]["attempts"]:
            pause(run, tier)
        sink = run.around.context.sink
        look = sink.check if sink else None
        try:
            seconds, last = call.limit(run).seconds, call.last_resort
            with tier.guard.entered(seconds, last, look, run.caller) as permit:
                how = call.invocation(run, self.policy)
                with self.payments.paying(call, run, how.messages) as payment:
                    self.updates.asking(call, run)
                    abandoned = partial(self._abandoned, call, run, payment)
                    payment.result = result = invoke(call, run.request, how, abandoned)
                call.report(permit, result, run.caller)
        except NOT_ADMITTED as error:
            return self.updates.not_admitted(call, run, error)
        except BudgetExhausted as error:
            return delivered(self.updates.used_up(call, run, error), tier, run)
        return self.updates.asked(call, payment.charged(run), result)

    async def _aask(self, tier: Tier, run: NodeRun) -> Update:
        call = TierCall.of(self.policy, tier, run)
        if run.state["trail"].get("ready", {}).get("tier") == tier.name:
            update = self.updates.answered_before(call, run)
            return await adelivered(update, tier, run)
        if run.state["trail"]["attempts"]:
            await apause(run, tier)
        try:
            seconds, last = call.limit(run).seconds, call.last_resort
            async with tier.guard.aentered(seconds, last, run.caller) as permit:
                how = call.invocation(run, self.policy)
                async with self.payments.apaying(call, run, how.messages) as payment:
                    self.updates.asking(call, run)
                    abandoned = partial(self._abandoned, call, run, payment)
                    payment.result = result = await ainvoke(call, run.request, how, abandoned)
                call.report(permit, result, run.caller)
        except NOT_ADMITTED as error:
            return self.updates.not_admitted(call, run, error)
        except BudgetExhausted as error:
            return await adelivered(self.updates.used_up(call, run, error), tier, run)
        return self.updates.asked(call, payment.charged(run), result)

    def _abandoned(
        self, call: TierCall, run: NodeRun, payment: Payment, result: CallResult
    ) -> None:
        """A call was given up half-way: what had come of it is noted, and paid for."""
        payment.result = result
        self.updates.abandoned(call, run, result)

    # two tiers at once ------------------------------------------------------------------------

    def _race(self, hedge: Hedge) -> Update:
        """Ask a tier, and another one beside it where it is late."""
        update, winner = hedged(hedge, self._ask, self.verify)
        if winner is not None:
            deliver_draft(hedge.draft(winner), hedge.tiers[winner], hedge.run)
        return update

    async def _arace(self, hedge: Hedge) -> Update:
        update, winner = await ahedged(hedge, self._aask, self.averify)
        if winner is not None:
            await adeliver_draft(hedge.draft(winner), hedge.tiers[winner], hedge.run)
        return update

    # voters at once ---------------------------------------------------------------------------

    def _ask_beside(self, tier: Tier, run: NodeRun) -> Update:
        """Ask a tier, and the voters on its answer beside it; take the vote at once."""
        beside = VoteBeside.of(self.policy, self.payments, tier, run)
        if beside is None:
            return self._ask(tier, run)
        try:
            voting = beside.start()
        except LateError:  # the tier alone is asked, and its check asks the voters
            return self._ask(tier, run)
        try:
            update = self._ask(tier, run)
            voted = voting.result()
        finally:
            beside.stop()
        if update["route"] != "verify":
            return voted.noted(update)
        return self.verify(run.with_update(voted.charged(update)), voted)

    async def _aask_beside(self, tier: Tier, run: NodeRun) -> Update:
        beside = VoteBeside.of(self.policy, self.payments, tier, run)
        if beside is None:
            return await self._aask(tier, run)
        voting = asyncio.create_task(beside.aask())
        try:
            update = await self._aask(tier, run)
            voted = await voting
        finally:
            voting.cancel()
        if update["route"] != "verify":
            return voted.noted(update)
        return await self.averify(run.with_update(voted.charged(update)), voted)

    # verify ---------------------------------------------------------------------------------

    def verify(self, run: NodeRun, voted: Voted | None = None) -> Update:
        """Check the draft: deliver it, retry, or escalate."""
        draft = DraftCheck.of(self.policy, run)
        draft = draft if voted is None else voted.checking(draft)
        check, seconds = draft.check, draft.limit(run).seconds
        with self.payments.side_calls(run, draft.labels, draft.makes_calls) as calls:
            calls.begin_with(voted.calls if voted else None)
            run.around.context.note(run.state["trail"], calls.calls)
            try:
                if seconds is None:
                    verdict = check(draft.attempt)
                else:
                    verdict = within(seconds, lambda: check(draft.attempt))
            except Exception as error:  # whatever a check raises, its answer has not passed
                verdict = self._raised(error, draft)
        passed = self._passed(draft, run, verdict, calls)
        if passed is None:
            return self._rejected(draft, run, verdict, calls)
        deliver_draft(passed.draft, passed.tier, run)
        return self.updates.accepted(passed)

    async def averify(self, run: NodeRun, voted: Voted | None = None) -> Update:
        """The async twin of `verify`."""
        draft = DraftCheck.of(self.policy, run)
        draft = draft if voted is None else voted.checking(draft)
        check, seconds = draft.check, draft.limit(run).seconds
        async with self.payments.async_side_calls(run, draft.labels, draft.makes_calls) as calls:
            calls.begin_with(voted.calls if voted else None)
            run.around.context.note(run.state["trail"], calls.calls)
            try:
                verdict = await awithin(seconds, lambda: check.acall(draft.attempt))
            except Exception as error:  # whatever a check raises, its answer has not passed
                verdict = self._raised(error, draft)
        passed = self._passed(draft, run, verdict, calls)
        if passed is None:
            return self._rejected(draft, run, verdict, calls)
        await adeliver_draft(passed.draft, passed.tier, run)
        return self.updates.accepted(passed)

    def _raised(self, error: Exception, draft: DraftCheck) -> Verdict:
        """What a check that raises comes to: nothing is delivered unverified.

        Raises:
            GraphBubbleUp: An interrupt passes through.
            CheckError: The check is no check: its author should know at once.
            ConfigurationError: It is set up wrongly, likewise.
        """
        name = draft.check.name
        verdict = Verdict.of_error(error, name)
        self.faults.note(f"The check {name}", error)
        return verdict

    def _passed(
        self, checked: DraftCheck, run: NodeRun, verdict: Verdict, calls: SideCalls
    ) -> Passed | None:
        """Return the update with the answer to return, after the check has passed it."""
        if not verdict.passed:
            return None
        above = checked.attempt.tiers_above
        answers = above.calls(calls.of_answer) if above and verdict.answer is not None else {}
        return self.updates.passed(
            checked.tier,
            calls.charged(run.state["trail"]),
            checked.draft,
            verdict,
            calls.calls,
            calls.of_answer,
            answers,
        )

    def _rejected(
        self, checked: DraftCheck, run: NodeRun, verdict: Verdict, calls: SideCalls
    ) -> Update:
        above = checked.attempt.tiers_above
        answers = above.calls(calls.of_answer) if above else {}
        run = run.with_update({"trail": calls.charged(run.state["trail"])})
        update = self.updates.rejected(checked.tier, run, verdict, calls.calls, answers)
        auditor = self.policy.auditor
        if auditor is None or auditor.keeper is None:
            return update  # only a target learns from pairs
        tier, message = checked.attempt.tier, checked.attempt.message
        if run.around.context.under_model:
            run.around.context.rejected.append((tier, message))
            return update
        # The nodes of a subgraph have nothing in common but the state.
        return {**update, "rejected": [update["trail"]["id"], tier, sealed_draft(message)]}
