"""`Audit`: how much is audited, by whom it is judged, and what it may cost."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from lc_asym_router.audits.bound import audits_to_show
from lc_asym_router.audits.comparison import PairJudge
from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain_core.decisions import BaseDecisionModel
    from langchain_core.language_models import BaseChatModel

    from lc_asym_router.money.budgets.budget import Budget

AS_SET = "as set"
"""A rung's own check that is the router's."""
ALL = "all frontier"
"""The name of the last rung."""
LEAST_TARGET = 0.001
"""Under that not even thousands of audits without a loss show anything."""


@dataclass(frozen=True)
class Rung:
    """One rung of strictness: what decides and checks there in place of the router's own settings.

    Args:
        verify: What checks the lower tiers' answers, as in `AsymRouter(verify=...)`; by default what
            the router's own does.
        threshold: The classifier's threshold, or a calibration, as in `AsymRouter(threshold=...)`;
            `None` for the router's own.
        name: The rung's name, for records and logs; by default what it sets.

    Raises:
        ConfigurationError: The name is no text. Other invalid settings are reported by the router.

    Example:
        ```python
        Audit(target=0.05, rungs=[Rung(verify="form"), Rung(verify="vote"), Rung(threshold=0.3)])
        ```
    """

    verify: Any = AS_SET
    threshold: Any = None
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ConfigurationError(f"Rung(name={self.name!r}) must be a text, such as 'strict'.")

    @property
    def label(self) -> str:
        """Its name."""
        # Without the address of a function: processes that share the counts have one name for it.
        verify = re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(self.verify))
        parts = [] if self.verify is AS_SET else [f"verify={verify}"]
        if self.threshold is not None:
            number = isinstance(self.threshold, int | float)
            parts.append(f"threshold={self.threshold if number else 'calibrated'}")
        return (self.name or ", ".join(parts) or AS_SET)[:60]


FRONTIER = "frontier"
"""The judge that is the last tier's own model."""


@dataclass(frozen=True)
class Audit:
    """How answers of lower tiers are audited: the last tier is asked the same, outside of the request.

    The first answers are all audited, then a share of them; kinds of answer that are rare, more often.
    The probability is in the record and in the estimate.

    Args:
        share: Share of the lower tiers' answers that is audited, over 0 and up to 1.
        first: How many answers are all audited before the share applies; those of all processes that
            share the counts.
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
        timeout: Seconds that the last tier may take for an audit, and as many that the judge may.
        close_seconds: Seconds that the end of the process, or `router.close_audits()`, waits for
            audits to end.
        tag_limit: The most tags that have counts of their own; the others count under "other".
        seed: Seed of the random draws, for tests; by default they are unpredictable.
        target: The most losses that the router is to let through, as a share in [0.001, 1); it then
            moves between rungs of strictness so that this is kept. `None` to measure only.
        of: What counts as a loss: "worse" answers, as the judge says, or all that "differs". What can't
            be compared, or could not be audited, is a loss.
        over: Of what the target is a share: of all "requests", where what the last tier answers loses
            nothing, or of the answers of "small" tiers.
        rungs: The rungs, cheapest first, without "all frontier", which is always the last; by default
            the router's own settings, and the same with a second opinion.
        start: The rung to begin with, by its place from 0, where a calibration has shown that it keeps
            the target; `None` for "all frontier".

    Raises:
        ConfigurationError: A setting is out of its range, or of the wrong type.

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
    target: float | None = None
    of: Literal["worse", "differs"] = "worse"
    over: Literal["requests", "small"] = "requests"
    rungs: Sequence[Rung] | None = None
    start: int | None = None

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
            low = not _is_number(seconds) or seconds < 0 or (name == "timeout" and seconds == 0)
            if low or seconds > threading.TIMEOUT_MAX:
                bound = "over 0" if name == "timeout" else "from 0 on"
                raise ConfigurationError(
                    f"Audit({name}={seconds!r}) must be a number of seconds, {bound}: 60.0."
                )
        if self.url is not None and not isinstance(self.url, str | PathLike):
            raise ConfigurationError(
                f"Audit(url=...) is a {type(self.url).__name__}; give the URL of a database, or the "
                "path of an SQLite file."
            )
        if self.seed is not None and (
            isinstance(self.seed, bool) or not isinstance(self.seed, int)
        ):
            raise ConfigurationError(
                f"Audit(seed={self.seed!r}) must be a whole number, or None for draws that nobody can "
                "foresee."
            )
        self._check_target()
        if self.judge is not None and self.judge != FRONTIER:
            PairJudge(self.judge)  # type: ignore[arg-type]
        from lc_asym_router.money.budgets.budget import Budget

        if self.budget is not None and not isinstance(self.budget, Budget):
            raise ConfigurationError(
                f'Audit(budget={type(self.budget).__name__}) takes a Budget(usd=1, per="day").'
            )

    def _check_target(self) -> None:
        for name, value, known in (
            ("of", self.of, ("worse", "differs")),
            ("over", self.over, ("requests", "small")),
        ):
            if value not in known:
                raise ConfigurationError(
                    f"Audit({name}={value!r}) is none of {', '.join(map(repr, known))}."
                )
        if self.target is None:
            if self.rungs is not None or self.start is not None:
                raise ConfigurationError(
                    "Audit(rungs=..., start=...) are for a target: Audit(target=0.05, rungs=[...])."
                )
            return
        if not _is_number(self.target) or not 0 < self.target < 1:
            raise ConfigurationError(
                f"Audit(target={self.target!r}) must be over 0 and under 1: 0.05 lets at most five of "
                "a hundred requests be worse off than with the frontier alone."
            )
        if self.target < LEAST_TARGET:
            needed = audits_to_show(self.target, 0.0, self.confidence)
            raise ConfigurationError(
                f"Audit(target={self.target!r}) is under what audits can show: it would take "
                + (f"{needed:,}" if needed else "millions of")
                + f" audits without a single loss. Give {LEAST_TARGET} or more, or send all to the "
                "frontier."
            )
        rungs = self.rungs
        if rungs is not None and (
            not isinstance(rungs, list | tuple)
            or not rungs
            or not all(isinstance(each, Rung) for each in rungs)
        ):
            raise ConfigurationError(
                "Audit(rungs=...) is a list of at least one Rung, cheapest first: "
                '[Rung(verify="form"), Rung(verify="strict")]. "All frontier" is always the last.'
            )
        labels = [ALL, *(each.label for each in rungs or ())]
        if len(set(labels)) < len(labels):
            raise ConfigurationError(
                f"Two rungs have the same name, or one is called {ALL!r}, as the last one is. Name "
                "them: "
                'Rung(name="strict", ...).'
            )
        start = self.start
        if start is not None and (
            isinstance(start, bool) or not isinstance(start, int) or start < 0
        ):
            raise ConfigurationError(f"Audit(start={start!r}) is a rung's place, from 0 on.")

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
