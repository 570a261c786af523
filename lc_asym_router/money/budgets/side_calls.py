"""Reserve the model calls that a classifier or a check makes, in its own code or below."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from lc_asym_router.errors import BudgetExceededError
from lc_asym_router.money.budgets.amounts import (
    LIMITS,
    OVERHEAD,
    UNITS,
    Amounts,
    Unit,
    most_input_tokens,
    spent_of,
)
from lc_asym_router.money.budgets.budget import Budget, Scope
from lc_asym_router.money.budgets.reservation import Reservation, added
from lc_asym_router.money.prices import Pricing, known_cost
from lc_asym_router.money.usage import believed, from_cache

DEFAULT_OUTPUT = 4096
"""Output tokens that a side call is reserved at where neither its model nor a budget tells more."""


class SideCallBudget:
    """Callback handlers that admit the model calls of a classifier or a check only within the budgets.

    A refused call raises `BudgetExceededError` in its caller: a classifier falls back, a check
    fails. Used as a context manager: a call still running at the end is settled at all that was
    reserved.

    Args:
        budgets: The budgets; without any, every call is admitted.
        scope: What the request counts under.
        before: What the request was charged before.
        price_of: Returns the price of a model, by its name and its provider's.
        seconds: Returns how long the stores may take, in seconds: the time until the request's
            deadline; `None` for no limit.
    """

    def __init__(
        self,
        budgets: Sequence[Budget],
        scope: Scope,
        before: Amounts,
        price_of: Callable[[str, str], Pricing | None],
        seconds: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.budgets = budgets
        self.scope = scope
        self.before = before
        self.price_of = price_of
        self.seconds = seconds
        self._lock = threading.Lock()
        self._open: dict[UUID, tuple[Reservation, Pricing | None]] = {}
        self._took: dict[Unit, int] = {}
        units = {unit for unit in UNITS if any(b.limit(unit) is not None for b in budgets)}
        self._units = units
        limits = [b.max_output_tokens for b in budgets if b.max_output_tokens is not None]
        self._output = max(limits, default=DEFAULT_OUTPUT)

    @property
    def handlers(self) -> list[BaseCallbackHandler]:
        """The callback handlers for the config of the classifier or the check."""
        return [_Handler(self)] if self.budgets else []

    @property
    def took(self) -> Amounts:
        """What the calls took so far; those under way, at all that is reserved."""
        with self._lock:
            return added(self._took, *(reservation.most for reservation, _ in self._open.values()))

    # one call -------------------------------------------------------------------------------

    def opening(self, run_id: UUID, messages: Any, details: dict[str, Any]) -> Reservation:
        """What a call is to reserve. Noted here, so that calls side by side see one another."""
        metadata = details.get("metadata") or {}
        parameters = details.get("invocation_params") or {}
        price = self.price_of(
            str(metadata.get("ls_model_name") or "unknown"), str(metadata.get("ls_provider") or "")
        )
        came = sum(most_input_tokens(batch) for batch in messages)
        came += len(repr(parameters)) + OVERHEAD
        options = {**parameters, **(parameters.get("options") or {}), **metadata}
        named = (options.get(key) for key in (*LIMITS, "ls_max_tokens"))
        went = max((n for n in named if isinstance(n, int) and n > 0), default=self._output)
        most: dict[Unit, int] = {}
        if "calls" in self._units:
            most["calls"] = 1
        if "tokens" in self._units:
            most["tokens"] = came + went
        if "usd" in self._units and price is not None:
            cost = price.most(came, went, max(budget.lease for budget in self.budgets))
            most["usd"] = spent_of("usd", cost or 0.0)
        with self._lock:
            open_now = [reservation.most for reservation, _ in self._open.values()]
            charged = added(self.before, self._took, *open_now)
            reservation = Reservation(run_id.hex, self.budgets, self.scope, most, charged)
            self._open[run_id] = (reservation, price)
        return reservation

    def refused(self, run_id: UUID) -> None:
        """The call is not made."""
        with self._lock:
            self._open.pop(run_id, None)

    def closing(
        self, run_id: UUID, response: LLMResult | None
    ) -> tuple[Reservation, Amounts] | None:
        """What a finished call took; `None` where it was none of ours, or is booked already."""
        with self._lock:
            found = self._open.pop(run_id, None)
            if found is None:
                return None
            reservation, price = found
            took = _took(reservation.most, price, response)
            self._took = added(self._took, took)
        return reservation, took

    def _rest(self) -> list[tuple[Reservation, Amounts]]:
        closed = [self.closing(run_id, None) for run_id in list(self._open)]
        return [each for each in closed if each is not None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for reservation, took in self._rest():
            reservation.settle(took, self.seconds())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for reservation, took in self._rest():
            await reservation.asettle(took, self.seconds())


class _Handler(BaseCallbackHandler):
    """An async manager runs it in a thread, so that no event loop waits for a database."""

    raise_error = True  # what is raised here reaches whoever makes the call

    def __init__(self, budget: SideCallBudget) -> None:
        self.budget = budget

    def on_chat_model_start(
        self, serialized: Any, messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Reserve, or refuse."""
        reservation = self.budget.opening(run_id, messages, kwargs)
        if refused := reservation.reserve(self.budget.seconds()):
            self.budget.refused(run_id)
            raise BudgetExceededError(refused[1])

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Settle."""
        if closed := self.budget.closing(run_id, response):
            closed[0].settle(closed[1], self.budget.seconds())

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Settle at all that was reserved: what a failed call costs nobody knows."""
        if closed := self.budget.closing(run_id, None):
            closed[0].settle(closed[1], self.budget.seconds())


def _took(most: Amounts, price: Pricing | None, response: LLMResult | None) -> Amounts:
    generation = response.generations[0][0] if response and response.generations else None
    message = generation.message if isinstance(generation, ChatGeneration) else None
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    if usage is None:
        return most
    if from_cache(usage):
        return dict.fromkeys(most, 0)
    counted, believable = believed(usage)
    if not believable:
        return most
    took = dict(most)
    if "tokens" in most:
        took["tokens"] = counted["total_tokens"]
    cost = known_cost(price.of(counted)) if price is not None else None
    if "usd" in most and cost is not None:
        took["usd"] = spent_of("usd", cost)
    return took
