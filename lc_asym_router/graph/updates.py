"""What comes of a call and of a verdict: each as an update of the graph's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

from langchain_core.messages import AIMessage
from langgraph.constants import END

from lc_asym_router._internal.chunks import Draft, as_chunks, as_message
from lc_asym_router._internal.provider_errors import describe_error, unbilled
from lc_asym_router.errors import TiersFailedError, UnverifiedError
from lc_asym_router.graph.calls.call import Outcome
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.graph.calls.paying import UsedUp, marked_trail
from lc_asym_router.graph.context import Scene
from lc_asym_router.graph.policy import Policy, next_after_error, tried
from lc_asym_router.graph.record import answering, attempt_entry, judged, record_of
from lc_asym_router.graph.state import RouterState, Update, seal, unseal
from lc_asym_router.money.budgets.exhausted import BudgetExceededError
from lc_asym_router.records.amounts import total
from lc_asym_router.records.trail import Trail, open_record
from lc_asym_router.tiers.provider import NoAnswerError, no_answer
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Verdict

Heard = tuple[AIMessage, dict[str, Any]]
"""What a tier has said to a check, and the side call that it was."""
LEFT = "left"
"""The error of an attempt while it is under way, should its request be left."""


@dataclass(frozen=True)
class Outcomes:
    """The updates under one policy."""

    policy: Policy

    def asking(self, tier: Tier, scene: Scene) -> None:
        """A tier is about to be asked: should the request be left, the call is on its account."""
        trail = scene.state["trail"]
        model, _ = tier.called(scene.request)
        entry = {
            **attempt_entry(tier=tier.name, model=model, price=None, seconds=0.0, error=LEFT),
            **answering(tier, trail, self.policy.ladder).in_record,
        }
        scene.around.context.keep({**trail, "attempts": [*trail["attempts"], entry]})

    def asked(
        self,
        tier: Tier,
        scene: Scene,
        outcome: Outcome,
    ) -> Update:
        """A tier was asked: it answered, or failed, or a watch has failed its answer already."""
        trail = scene.state["trail"]
        message = as_message(outcome.draft) if outcome.draft is not None else None
        model, price = tier.called(scene.request)
        entry = attempt_entry(
            tier=tier.name,
            model=model,
            price=price,
            seconds=outcome.seconds,
            usage=message.usage_metadata if message else None,
            error=outcome.describe(tier, scene.request),
            unbilled=outcome.error is not None and not outcome.begun and unbilled(outcome.error),
        )
        entry |= answering(tier, trail, self.policy.ladder).in_record | tier.notes(scene.request)
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        live = self.policy.checks(tier, scene.options) is None
        if outcome.error is not None:
            heard = scene.around.streams and scene.around.context.aside is None
            seen = live and outcome.begun and heard
            return self._failed(tier, scene, trail, outcome.error, seen)
        assert message is not None
        if live:
            fault = no_answer(message) if self.policy.is_last(tier) else None
            if fault is None:
                return self._handed(scene, trail, message, outcome)
            return self._none(tier, scene, trail, message, outcome, fault)
        draft = seal(cast("Draft", outcome.draft))
        watch = outcome.watch
        if watch is None or watch.verdict is None:
            return {"route": "verify", "trail": trail, "draft": draft}
        if watch.cut:
            limit, had = tier.answer_limit, watch.prefix.chunks
            saved = None if limit is None else max(0, limit - had)
            entry["stopped_early"] = {"usage_estimated": True, "tokens_saved_at_most": saved}
        state = cast("RouterState", {**scene.state, "trail": trail, "draft": draft})
        ended = replace(scene, state=state)
        return self.rejected(tier, ended, watch.verdict, [])

    def _none(
        self,
        tier: Tier,
        scene: Scene,
        trail: Trail,
        message: AIMessage,
        outcome: Outcome,
        fault: NoAnswerError,
    ) -> Update:
        """The last tier's answer is none: the same again, or a fall-back; with nobody left to ask it
        is handed on, and its entry says what it is."""
        heard = scene.around.streams and scene.around.context.aside is None
        *before, last = trail["attempts"]
        failed = {**last, "passed": False, "error": describe_error(fault)}
        lost: Trail = {**trail, "attempts": [*before, failed]}
        try:
            return self._failed(tier, scene, lost, fault, seen=outcome.begun and heard)
        except TiersFailedError:
            scene.around.context.exceptions.remove(fault)
        handed = {**last, "passed": False, "reason": fault.fault}
        return self._handed(scene, {**trail, "attempts": [*before, handed]}, message, outcome)

    def _handed(self, scene: Scene, trail: Trail, message: AIMessage, outcome: Outcome) -> Update:
        """A live answer is the request's: what is left of its chunks goes to the reader."""
        if sink := scene.around.context.sink:
            for chunk in outcome.waiting:
                sink.put(chunk)
        return self.answered(trail, message)

    def kept_out(self, tier: Tier, scene: Scene, error: Exception) -> Update:
        """A tier could not be called: its breaker is open, its queue full, or no time is left."""
        trail = scene.state["trail"]
        model, price = tier.called(scene.request)
        entry = attempt_entry(
            tier=tier.name,
            model=model,
            price=price,
            seconds=0.0,
            error=describe_error(error, model=model),
            unbilled=True,
        )
        entry |= {"asked": False, **answering(tier, trail, self.policy.ladder).in_record}
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        scene.around.context.keep(trail)
        return self._failed(tier, scene, trail, error, seen=False)

    def _failed(
        self, tier: Tier, scene: Scene, trail: Trail, error: Exception, seen: bool
    ) -> Update:
        """A tier has failed: the same again, or another one.

        Args:
            seen: Whether somebody has seen a part of its answer, which nothing can replace then.

        Raises:
            TiersFailedError: Nobody is left to ask, or no time.
        """
        scene.around.context.exceptions.append(error)
        after = (
            None
            if seen
            else next_after_error(self.policy, tier, scene.request, scene.options, trail, error)
        )
        if after is None:
            raise TiersFailedError(open_record(trail), scene.around.context.exceptions)
        if after.wait is not None:
            *before, last = trail["attempts"]
            trail = {**trail, "attempts": [*before, {**last, "retry_in": after.wait}]}
        return {"route": after.tier.name, "trail": trail, "draft": None}

    def used_up(self, tier: Tier, scene: Scene, used_up: UsedUp) -> Update:
        """A budget has no room for a call of the tier.

        Raises:
            BudgetExceededError: Its `on_exhausted` says so; or a tier below was asked already (its
                answer failed its check, or it failed); or none below can take the request.
        """
        trail = marked_trail(scene.state["trail"], used_up.exhausted)
        scene.around.context.keep(trail)
        if isinstance(used_up.instead, AIMessage):
            return self._instead(trail, used_up.instead, scene)
        below = self.policy.below(tier, scene.request) if used_up.instead == "small" else None
        if below is None or trail["attempts"]:
            raise BudgetExceededError(
                used_up.exhausted, open_record(trail), scene.around.context.exceptions
            )
        return {"route": below.name, "trail": trail, "draft": None}

    def _instead(self, trail: Trail, message: AIMessage, scene: Scene) -> Update:
        """An answer that no model gave: a budget's `on_exhausted` did."""
        if sink := scene.around.context.sink:
            for chunk in as_chunks(message):
                sink.put(chunk)
        record = {
            **open_record(trail),
            "tier": None,
            "escalated": False,
            "degraded": False,
            "cost_usd": total(
                call["cost_usd"] for call in (*trail["attempts"], *trail["side_calls"])
            ),
            "frontier_cost_usd": None,
            "saved_usd": None,
        }
        metadata = {**message.response_metadata, "router": record}
        answer = message.model_copy(update={"response_metadata": metadata})
        return {"messages": [answer], "route": END, "trail": trail, "draft": None}

    def accepted(
        self,
        scene: Scene,
        message: AIMessage,
        draft: Draft,
        verdict: Verdict,
        meter: CallMeter,
    ) -> Update:
        """The check has passed the draft."""
        if sink := scene.around.context.sink:
            for chunk in as_chunks(draft):
                sink.put(chunk)
        return self.answered(_with_verdict(scene.state["trail"], verdict, meter.calls), message)

    def rejected(
        self,
        tier: Tier,
        scene: Scene,
        verdict: Verdict,
        side_calls: list[dict[str, Any]],
        heard: Mapping[str, Heard] = MappingProxyType({}),
    ) -> Update:
        """The check has failed the draft: try again, or go up, or give up.

        Args:
            tier: Whose draft it is.
            scene: What its node found.
            verdict: What the check says.
            side_calls: The calls that the check made.
            heard: What it has heard from tiers above, by their names.

        Raises:
            UnverifiedError: Escalation is off for this call.
            TiersFailedError: No tier above can take the request.
        """
        trail = _with_verdict(scene.state["trail"], verdict, side_calls)
        answers = sum(e["tier"] == tier.name and not e["error"] for e in trail["attempts"])
        if answers < self.policy.small_attempts:
            return {"route": tier.name, "trail": trail, "draft": None}
        if not scene.options.escalate:
            raise UnverifiedError(open_record(trail), scene.around.context.exceptions)
        up = self.policy.next_after(tier, scene.request, scene.options, tried(trail))
        if up is None:
            raise TiersFailedError(open_record(trail), scene.around.context.exceptions)
        if self.policy.escalate_with == "draft":
            return {"route": up.name, "trail": trail, "draft": scene.state.get("draft")}
        if up.name in heard:
            message, call = heard[up.name]
            place = next(i for i, each in enumerate(trail["side_calls"]) if each is call)
            trail = {**trail, "ready": {"tier": up.name, "call": place}}
            return {"route": up.name, "trail": trail, "draft": seal(message)}
        return {"route": up.name, "trail": trail, "draft": None}

    def heard_already(self, tier: Tier, scene: Scene) -> bool:
        """Whether a tier's answer is there, because the check of the last attempt has asked it."""
        return scene.state["trail"].get("ready", {}).get("tier") == tier.name

    def heard(self, tier: Tier, scene: Scene) -> Update:
        """A tier's answer that is there already: the call moves from the check to the tier."""
        trail = scene.state["trail"].copy()
        envelope, place = scene.state.get("draft"), trail.pop("ready")["call"]
        assert envelope is not None
        side_calls = list(trail["side_calls"])
        call = side_calls.pop(place)
        draft = unseal(envelope)
        model, price = tier.called(scene.request)
        entry = attempt_entry(
            tier=tier.name, model=model, price=price, seconds=call["seconds"], usage=call["usage"]
        )
        entry |= answering(tier, trail, self.policy.ladder).in_record
        entry |= tier.notes(scene.request) | {"asked_by": trail["attempts"][-1]["check"]}
        trail["attempts"] = [*trail["attempts"], entry]
        trail["side_calls"] = side_calls
        if self.policy.checks(tier, scene.options) is not None:
            return {"route": "verify", "trail": trail, "draft": envelope}
        if sink := scene.around.context.sink:
            for chunk in as_chunks(draft):
                sink.put(chunk)
        return self.answered(trail, as_message(draft))

    def answered(self, trail: Trail, message: AIMessage) -> Update:
        """The last attempt's answer is the request's: the record goes with it."""
        record = record_of(
            trail,
            answered=len(trail["attempts"]) - 1,
            frontier=self.policy.ladder[-1].rate,
            last=self.policy.ladder[-1].name,
            climbed=self._climbed(trail),
        )
        metadata = {**message.response_metadata, "router": record}
        answer = message.model_copy(update={"response_metadata": metadata})
        return {"messages": [answer], "route": END, "trail": trail, "draft": None}

    def _climbed(self, trail: Trail) -> int:
        """How many rungs the request has gone up, from the tier that was decided on to the one that
        answered; under 0 where it has gone down."""
        place = self.policy.ladder.position
        return place(trail["attempts"][-1]["tier"]) - place(trail["decision"]["tier"])


def _with_verdict(trail: Trail, verdict: Verdict, side_calls: list[dict[str, Any]]) -> Trail:
    attempts = trail["attempts"]
    return {
        **trail,
        "attempts": [*attempts[:-1], judged(attempts[-1], verdict)],
        "side_calls": [*trail["side_calls"], *side_calls],
    }
