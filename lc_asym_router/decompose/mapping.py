"""The same small task over many items: bounded, kept as it goes, added up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

from lc_asym_router._internal.paths import AnyPath
from lc_asym_router.batch.run import Entry, Job, Run, message_of
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.trail import total
from lc_asym_router.router.router import AsymRouter


@dataclass(frozen=True)
class Mapped:
    """What came of each item, in order.

    Attributes:
        items: The items.
        answers: The answer to each, with its record; `None` where there is none.
        errors: Why there is none, else `None`.
    """

    items: tuple[str, ...]
    answers: tuple[AIMessage | None, ...]
    errors: tuple[str | None, ...]

    @property
    def texts(self) -> list[str | None]:
        """The answers' texts."""
        return [None if answer is None else str(answer.text) for answer in self.answers]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the items that were answered."""
        return [answer.response_metadata["router"] for answer in self.answers if answer is not None]

    @property
    def totals(self) -> dict[str, Any]:
        """Counts and sums over all items: items by tier, escalations, and money in USD.

        A sum is `None` as soon as one part is not known; what failed items cost is not known either.
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
    """The router as the run asks it: with the caller's config, and heard by the caller's counters."""

    def __init__(self, router: AsymRouter, config: RunnableConfig) -> None:
        self.configurable_prefix = router.configurable_prefix
        self._router, self._config, self._context = router, config, copy_context()

    def invoke(self, prompt: str, config: RunnableConfig) -> AIMessage:
        """Ask, in a thread that knows the caller's context variables."""
        asked = merge_configs(self._config, config)
        return self._context.copy().run(self._router.invoke, prompt, asked)

    async def ainvoke(self, prompt: str, config: RunnableConfig) -> AIMessage:
        """Ask."""
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
    """The run that asks the router for each item.

    Args:
        router: What is asked.
        instruction: What to do with an item.
        items: The items.
        config: For each of the requests.
        out: The file that answers are kept in, or `None`.
        concurrency: How many requests run at once.
        progress: Whether to show a bar; `None` shows it on a terminal.

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


def mapped(items: Sequence[str], entries: Mapping[str, Entry]) -> Mapped:
    """What came of each item, from the entries of its run."""
    found = [entries[str(place)] for place in range(len(items))]
    return Mapped(
        items=tuple(items),
        answers=tuple(None if e["message"] is None else message_of(e) for e in found),
        errors=tuple(e["error"] for e in found),
    )
