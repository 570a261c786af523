"""State updates after a call and after a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.chunks import Draft, as_message
from lc_asym_router._internal.fault_log import log_failure
from lc_asym_router._internal.provider_errors import (
    describe_error,
    is_context_overflow,
    unbilled,
)
from lc_asym_router.errors import (
    BudgetExceededError,
    NoAnswerError,
    TiersFailedError,
    UnverifiedError,
)
from lc_asym_router.graph.calls.exhausted import BudgetExhausted
from lc_asym_router.graph.calls.payments import marked_trail
from lc_asym_router.graph.calls.tier_call import CallResult, TierCall, labels_of, tried
from lc_asym_router.graph.calls.timing import time_remaining
from lc_asym_router.graph.entries import (
    answered_instead,
    attempt_entry,
    cost_of_trail,
    vouched_by,
    with_answer,
    with_verdict,
)
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import NodeRun, Update, sealed_draft, unseal
from lc_asym_router.money.usage import estimated_usage
from lc_asym_router.records.trail import Trail, open_record
from lc_asym_router.tiers.faults.breaker import LONG
from lc_asym_router.tiers.provider import cut_off, no_answer
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Verdict

AnswerAbove = tuple[AIMessage, dict[str, Any]]
"""What a tier above has answered to a check, and the side call that it was."""
UNFINISHED = "left"
"""The error of an attempt while it is under way, should its request end half-way."""


@dataclass(frozen=True)
class Passed:
    """An answer that passed its check.

    Attributes:
        tier: Whose it is; the checked tier where a model that is no tier gave it.
        draft: The answer, as it came.
        trail: The trail with the verdict, and with the call that gave the answer as its last
            attempt.
    """

    tier: Tier
    draft: Draft
    trail: Trail


@dataclass(frozen=True)
class Updates:
    """The updates under one policy."""

    policy: Policy

    def asking(self, call: TierCall, run: NodeRun) -> None:
        """A tier is about to be asked: should the request end half-way, the call is in its record."""
        self._note(call, run, price=None)

    def abandoned(self, call: TierCall, run: NodeRun, result: CallResult) -> None:
        """The call was given up while its answer came: its usage is estimated from what was received.

        Before anything has come its usage is unknown: its provider may not have begun.
        """
        if result.received is None or not result.begun:
            return
        usage = estimated_usage(result.received, run.request.input_tokens)
        self._note(call, run, price=call.price, seconds=result.seconds, usage=usage, estimated=True)

    def _note(self, call: TierCall, run: NodeRun, **known: Any) -> None:
        trail = run.state["trail"]
        given = {"seconds": 0.0, "error": UNFINISHED, **known}
        entry = attempt_entry(tier=call.tier.name, model=call.model, **given)
        entry |= call.labels.in_record
        run.around.context.note({**trail, "attempts": [*trail["attempts"], entry]})

    def asked(self, call: TierCall, run: NodeRun, result: CallResult) -> Update:
        """A tier was asked: it answered, or failed, or a watch has failed its answer already."""
        trail, message = run.state["trail"], result.message
        usage = message.usage_metadata if message else None
        if (part := result.broken_off) is not None:
            usage = estimated_usage(part, run.request.input_tokens)
        entry = attempt_entry(
            tier=call.tier.name,
            model=call.model,
            price=call.price,
            seconds=result.seconds,
            usage=usage,
            estimated=part is not None,
            error=result.describe(call.tier, run.request) if result.error else None,
            unbilled=result.error is not None and not result.begun and unbilled(result.error),
        )
        entry |= call.labels.in_record | call.tier.notes(run.request)
        if result.repaired:
            entry["repaired"] = True
        if message and (limit_met := cut_off(message)):
            entry["cut_off"] = limit_met
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        live = call.check is None
        if result.error is not None:
            followed = run.around.streams and run.around.context.race is None
            return self._failed(
                call.tier, run, trail, result.error, seen=live and result.begun and followed
            )
        assert message is not None
        cut = result.watch is not None and result.watch.cut
        call.tier.guard.lengths.append(LONG if usage is None or cut else usage["output_tokens"])
        if live:
            fault = no_answer(message)
            if fault is None:
                return self._passed_on(run, trail, message, result)
            return self._none(call.tier, run, trail, message, result, fault)
        draft, watch = result.envelope, result.watch
        if watch is None or watch.verdict is None:
            return {"route": "verify", "trail": trail, "draft": draft}
        if watch.cut:
            limit, had = call.tier.answer_limit, watch.prefix.chunks
            saved = None if limit is None else max(0, limit - had)
            entry["stopped_early"] = {"usage_estimated": True, "tokens_saved_at_most": saved}
        ended = run.with_update({"trail": trail, "draft": draft})
        return self.rejected(call.tier, ended, watch.verdict, [])

    def _none(
        self,
        tier: Tier,
        run: NodeRun,
        trail: Trail,
        message: AIMessage,
        result: CallResult,
        fault: NoAnswerError,
    ) -> Update:
        """An unchecked answer is none: the same again, or another tier; with nobody left to ask it is
        passed on, and its entry says what it is."""
        followed = run.around.streams and run.around.context.race is None
        *before, last = trail["attempts"]
        failed = {**last, "passed": False, "error": describe_error(fault)}
        without: Trail = {**trail, "attempts": [*before, failed]}
        try:
            return self._failed(tier, run, without, fault, seen=result.begun and followed)
        except TiersFailedError:
            run.around.context.exceptions.remove(fault)
        none = {**last, "passed": False, "reason": fault.fault}
        return self._passed_on(run, {**trail, "attempts": [*before, none]}, message, result)

    def _passed_on(
        self, run: NodeRun, trail: Trail, message: AIMessage, result: CallResult
    ) -> Update:
        """A live answer is the request's: the chunks that still wait go to the reader."""
        if result.waiting and (sink := run.around.context.sink):
            for chunk in result.waiting:
                sink.put(chunk)
        return self.answered(trail, message)

    def not_admitted(self, call: TierCall, run: NodeRun, error: Exception) -> Update:
        """A tier could not be called: its breaker is open, its queue full, or no time is left."""
        trail = run.state["trail"]
        entry = attempt_entry(
            tier=call.tier.name,
            model=call.model,
            price=call.price,
            seconds=0.0,
            error=describe_error(error, model=call.model),
            unbilled=True,
        )
        entry |= {"asked": False, **call.labels.in_record}
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        run.around.context.note(trail)
        return self._failed(call.tier, run, trail, error, seen=False)

    def _failed(
        self, tier: Tier, run: NodeRun, trail: Trail, error: Exception, seen: bool
    ) -> Update:
        """A tier has failed: the same again, or another one.

        Args:
            seen: Whether somebody has seen a part of its answer, which nothing can replace then.

        Raises:
            TiersFailedError: Nobody is left to ask, or no time.
        """
        context = run.around.context
        context.exceptions.append(error)
        if not is_context_overflow(error):  # which is the request's own
            log_failure(tier.name, tier.model_name, error)
        after = None if seen else self._next(tier, run, trail, error)
        if after is None:
            raise TiersFailedError(open_record(trail), context.exceptions)
        other, wait = after
        if wait is not None:
            *before, last = trail["attempts"]
            trail = {**trail, "attempts": [*before, {**last, "retry_in": wait}]}
        return {"route": other.name, "trail": trail, "draft": None}

    def _next(
        self, tier: Tier, run: NodeRun, trail: Trail, error: Exception
    ) -> tuple[Tier, float | None] | None:
        """Return the tier to ask after a failure, and the wait; `None` for no tier, or no time.

        The same tier, after so many seconds, where its policy has a try left and the time allows
        the wait; else the next tier, at once.
        """
        remaining = time_remaining(trail)
        if remaining is not None and remaining <= 0:
            return None
        attempts = trail["attempts"]
        failed = sum(entry["tier"] == tier.name and bool(entry["error"]) for entry in attempts)
        wait = tier.retry.pause(failed, error)
        if wait is not None and (remaining is None or wait < remaining):
            return tier, wait
        unfit = self.policy.ladder.no_roomier(tier) if is_context_overflow(error) else set[str]()
        other = self.policy.next_after(tier, run.request, run.options, tried(trail) | unfit)
        return (other, None) if other is not None else None

    def used_up(self, call: TierCall, run: NodeRun, error: BudgetExhausted) -> Update:
        """A budget has no room for a call of the tier.

        Raises:
            BudgetExceededError: Its `on_exhausted` says so; or a tier below was asked already (its
                answer failed its check, or it failed); or none below can take the request.
        """
        trail = marked_trail(run.state["trail"], error.exhausted)
        run.around.context.note(trail)
        if isinstance(error.instead, AIMessage):
            return answered_instead(trail, error.instead)
        below = self.policy.below(call.tier, run.request) if error.instead == "small" else None
        if below is None or trail["attempts"]:
            raise BudgetExceededError(
                error.exhausted, open_record(trail), run.around.context.exceptions
            )
        return {"route": below.name, "trail": trail, "draft": None}

    def accepted(self, passed: Passed) -> Update:
        """The check has passed the draft, or another answer in its place."""
        draft = passed.draft
        message = draft if type(draft) is AIMessage else as_message(draft)
        return self.answered(passed.trail, message)

    def passed(
        self,
        tier: Tier,
        trail: Trail,
        draft: Draft,
        verdict: Verdict,
        side_calls: list[dict[str, Any]],
        calls: Mapping[str | None, dict[str, Any]],
        answers_above: Mapping[str, AnswerAbove],
    ) -> Passed:
        """What a passed draft comes to: itself, or the answer that the verdict holds in its place,
        whose call is the next attempt then.

        Args:
            tier: Whose draft it is.
            trail: The trail; its last attempt is the draft's.
            draft: The draft.
            verdict: The passed verdict.
            side_calls: The calls that the check made.
            calls: The same by the ids of their answers.
            answers_above: What tiers above have answered to it, by their names.
        """
        answer = verdict.answer
        call = calls.get(answer.id) if answer is not None else None
        if answer is None or call is None:
            trail = with_verdict(trail, verdict, side_calls)
            return Passed(tier, draft if answer is None else answer, trail)
        others = [each for each in side_calls if each is not call]
        trail = with_verdict(trail, replace(verdict, passed=False, vouched="none"), others)
        name = next((name for name, (said, _) in answers_above.items() if said is answer), None)
        by = self.policy.setups[name].tier if name is not None else tier
        entry = attempt_entry(
            tier=by.name,
            model=call["model"],
            price=None,
            seconds=call["seconds"],
            usage=call["usage"],
        )
        entry |= {"cost_usd": call["cost_usd"], **labels_of(self.policy, by, trail).in_record}
        entry |= {"asked_by": verdict.check}
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        return Passed(by, answer, with_verdict(trail, replace(verdict, votes=()), []))

    def rejected(
        self,
        tier: Tier,
        run: NodeRun,
        verdict: Verdict,
        side_calls: list[dict[str, Any]],
        answers_above: Mapping[str, AnswerAbove] = MappingProxyType({}),
    ) -> Update:
        """The check has failed the draft: try again, or go up, or give up.

        Args:
            tier: Whose draft it is.
            run: The node's run.
            verdict: What the check says.
            side_calls: The calls that the check made.
            answers_above: What tiers above have answered to it, by their names.

        Raises:
            UnverifiedError: Escalation is off for this call.
            TiersFailedError: No tier above can take the request.
        """
        trail, exceptions = run.state["trail"], run.around.context.exceptions
        trail = with_verdict(trail, verdict, side_calls)
        answers = sum(e["tier"] == tier.name and not e["error"] for e in trail["attempts"])
        if answers < self.policy.small_attempts:
            return {"route": tier.name, "trail": trail, "draft": None}
        if not run.options.escalate:
            raise UnverifiedError(open_record(trail), exceptions)
        # A vote was of all that is cheap: where it fails, the last tier is asked.
        voted = {each.name for each in self.policy.ladder[:-1]} if verdict.votes else set()
        up = self.policy.next_after(tier, run.request, run.options, tried(trail) | voted)
        if up is None:
            raise TiersFailedError(open_record(trail), exceptions)
        if self.policy.escalate_with == "draft":
            return {"route": up.name, "trail": trail, "draft": run.state.get("draft")}
        if up.name in answers_above:
            message, call = answers_above[up.name]
            place = next(i for i, each in enumerate(trail["side_calls"]) if each is call)
            trail = {**trail, "ready": {"tier": up.name, "call": place}}
            return {"route": up.name, "trail": trail, "draft": sealed_draft(message)}
        return {"route": up.name, "trail": trail, "draft": None}

    def answered_before(self, call: TierCall, run: NodeRun) -> Update:
        """A tier's answer that a check has asked for already: the call moves from the check to the
        tier."""
        trail = run.state["trail"].copy()
        envelope, place = run.state.get("draft"), trail.pop("ready")["call"]
        assert envelope is not None
        side_calls = list(trail["side_calls"])
        side_call = side_calls.pop(place)
        entry = attempt_entry(
            tier=call.tier.name,
            model=call.model,
            price=call.price,
            seconds=side_call["seconds"],
            usage=side_call["usage"],
        )
        entry |= call.labels.in_record
        entry |= {"asked_by": trail["attempts"][-1]["check"]}
        trail["attempts"] = [*trail["attempts"], entry]
        trail["side_calls"] = side_calls
        if call.check is not None:
            return {"route": "verify", "trail": trail, "draft": envelope}
        return self.answered(trail, as_message(unseal(envelope)))

    def answered(self, trail: Trail, message: AIMessage) -> Update:
        """The last attempt's answer is the request's: the record goes with it."""
        answer, setups = trail["attempts"][-1], self.policy.setups
        climbed = setups[answer["tier"]].position - setups[trail["decision"]["tier"]].position
        frontier = self.policy.ladder.last.name
        cost = cost_of_trail(trail)
        if answer["tier"] == frontier or answer["cached"]:
            alone = answer["cost_usd"]
        else:
            price = setups[frontier].price
            alone = price.of(answer["usage"]) if price else None
        # `frontier_cost_usd` is an estimate: the answer's own token counts at the frontier's price.
        # Where the frontier gave the answer it is what that call cost; and so where a cache gave it,
        # for that would have answered the frontier's caller too.
        record = {
            **open_record(trail),
            "tier": answer["tier"],
            "escalated": climbed > 0,
            "degraded": climbed < 0,
            "vouched": vouched_by(answer, setups[answer["tier"]].last),
            "cost_usd": cost,
            "frontier_cost_usd": alone,
            "saved_usd": None if cost is None or alone is None else alone - cost,
        }
        return with_answer(trail, message, record)
