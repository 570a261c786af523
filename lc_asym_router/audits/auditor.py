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
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from langchain_core.messages import AIMessage

from lc_asym_router._internal.deadline import within
from lc_asym_router._internal.imports import after_fork
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.asking import THREADS, LowerTiers, Meter, ask_tier, has_room, judging
from lc_asym_router.audits.audit import Audit
from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.comparison import PairOutcome, compare_pair
from lc_asym_router.audits.counts import AuditReport, Cell, report_of
from lc_asym_router.audits.draw import (
    ENDED,
    Draw,
    answer_below,
    finished_audit,
    form_of,
    notify_audit,
)
from lc_asym_router.audits.keeper import AnsweredRequest, Keeper, lost_of
from lc_asym_router.audits.rungs import Goal
from lc_asym_router.audits.settlement import CountWriter, Settlement
from lc_asym_router.errors import BudgetExceededError
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.ladder import Ladder

logger = logging.getLogger(__name__)

RARE = 30
"""Audits of a kind of answer under which it is drawn more often."""
OFTEN = 10
"""How many times more often."""
PAUSE = 60.0
"""Seconds without audits after a budget was used up that does not say when it opens again."""
REASONS = 20
"""Reasons why audits say nothing that are told apart."""
OTHER = "other"
"""What tags count under that have no counts of their own."""


class Auditor:
    """Draws answers of lower tiers and audits them. Threads, tasks and forked processes may share it.

    Args:
        audit: The settings.
        ladder: The router's tiers.
        meter: Makes what counts an audit's calls.
        clock: Returns the time, in seconds since the epoch.
        goal: What is to be kept, or `None`.
        names: The names of the rungs, without "all frontier".
        lower: What the rungs would do with a request.
    """

    def __init__(
        self,
        audit: Audit,
        ladder: Ladder,
        meter: Callable[[], Meter],
        clock: Callable[[], float] = time.time,
        *,
        goal: Goal | None = None,
        names: Sequence[str] = (),
        lower: LowerTiers | None = None,
    ) -> None:
        self.audit = audit
        self.ladder = ladder
        self.store = AuditStore(audit.url)
        self._meter = meter
        self._clock = clock
        self._judge = judging(audit, ladder)
        self._lower = lower
        self.keeper: Keeper | None = None
        if goal is not None:
            self.store.flush()  # what other processes know already
            self.keeper = Keeper(goal, names, audit.of, self.store)
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
        self._reasons: Counter[str] = Counter()
        self._counts = CountWriter(self._flush, reads=self.keeper is not None)

    # on the request's path --------------------------------------------------------------------

    def begin(self) -> dict[str, Any]:
        """Return the rung that a request which begins is handled on; it waits for nobody."""
        assert self.keeper is not None
        return self.keeper.begin()

    def draw(
        self,
        request: Request,
        answer: AIMessage,
        record: Mapping[str, Any],
        tags: Iterable[str],
        handlers: Sequence[Any],
        draft: tuple[str, AIMessage] | None = None,
    ) -> Draw | None:
        """Decide whether an answer is audited; `None` where there is nothing to count. It waits for
        nobody.

        Args:
            request: What was asked.
            answer: The accepted answer.
            record: Its record.
            tags: The caller's tags.
            handlers: Who gets the audit.
            draft: The tier and the answer that was rejected before, if any.
        """
        tier, rung = record.get("tier"), record.get("rung")
        below = tier in [each.name for each in self.ladder.tiers[:-1]]
        kind: Literal["audit", "pair", "explored"] = "audit"
        if self.keeper is None or rung is None:
            if not below:
                return None
            phase, probability = self._probability(request, answer, str(tier))
        elif below:
            draft = None
            phase, probability = "target", float(rung["audit"])
            if not self._can_ask(request):
                phase, probability = "uncovered", 0.0
        else:
            kind, phase = ("explored", "target") if draft is None else ("pair", "target")
            probability = float(rung["explore"]) if draft is None else 1.0
            if not self._has_room():
                probability = 0.0
        drawn = probability > 0 and self._random.random() < probability
        answered = None
        if self.keeper is not None and rung is not None:
            answered = AnsweredRequest(
                rung["number"], below, probability, drawn, rung["since"], tuple(rung["restarts"])
            )
        fixed = (request, answer, record, tuple(tags), handlers)
        return Draw(*fixed, drawn, probability, phase, kind, draft, answered, self._day)

    def _has_room(self) -> bool:
        with self._changed:
            full = self._closed or len(self._waiting) >= self.audit.queue
        return not full and self._clock() >= self._paused_until

    def _can_ask(self, request: Request) -> bool:
        """Whether the last tier can be asked besides."""
        last = self.ladder.last
        return self._has_room() and has_room(last) and last.refuses(request) is None

    def _probability(self, request: Request, answer: AIMessage, tier: str) -> tuple[str, float]:
        """Why an answer is drawn with which probability; it depends on the past alone, and so the
        bound on it holds."""
        audit = self.audit
        if not self._can_ask(request):
            return "uncovered", 0.0
        if max(self._begun[(tier,)], self.store.drawn(tier)) < audit.first:
            return "first", 1.0
        if self._begun[(tier, form_of(request, answer))] < RARE:
            return "rare", min(1.0, OFTEN * audit.share)
        return "share", audit.share

    def submit(self, draw: Draw) -> None:
        """Count an answer, and queue its audit where it was drawn. It waits for nobody."""
        if draw.kind == "audit":
            self.store.add(self._cells(draw), {"requests": 1, "drawn": int(draw.drawn)})
        if self.keeper is not None and draw.rung is not None:
            self.keeper.answered(draw.rung)
        if self.store.shared and not self._closed:
            self._counts.wake()
        if not draw.drawn:
            return
        tier = str(draw.record["tier"])
        with self._changed:
            self._begun.update([(tier,), (tier, form_of(draw.request, draw.answer))])
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

    @property
    def _day(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    def _cells(self, draw: Draw) -> list[Cell]:
        """What an answer counts for; where a lower tier's was not handed on, the cost of its audit."""
        if draw.kind != "audit":
            return [Cell("all", "", draw.day, "beside", 1.0)]
        tags = set(draw.tags)
        with self._changed:
            room = max(0, self.audit.tag_limit - len(self._tags))
            self._tags.update(sorted(tags - self._tags)[:room])
            tags = {tag if tag in self._tags else OTHER for tag in tags}
        places = [("all", ""), ("tier", str(draw.record["tier"])), ("check", draw.check or "none")]
        places += [("tag", tag) for tag in sorted(tags)]
        return [
            Cell(by, value[:240], draw.day, draw.phase, draw.probability) for by, value in places
        ]

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
        """The next audit; `None` at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return None
            self._running += 1
            return self._waiting.popleft()

    def _audit(self, draw: Draw) -> None:
        started, meter, answered = time.perf_counter(), self._meter(), draw.rung
        outcome: Literal["same", "differs", "incomparable", "failed"]
        # A lower tier that fails hands on nothing; an answer that can't be compared is a loss.
        accepted = draw.rung.rung if draw.rung and draw.kind != "explored" else -1
        tier, last = str(draw.record["tier"]), self.ladder.last
        settlement = Settlement(
            draw, self._cells(draw), last.model_name, self.store.add, self._flush
        )
        called = partial(settlement.called, meter.calls)
        called()  # before anything is paid for: of a process that is killed that much is known
        try:
            with meter.active(self.audit.budget, draw.tags, called):
                answer: AIMessage | None = draw.answer
                other = draw.answer
                if draw.kind == "audit":
                    other = ask_tier(last, draw.request, self.audit.timeout)
                else:
                    assert self._lower is not None
                    tier, answer, accepted = answer_below(self._lower, draw, self.audit.timeout)
                found = PairOutcome("same", "")
                if answer is not None:
                    pair = (draw.request, answer, other, self._judge)
                    settle = partial(settlement.found, calls=meter.calls)
                    compare = partial(compare_pair, *pair, settle=settle)
                    found = within(self.audit.timeout, compare, threads=THREADS)
            outcome = found.outcome
        except Exception as error:  # whatever a tier raises: nothing to compare with
            reason = describe_error(error, model=last.model_name)
            found = replace(settlement.known, reason=reason)
            outcome = "failed" if found.outcome == "incomparable" else found.outcome
            if isinstance(error, BudgetExceededError):
                self._pause(error)
                answered = answered if draw.kind == "audit" else None  # nobody knows, no loss
        settlement.end(found, meter.calls)
        self._note(found.reason)
        if self.keeper is not None and answered is not None:
            lost = lost_of(self.audit.of, outcome, found.worse)
            comparable = outcome in ("same", "differs")
            self.keeper.compared(answered, accepted, lost, comparable=comparable)
        self._flush()
        settlement.notify(meter.calls)
        ended = time.perf_counter() - started
        finished = finished_audit(draw, tier, outcome, found, meter.calls, ended)
        notify_audit(draw.handlers, ENDED, finished)

    def _note(self, reason: str) -> None:
        """Count why an audit could not say something, if it could not."""
        with self._changed:
            if reason and (reason in self._reasons or len(self._reasons) < REASONS):
                self._reasons[reason] += 1

    def _flush(self) -> bool:
        """Write the counts, and take over those of other processes; whether that went well."""
        done = self.store.flush()
        if done and self.store.shared and self.keeper is not None:
            self.keeper.refresh()
        return done

    def _pause(self, error: BudgetExceededError) -> None:
        """Audit nothing until the budget opens again."""
        opens = getattr(error.exhausted, "opens_at", None)
        until = datetime.fromisoformat(opens).timestamp() if opens else self._clock() + PAUSE
        self._paused_until = max(self._paused_until, until)

    # reading, and the end ----------------------------------------------------------------------

    def report(self, since: str = "") -> AuditReport:
        """What the audits have found so far; see `report_of`."""
        self.store.flush()
        with self._changed:
            waiting, reasons = len(self._waiting) + self._running, self._reasons.most_common(3)
        return report_of(
            self.store.counts(),
            self.audit.confidence,
            since=since,
            waiting=waiting,
            dropped=self._dropped,
            reasons=reasons,
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
        return self._flush()

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
        self._counts.close()
        if dropped:
            logger.warning(
                "%d audits had not ended when their time was up; they count as begun, and nothing is "
                "assumed of what they would have found.",
                dropped,
            )
        self.store.close()
        _auditors.discard(self)


_auditors: weakref.WeakSet[Auditor] = weakref.WeakSet()


def _close_all() -> None:
    for auditor in list(_auditors):
        auditor.close()


@after_fork
def _after_fork() -> None:
    for auditor in list(_auditors):
        auditor.store.forget()
        auditor._fresh()
        if auditor.keeper is not None:
            auditor.keeper.fresh()


atexit.register(_close_all)
