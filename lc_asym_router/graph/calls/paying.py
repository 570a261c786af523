"""What pays for a request's calls: reserve, call, settle, in every budget that applies."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage

from lc_asym_router._internal.chunks import as_message
from lc_asym_router._internal.deadline import finished
from lc_asym_router._internal.provider_errors import unbilled
from lc_asym_router._internal.run_config import metadata_of, tags_of
from lc_asym_router.errors import ConfigurationError, InvalidRequestError
from lc_asym_router.graph.state import RouterState
from lc_asym_router.money.budgets.amounts import Amounts, Unit, in_unit, spent_of
from lc_asym_router.money.budgets.bounds import by_output, most_input_tokens, most_output_tokens
from lc_asym_router.money.budgets.budget import NONE, Budget, Scope
from lc_asym_router.money.budgets.exhausted import Exhausted
from lc_asym_router.money.budgets.periods import utc_now
from lc_asym_router.money.budgets.reservation import Reservation, added, charge_of
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.money.usage import believed, from_cache
from lc_asym_router.records.labels import own_tags
from lc_asym_router.records.trail import Trail
from lc_asym_router.tiers.faults.limits import left_of

if TYPE_CHECKING:
    from lc_asym_router.graph.calls.call import Outcome
    from lc_asym_router.graph.context import Scene
    from lc_asym_router.tiers.tier import Tier


Instead = Literal["small", "error"] | AIMessage


@dataclass(frozen=True)
class UsedUp:
    """A call was not made, for a budget has no room for it.

    Attributes:
        exhausted: Which budget, and how it stands.
        instead: What its `on_exhausted` wants: "small", "error", or an answer.
    """

    exhausted: Exhausted
    instead: Instead


@dataclass(frozen=True)
class Purse:
    """The budgets of a router. Without any it pays for everything.

    Attributes:
        budgets: The budgets; the first that has no room decides what happens instead.
        price_of: The price of a side call's model by its name and its provider's.
    """

    budgets: tuple[Budget, ...]
    price_of: Callable[[str, str], Pricing | None]

    def pay(
        self,
        tier: Tier,
        scene: Scene,
        messages: Sequence[BaseMessage],
        make: Callable[[], Outcome],
    ) -> tuple[Scene, Outcome] | UsedUp:
        """Make a call of a tier if every budget has room for the most that it can take.

        Args:
            tier: The tier.
            scene: What its node found.
            messages: What it is sent.
            make: Makes the call.

        Returns:
            The scene with the charge on its trail, and how the call went; or why it was not made.

        Raises:
            InvalidRequestError: The call takes away its limit on output tokens.
            ConfigurationError: The call is of a model without a known price.
        """
        if not self.budgets:
            return scene, make()
        reservation = self._reservation(tier, scene, messages)
        if refused := reservation.reserve(left_of(scene.state["trail"])):
            budget, exhausted = refused
            said = _asked(budget, exhausted)
            return UsedUp(exhausted, _instead(finished(said) if _waits(said) else said))
        took = reservation.most  # what is booked where the call is left: a provider may bill it
        try:
            outcome = make()
            took = _took(reservation.most, tier, scene, outcome)
        finally:
            reservation.settle(took, left_of(scene.state["trail"]))
        return _charged(scene, took), outcome

    async def apay(
        self,
        tier: Tier,
        scene: Scene,
        messages: Sequence[BaseMessage],
        make: Callable[[], Awaitable[Outcome]],
    ) -> tuple[Scene, Outcome] | UsedUp:
        """The async twin of `pay`."""
        if not self.budgets:
            return scene, await make()
        reservation = self._reservation(tier, scene, messages)
        if refused := await reservation.areserve(left_of(scene.state["trail"])):
            budget, exhausted = refused
            said = _asked(budget, exhausted)
            return UsedUp(exhausted, _instead(await said if _waits(said) else said))
        took = reservation.most
        try:
            outcome = await make()
            took = _took(reservation.most, tier, scene, outcome)
        finally:
            await reservation.asettle(took, left_of(scene.state["trail"]))
        return _charged(scene, took), outcome

    def side_calls(self, scene: Scene) -> SideCallBudget:
        """What reserves the calls that a classifier or a check makes."""
        if not self.budgets:
            return SideCallBudget((), Scope(NONE, (NONE,), utc_now()), {}, self.price_of)
        trail = scene.state.get("trail")
        return SideCallBudget(
            self.budgets,
            scope_of(scene),
            _before(trail),
            self.price_of,
            lambda: left_of(trail) if trail else None,
        )

    def _reservation(
        self, tier: Tier, scene: Scene, messages: Sequence[BaseMessage]
    ) -> Reservation:
        trail = scene.state["trail"]
        return Reservation(
            id=f"{trail['id']}:{len(trail['attempts']) + 1}",
            budgets=self.budgets,
            scope=scope_of(scene),
            most=self._most(tier, scene, messages),
            charged=_before(trail),
            tier=tier.name,
        )

    def _most(self, tier: Tier, scene: Scene, messages: Sequence[BaseMessage]) -> Amounts:
        """The most that a call can take."""
        request = scene.request
        most: dict[Unit, int] = {"calls": 1}
        paid = any(budget.usd is not None for budget in self.budgets)
        counted = any(budget.tokens is not None for budget in self.budgets)
        model, price = tier.called(request)
        if paid and price is None:
            raise ConfigurationError(
                f"The price of {model!r} is not known, and a budget in USD must know it: call the "
                "tier's own model, whose price is declared on its Tier."
            )
        if not counted and not paid:
            return most
        came = most_input_tokens(messages, request)
        went = most_output_tokens(tier.model, request)
        if went is None and not counted and price is not None and not by_output(price):
            went = 0
        if went is None:
            raise InvalidRequestError(
                f"This call takes away the limit on what the tier {tier.name!r} may say, and a "
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


def _took(most: Amounts, tier: Tier, scene: Scene, outcome: Outcome) -> Amounts:
    """What a call took; where that is not known, the most that it can have."""
    usage = as_message(outcome.draft).usage_metadata if outcome.draft is not None else None
    if outcome.watch is not None and outcome.watch.cut:
        usage = None  # the router ended it, so its counts are an estimate
    if usage is not None:
        counted, believable = believed(usage)
        usage = counted if believable else None  # as if there were no counts
    failed = outcome.error is not None
    free = failed and not outcome.begun and unbilled(cast("Exception", outcome.error))
    cached = usage is not None and from_cache(usage)
    took: dict[Unit, int] = {"calls": 0 if cached else 1}
    if "tokens" in most:
        if free or cached:
            took["tokens"] = 0
        else:
            took["tokens"] = usage["total_tokens"] if usage else most["tokens"]
    if "usd" in most:
        _, price = tier.called(scene.request)
        cost = cost_of_call(price, usage, outcome.seconds, failed=failed, unbilled=free)
        if outcome.watch is not None and outcome.watch.cut:
            cost = None
        took["usd"] = most["usd"] if cost is None else spent_of("usd", cost)
    return took


def _asked(budget: Budget, exhausted: Exhausted) -> Any:
    given = budget.on_exhausted
    return given(exhausted) if callable(given) else given


def _waits(said: Any) -> bool:
    return inspect.isawaitable(said)


def _instead(said: Any) -> Instead:
    if isinstance(said, str) and said not in ("small", "error"):
        return AIMessage(said)
    if said in ("small", "error") or isinstance(said, AIMessage):
        return cast("Instead", said)
    raise ConfigurationError(
        f"Budget(on_exhausted=...) returned a {type(said).__name__}; return 'small', 'error', or an "
        "answer: a text or an AIMessage."
    )


# the request's account in its trail ---------------------------------------------------------


def _before(trail: Trail | None) -> dict[Unit, int]:
    account = (trail or cast("Trail", {})).get("budget") or {}
    return charge_of(account.get("charged", {}), spent_of)


def charged_trail(trail: Trail, took: Amounts) -> Trail:
    """The trail with a charge added to its account, in USD, tokens and calls."""
    account = trail.get("budget") or {"charged": {}, "exhausted": []}
    total = added(_before(trail), took)
    charged = {unit: in_unit(unit, amount) for unit, amount in total.items()}
    return {**trail, "budget": {**account, "charged": charged}}


def marked_trail(trail: Trail, exhausted: Exhausted) -> Trail:
    """The trail with a used-up budget marked on its account."""
    account = trail.get("budget") or {"charged": {}, "exhausted": []}
    marks = [*account["exhausted"], exhausted.to_dict()]
    return {**trail, "budget": {**account, "exhausted": marks}}


def _charged(scene: Scene, took: Amounts) -> Scene:
    trail = charged_trail(scene.state["trail"], took)
    return replace(scene, state=cast("RouterState", {**scene.state, "trail": trail}))


def scope_of(scene: Scene) -> Scope:
    """What a request counts under."""
    config = scene.around.config
    thread = metadata_of(config).get("thread_id")
    if thread is None:
        thread = (config.get("configurable") or {}).get("thread_id")
    tags = tuple(own_tags(tags_of(config)))
    return Scope(NONE if thread is None else str(thread), tags or (NONE,), utc_now())
