"""What can go wrong, each with a message that says what to do instead.

No message holds a prompt, an answer or a key: see `describe_error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class RouterError(Exception):
    """Base of every error that this package raises on its own account."""


class ConfigurationError(RouterError, ValueError):
    """The router, a tier, a classifier or a check was set up wrongly."""


class ModelFileError(ConfigurationError):
    """A file of weights is not there, is no such file, is of another version, or is damaged."""


class InvalidRequestError(RouterError, ValueError):
    """The request can't be routed: it is empty, or no human turn is in it."""


class ClassifierError(RouterError):
    """A classifier was late, failed, or answered something that is no score.

    It never reaches the caller of `AsymRouter`: the decision falls back and says why.
    """


class CheckError(RouterError, TypeError):
    """A check returned something that is no verdict."""


class CutStreamError(RouterError):
    """A stream ended without its end mark, so its answer is not whole."""

    def __init__(self) -> None:
        super().__init__("the stream ended without its end mark; the answer was cut off")


class EmptyStreamError(RouterError):
    """A stream held nothing."""

    def __init__(self) -> None:
        super().__init__("the stream held no chunk")


class AttemptTimeoutError(RouterError, TimeoutError):
    """A call of a tier took longer than it may, or the request's deadline left it no time.

    Attributes:
        seconds: The time that it had.
        asked: Whether the tier was asked at all.
        own: Whether it was the tier's own limit that passed, not the request's deadline.
    """

    def __init__(self, seconds: float, *, asked: bool = True, own: bool = False) -> None:
        self.seconds = seconds
        self.asked = asked
        self.own = own
        limit = "its time limit" if own else "what the request's deadline left it"
        super().__init__(
            f"no answer within {seconds:.3g} s, {limit}"
            if asked
            else f"not asked, no time was left ({seconds:.3g} s of waiting)"
            if seconds > 0
            else "not asked, the request's deadline has passed"
        )


class CircuitOpenError(RouterError):
    """A tier has failed too often of late, so it was not asked.

    Attributes:
        seconds: Time until it is tried again; 0 where another request tries it now.
    """

    def __init__(self, seconds: float, why: str = "") -> None:
        self.seconds = seconds
        again = f"it is tried again in {seconds:.3g} s" if seconds > 0 else "it is being tried now"
        failed = f"its last calls failed ({why})" if why else "its last calls failed"
        super().__init__(f"not asked, {failed}; {again}")


class QueueFullError(RouterError):
    """So many calls of a tier are under way and waiting that another one may not wait.

    Attributes:
        limit: Calls at once.
        waiting: Calls that wait.
    """

    def __init__(self, limit: int, waiting: int) -> None:
        self.limit = limit
        self.waiting = waiting
        super().__init__(
            f"not asked, {limit} calls are under way and {waiting} wait (Tier(max_concurrency=..., "
            "max_queue=...))"
        )


class NoTierError(RouterError):
    """No tier can take the request (its images, its tools, its length).

    Attributes:
        reasons: For each tier's name, why it can't.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        listed = "; ".join(f"{tier}: {why}" for tier, why in reasons.items())
        super().__init__(
            f"No tier can take this request ({listed}). Add a tier that can, or declare the limits "
            "of a tier that does better than its profile says: Tier(model, inputs=..., "
            "context_window=...)."
        )


class TiersFailedError(RouterError):
    """No tier gave an answer that may be handed on.

    Attributes:
        record: The whole record (decision, attempts, totals), JSON-serialisable.
        exceptions: What the tiers raised, in order. They are not chained to this error,
            because a provider's message may quote a prompt or a key.
    """

    def __init__(self, record: Mapping[str, Any], exceptions: Sequence[BaseException] = ()) -> None:
        self.record = dict(record)
        self.exceptions = tuple(exceptions)
        super().__init__(f"{self._headline()}\n{self._lines()}")

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """One entry an attempt, as in `response_metadata["router"]["attempts"]`."""
        return list(self.record.get("attempts", ()))

    def _headline(self) -> str:
        return "No tier could answer this request:"

    def _lines(self) -> str:
        return "\n".join(
            f"  {a['tier']} ({a['model']}): "
            + (a["error"] or f"rejected by {a['check']}: {a['reason']}")
            for a in self.attempts
        )


class UnverifiedError(TiersFailedError):
    """The answer failed its check, and escalation was turned off for this call."""

    def _headline(self) -> str:
        return (
            "The answer failed its check and escalation is off for this call "
            "(configurable escalate=False); pass verify=False to get it unchecked:"
        )


class UnreadableOutputError(RouterError, ValueError):
    """The last tier's structured output does not parse or validate.

    Attributes:
        message: The raw message; not in the text of the error.
    """

    def __init__(self, fault: str, message: Any) -> None:
        self.message = message
        super().__init__(
            f"The structured output can't be read: {fault}. The raw message is this error's "
            ".message; pass include_raw=True to get it without an error."
        )


class DataError(ConfigurationError):
    """A file of rows can't be used; the message names the file and the row."""


class GradingError(ConfigurationError):
    """A grader returned something that is no grade."""


class LedgerError(RouterError):
    """The ledger could not write what it was told to have written."""


class CalibrationError(ConfigurationError):
    """A calibration can't be read, or is not for this router."""


class PlanError(RouterError, ValueError):
    """A plan that can't be carried out; the message says what is wrong with it."""
