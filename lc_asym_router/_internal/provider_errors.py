"""What a provider's exception means, without its text: status, cause, remedy, whether it was billed."""

from __future__ import annotations

from collections.abc import Iterator

from lc_asym_router.errors import AttemptTimeoutError, CircuitOpenError, QueueFullError, RouterError


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
