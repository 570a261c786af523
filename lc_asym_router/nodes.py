"""The nodes of the graph: small functions of state to update, each with its async twin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import END, TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from lc_asym_router.ambient import ambient
from lc_asym_router.binding import bind, resampled
from lc_asym_router.calls import Outcome, acall, call, held, labelled
from lc_asym_router.context import Surroundings
from lc_asym_router.deciding import Decider
from lc_asym_router.errors import (
    CheckError,
    ConfigurationError,
    TiersFailedError,
    UnverifiedError,
    describe_error,
)
from lc_asym_router.feedback import with_feedback
from lc_asym_router.meter import CallMeter
from lc_asym_router.money.prices import Price
from lc_asym_router.options import CallOptions
from lc_asym_router.request import Request
from lc_asym_router.state import (
    Attempt,
    Decision,
    RouterState,
    Trail,
    Verdict,
    attempt_entry,
    judged,
    open_record,
    record_of,
    seal,
    unseal,
)
from lc_asym_router.streaming import (
    Draft,
    ahand_on,
    as_chunks,
    as_message,
    hand_on,
    loud,
    metadata_of,
    tags_of,
)
from lc_asym_router.tiers import Ladder, Tier
from lc_asym_router.verify.check import Check

Update = dict[str, Any]


@dataclass(frozen=True)
class Policy:
    """What the nodes go by: the router's settings, resolved.

    Attributes:
        ladder: The tiers, cheapest first.
        decider: Makes decisions.
        check: Verifies the answers of every tier but the last; `None` for none.
        small_attempts: Tries on a tier below the last before it escalates.
        escalate_with: "request" sends the request as it was; "draft" sends the rejected answer and
            the reason along.
        prefix: Prefix of the keys in `config["configurable"]`.
    """

    ladder: Ladder
    decider: Decider
    check: Check | None
    small_attempts: int
    escalate_with: Literal["request", "draft"]
    prefix: str = ""

    def checks(self, tier: Tier, options: CallOptions) -> Check | None:
        """The check on a tier's answers in this call, or `None`."""
        return self.check if options.verify and tier is not self.ladder[-1] else None

    def above(self, tier: Tier, request: Request) -> Tier | None:
        """The next tier up that can take the request."""
        place = self.ladder.position(tier.name)
        return next((up for up in self.ladder[place + 1 :] if up.refuses(request) is None), None)

    def price_of(self, model: str) -> Price | None:
        """The price of a model by its name, where a tier declares it."""
        return next((t.price for t in self.ladder if t.model_name == model), None)

    @property
    def longest(self) -> int:
        """The greatest number of node runs in one request."""
        return 2 + 2 * self.small_attempts * len(self.ladder)


@dataclass(frozen=True)
class Nodes:
    """The nodes under one policy."""

    policy: Policy

    # classify -------------------------------------------------------------------------------

    def classify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Decide where the request goes."""
        around, request, options = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        metered = _metered(around.config, meter)
        with ambient(metered):
            decision = self.policy.decider.decide(request, options, metered)
        return _decided(decision, meter)

    async def aclassify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `classify`."""
        around, request, options = self._enter(state, config, runtime)
        meter = CallMeter("classify", self.policy.price_of)
        metered = _metered(around.config, meter)
        with ambient(metered):
            decision = await self.policy.decider.adecide(request, options, metered)
        return _decided(decision, meter)

    # a tier ---------------------------------------------------------------------------------

    def ask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """Ask a tier: live where its answer may pass at once, else held for `verify`."""
        around, request, options = self._enter(state, config, runtime)
        plan = self._plan(tier, state, around, request, options)
        outcome = call(tier, request, plan.messages, plan.config, **plan.how)
        return self._asked(tier, state, around, request, options, outcome)

    async def aask(
        self, tier: Tier, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `ask`."""
        around, request, options = self._enter(state, config, runtime)
        plan = self._plan(tier, state, around, request, options)
        outcome = await acall(tier, request, plan.messages, plan.config, **plan.how)
        return self._asked(tier, state, around, request, options, outcome)

    # verify ---------------------------------------------------------------------------------

    def verify(self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]) -> Update:
        """Check the draft: hand it on, or try again, or escalate."""
        around, request, options = self._enter(state, config, runtime)
        tier, draft, attempt, check = self._open(state, request)
        meter = CallMeter("verify", self.policy.price_of)
        with ambient(_metered(around.config, meter)):
            try:
                verdict = check(attempt)
            except Exception as error:
                verdict = _raised(error, check)
        if not verdict.passed:
            return self._rejected(tier, state, around, request, options, verdict, meter)
        for_whom = _for_whom(tier, around)
        hand_on(draft, request.messages, **for_whom)
        return self._accepted(state, around, attempt.message, draft, verdict, meter)

    async def averify(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> Update:
        """The async twin of `verify`."""
        around, request, options = self._enter(state, config, runtime)
        tier, draft, attempt, check = self._open(state, request)
        meter = CallMeter("verify", self.policy.price_of)
        with ambient(_metered(around.config, meter)):
            try:
                verdict = await check.acall(attempt)
            except Exception as error:
                verdict = _raised(error, check)
        if not verdict.passed:
            return self._rejected(tier, state, around, request, options, verdict, meter)
        await ahand_on(draft, request.messages, **_for_whom(tier, around))
        return self._accepted(state, around, attempt.message, draft, verdict, meter)

    # what both twins share ------------------------------------------------------------------

    def _enter(
        self, state: RouterState, config: RunnableConfig, runtime: Runtime[Any]
    ) -> tuple[Surroundings, Request, CallOptions]:
        around = Surroundings.of(config, runtime)
        options = CallOptions.of(config, self.policy.ladder, self.policy.prefix)
        request = around.context.request or Request().with_messages(state["messages"])
        return around, request, options

    def _plan(
        self,
        tier: Tier,
        state: RouterState,
        around: Surroundings,
        request: Request,
        options: CallOptions,
    ) -> _Plan:
        live = self.policy.checks(tier, options) is None
        number = len(state["trail"]["attempts"]) + 1
        sink = around.context.sink
        if live:
            # With listeners alone the model's own invoke streams to them, in their own protocol.
            stream = sink is not None
            config = loud(around.config, around.listeners, around.context.metadata)
            config = labelled(config, tier, number)
        else:
            stream = around.streams
            config = held(around.config, tier, number)
        return _Plan(
            self._messages(tier, state, request),
            config,
            {"stream": stream, "sink": sink, "live": live, "watched": bool(around.listeners)},
        )

    def _messages(self, tier: Tier, state: RouterState, request: Request) -> list[Any]:
        """The request's messages, with feedback on the attempt before where that is wanted."""
        messages = list(request.messages)
        attempts = state["trail"]["attempts"]
        if not attempts or not attempts[-1]["reason"]:
            return messages
        before = attempts[-1]
        if before["tier"] == tier.name:
            return with_feedback(messages, before["reason"])
        if self.policy.escalate_with == "draft" and (envelope := state.get("draft")):
            return with_feedback(messages, before["reason"], as_message(unseal(envelope)))
        return messages

    def _asked(
        self,
        tier: Tier,
        state: RouterState,
        around: Surroundings,
        request: Request,
        options: CallOptions,
        outcome: Outcome,
    ) -> Update:
        trail = state["trail"]
        message = as_message(outcome.draft) if outcome.draft is not None else None
        entry = attempt_entry(
            tier=tier.name,
            model=tier.model_name,
            price=tier.price,
            seconds=outcome.seconds,
            usage=message.usage_metadata if message else None,
            error=outcome.describe(tier),
            billed_unknown=outcome.begun,
        )
        trail = {**trail, "attempts": [*trail["attempts"], entry]}
        live = self.policy.checks(tier, options) is None
        if outcome.error is not None:
            around.context.exceptions.append(outcome.error)
            seen = live and outcome.begun and around.streams
            up = self.policy.above(tier, request) if options.escalate and not seen else None
            if up is None:
                raise TiersFailedError(open_record(trail), around.context.exceptions)
            return {"route": up.name, "trail": trail, "draft": None}
        assert message is not None
        if live:
            return self._answer(trail, message)
        return {"route": "verify", "trail": trail, "draft": seal(cast("Draft", outcome.draft))}

    def _open(self, state: RouterState, request: Request) -> tuple[Tier, Draft, Attempt, Check]:
        """The draft that waits for its verdict, and what a check is to see of it."""
        entry = state["trail"]["attempts"][-1]
        tier = self.policy.ladder.named(entry["tier"])
        envelope = state.get("draft")
        check = self.policy.check
        assert tier is not None
        assert envelope is not None
        assert check is not None
        draft = unseal(envelope)
        model = tier.model
        attempt = Attempt(
            tier=tier.name,
            model=tier.model_name,
            message=as_message(draft),
            request=request,
            usage=entry["usage"],
            seconds=entry["seconds"],
            again=lambda temperature, seed: bind(resampled(model, temperature, seed), request),
            price=tier.price,
            provider=tier.provider,
        )
        return tier, draft, attempt, check

    def _accepted(
        self,
        state: RouterState,
        around: Surroundings,
        message: AIMessage,
        draft: Draft,
        verdict: Verdict,
        meter: CallMeter,
    ) -> Update:
        if sink := around.context.sink:
            for chunk in as_chunks(draft):
                sink.put(chunk)
        return self._answer(_with_verdict(state["trail"], verdict, meter), message)

    def _rejected(
        self,
        tier: Tier,
        state: RouterState,
        around: Surroundings,
        request: Request,
        options: CallOptions,
        verdict: Verdict,
        meter: CallMeter,
    ) -> Update:
        trail = _with_verdict(state["trail"], verdict, meter)
        tried = sum(entry["tier"] == tier.name for entry in trail["attempts"])
        if tried < self.policy.small_attempts:
            return {"route": tier.name, "trail": trail, "draft": None}
        if not options.escalate:
            raise UnverifiedError(open_record(trail), around.context.exceptions)
        up = self.policy.above(tier, request)
        if up is None:
            raise TiersFailedError(open_record(trail), around.context.exceptions)
        keep = state.get("draft") if self.policy.escalate_with == "draft" else None
        return {"route": up.name, "trail": trail, "draft": keep}

    def _answer(self, trail: Trail, message: AIMessage) -> Update:
        record = record_of(
            trail,
            answered=len(trail["attempts"]) - 1,
            frontier=self.policy.ladder[-1].price,
            seconds=max(0.0, time.time() - trail["started"]),
        )
        metadata = {**message.response_metadata, "router": record}
        answer = message.model_copy(update={"response_metadata": metadata})
        return {"messages": [answer], "route": END, "trail": trail, "draft": None}


@dataclass(frozen=True)
class _Plan:
    """How a tier is to be called."""

    messages: list[Any]
    config: RunnableConfig
    how: dict[str, Any]


def follow(state: Mapping[str, Any]) -> str:
    """The next node, as the last one set it."""
    return str(state["route"])


def _decided(decision: Decision, meter: CallMeter) -> Update:
    trail: Trail = {
        "decision": decision.to_dict(),
        "attempts": [],
        "side_calls": meter.calls,
        "started": time.time(),
    }
    return {"route": decision.tier, "trail": trail, "draft": None}


def _metered(config: RunnableConfig, meter: CallMeter) -> RunnableConfig:
    """The config for a classifier or a check: metered, and heard by no listener."""
    counted = loud(config, [meter], {})
    return {**counted, "tags": [*(counted.get("tags") or ()), TAG_NOSTREAM]}


def _with_verdict(trail: Trail, verdict: Verdict, meter: CallMeter) -> Trail:
    attempts = trail["attempts"]
    return {
        **trail,
        "attempts": [*attempts[:-1], judged(attempts[-1], verdict)],
        "side_calls": [*trail["side_calls"], *meter.calls],
    }


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


def _for_whom(tier: Tier, around: Surroundings) -> dict[str, Any]:
    """Whom a held answer is handed to, and under which run and name."""
    callbacks = around.config.get("callbacks")
    return {
        "name": tier.model.get_name(),
        "handlers": around.listeners,
        "parent": getattr(callbacks, "parent_run_id", None),
        "metadata": {**metadata_of(around.config), **around.context.metadata},
        "tags": tags_of(around.config),
    }
