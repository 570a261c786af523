"""Draw answers and audit them in threads of their own: no request waits for an audit."""

from __future__ import annotations

import atexit
import logging
import random
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from langchain_core.messages import AIMessage

from lc_asym_router._internal.imports import after_fork
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.asking import Meter, ask_last, has_room, judging
from lc_asym_router.audits.audit import Audit
from lc_asym_router.audits.compare import PairOutcome, compare_pair
from lc_asym_router.audits.counts import NANO, AuditReport, Cell, report_of
from lc_asym_router.audits.store import AuditStore
from lc_asym_router.errors import BudgetExceededError
from lc_asym_router.records.handlers import FinishedAudit
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.ladder import Ladder

logger = logging.getLogger(__name__)

RARE = 30
"""Audits of a kind of answer under which it is drawn more often."""
OFTEN = 10
"""How many times more often."""
PAUSE = 60.0
"""Seconds without audits after a budget was used up that does not say when it opens again."""
OTHER = "other"
"""What tags count under that have no counts of their own."""


@dataclass(frozen=True)
class Draw:
    """Whether an answer is audited.

    Attributes:
        request: What was asked.
        answer: The accepted answer.
        record: Its record.
        tags: The caller's tags.
        handlers: Who gets the audit.
        drawn: Whether it is audited.
        probability: With which probability it was drawn; 0 where it can't be audited.
        phase: Why with that probability.
    """

    request: Request = field(repr=False)
    answer: AIMessage = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)
    tags: tuple[str, ...]
    handlers: Sequence[Any] = field(repr=False)
    drawn: bool
    probability: float
    phase: str

    @property
    def in_record(self) -> dict[str, Any]:
        """The draw as it is stored in the record."""
        return {"drawn": self.drawn, "probability": self.probability, "phase": self.phase}

    @property
    def check(self) -> str:
        """The check that had passed the answer, or ""."""
        attempts = self.record.get("attempts") or [{}]
        return str(attempts[-1].get("check") or "")


class Auditor:
    """Draws answers of lower tiers and audits them. Threads, tasks and forked processes may share it.

    Args:
        audit: The settings.
        ladder: The router's tiers.
        meter: Makes what counts an audit's calls.
        clock: Returns the time, in seconds since the epoch.
    """

    def __init__(
        self,
        audit: Audit,
        ladder: Ladder,
        meter: Callable[[], Meter],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.audit = audit
        self.ladder = ladder
        self.store = AuditStore(audit.url)
        self._meter = meter
        self._clock = clock
        self._judge = judging(audit, ladder)
        self._random = random.SystemRandom() if audit.seed is None else random.Random(audit.seed)
        self._fresh()
        _auditors.add(self)

    def _fresh(self) -> None:
        """Begin anew: in a new auditor, and in a forked child, whose parent keeps its own audits."""
        self._changed = threading.Condition()
        self._waiting: deque[Draw] = deque()
        self._running = 0
        self._dropped = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._paused_until = 0.0
        self._begun: Counter[tuple[str, ...]] = Counter()
        self._tags: set[str] = set()

    # on the request's path --------------------------------------------------------------------

    def draw(
        self,
        request: Request,
        answer: AIMessage,
        record: Mapping[str, Any],
        tags: Iterable[str],
        handlers: Sequence[Any],
    ) -> Draw | None:
        """Decide whether an answer is audited; `None` for the last tier's own. It waits for nobody."""
        tier = record.get("tier")
        names = [each.name for each in self.ladder.tiers[:-1]]
        if tier not in names:
            return None
        phase, probability = self._probability(request, answer, str(tier))
        drawn = probability > 0 and self._random.random() < probability
        return Draw(request, answer, record, tuple(tags), handlers, drawn, probability, phase)

    def _probability(self, request: Request, answer: AIMessage, tier: str) -> tuple[str, float]:
        """Why an answer is drawn with which probability; it depends on the past alone, and so the
        bound on it holds."""
        last, audit = self.ladder.last, self.audit
        with self._changed:
            full = self._closed or len(self._waiting) >= audit.queue
        paused = self._clock() < self._paused_until
        if full or paused or not has_room(last) or last.refuses(request) is not None:
            return "uncovered", 0.0
        if self._begun[(tier,)] < audit.first:
            return "first", 1.0
        if self._begun[(tier, _form(request, answer))] < RARE:
            return "rare", min(1.0, OFTEN * audit.share)
        return "share", audit.share

    def submit(self, draw: Draw) -> None:
        """Count an answer, and queue its audit where it was drawn. It waits for nobody."""
        cells, counted = self._cells(draw), {"requests": 1, "drawn": int(draw.drawn)}
        self.store.add(cells, counted)
        if not draw.drawn:
            return
        tier = str(draw.record["tier"])
        with self._changed:
            self._begun.update([(tier,), (tier, _form(draw.request, draw.answer))])
            if self._closed or len(self._waiting) >= self.audit.queue:
                self._dropped += 1  # others have filled the queue since it was drawn
                return
            self._waiting.append(draw)
            if len(self._threads) < self.audit.workers:
                self._start()
            self._changed.notify()

    def _start(self) -> None:
        """Begin a thread; where the system gives no more, what waits is left to those there are."""
        thread = threading.Thread(target=self._run, daemon=True, name="lc-asym-router-audit")
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("No thread for audits could be begun: %s", describe_error(error))
        else:
            self._threads.append(thread)

    def _cells(self, draw: Draw) -> list[Cell]:
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        tags = set(draw.tags)
        with self._changed:
            room = max(0, self.audit.tag_limit - len(self._tags))
            self._tags.update(sorted(tags - self._tags)[:room])
            tags = {tag if tag in self._tags else OTHER for tag in tags}
        places = [("all", ""), ("tier", str(draw.record["tier"])), ("check", draw.check or "none")]
        places += [("tag", tag[:240]) for tag in sorted(tags)]
        return [Cell(by, value, day, draw.phase, draw.probability) for by, value in places]

    # in the audits' threads --------------------------------------------------------------------

    def _run(self) -> None:
        while (draw := self._next()) is not None:
            try:
                self._audit(draw)
            except Exception as error:  # a thread that ends would audit nothing any more
                logger.warning("An audit failed: %s", describe_error(error))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _next(self) -> Draw | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return None
            self._running += 1
            return self._waiting.popleft()

    def _audit(self, draw: Draw) -> None:
        # Before anything is paid for: should the process be killed, the audit was begun, and nothing
        # came of it.
        self.store.flush()
        started, meter = time.perf_counter(), self._meter()
        outcome: Literal["same", "differs", "incomparable", "failed"]
        try:
            found, outcome = self._compared(draw, meter)
        except Exception as error:  # whatever the last tier raises: nothing to compare with
            if isinstance(error, BudgetExceededError):
                self._pause(error)
            found = PairOutcome(
                "incomparable", "", None, describe_error(error, model=self.ladder.last.model_name)
            )
            outcome = "failed"
        self.store.add(self._cells(draw), _counted(found, meter.calls))
        self.store.flush()
        self._notify(
            draw,
            FinishedAudit(
                request_id=str(draw.record.get("id", "")),
                tier=str(draw.record["tier"]),
                check=draw.check,
                tags=draw.tags,
                probability=draw.probability,
                outcome=outcome,
                worse=found.worse,
                by=found.by,
                reason=found.reason,
                calls=tuple(meter.calls),
                seconds=time.perf_counter() - started,
            ),
        )

    def _compared(
        self, draw: Draw, meter: Meter
    ) -> tuple[PairOutcome, Literal["same", "differs", "incomparable"]]:
        with meter.active(self.audit.budget, draw.tags):
            answer = ask_last(self.ladder.last, draw.request, self.audit.timeout)
            found = compare_pair(draw.request, draw.answer, answer, self._judge)
        return found, found.outcome

    def _pause(self, error: BudgetExceededError) -> None:
        """Audit nothing until the budget opens again."""
        opens = getattr(error.exhausted, "opens_at", None)
        until = datetime.fromisoformat(opens).timestamp() if opens else self._clock() + PAUSE
        self._paused_until = max(self._paused_until, until)

    def _notify(self, draw: Draw, audit: FinishedAudit) -> None:
        for handler in draw.handlers:
            try:
                handler.on_router_audit(audit)
            except Exception as error:  # handlers are anybody's
                logger.warning("%s failed: %s", type(handler).__name__, describe_error(error))

    # reading, and the end ----------------------------------------------------------------------

    def report(self, since: str = "") -> AuditReport:
        """What the audits have found so far; see `report_of`."""
        self.store.flush()
        with self._changed:
            waiting = len(self._waiting) + self._running
        return report_of(
            self.store.counts(),
            self.audit.confidence,
            since=since,
            waiting=waiting,
            dropped=self._dropped,
        )

    def flush(self, timeout: float) -> bool:
        """Wait until every audit that was queued has ended.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether all have.
        """
        until = time.monotonic() + timeout
        with self._changed:
            while self._waiting or self._running:
                if (rest := until - time.monotonic()) <= 0:
                    return False
                self._changed.wait(rest)
        return self.store.flush()

    def close(self, timeout: float | None = None) -> None:
        """Wait for the audits that are queued, and end; what has not ended by then is dropped.

        Args:
            timeout: How long to wait, in seconds; `Audit(close_seconds=...)` by default.
        """
        with self._changed:
            if self._closed:
                return
        self.flush(self.audit.close_seconds if timeout is None else timeout)
        with self._changed:
            self._closed = True
            dropped = len(self._waiting) + self._running
            self._dropped += dropped
            self._waiting.clear()
            self._changed.notify_all()
        if dropped:
            logger.warning(
                "%d audits had not ended when their time was up; they count as begun, and nothing is "
                "assumed of what they would have found.",
                dropped,
            )
        self.store.close()
        _auditors.discard(self)


def _form(request: Request, answer: AIMessage) -> str:
    """What kind of answer it is: tool calls, fields, or text."""
    if answer.tool_calls:
        return "calls"
    return "fields" if request.schema is not None else "text"


def _counted(found: PairOutcome, calls: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    compared = found.outcome != "incomparable"
    costs = [call["cost_usd"] for call in calls]
    return {
        "compared": int(compared),
        "differs": int(found.outcome == "differs"),
        "judged": int(compared and found.worse is not None),
        "worse": int(compared and found.worse is True),
        "cost_nano": round(sum(cost for cost in costs if cost is not None) * NANO),
        "unpriced": sum(cost is None for cost in costs),
    }


_auditors: weakref.WeakSet[Auditor] = weakref.WeakSet()


def _close_all() -> None:
    for auditor in list(_auditors):
        auditor.close()


@after_fork
def _after_fork() -> None:
    for auditor in list(_auditors):
        auditor.store.forget()
        auditor._fresh()


atexit.register(_close_all)
