"""The package's errors, each with a message that says what to do instead.

No message contains a prompt, an answer or a key: see `describe_error`. Every error can be pickled,
so that it reaches another process with its text and its record; what may contain a prompt or a key
(providers' exceptions with their requests, the raw message) is not pickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self


class RouterError(Exception):
    """Base class of all errors that this package raises.

    Pickling preserves the text and the attributes, but not notes, causes and tracebacks, which
    other code writes. Copying within the process preserves everything.
    """

    def __reduce__(self) -> Any:
        # Not by __init__, as exceptions do by default: the arguments are the text, which the
        # constructors of the subclasses don't take.
        return _rebuilt, (type(self), self.args, self._crossing())

    def __copy__(self) -> Self:
        copied: Self = _rebuilt(type(self), self.args, self.__dict__)
        return copied.with_traceback(self.__traceback__)

    def __deepcopy__(self, memo: Any) -> Self:
        return self.__copy__()

    def _crossing(self) -> dict[str, Any]:
        """Return the attributes that are pickled."""
        return {name: value for name, value in vars(self).items() if name != "__notes__"}


def _rebuilt(kind: type[Any], args: tuple[Any, ...], attributes: Mapping[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(attributes)
    return error


class ConfigurationError(RouterError, ValueError):
    """The router, a tier, a classifier or a check is configured wrongly."""


class ModelFileError(ConfigurationError):
    """A weights file does not exist, is invalid or damaged, or has another version."""


class InvalidRequestError(RouterError, ValueError):
    """The request can't be routed: it is empty, has no human turn, or has an unknown argument."""


class ClassifierError(RouterError):
    """A classifier timed out, failed, or returned something that is no score.

    Callers of `AsymRouter` never see it: the decision falls back and records the reason.
    """


class CheckError(RouterError, TypeError):
    """A check returned something that is no verdict."""


class CutStreamError(RouterError):
    """A stream ended without its end marker, so its answer is incomplete."""

    def __init__(self) -> None:
        super().__init__("the stream ended without its end mark; the answer was cut off")


class EmptyStreamError(RouterError):
    """A stream was empty."""

    def __init__(self) -> None:
        super().__init__("the stream held no chunk")


class FailedEndError(RouterError):
    """An answer ended with a server error, after it had begun with a success status.

    Attributes:
        reason: The server's name for the error.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the server broke the answer off ({reason!r})")


class NoAnswerError(RouterError):
    """A complete response that is no answer: empty, withheld, or a tool call that can't be parsed.

    Attributes:
        fault: Description of the fault.
        passing: Whether repeating the call may give an answer.
    """

    def __init__(self, fault: str, passing: bool = True) -> None:
        self.fault = fault
        self.passing = passing
        super().__init__(fault)


class AttemptTimeoutError(RouterError, TimeoutError):
    """A call of a tier took longer than its limit, or the request's deadline left no time for it.

    Attributes:
        seconds: The time limit that applied, in seconds.
        asked: Whether the tier was called at all.
        own: Whether the tier's own limit was exceeded, not the request's deadline.
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
    """A tier has failed too often recently, so it was not called.

    Attributes:
        seconds: Seconds until it is tried again; 0 while another request is trying it.
    """

    def __init__(self, seconds: float, why: str = "") -> None:
        self.seconds = seconds
        again = f"it is tried again in {seconds:.3g} s" if seconds > 0 else "it is being tried now"
        failed = f"its last calls failed ({why})" if why else "its last calls failed"
        super().__init__(f"not asked, {failed}; {again}")


class QueueFullError(RouterError):
    """A tier has so many running and waiting calls that no further one may wait.

    Attributes:
        limit: Maximum number of concurrent calls.
        waiting: Number of waiting calls.
    """

    def __init__(self, limit: int, waiting: int) -> None:
        self.limit = limit
        self.waiting = waiting
        super().__init__(
            f"not asked, {limit} calls are under way and {waiting} wait (Tier(max_concurrency=..., "
            "max_queue=...))"
        )


class NoTierError(RouterError, RuntimeError):
    """No tier can take the request (because of its images, its tools or its length).

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


class ProviderError(RouterError):
    """Replaces a provider's exception when an error is pickled, and describes it.

    Attributes:
        kind: Name of the exception's class.
        status: Its HTTP status, or `None`.
    """

    def __init__(self, kind: str, status: int | None = None, cause: str = "") -> None:
        self.kind = kind
        self.status = status
        super().__init__(cause or (f"{kind} {status}" if status else kind))


class TiersFailedError(RouterError, RuntimeError):
    """No tier gave an answer that may be returned.

    A `RuntimeError`, because LangGraph Server hides the text of other exceptions from its clients.

    Attributes:
        record: The whole record (decision, attempts, totals), JSON-serialisable.
        exceptions: The tiers' exceptions, in order. They are not chained to this error, because a
            provider's message may quote a prompt or a key; after unpickling, a `ProviderError`
            replaces each exception that is not of this package.
    """

    def __init__(self, record: Mapping[str, Any], exceptions: Sequence[BaseException] = ()) -> None:
        self.record = dict(record)
        self.exceptions = tuple(exceptions)
        super().__init__(f"{self._headline()}\n{self._lines()}")

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The attempts, as in `response_metadata["router"]["attempts"]`."""
        return list(self.record.get("attempts", ()))

    def _crossing(self) -> dict[str, Any]:
        causes = [str(attempt.get("error") or "") for attempt in self.attempts]
        crossing = tuple(_described(error, causes) for error in self.exceptions)
        return {**super()._crossing(), "exceptions": crossing}

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


class BudgetExceededError(TiersFailedError):
    """A budget has no room for a call, and `on_exhausted` gives no other answer.

    Attributes:
        exhausted: Which budget it is, what is spent and reserved, its limit, and when it resets.
        record: The record so far, with the earlier attempts (a small answer that failed its check,
            for example).
        exceptions: The tiers' exceptions so far.
    """

    def __init__(
        self,
        exhausted: Any,
        record: Mapping[str, Any] | None = None,
        exceptions: Sequence[BaseException] = (),
    ) -> None:
        self.exhausted = exhausted
        super().__init__(record or {}, exceptions)

    def __str__(self) -> str:
        before = self._lines()
        return f"{self.exhausted}" + (f"\nBefore that:\n{before}" if before else "")

    def _headline(self) -> str:
        return str(self.exhausted)


class UnreadableOutputError(RouterError, ValueError):
    """The last tier's structured output does not parse or validate.

    Attributes:
        message: The raw message; the error's text does not have it. `None` after unpickling,
            because the answer may repeat the prompt.
        record: The request's record, as in `response_metadata["router"]`.
    """

    def __init__(self, fault: str, message: Any) -> None:
        self.message = message
        metadata = getattr(message, "response_metadata", None) or {}
        self.record: dict[str, Any] = dict(metadata.get("router") or {})
        super().__init__(
            f"The structured output can't be read: {fault}. The raw message is this error's "
            ".message; pass include_raw=True to get it without an error."
        )

    def _crossing(self) -> dict[str, Any]:
        return {**super()._crossing(), "message": None}


class DataError(ConfigurationError):
    """A file of rows can't be used; the message names the file and the row."""


class GradingError(ConfigurationError):
    """A grader returned something that is no grade."""


class LedgerError(RouterError):
    """The ledger could not be written or read."""


class CalibrationError(ConfigurationError):
    """A calibration can't be made, can't be read, or is not for this router."""


class PlanError(RouterError, ValueError):
    """A plan can't be executed; the message says why."""


def _described(error: BaseException, causes: list[str]) -> RouterError:
    """Return an exception in a form that may be pickled.

    Args:
        error: A tier's exception.
        causes: The attempts' errors, in order, already described; each is used once.
    """
    if isinstance(error, RouterError):
        return error
    kind, status = type(error).__name__, getattr(error, "status_code", None)
    status = status if isinstance(status, int) and status > 0 else None
    head = f"{kind} {status}" if status else kind
    cause = next((each for each in causes if each.partition(":")[0] == head), "")
    if cause:
        causes.remove(cause)
    return ProviderError(kind, status, cause)
