"""What happens instead of a call that a budget has no room for: its `on_exhausted` is asked."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage
from langgraph.errors import GraphBubbleUp

from lc_asym_router._internal.deadline import awithin, finished, off_loop, within
from lc_asym_router._internal.fault_log import FaultLog
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.budget import Budget, Exhausted

Instead = Literal["small", "error"] | AIMessage


class BudgetExhausted(Exception):
    """A call was not made, because a budget has no room for it.

    Attributes:
        exhausted: The budget and its amounts.
        instead: The result of its `on_exhausted`: "small", "error", or an answer.
    """

    def __init__(self, exhausted: Exhausted, instead: Instead) -> None:
        super().__init__("a budget is used up")
        self.exhausted = exhausted
        self.instead = instead


@dataclass(frozen=True)
class OnExhaustedCall:
    """A call of a budget's `on_exhausted`, which is the user's own code where it is a callable.

    Where that raises or is late, it is logged and taken for "small": the budget holds for the small
    tier too, so nothing is spent that it has no room for.

    Attributes:
        seconds: How long it may take; `None` for no limit.
        faults: Where it is said what it raised.
    """

    seconds: float | None
    faults: FaultLog

    def instead(self, budget: Budget, exhausted: Exhausted) -> Instead:
        """Ask it.

        Raises:
            GraphBubbleUp: An interrupt passes through.
            ConfigurationError: It returns nothing that can be done.
        """
        given = budget.on_exhausted
        if not callable(given):
            return given

        def call() -> Any:
            wanted = given(exhausted)
            return finished(wanted) if inspect.isawaitable(wanted) else wanted

        try:
            return _instead(within(self.seconds, call))
        except (GraphBubbleUp, ConfigurationError):
            raise
        except Exception as error:  # whatever it raises
            return self._failed(budget, error)

    async def ainstead(self, budget: Budget, exhausted: Exhausted) -> Instead:
        """The async twin of `instead`; what is not async runs beside the event loop."""
        given = budget.on_exhausted
        if not callable(given):
            return given

        async def call() -> Any:
            if inspect.iscoroutinefunction(given):
                return await given(exhausted)
            wanted = await off_loop(lambda: given(exhausted))
            return await wanted if inspect.isawaitable(wanted) else wanted

        try:
            return _instead(await awithin(self.seconds, call))
        except (GraphBubbleUp, ConfigurationError):
            raise
        except Exception as error:  # likewise
            return self._failed(budget, error)

    def _failed(self, budget: Budget, error: Exception) -> Instead:
        self.faults.note(f"The on_exhausted of the budget {budget.name!r}", error)
        return "small"


def _instead(wanted: Any) -> Instead:
    if isinstance(wanted, str) and wanted not in ("small", "error"):
        return AIMessage(wanted)
    if isinstance(wanted, AIMessage) or wanted in ("small", "error"):
        return cast("Instead", wanted)
    raise ConfigurationError(
        f"Budget(on_exhausted=...) returned a {type(wanted).__name__}; return 'small', 'error', or an "
        "answer: a text or an AIMessage."
    )
