"""Detect when live scores no longer have the calibration's distribution."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from lc_asym_router.classify.calibration import MIN_SCORES, Calibration, Drift
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.handlers import FinishedRequest

logger = logging.getLogger(__name__)


class DriftWatch(BaseCallbackHandler):
    """Compares the scores of live requests with the calibration's, and warns of drift.

    A callback handler: `AsymRouter(callbacks=[watch], ...)`, or in the config of a call. It keeps the
    newest scores and no text. Threads and tasks may share it. Each drift is logged once, to
    the logger `lc_asym_router.observe.drift`.

    Args:
        calibration: The calibration to compare with.
        window: Number of the newest scores that are compared.

    Raises:
        ConfigurationError: The window is too small for a comparison.
    """

    run_inline = True

    def __init__(self, calibration: Calibration, *, window: int = 1000) -> None:
        if window < MIN_SCORES:
            raise ConfigurationError(
                f"DriftWatch(window={window}) must be at least {MIN_SCORES}: fewer scores differ "
                "by chance alone."
            )
        self.calibration = calibration
        self._every = MIN_SCORES // 4
        self._lock = threading.Lock()
        self._scores: dict[str, deque[float]] = {
            name: deque(maxlen=window) for name in calibration.seen
        }
        self._taken = dict.fromkeys(self._scores, 0)
        self._warned: set[str] = set()

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a request's record, such as an answer's `response_metadata["router"]`."""
        first = record["attempts"][0] if record["attempts"] else {}
        self._take("complexity", record["decision"]["complexity"])
        self._take("check", first.get("score"))

    def drift(self, name: str = "complexity") -> Drift | None:
        """Compare the newest scores with the calibration's; `None` while there are too few.

        Args:
            name: "complexity" or "check".
        """
        with self._lock:
            scores = list(self._scores.get(name, ()))
        return self.calibration.drift(name, scores)

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Add the record of a finished request; the router calls it once per request."""
        self.add(finished.record)

    def _take(self, name: str, score: float | None) -> None:
        if score is None or name not in self._scores:
            return
        with self._lock:
            self._scores[name].append(score)
            self._taken[name] += 1
            due = self._taken[name] % self._every == 0
        if due and (drift := self.drift(name)):
            self._warn(drift)

    def _warn(self, drift: Drift) -> None:
        with self._lock:
            known = drift.name in self._warned
            (self._warned.add if drift.drifted else self._warned.discard)(drift.name)
        if drift.drifted and not known:
            logger.warning(
                "The %s scores of the newest %d requests have moved from the calibration's "
                "(stability index %.2f): its thresholds may no longer mean what they did. "
                "Calibrate again on newer data.",
                drift.name,
                drift.scores,
                drift.index,
            )
