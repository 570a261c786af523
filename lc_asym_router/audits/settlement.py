"""Settle audits: what was answered, paid and found stands in the store as soon as it is known."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.comparison import PairOutcome
from lc_asym_router.audits.counts import Cell
from lc_asym_router.audits.draw import CALLS, Draw, audit_counts, notify_audit
from lc_asym_router.records.handlers import UNFINISHED, AuditCalls

logger = logging.getLogger(__name__)

WRITE_SECONDS = 0.1
"""How long answers wait at most for others that are written with them, in seconds."""
SHARE_SECONDS = 5.0
"""How often processes that share a target read its counts where they write none, in seconds."""
NOT_YET = PairOutcome("incomparable", "")
"""What an audit has found at its begin."""


class Settlement:
    """What one audit has cost and found so far, written before and after each of its calls.

    Until its end one call of unknown price is counted besides: of a process that is killed nobody
    knows what the call under way has cost.

    Args:
        draw: The audit.
        cells: What it counts for.
        model: Name of the last tier's model.
        add: Adds to the counts of some cells.
        write: Writes the counts.

    Attributes:
        known: What is found so far.
    """

    def __init__(
        self,
        draw: Draw,
        cells: Sequence[Cell],
        model: str,
        add: Callable[[Sequence[Cell], dict[str, int]], None],
        write: Callable[[], object],
    ) -> None:
        self._draw = draw
        self._cells = cells
        self._add = add
        self._write = write
        self._lock = threading.RLock()
        self._counted: dict[str, int] = {}
        self.known = NOT_YET
        self._under_way = 1
        self._next = {
            "purpose": "audit",
            "model": model,
            "usage": None,
            "cost_usd": None,
            "seconds": None,
            "error": UNFINISHED,
        }

    def called(self, calls: Sequence[dict[str, Any]]) -> None:
        """Settle the calls so far, before the first and after each; also of one that was given up and
        ends later."""
        self._settle(calls)
        self._write()
        self.notify(calls)

    def found(self, found: PairOutcome, calls: Sequence[dict[str, Any]]) -> None:
        """Settle what is found before the judge is asked which of the answers is better."""
        with self._lock:
            if self._under_way:  # else the judge was given up before it was asked that
                self.known = found
        self.called(calls)

    def end(self, found: PairOutcome, calls: Sequence[dict[str, Any]]) -> None:
        """Count what was found in the end; the caller writes it with what else it counts."""
        with self._lock:
            self.known, self._under_way = found, 0
            self._settle(calls)

    def notify(self, calls: Sequence[dict[str, Any]]) -> None:
        """Hand the calls so far to the handlers, and the one that may be made now."""
        under_way = [self._next] * self._under_way
        known = AuditCalls(str(self._draw.record.get("id", "")), (*calls, *under_way))
        notify_audit(self._draw.handlers, CALLS, known)

    def _settle(self, calls: Sequence[dict[str, Any]]) -> None:
        with self._lock:
            counts = audit_counts(self.known, calls)
            counts["unpriced"] += self._under_way
            # Where no lower tier's answer was handed on, only the cost counts.
            if self._draw.kind != "audit":
                counts = {name: counts[name] for name in ("cost_nano", "unpriced")}
            more = {name: count - self._counted.get(name, 0) for name, count in counts.items()}
            self._counted = counts
            self._add(self._cells, {name: count for name, count in more.items() if count})


class CountWriter:
    """Writes counts to a shared database in a thread of its own, as they come: no request waits.

    Args:
        write: Writes the counts, and reads those of other processes; raises nothing.
        reads: Whether to read now and then where nothing is written.
    """

    def __init__(self, write: Callable[[], object], *, reads: bool) -> None:
        self._write = write
        self._pause = SHARE_SECONDS if reads else None
        self._new = threading.Event()
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have the counts written; it waits for nobody."""
        self._new.set()
        if self._thread is None and self._starting.acquire(blocking=False):
            thread = threading.Thread(
                target=self._run, daemon=True, name="lc-asym-router-audit-counts"
            )
            try:
                thread.start()
            except RuntimeError as error:  # audits and the end of the process write, too
                logger.warning(
                    "No thread to write counts could be begun: %s", describe_error(error)
                )
                self._starting.release()
            else:
                self._thread = thread

    def close(self) -> None:
        """End the thread; what is not written is the caller's to write."""
        self._closed.set()
        self._new.set()

    def _run(self) -> None:
        while True:
            self._new.wait(self._pause)
            self._new.clear()
            if self._closed.is_set():
                return
            self._write()
            self._closed.wait(WRITE_SECONDS)
