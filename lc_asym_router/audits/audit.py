"""`Audit`: how much is audited, by whom it is judged, and what it may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from lc_asym_router.audits.compare import PairJudge
from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_core.decisions import BaseDecisionModel
    from langchain_core.language_models import BaseChatModel

    from lc_asym_router.money.budgets.budget import Budget

FRONTIER = "frontier"
"""The judge that is the last tier's own model."""


@dataclass(frozen=True)
class Audit:
    """How answers of lower tiers are audited: the last tier is asked besides, off the request's path.

    The first answers are all audited, then a share of them; kinds of answer that are rare, more often.
    The probability is in the record and in the estimate.

    Args:
        share: Share of the lower tiers' answers that is audited, over 0 and up to 1.
        first: How many answers are all audited before the share applies.
        confidence: Probability with which each bound holds at all times, over 0 and under 1.
        judge: Who compares free text and says which of two different answers is better: a chat model
            or a decision model, or "frontier" for the last tier's own model, which may favour its own
            answers. Without one, free text can't be compared, and nobody says which is worse.
        budget: What audits may spend, apart from the router's own budgets, such as
            `Budget(usd=1, per="day")`. While it is used up nothing is audited.
        url: The database of the counts, which processes share: a URL or the path of an SQLite file,
            perhaps the ledger's. Without one they are this process's own, in memory.
        queue: The most audits that wait; beyond that they are dropped, and counted.
        workers: How many audits are under way at once.
        timeout: Seconds that the last tier may take for an audit.
        close_seconds: Seconds that the end of the process, or `router.close_audits()`, waits for
            audits to end.
        tag_limit: The most tags that have counts of their own; the others count under "other".
        seed: Of the draws, for tests; by default nobody can foresee them.

    Raises:
        ConfigurationError: A setting makes no sense.

    Example:
        ```python
        router = AsymRouter(small=..., frontier=..., audit=Audit(share=0.02, judge="frontier"))
        router.invoke("What is the capital of France?")
        print(router.audits)
        ```
    """

    share: float = 0.02
    first: int = 300
    confidence: float = 0.95
    judge: BaseChatModel | BaseDecisionModel | Literal["frontier"] | None = field(
        default=None, repr=False
    )
    budget: Budget | None = None
    url: str | PathLike[str] | None = field(default=None, repr=False)
    queue: int = 100
    workers: int = 1
    timeout: float = 120.0
    close_seconds: float = 10.0
    tag_limit: int = 50
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("share", self.share), ("confidence", self.confidence)):
            low = _is_number(value) and value > 0
            if not low or value > 1 or (name == "confidence" and value == 1):
                raise ConfigurationError(
                    f"Audit({name}={value!r}) must be over 0 and "
                    + (
                        "at most 1: 0.02 audits two answers in a hundred."
                        if name == "share"
                        else "under 1: 0.95."
                    )
                )
        for name, count, least in (
            ("first", self.first, 0),
            ("queue", self.queue, 1),
            ("workers", self.workers, 1),
            ("tag_limit", self.tag_limit, 0),
        ):
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise ConfigurationError(
                    f"Audit({name}={count!r}) must be a whole number from {least} on."
                )
        for name, seconds in (("timeout", self.timeout), ("close_seconds", self.close_seconds)):
            if not _is_number(seconds) or seconds < 0 or (name == "timeout" and seconds == 0):
                raise ConfigurationError(
                    f"Audit({name}={seconds!r}) must be a number of seconds, over 0."
                )
        if self.judge is not None and self.judge != FRONTIER:
            PairJudge(self.judge)  # type: ignore[arg-type]
        from lc_asym_router.money.budgets.budget import Budget

        if self.budget is not None and not isinstance(self.budget, Budget):
            raise ConfigurationError(
                f'Audit(budget={type(self.budget).__name__}) takes a Budget(usd=1, per="day").'
            )

    def judge_of(self, frontier: BaseChatModel) -> PairJudge | None:
        """The judge, or `None`.

        Args:
            frontier: The last tier's model.
        """
        if self.judge is None:
            return None
        model: Any = frontier if self.judge == FRONTIER else self.judge
        return PairJudge(model)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
