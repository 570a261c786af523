"""`Shadow`: the frontier answers, and lower tiers are asked too, to measure them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Literal

from lc_asym_router.audits.audit import Audit, Rung

if TYPE_CHECKING:
    from langchain_core.decisions import BaseDecisionModel
    from langchain_core.language_models import BaseChatModel

    from lc_asym_router.money.budgets.budget import Budget


@dataclass(frozen=True)
class Shadow:
    """How lower tiers are measured before they answer anyone: the frontier answers every request, and
    a share of the requests is sent to the lower tiers too, outside of the request.

    Args:
        share: Share of the requests that the lower tiers are asked too, over 0 and up to 1.
        rungs: The settings to measure, as in `Audit(rungs=...)`.
        of: What is counted, answers that "differ" from the frontier's ("differs"), or those that are
            "worse", as the judge says.
        judge: As in `Audit`.
        budget: What it may spend, apart from the router's own budgets.
        confidence: As in `Audit`.
        url: As in `Audit`: `lc-asym-router report --shadow` reads it.
        queue: As in `Audit`.
        workers: As in `Audit`.
        timeout: Seconds that a lower tier may take.
        seed: Seed of the random draws, for tests.

    Raises:
        ConfigurationError: A setting is out of its range.

    Example:
        ```python
        router = AsymRouter(small=..., frontier=..., shadow=Shadow(share=0.1, url="costs.sqlite3"))
        router.invoke("What is the capital of France?")  # the frontier's answer
        print(router.target)
        ```
    """

    share: float = 0.1
    rungs: Sequence[Rung] | None = None
    of: Literal["worse", "differs"] = "differs"
    judge: BaseChatModel | BaseDecisionModel | Literal["frontier"] | None = field(
        default=None, repr=False
    )
    budget: Budget | None = None
    confidence: float = 0.95
    url: str | PathLike[str] | None = field(default=None, repr=False)
    queue: int = 100
    workers: int = 1
    timeout: float = 120.0
    seed: int | None = None

    def __post_init__(self) -> None:
        _ = self.audit

    @property
    def audit(self) -> Audit:
        """The same as settings of audits; its target is one of no consequence."""
        return Audit(
            share=self.share,
            first=0,
            confidence=self.confidence,
            judge=self.judge,
            budget=self.budget,
            url=self.url,
            queue=self.queue,
            workers=self.workers,
            timeout=self.timeout,
            seed=self.seed,
            target=0.05,
            of=self.of,
            rungs=self.rungs,
        )
