"""Count the model calls that classifiers, checks and audits make, in their own code or below."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.decisions import ClassifierResponse
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.deadline import now
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router._internal.run_config import config_context
from lc_asym_router.money.budgets.budget import NONE, Budget, Scope, utc_now
from lc_asym_router.money.budgets.side_calls import SideCallBudget
from lc_asym_router.money.prices import Pricing, cost_of_call
from lc_asym_router.money.usage import believed, from_cache
from lc_asym_router.records.trail import Labels


class CallMeter(BaseCallbackHandler):
    """Callback handler that records each model call below a run, once: model, tokens, cost, seconds.

    It is on the config of a classifier or a check, so that calls made anywhere inside are counted: a
    judge's, an agreement sample's, or those of a user's own callable. A decision model that is no
    chat model inside is counted by the usage of its response.

    Args:
        purpose: What the calls are for: "classify", "verify" or "audit".
        price_of: The price of a model by its name and its provider's, or `None` where it is not
            known.
    """

    run_inline = True

    def __init__(self, purpose: str, price_of: Callable[[str, str], Pricing | None]) -> None:
        self.purpose = purpose
        self.started = now()
        self.calls: list[dict[str, Any]] = []
        self.of_answer: dict[str | None, dict[str, Any]] = {}
        """The call that each answer came from, by the answer's id."""
        self.called: Callable[[], None] | None = None
        """What is called after each call, if anything."""
        self._price_of = price_of
        self._open: dict[UUID, tuple[str, str, float]] = {}
        self._parents: dict[UUID, UUID | None] = {}
        self._counted: set[UUID | None] = set()
        self._lock = threading.Lock()

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Remember whose child a run is."""
        self._start(run_id, parent_run_id, metadata)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Start the clock of a model call."""
        self._start(run_id, parent_run_id, metadata)

    def _start(self, run_id: UUID, parent: UUID | None, metadata: dict[str, Any] | None) -> None:
        name = str((metadata or {}).get("ls_model_name") or "unknown")
        provider = str((metadata or {}).get("ls_provider") or "")
        with self._lock:
            self._open[run_id] = (name, provider, time.perf_counter())
            self._parents[run_id] = parent

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Note a finished model call."""
        generation = response.generations[0][0] if response.generations else None
        message = generation.message if isinstance(generation, ChatGeneration) else None
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        self._note(run_id, usage, answer=message.id if message else None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note a failed model call; what it cost nobody knows."""
        self._note(run_id, None, error=describe_error(error))

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note a decision model's call, where no chat model inside has been noted for it."""
        if not isinstance(outputs, ClassifierResponse) or outputs.usage is None:
            return
        with self._lock:
            inside = run_id in self._counted
        if not inside:
            self._note(run_id, outputs.usage, model=outputs.model)

    def _note(
        self,
        run_id: UUID,
        usage: UsageMetadata | None,
        *,
        model: str | None = None,
        error: str | None = None,
        answer: str | None = None,
    ) -> None:
        ended = time.perf_counter()
        counted, believable = believed(usage) if usage else (None, True)
        with self._lock:
            name, provider, started = self._open.pop(run_id, ("unknown", "", ended))
            parent = self._parents.get(run_id)
            while parent is not None and parent not in self._counted:
                self._counted.add(parent)
                parent = self._parents.get(parent)
            price, seconds = self._price_of(model or name, provider), ended - started
            call = {
                "purpose": self.purpose,
                "model": model or name,
                "usage": counted,
                "cost_usd": cost_of_call(price, counted, seconds, failed=bool(error)),
                "seconds": seconds,
                "error": error,
                "cached": bool(usage and from_cache(usage)),
                **({} if believable else {"usage_doubtful": True}),
            }
            self.calls.append(call)
            self.of_answer[answer] = call
        if self.called is not None:
            self.called()


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
