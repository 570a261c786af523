"""Calls of a user's own listener that nobody waits for: in a thread, one after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lc_asym_router._internal.fault_log import FaultLog

logger = logging.getLogger(__name__)


class Notices:
    """Calls a listener once for each notice, in a daemon thread that ends when none is left.

    Args:
        who: What the listener is, for the log.
        listener: What is called; what it raises is logged.
    """

    def __init__(self, who: str, listener: Callable[[], object]) -> None:
        self._who = who
        self._listener = listener
        self._faults = FaultLog(logger)
        self._lock = threading.Lock()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether every notice was given."""
        with self._lock:
            return self._thread is None

    def add(self) -> None:
        """Give one more notice."""
        with self._lock:
            self._waiting += 1
            # In a forked child there is the object and not the thread.
            if self._thread is not None and self._thread.is_alive():
                return
            self._thread = threading.Thread(
                target=self._work, daemon=True, name="lc-asym-router-notices"
            )
            try:
                self._thread.start()
            except RuntimeError as error:  # the system gives no more threads
                self._thread = None
                self._faults.note(f"A thread for {self._who}", error)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                self._waiting -= 1
            try:
                self._listener()
            except Exception as error:  # whatever it raises
                self._faults.note(self._who, error)
