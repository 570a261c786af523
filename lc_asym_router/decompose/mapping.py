"""Run the same small task on many items: concurrently, journaled, with totals."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.jobs import Job, JournalEntry, Run, entry_message
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.trail import total
from lc_asym_router.router.router import AsymRouter


@dataclass(frozen=True)
class Mapped:
    """The results of `Decomposer.map`, in the items' order.

    Attributes:
        items: The items.
        answers: The answer to each item, with its record; `None` where there is none.
        errors: For each item why there is no answer, or `None`.
    """

    items: tuple[str, ...]
    answers: tuple[AIMessage | None, ...]
    errors: tuple[str | None, ...]

    @property
    def texts(self) -> list[str | None]:
        """The answers' texts; `None` where there is no answer."""
        return [None if answer is None else str(answer.text) for answer in self.answers]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the items that were answered."""
        return [answer.response_metadata["router"] for answer in self.answers if answer is not None]

    @property
    def totals(self) -> dict[str, Any]:
        """Return counts and sums over all items: items by tier, escalations, and amounts in USD.

        A sum is `None` if any part of it is unknown; the cost of failed items is unknown too.
        """
        records = self.records
        whole = len(records) == len(self.items)
        tiers = [record["tier"] for record in records]
        money = ("cost_usd", "frontier_cost_usd", "saved_usd")
        return {
            "items": len(self.items),
            "answered": len(records),
            "failed": len(self.items) - len(records),
            "by_tier": {tier: tiers.count(tier) for tier in dict.fromkeys(tiers)},
            "escalated": sum(bool(record["escalated"]) for record in records),
            **{key: total(r[key] for r in records) if whole else None for key in money},
        }


class _Asked:
    """The router with the caller's config, run in the caller's context variables.

    LangChain's usage counters find themselves by context variables, so they count these calls too.
    """

    def __init__(self, router: AsymRouter, config: RunnableConfig) -> None:
        self.configurable_prefix = router.configurable_prefix
        self._router, self._config, self._context = router, config, copy_context()

    def invoke(self, prompt: str, config: RunnableConfig) -> AIMessage:
        """Call the router, in a thread with a copy of the caller's context variables."""
        asked = merge_configs(self._config, config)
        return self._context.copy().run(self._router.invoke, prompt, asked)

    async def ainvoke(self, prompt: str, config: RunnableConfig) -> AIMessage:
        """Call the router."""
        return await self._router.ainvoke(prompt, merge_configs(self._config, config))


def map_run(
    router: AsymRouter,
    instruction: str,
    items: Sequence[str],
    config: RunnableConfig,
    out: AnyPath | None,
    concurrency: int,
    progress: bool | None,
) -> Run:
    """Build the run that asks the router for each item.

    Args:
        router: The router.
        instruction: What to do with each item.
        items: The items.
        config: The config of each request.
        out: The journal file that answers are written to, or `None`.
        concurrency: How many requests run concurrently.
        progress: Whether to show a progress bar; `None` shows it on a terminal.

    Raises:
        ConfigurationError: There is no instruction, or no list of items.
    """
    if not instruction.strip() or isinstance(items, str):
        raise ConfigurationError(
            "map() takes an instruction that is not empty and a list of items."
        )
    described = repr((instruction, list(items), router)).encode()
    maker = f"map {hashlib.sha256(described).hexdigest()[:16]}"
    asked = cast("AsymRouter", _Asked(router, config))
    jobs = [
        Job(str(place), "\n\n".join(part for part in (instruction, item) if part))
        for place, item in enumerate(items)
    ]
    return Run(asked, jobs, None, maker, out, concurrency, progress)


def mapped(items: Sequence[str], entries: Mapping[str, JournalEntry]) -> Mapped:
    """Collect the results of the items from the entries of the run."""
    found = [entries[str(place)] for place in range(len(items))]
    return Mapped(
        items=tuple(items),
        answers=tuple(None if e["message"] is None else entry_message(e) for e in found),
        errors=tuple(e["error"] for e in found),
    )
