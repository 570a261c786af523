"""Ask the last tier for an audit: within its breaker, a time limit, and the audits' own budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from langchain_core.messages import AIMessage

from lc_asym_router._internal.deadline import Threads, within
from lc_asym_router.audits.audit import Audit
from lc_asym_router.audits.comparison import PairJudge
from lc_asym_router.errors import ConfigurationError, QueueFullError
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import bind
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.faults.breaker import permitted
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.provider import check_end, no_answer
from lc_asym_router.tiers.tier import Tier

THREADS = Threads()
"""Apart from those of the requests' calls, so that audits that hang never use those up."""


class Meter(Protocol):
    """Counts an audit's calls, and admits them within the audits' own budget."""

    @property
    def calls(self) -> Sequence[dict[str, Any]]:
        """The calls so far, as in a record's side calls."""
        ...

    def active(
        self, budget: Budget | None, tags: Sequence[str], called: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """A block in which every model call of this thread is counted and admitted.

        Args:
            budget: The audits' own budget, or `None`.
            tags: The request's tags, for a budget per tag.
            called: Called after each of them, in its thread.
        """
        ...


class LowerTiers(Protocol):
    """What the rungs of a target would do with a request."""

    def tier(self, request: Request) -> tuple[Tier | None, int]:
        """The lower tier that it would be asked of, and the strictest rung that asks it."""
        ...

    def accepted(self, request: Request, name: str, message: AIMessage, rung: int) -> int:
        """The strictest rung up to one that would hand on a lower tier's answer; -1 for none."""
        ...


def judging(audit: Audit, ladder: Ladder) -> PairJudge | None:
    """The judge of a router's audits, or `None`.

    Raises:
        ConfigurationError: The last tier takes one call at a time, so an audit would hold up requests.
    """
    slots = ladder.last.guard.slots
    if slots is not None and slots.limit == 1:
        raise ConfigurationError(
            f"The tier {ladder.last.name!r} takes one call at a time (max_concurrency=1), so an audit "
            "would hold up requests. Allow it two, or leave audit= out."
        )
    return audit.judge_of(ladder.last.model)


def has_room(tier: Tier) -> bool:
    """Whether an audit may call a tier now: its breaker is closed, and after the call one of its slots
    is still free."""
    slots, breaker = tier.guard.slots, tier.breaker
    if slots is not None and (slots.waiting or slots.busy >= slots.limit - 1):
        return False
    return breaker is None or breaker.state != "open"


def ask_tier(tier: Tier, request: Request, seconds: float) -> AIMessage:
    """A tier's answer to an audited request.

    Where the tier has a limit on concurrent calls, one of them stays free for requests.

    Args:
        tier: The tier.
        request: What was asked.
        seconds: How long it may take.

    Raises:
        Exception: Whatever the call raises: there is nothing to compare with.
    """
    slots = tier.guard.slots
    if slots is not None:
        if not has_room(tier):
            raise QueueFullError(slots.limit, slots.waiting)
        slots.acquire(0.0)
    try:
        with permitted(tier.breaker):
            answer = _asked(tier, request, seconds)
    finally:
        if slots is not None:
            slots.release()
    if fault := no_answer(answer):
        raise fault
    return answer


def _asked(tier: Tier, request: Request, seconds: float) -> AIMessage:
    model = bind(tier.model, request) if request.binds else tier.model
    messages = list(fitted(request, tier.model, tier.description).messages)
    connections = Connections(seconds)

    def call() -> AIMessage:
        with connections.open(tier.model):
            return model.invoke(messages)

    answer = within(seconds, call, connections.close, threads=THREADS)
    check_end(answer, tier.provider)
    return answer
