"""Logging faults without a flood: what the user's own code raises, and what a tier does."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Hashable
from itertools import islice
from time import monotonic

from lc_asym_router._internal.deadline import LateError
from lc_asym_router._internal.provider_errors import causes, describe_error

_MOST = 100
"""Kinds of faults that are told apart."""
_FRAMES, _CAUSES = 20, 5
"""Innermost frames of a traceback, and errors of a chain of causes, that are shown."""


class Throttle:
    """Lets each kind of line through once in a while.

    Args:
        seconds: How long a kind is silent after it was let through.
        clock: The time, in seconds.
    """

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[Hashable, tuple[float, int]] = {}

    def count(self, kind: Hashable) -> int:
        """How many lines of a kind stand for this one, itself included; 0 where it is to be silent."""
        now = self._clock()
        with self._lock:
            last, left_out = self._last.get(kind, (now - self._seconds, 0))
            if now - last < self._seconds:
                self._last[kind] = (last, left_out + 1)
                return 0
            if len(self._last) >= _MOST and kind not in self._last:
                self._last.clear()
            self._last[kind] = (now, 0)
            return left_out + 1


_tiers = logging.getLogger("lc_asym_router.tiers")
_failures = Throttle()


def log_failure(tier: str, model: str, error: Exception) -> None:
    """Log that a tier has failed, at WARNING: one line a minute for each kind of its failures.

    Args:
        tier: Its name.
        model: Its model's name.
        error: What the call raised; its text, which may quote the request, is not shown.
    """
    kind = (tier, model, type(error), getattr(error, "status_code", None))
    if count := _failures.count(kind):
        times = f" ({count} times since it was last said)" if count > 1 else ""
        said = describe_error(error, model=model)
        _tiers.warning("The tier %s (%s) failed%s: %s", tier, model, times, said)


_faults = Throttle()


def log_fault(logger: logging.Logger, message: str, *values: object) -> None:
    """Log a fault that no request ends by, at WARNING: one line a minute for each wording.

    Args:
        logger: Where it is said.
        message: The message, with a place for each value.
        *values: What stands there.
    """
    if count := _faults.count((logger.name, message, *map(str, values))):
        times = f" ({count} times since it was last said)" if count > 1 else ""
        logger.warning("%s%s", message % values, times)


class FaultLog:
    """What one check or classifier has raised so far, by class and place.

    Args:
        logger: Where it is said.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._counts: dict[tuple[str, type, str], int] = {}

    def note(self, who: str, error: Exception) -> None:
        """Log it: at WARNING with its traceback the first time, then at DEBUG with a count.

        The traceback says where, without a line of code and without the error's own text: both may
        quote a prompt, an answer or a key.

        Args:
            who: What raised it, with its name.
            error: What it raised.
        """
        key = (who, type(error), _place(error))
        if len(self._counts) >= _MOST and key not in self._counts:
            self._counts.clear()
        count = self._counts[key] = self._counts.get(key, 0) + 1
        said = describe_error(error)
        if count > 1:
            self._logger.debug("%s raised again, %d times so far: %s", who, count, said)
            return
        lines = "" if isinstance(error, LateError) else f"\n{_traceback(error)}"
        self._logger.warning("%s raised %s%s", who, said, lines)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _traceback(error: Exception) -> str:
    """The traceback with those of its causes, innermost cause first."""
    parts = []
    for each in islice(causes(error), _CAUSES):
        frames = traceback.extract_tb(each.__traceback__)[-_FRAMES:]
        lines = [f'  File "{each.filename}", line {each.lineno}, in {each.name}' for each in frames]
        parts.append("\n".join(["Traceback (most recent call last):", *lines, type(each).__name__]))
    return "\nwhich led to:\n".join(reversed(parts))
