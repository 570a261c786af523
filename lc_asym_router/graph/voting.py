"""A vote at once: the voters are asked beside the tier whose answer is voted on, so that all of it
takes as long as one call."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from langchain_core.messages import AIMessage

from lc_asym_router._internal.deadline import CALLS, ThreadCall
from lc_asym_router.graph.calls.payments import Payments, SideCalls
from lc_asym_router.graph.calls.tier_call import DraftCheck, TierCall
from lc_asym_router.graph.entries import attempt_entry
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import NodeRun, Update, sealed_draft
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.vote import Cast, Vote


@dataclass(frozen=True)
class Voted:
    """What the voters have said beside the tier's own call.

    Attributes:
        draft: The check that they were asked for; its attempt has no answer yet.
        rule: The vote.
        calls: Their calls.
        casts: What each of them said, in their order.
    """

    draft: DraftCheck
    rule: Vote
    calls: SideCalls
    casts: Sequence[Cast]

    def checking(self, draft: DraftCheck) -> DraftCheck:
        """The check of the tier's answer, which knows what the voters have said."""
        attempt = replace(
            draft.attempt,
            tiers_above=self.draft.attempt.tiers_above,
            cast=(self.rule, tuple(self.casts)),
        )
        return replace(draft, attempt=attempt)

    def charged(self, update: Update) -> Update:
        """The update with what the voters' calls took in its trail; for the check that follows."""
        return {**update, "trail": self.calls.charged(update["trail"])}

    def noted(self, update: Update) -> Update:
        """The update of a call that has come to no answer to vote on: the voters' calls are in its
        trail, and a voter that is asked next is not asked again."""
        trail: Trail = self.calls.charged(update["trail"])
        trail = {**trail, "side_calls": [*trail["side_calls"], *self.calls.calls]}
        above = self.draft.attempt.tiers_above
        answers = above.calls(self.calls.of_answer) if above is not None else {}
        found = answers.get(update["route"])
        if found is None or update.get("draft") is not None:
            return {**update, "trail": trail}
        message, call = found
        place = next(i for i, each in enumerate(trail["side_calls"]) if each is call)
        ready = {"tier": update["route"], "call": place}
        return {**update, "trail": {**trail, "ready": ready}, "draft": sealed_draft(message)}


@dataclass(frozen=True)
class VoteBeside:
    """The voters of one call of a tier, to be asked beside it.

    Attributes:
        payments: What pays for them.
        run: The node's run.
        draft: The check that they are asked for.
        rule: The vote.
        seconds: How long each of them may take; `None` for no limit.
    """

    payments: Payments
    run: NodeRun
    draft: DraftCheck
    rule: Vote
    seconds: float | None
    _jobs: list[ThreadCall] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, policy: Policy, payments: Payments, tier: Tier, run: NodeRun) -> VoteBeside | None:
        """`None` where the tier's answer is not voted on at once: with budgets one call after another
        is counted, and a second try asks nobody a second time."""
        setup, trail = policy.setups[tier.name], run.state["trail"]
        asked = any(entry["tier"] == tier.name for entry in trail["attempts"])
        if asked or policy.budgets or "ready" in trail or not run.options.verify or setup.last:
            return None
        parts = setup.check.parts if setup.check else ()
        rule = next((part for part in parts if isinstance(part, Vote) and part.parallel), None)
        if rule is None:
            return None
        model, price = policy.called(tier, run.request)
        entry = attempt_entry(tier=tier.name, model=model, price=price, seconds=0.0)
        begun = {**trail, "attempts": [*trail["attempts"], entry]}
        draft = DraftCheck.of(
            policy, run.with_update({"trail": begun, "draft": sealed_draft(AIMessage(""))})
        )
        limits = (TierCall.of(policy, tier, run).limit(run).seconds, rule.time_limit)
        seconds = min((each for each in limits if each is not None), default=None)
        return cls(payments, run, draft, rule, seconds)

    def start(self) -> Future[Voted]:
        """Ask them all, in a thread.

        Raises:
            LateError: Too many calls that were given up still run.
        """
        job = CALLS.submit(self._ask, queued=False)
        self._jobs.append(job)
        return job.result

    def stop(self) -> None:
        """Wait for nobody any more."""
        for job in self._jobs:
            CALLS.abandon(job)

    def _ask(self) -> Voted:
        with self.payments.side_calls(self.run, self.draft.labels, True) as calls:
            casts = self.rule.ask_all(self.draft.attempt, self.seconds)
        return Voted(self.draft, self.rule, calls, casts)

    async def aask(self) -> Voted:
        """The async twin of `start`, to be run as a task."""
        async with self.payments.async_side_calls(self.run, self.draft.labels, True) as calls:
            casts = await self.rule.aask_all(self.draft.attempt, self.seconds)
        return Voted(self.draft, self.rule, calls, casts)
