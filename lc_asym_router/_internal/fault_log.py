"""Logging what the user's own code raises: the first time with its traceback, then counted."""

from __future__ import annotations

import logging
import traceback
from itertools import islice

from lc_asym_router._internal.deadline import LateError
from lc_asym_router._internal.provider_errors import causes, describe_error

_MOST = 100
"""Kinds of faults that are told apart."""
_FRAMES, _CAUSES = 20, 5
"""Innermost frames of a traceback, and errors of a chain of causes, that are shown."""


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
