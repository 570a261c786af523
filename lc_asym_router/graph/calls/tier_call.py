"""One call of one tier: its settings, fixed before the call, and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.chunks import Draft, as_message
from lc_asym_router._internal.frames import framed, mark_of
from lc_asym_router._internal.provider_errors import describe_error, error_head, unbilled
from lc_asym_router._internal.run_config import buffered, with_handlers, with_input_hidden
from lc_asym_router.errors import AttemptTimeoutError, CircuitOpenError, QueueFullError
from lc_asym_router.graph.calls.early_stop import Watch
from lc_asym_router.graph.calls.tiers_above import AskableTiers
from lc_asym_router.graph.calls.timing import NO_LIMIT, Limit, limit_of, time_remaining
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import Kept, NodeRun, unseal
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.request import Request, has_content
from lc_asym_router.records.trail import Labels, Trail, Why
from lc_asym_router.tiers.binding import bind_again
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.faults.breaker import BRIEF, ENOUGH, CallerId, Permit, at_fault
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.faults.error_kinds import indicates_outage
from lc_asym_router.tiers.provider import reads_cache, secrets_of
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Attempt, Prefix
from lc_asym_router.verify.check import Check

NOT_ADMITTED = (AttemptTimeoutError, CircuitOpenError, QueueFullError)
"""Why a tier is not called at all."""
UNDER_WAY = "under way"
"""The error of an attempt that a hedge runs beside, while it runs."""


@dataclass(frozen=True)
class TierCall:
    """One call of a tier in a request, with the settings that are fixed before it is made.

    Attributes:
        tier: The tier.
        model: Name of the model that is called: another one where the call says `model=`.
        price: The price of the call, or `None` where it is unknown.
        provider: The model's provider, as LangSmith names it.
        check: The check on its answer; `None` where the answer is returned unchecked.
        labels: Why it is made.
        last_resort: Whether no other tier can be asked.
        ends_early: Whether the check may end a streamed answer early.
        streams_alike: Whether a streamed answer equals an invoked one.
        repairs: Whether tool calls that the answer has as text become real tool calls.
    """

    tier: Tier
    model: str
    price: Pricing | None
    provider: str
    check: Check | None
    labels: Labels
    last_resort: bool
    ends_early: bool
    streams_alike: bool
    repairs: bool = True

    @classmethod
    def of(cls, policy: Policy, tier: Tier, run: NodeRun) -> TierCall:
        """Fix the settings of a tier's next call.

        Args:
            policy: The router's settings.
            tier: The tier.
            run: The node's run.
        """
        setup, request, options = policy.setups[tier.name], run.request, run.options
        trail = run.state["trail"]
        asked = {tier.name, *(tried(trail) if trail["attempts"] else ())}
        model, price = policy.called(tier, request)
        check = setup.check if options.verify and not setup.last else None
        return cls(
            tier=tier,
            model=model,
            price=price,
            provider=setup.provider,
            check=check,
            labels=labels_of(policy, tier, trail),
            last_resort=policy.next_after(tier, request, options, asked) is None,
            ends_early=check is not None and setup.ends_early and setup.streams_alike,
            streams_alike=setup.streams_alike,
            repairs=policy.repair_tool_calls,
        )

    def limit(self, run: NodeRun, own: float | None = None) -> Limit:
        """The time for a step of the call: waiting, the call itself, or the check of its answer.

        Args:
            run: The node's run.
            own: The step's own limit in seconds, or `None`.
        """
        if own is None and "until" not in run.state["trail"]:
            return NO_LIMIT
        return limit_of(own, time_remaining(run.state["trail"]), others=not self.last_resort)

    def invocation(self, run: NodeRun, policy: Policy) -> Invocation:
        """How the call is made, once the tier lets it in."""
        around, context = run.around, run.around.context
        sink, race, listeners = context.sink, context.race, list(around.listeners)
        messages: Sequence[BaseMessage] = run.request.messages
        if run.state["trail"]["attempts"]:
            messages = _messages(self.tier, run, policy)
        watch = None
        if self.check is None:
            # With listeners alone the model's own invoke streams to them, in their own protocol.
            stream = sink is not None and (
                race is None or race.streams or self._streams_like_invoke()
            )
            if len(messages) > len(run.request.messages):  # feedback, and the draft with it
                listeners = [with_input_hidden(each, run.request.messages) for each in listeners]
            config = self.labels.on(with_handlers(around.config, listeners, context.metadata))
        else:
            # Of short answers little is left to end, and a stream takes far more processor time.
            lengths = self.tier.guard.lengths
            brief = len(lengths) == ENOUGH and max(lengths) <= BRIEF
            whole = brief and race is None and not around.streams
            if self.ends_early and not whole and self._streams_like_invoke():
                watch = Watch(self.check, Prefix(run.request, self.provider), self.tier)
            # Nobody gets it yet, so it need not come as a stream, which passes the cache by.
            stream = watch is not None
            if not stream and around.streams:
                stream = not reads_cache(self.tier.model)
            if not stream and race is not None:
                stream = self._streams_like_invoke()
            config = buffered(self.labels.on(around.config))
        return Invocation(
            messages=messages,
            config=config,
            stream=stream,
            live=self.check is None,
            listened=self.check is None and bool(listeners),
            sink=sink,
            watch=watch,
            limit=self.limit(run, self.tier.timeout),
            connections=race.connections if race else None,
            sealed=context.sealed,
        )

    def _streams_like_invoke(self) -> bool:
        """Whether a streamed answer is just like an invoked one: no stream comes from a cache."""
        return self.streams_alike and not reads_cache(self.tier.model)

    def report(self, permit: Permit, result: CallResult, caller: CallerId) -> None:
        """Report to the tier's breaker how the call went, unless the request alone was at fault."""
        if result.error is None:
            self.tier.guard.seconds.append(result.seconds)
            permit.settle(True)
        else:
            down = indicates_outage(result.error)
            why = result.describe(self.tier) or ""
            permit.settle(False if down else None, why, at_fault(result.error, caller))


@dataclass(frozen=True)
class Invocation:
    """How a model is called.

    Attributes:
        messages: The request's messages, and feedback behind them where there is any.
        config: The config of its run.
        stream: Whether to receive the answer as chunks.
        live: Whether its chunks are passed on at once; else only after a check has passed.
        listened: Whether the config has listening handlers.
        sink: The sink of a stream, or `None`; the call stops when it is closed.
        watch: Ends a buffered answer once it can no longer pass its check, or `None`.
        limit: The call's time limit.
        connections: The connections to close to end the call from another thread, or `None`.
        sealed: Whether the draft is sealed for its check.
    """

    messages: Sequence[BaseMessage]
    config: RunnableConfig
    stream: bool
    live: bool
    listened: bool = False
    sink: Sink | None = None
    watch: Watch | None = None
    limit: Limit = NO_LIMIT
    connections: Connections | None = None
    sealed: bool = True


@dataclass(frozen=True)
class CallResult:
    """The result of a tier's call.

    Attributes:
        draft: What the model made: the chunks in which it came, or a whole message; `None` where it
            failed.
        seconds: How long it took.
        error: What it raised, or `None`.
        begun: Whether a part of the answer has come in a stream, which listeners may have seen.
        received: What had come of its answer when it failed, or `None`.
        watch: What watched it, if anything did: it may have failed the answer already.
        waiting: Chunks of a live answer that nobody has seen yet, because all of them are empty.
        repaired: Whether tool calls that it wrote as text were made real ones.
        envelope: The draft as the state keeps it for its check; `None` where nothing checks it.
    """

    draft: Draft | None
    seconds: float
    error: Exception | None = None
    begun: bool = False
    received: AIMessage | None = None
    watch: Watch | None = None
    waiting: tuple[AIMessageChunk, ...] = ()
    repaired: bool = False
    envelope: Kept | None = None

    @cached_property
    def message(self) -> AIMessage | None:
        """The draft as one message, or `None`."""
        draft = self.draft
        if draft is None or type(draft) is AIMessage:
            return draft
        return as_message(draft)

    @property
    def broken_off(self) -> AIMessage | None:
        """What had come of an answer that failed, for an estimate of its usage; `None` for nothing."""
        part = self.received
        if self.error is None or part is None:
            return None
        if self.begun:
            return part
        nothing = not (has_content(part) or part.tool_calls or part.usage_metadata)
        return None if nothing or unbilled(self.error) else part

    def describe(self, tier: Tier, request: Request | None = None) -> str | None:
        """The error in one line.

        Args:
            tier: Whose call it was.
            request: What was asked, so that the server's message can be given without it; `None`
                to give no message.
        """
        if self.error is None:
            return None
        texts = None if request is None else request.texts
        if texts is not None and self.received is not None:
            texts = [*texts, str(self.received.text)]  # nor what nobody may see of it
        return describe_error(
            self.error, model=tier.model_name, texts=texts, secrets=secrets_of(tier.model)
        )


@dataclass(frozen=True)
class DraftCheck:
    """A draft that is to be checked.

    Attributes:
        tier: The tier that made it.
        draft: The draft.
        attempt: The check's view of it.
        check: The check.
        makes_calls: Whether the check may call a model.
        labels: The labels of the check's calls.
        policy: The router's settings.
    """

    tier: Tier
    draft: Draft
    attempt: Attempt
    check: Check
    makes_calls: bool
    labels: Labels
    policy: Policy

    @classmethod
    def of(cls, policy: Policy, run: NodeRun) -> DraftCheck:
        """Open the draft in the state."""
        attempts, envelope = run.state["trail"]["attempts"], run.state.get("draft")
        entry = attempts[-1]
        setup = policy.setups[entry["tier"]]
        tier = setup.tier
        assert envelope is not None
        assert setup.check is not None
        draft, request, model = unseal(envelope), run.request, tier.model
        asked = fitted(request, model, tier.description)

        def remaining() -> float | None:
            return time_remaining(run.state["trail"])

        attempt = Attempt(
            tier=tier.name,
            model=entry["model"],
            message=draft if type(draft) is AIMessage else as_message(draft),
            request=asked,
            usage=entry["usage"],
            seconds=entry["seconds"],
            again=lambda temperature, seed: bind_again(model, asked, temperature, seed),
            price=policy.called(tier, request)[1],
            provider=setup.provider,
            tiers_above=AskableTiers(policy.ladder, request, remaining, policy.repair_tool_calls),
            repairs=policy.repair_tool_calls,
        )
        labels = Labels("verify", "verify", setup.check.name, tier.name, len(attempts))
        # A schema's own validators may call anything.
        makes_calls = bool(setup.makes_calls or request.tools or request.schema)
        return cls(tier, draft, attempt, setup.check, makes_calls, labels, policy)

    def limit(self, run: NodeRun) -> Limit:
        """The time for the check."""
        if "until" not in run.state["trail"]:
            return NO_LIMIT
        return TierCall.of(self.policy, self.tier, run).limit(run)


# why it is made ------------------------------------------------------------------------------


def labels_of(policy: Policy, tier: Tier, trail: Trail) -> Labels:
    """The labels of the next call of a tier."""
    attempts = trail["attempts"]
    number = len(attempts) + 1
    if not attempts:
        decision = trail["decision"]
        if decision["tier"] == tier.name:
            return Labels("answer", "decided", decision["classifier"], tier.name, number)
        return Labels("answer", "degraded", "budget", tier.name, number)
    before = attempts[-1]
    if before["error"] == UNDER_WAY:
        return Labels("answer", "hedged", "late", tier.name, number)
    step = policy.setups[tier.name].position - policy.setups[before["tier"]].position
    why: Why = "escalated" if step > 0 else "degraded" if step < 0 else "fell_back"
    if tier.name == before["tier"]:
        why = "retried"
    return Labels("answer", why, _cause(before), tier.name, number)


def _cause(attempt: Mapping[str, Any]) -> str:
    if attempt["error"]:
        return error_head(attempt["error"])
    return attempt["check"] or "budget"


def tried(trail: Trail) -> set[Any]:
    """Names of the tiers that were asked in a request."""
    return {entry["tier"] for entry in trail["attempts"]}


# what it is sent -----------------------------------------------------------------------------


def _messages(tier: Tier, run: NodeRun, policy: Policy) -> Sequence[BaseMessage]:
    """The request's messages, with feedback on the attempt before where that is wanted."""
    messages = run.request.messages
    attempts = run.state["trail"]["attempts"]
    # A draft that failed its check may have failed calls after it.
    answered = [each for each in attempts if not each["error"]]
    if not answered or not answered[-1]["reason"]:
        return messages
    before = answered[-1]
    if before["tier"] == tier.name:
        return with_feedback(messages, before["reason"])
    if policy.escalate_with == "draft" and (envelope := run.state.get("draft")):
        return with_feedback(messages, before["reason"], as_message(unseal(envelope)))
    return messages


def with_feedback(
    messages: Sequence[BaseMessage], reason: str, draft: AIMessage | None = None
) -> list[BaseMessage]:
    """The conversation, with a last word on why the answer before was rejected.

    It is one human message, so that no provider sees a dangling tool call or two answers in a row.

    Args:
        messages: The request's messages; they are not changed.
        reason: The failed verdict's reason.
        draft: The rejected answer, to be shown; `None` to give the reason alone.
    """
    feedback = "An earlier answer to this was rejected"
    if draft is not None:
        calls = [[call["name"], call["args"]] for call in draft.tool_calls]
        shown = draft.text + (f"\n{json.dumps(calls, default=str)}" if calls else "")
        shown = framed("rejected", shown, mark_of(shown))
        feedback = f"An earlier answer to this was:\n{shown}\nIt was rejected"
    return [
        *messages,
        HumanMessage(f"{feedback}: {reason}. Answer again, without mentioning the earlier answer."),
    ]
