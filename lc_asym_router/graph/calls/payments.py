"""Pay for a request's calls: reserve, call, settle, in every budget that applies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.deadline import CLOCK
from lc_asym_router._internal.fault_log import FaultLog
from lc_asym_router._internal.provider_errors import unbilled
from lc_asym_router._internal.run_config import (
    buffered,
    config_context,
    metadata_of,
    tags_of,
    with_handlers,
)
from lc_asym_router.errors import ConfigurationError, InvalidRequestError
from lc_asym_router.graph.calls.exhausted import BudgetExhausted, OnExhaustedCall
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.graph.calls.tier_call import CallResult, TierCall
from lc_asym_router.graph.calls.timing import limit_of, time_remaining
from lc_asym_router.graph.state import NodeRun
from lc_asym_router.money.budgets.amounts import (
    Amounts,
    Unit,
    by_output,
    in_unit,
    most_input_tokens,
    most_output_tokens,
    spent_of,
)
from lc_asym_router.money.budgets.budget import NONE, Budget, Exhausted, Scope, utc_now
from lc_asym_router.money.budgets.reservation import Reservation, added, charge_of
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.money.usage import believed, estimated_usage, from_cache
from lc_asym_router.records.trail import Labels, Trail, own_tags


class Payment:
    """The charge of a tier's call to the budgets.

    Attributes:
        result: How the call went, or as far as it went; where it is not set, all that was reserved is
            booked: a provider may bill a call that ended half-way.
    """

    def __init__(self, call: TierCall, most: Amounts | None = None, input_tokens: int = 0) -> None:
        self.result: CallResult | None = None
        self._call = call
        self._most = most
        self._input_tokens = input_tokens
        self._booked: Amounts | None = None

    def took(self) -> Amounts:
        """What to book, once the result is known; the same from then on."""
        if self._most is None or self.result is None:
            return self._most or {}
        if self._booked is None:
            self._booked = _took(self._most, self._call, self.result, self._input_tokens)
        return self._booked

    def charged(self, run: NodeRun) -> NodeRun:
        """The run with the charge in its trail."""
        if self._most is None:
            return run
        return run.with_update({"trail": charged_trail(run.state["trail"], self.took())})


@dataclass
class SideCalls:
    """The model calls of a classifier or a check.

    Attributes:
        config: The config to run it with: metered, under budget, and without listeners.
        calls: What was called, for the record.
        of_answer: The call that each answer came from, by the answer's id.
        started: When it began, in seconds since the epoch.
        budget: What reserves the calls, or `None`.
    """

    config: RunnableConfig
    calls: list[dict[str, Any]] = field(default_factory=list)
    of_answer: dict[str | None, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=lambda: CLOCK.get().now())
    budget: SideCallBudget | None = None

    def begin_with(self, others: SideCalls | None) -> None:
        """Take in calls that were made for the same check before; they are charged already."""
        if others is not None:
            self.calls.extend(others.calls)
            self.of_answer.update(others.of_answer)

    def charged(self, trail: Trail) -> Trail:
        """The trail with what the calls took in it."""
        return trail if self.budget is None else charged_trail(trail, self.budget.took)


@dataclass(frozen=True)
class Payments:
    """Pays for a router's calls from its budgets; without budgets, every call is admitted.

    Attributes:
        budgets: The budgets; the first that has no room decides what happens instead.
        price_of: The price of a side call's model by its name and its provider's.
        faults: What the budgets' `on_exhausted` have raised.
    """

    budgets: tuple[Budget, ...]
    price_of: Callable[[str, str], Pricing | None]
    faults: FaultLog

    def paying(
        self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]
    ) -> AbstractContextManager[Payment]:
        """Make a call of a tier in this block, if every budget has room for the most it can take.

        Args:
            call: The call.
            run: The node's run.
            messages: What the tier is sent.

        Raises:
            BudgetExhausted: A budget has no room.
            InvalidRequestError: The call takes away its limit on output tokens.
            ConfigurationError: The call is of a model without a known price.
        """
        return self._paying(call, run, messages) if self.budgets else nullcontext(Payment(call))

    @contextmanager
    def _paying(
        self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]
    ) -> Iterator[Payment]:
        reservation = self._reservation(call, run, messages)
        if refused := reservation.reserve(time_remaining(run.state["trail"])):
            raise BudgetExhausted(refused[1], self._exhausted(run).instead(*refused))
        payment = Payment(call, reservation.most, run.request.input_tokens)
        try:
            yield payment
        finally:
            reservation.settle(payment.took(), time_remaining(run.state["trail"]))

    def apaying(
        self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]
    ) -> AbstractAsyncContextManager[Payment]:
        """The async twin of `paying`."""
        return self._apaying(call, run, messages) if self.budgets else nullcontext(Payment(call))

    @asynccontextmanager
    async def _apaying(
        self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]
    ) -> AsyncIterator[Payment]:
        reservation = self._reservation(call, run, messages)
        if refused := await reservation.areserve(time_remaining(run.state["trail"])):
            raise BudgetExhausted(refused[1], await self._exhausted(run).ainstead(*refused))
        payment = Payment(call, reservation.most, run.request.input_tokens)
        try:
            yield payment
        finally:
            await reservation.asettle(payment.took(), time_remaining(run.state["trail"]))

    def side_calls(
        self, run: NodeRun, labels: Labels, metered: bool, seconds: float | None = None
    ) -> AbstractContextManager[SideCalls]:
        """Run a classifier or a check in this block.

        Args:
            run: The node's run.
            labels: What its calls are for.
            metered: Whether it may call a model; else nothing is metered or reserved.
            seconds: What the request's deadline leaves it, where no trail says so yet.
        """
        if not metered:
            return nullcontext(SideCalls(buffered(labels.on(run.around.config))))
        return self._metered(run, labels, seconds)

    @contextmanager
    def _metered(self, run: NodeRun, labels: Labels, seconds: float | None) -> Iterator[SideCalls]:
        calls, budget = self._side_calls(run, labels, seconds)
        with budget, config_context(calls.config):
            yield calls

    def async_side_calls(
        self, run: NodeRun, labels: Labels, metered: bool, seconds: float | None = None
    ) -> AbstractAsyncContextManager[SideCalls]:
        """The async twin of `side_calls`."""
        if not metered:
            return nullcontext(SideCalls(buffered(labels.on(run.around.config))))
        return self._ametered(run, labels, seconds)

    @asynccontextmanager
    async def _ametered(
        self, run: NodeRun, labels: Labels, seconds: float | None
    ) -> AsyncIterator[SideCalls]:
        calls, budget = self._side_calls(run, labels, seconds)
        async with budget:
            with config_context(calls.config):
                yield calls

    def _side_calls(
        self, run: NodeRun, labels: Labels, seconds: float | None
    ) -> tuple[SideCalls, SideCallBudget]:
        meter = CallMeter(labels.purpose, self.price_of)
        scope = scope_of(run) if self.budgets else Scope(NONE, (NONE,), utc_now())
        trail = run.state.get("trail")
        begun = {} if seconds is None else {"until": meter.started + seconds}
        budget = SideCallBudget(
            self.budgets,
            scope,
            _before(trail),
            self.price_of,
            lambda: time_remaining(trail or begun),
        )
        config = with_handlers(run.around.config, [meter, *budget.handlers], {})
        calls = SideCalls(
            config=buffered(labels.on(config)),
            calls=meter.calls,
            of_answer=meter.of_answer,
            started=meter.started,
            budget=budget if self.budgets else None,
        )
        return calls, budget

    def _exhausted(self, run: NodeRun) -> OnExhaustedCall:
        """What asks a budget's `on_exhausted`; a tier may still be asked after it."""
        remaining = time_remaining(run.state["trail"])
        return OnExhaustedCall(limit_of(None, remaining, others=True).seconds, self.faults)

    def _reservation(
        self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]
    ) -> Reservation:
        trail = run.state["trail"]
        return Reservation(
            id=f"{trail['id']}:{len(trail['attempts']) + 1}",
            budgets=self.budgets,
            scope=scope_of(run),
            most=self._most(call, run, messages),
            charged=_before(trail),
            tier=call.tier.name,
        )

    def _most(self, call: TierCall, run: NodeRun, messages: Sequence[BaseMessage]) -> Amounts:
        """The most that a call can take."""
        request = run.request
        most: dict[Unit, int] = {"calls": 1}
        paid = any(budget.usd is not None for budget in self.budgets)
        counted = any(budget.tokens is not None for budget in self.budgets)
        model, price = call.model, call.price
        if paid and price is None:
            raise ConfigurationError(
                f"The price of {model!r} is not known, and a budget in USD must know it: call the "
                "tier's own model, whose price is declared on its Tier."
            )
        if not counted and not paid:
            return most
        came = request.once(
            "most_input_tokens", lambda: most_input_tokens(request.messages, request)
        )
        if feedback := messages[len(request.messages) :]:
            came += most_input_tokens(feedback)
        went = most_output_tokens(call.tier.model, request)
        if went is None and not counted and price is not None and not by_output(price):
            went = 0
        if went is None:
            raise InvalidRequestError(
                f"This call takes away the limit on what the tier {call.tier.name!r} may say, and a "
                "budget must know it: give max_tokens (Ollama: num_predict) as a positive number of "
                "tokens, or leave it to the tier's model."
            )
        if counted:
            most["tokens"] = came + went
        if paid and price is not None:
            longest = max(budget.lease for budget in self.budgets)
            cost = price.most(came, went, longest)
            if cost is None:
                raise ConfigurationError(f"What a call of {model!r} costs at most is not known.")
            most["usd"] = spent_of("usd", cost)
        return most


def _took(most: Amounts, call: TierCall, result: CallResult, input_tokens: int) -> Amounts:
    """What a call took; where that is not known, the most that it can have.

    Of an answer that broke off, could not be read, was left or was ended by the router it is an
    estimate from what was received, as in the record; never more than was reserved.
    """
    usage = result.message.usage_metadata if result.message is not None else None
    cut = result.watch is not None and result.watch.cut
    left = result.received if result.begun else None  # nobody's fault: its reader has gone
    part = result.message if cut else result.broken_off or left
    if part is not None:
        usage = estimated_usage(part, input_tokens)
    if usage is not None:
        counted, believable = believed(usage)
        usage = counted if believable else None  # as if there were no counts
    failed = result.error is not None
    free = failed and not result.begun and unbilled(cast("Exception", result.error))
    cached = usage is not None and from_cache(usage)
    took: dict[Unit, int] = {"calls": 0 if cached else 1}
    if "tokens" in most:
        if free or cached:
            took["tokens"] = 0
        else:
            took["tokens"] = usage["total_tokens"] if usage else most["tokens"]
    if "usd" in most:
        failed = failed and part is None
        cost = cost_of_call(call.price, usage, result.seconds, failed=failed, unbilled=free)
        took["usd"] = most["usd"] if cost is None else spent_of("usd", cost)
    if part is not None:
        return {unit: min(amount, most.get(unit, amount)) for unit, amount in took.items()}
    return took


# what a request was charged, in its trail ---------------------------------------------------


def _before(trail: Trail | None) -> dict[Unit, int]:
    budget = (trail or cast("Trail", {})).get("budget") or {}
    return charge_of(budget.get("charged", {}), spent_of)


def charged_trail(trail: Trail, took: Amounts) -> Trail:
    """The trail with a charge added to what the request was charged, in USD, tokens and calls."""
    budget = trail.get("budget") or {"charged": {}, "exhausted": []}
    total = added(_before(trail), took)
    charged = {unit: in_unit(unit, amount) for unit, amount in total.items()}
    return {**trail, "budget": {**budget, "charged": charged}}


def marked_trail(trail: Trail, exhausted: Exhausted) -> Trail:
    """The trail with a used-up budget marked in it."""
    budget = trail.get("budget") or {"charged": {}, "exhausted": []}
    marks = [*budget["exhausted"], exhausted.to_dict()]
    return {**trail, "budget": {**budget, "exhausted": marks}}


def scope_of(run: NodeRun) -> Scope:
    """What a request counts under."""
    config = run.around.config
    thread = metadata_of(config).get("thread_id")
    if thread is None:
        thread = (config.get("configurable") or {}).get("thread_id")
    tags = tuple(own_tags(tags_of(config)))
    return Scope(NONE if thread is None else str(thread), tags or (NONE,), utc_now())
