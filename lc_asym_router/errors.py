"""What can go wrong, each with a message that says what to do instead.

No message holds a prompt, an answer or a key: see `describe_error`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


def describe_error(error: BaseException, *, model: str = "the model") -> str:
    """Say in one line what an exception means and what helps, without quoting it.

    Providers' messages may hold the prompt, the answer so far or a part of the key, so the
    text is built from the exception's type and HTTP status alone.

    Args:
        error: What a tier, a classifier or a check raised.
        model: Name of the model that was called, for the remedy.

    Returns:
        For example ``"ResponseError 404: no such model; for Ollama: ollama pull llama3.1:8b"``.
    """
    if isinstance(error, RouterError):
        return f"{type(error).__name__}: {error}"  # our own texts quote nothing
    status = status_of(error)
    name = type(error).__name__
    head = f"{name} {status}" if status else name
    remedy = _remedy(error, name, status, model)
    return f"{head}: {remedy}" if remedy else head


def error_head(line: str) -> str:
    """The class and HTTP status of an error that `describe_error` has put in a line: no text."""
    return line.partition(":")[0]


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error stands for, or `None`."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and status > 0 else None


def not_asked(error: BaseException) -> bool:
    """Whether the tier was kept from being called at all."""
    if isinstance(error, AttemptTimeoutError):
        return not error.asked
    return isinstance(error, CircuitOpenError | QueueFullError)


def unbilled(error: BaseException) -> bool:
    """Whether a call failed for certain before its model began to answer: no provider bills that."""
    refused = {"ConnectError", "ConnectTimeout", "ConnectionRefusedError"}
    if any((status_of(e) or 0) >= 400 or type(e).__name__ in refused for e in causes(error)):
        return True
    # The last: Ollama's client, where it can't connect.
    return not_asked(error) or type(error) is ConnectionError


_BY_STATUS = {
    400: "the server refused the request as malformed",
    401: "the API key is missing or wrong; set it in the environment (OPENAI_API_KEY) or on "
    "the tier's model",
    403: "the API key has no right to this model",
    408: "the server timed out",
    413: "the request is too large for this server",
    429: "rate or quota limit reached",
}


def _remedy(error: BaseException, name: str, status: int | None, model: str) -> str:
    if status == 404:
        return f"no such model; for Ollama: ollama pull {model}"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status and status >= 500:
        return "the server failed"
    lowered = name.lower()
    if isinstance(error, TimeoutError) or "timeout" in lowered:
        return "no answer in time"
    if "connect" in lowered:
        return (
            "the server can't be reached; for Ollama: start it with `ollama serve` "
            "and check base_url"
        )
    if str(error) == "Event loop is closed":
        return "the model's connections belong to another event loop; use one model for each loop"
    if isinstance(error, ImportError):
        return f"the package {error.name} is not installed" if error.name else ""
    return ""


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
