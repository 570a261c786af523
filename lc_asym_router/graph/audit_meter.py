"""Count and admit the calls of an audit, as the side calls of a request are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.run_config import config_context
from lc_asym_router.graph.calls.meter import CallMeter
from lc_asym_router.money.budgets.budget import NONE, Budget, Scope, utc_now
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.trail import Labels


class AuditMeter:
    """Counts the calls of one audit, and admits them within the audits' own budget.

    Args:
        price_of: The price of a model by its name and its provider's.
        labels: What the calls are for.
    """

    def __init__(self, price_of: Callable[[str, str], Pricing | None], labels: Labels) -> None:
        self._meter = CallMeter(labels.purpose, price_of)
        self._price_of = price_of
        self._labels = labels

    @property
    def calls(self) -> Sequence[dict[str, Any]]:
        """The calls so far, as in a record's side calls."""
        return self._meter.calls

    @contextmanager
    def active(
        self, budget: Budget | None, tags: Sequence[str], called: Callable[[], None]
    ) -> Iterator[None]:
        """A block in which every model call of this thread is counted and admitted.

        Args:
            budget: The audits' own budget, or `None`.
            tags: The request's tags, for a budget per tag.
            called: Called after each of them, in its thread.
        """
        self._meter.called = called
        scope = Scope(NONE, tuple(tags) or (NONE,), utc_now())
        budgets = () if budget is None else (budget,)
        with SideCallBudget(budgets, scope, {}, self._price_of) as admitted:
            config: RunnableConfig = {"callbacks": [self._meter, *admitted.handlers]}
            with config_context(self._labels.on(config)):
                yield
