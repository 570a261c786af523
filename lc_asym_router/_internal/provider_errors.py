"""Interpret a provider's exception: its HTTP status, cause, the server's message, whether it was
billed.

The same error can arrive as an HTTP status, inside a stream that began with 200, or as the body of
a 200. Here they are treated alike.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    OutputParserException,
)
from pydantic import ValidationError

from lc_asym_router._internal.deadline import LateError
from lc_asym_router._internal.redaction import redacted
from lc_asym_router.errors import AttemptTimeoutError, CircuitOpenError, QueueFullError, RouterError

_STATUS_OF_CODE = {
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limited": 429,
    "too_many_requests": 429,
    "insufficient_quota": 429,
    "resource_exhausted": 429,
    "api_error": 500,
    "service_tier_capacity_exceeded": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "internal": 500,
    "unavailable": 503,
    "service_unavailable": 503,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""HTTP statuses of the codes and types that providers put into an error's body."""
_STATUS_OF_CLASS: tuple[tuple[type[Exception], int], ...] = (
    (ContextOverflowError, 400),
    (ModelInvalidRequestError, 400),
    (ModelAuthenticationError, 401),
    (ModelPermissionDeniedError, 403),
    (ModelNotFoundError, 404),
    (ModelRateLimitError, 429),
    (ModelAPIError, 500),
)
_STATUS = re.compile(r"[45][0-9][0-9]")
_STATUS_IN_TEXT = re.compile(r"\b(?:error|status|code)[ :=]*(4\d\d|5\d\d)\b", re.IGNORECASE)
_BUSY_IN_TEXT = re.compile(r"rate.?limit|too many requests|capacity exceeded", re.IGNORECASE)
_OVERLOADED = re.compile(r"overload(?:ed)?|at capacity|no available", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|maximum context|exceed(?:s|ed)?[^.]{0,40}context"
    r"|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|maximum number of tokens allowed|input tokens exceed|reduce the length of the messages"
    r"|maximum prompt length|`inputs`[^.]{0,40} must (?:be|have)",
    re.IGNORECASE,
)
_LONGEST_BODY = 65_536
"""Characters of an error's body that are read."""
_MOST_FAULTS = 8
"""Refused arguments of a request that are named."""
_SERVER_ERRORS = frozenset({"APIError", "ResponseError"})
"""Classes of errors that a server tells inside a stream, without a status."""


class ResponseBodyError(Exception):
    """A server answered with status 200 and an error for a body, or for the end of a stream.

    Attributes:
        body: The error's object.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = dict(body)
        super().__init__("the server answered with an error under HTTP 200")


@dataclass(frozen=True)
class ErrorDetails:
    """What an exception says about a server's error.

    Attributes:
        status: The HTTP status that it corresponds to; `None` where it is not from a server.
        codes: The error's code and type, in lower case.
        message: The server's own message, else the exception's text. It may quote the prompt.
    """

    status: int | None
    codes: frozenset[str]
    message: str


def details_of(error: BaseException) -> ErrorDetails:
    """What an exception says of a server's error, however the server told it."""
    try:
        return _details_of(error)
    except Exception:  # an error of anybody's code, whose own attributes and text may raise
        return ErrorDetails(None, frozenset(), "")


def _details_of(error: BaseException) -> ErrorDetails:
    body = _body(error)
    text = message_in(body) or str(getattr(error, "message", "") or _text_of(error))
    given = [str(body[key]).lower() for key in ("code", "type", "status") if body.get(key)]
    given += [str(c).lower() for c in (getattr(error, "code", None),) if c]
    first, colon, rest = text.partition(":")
    if not given and colon and first.lower() in _STATUS_OF_CODE:
        given, text = [first.lower()], rest.strip()
    from_server = bool(body) or type(error).__name__ in _SERVER_ERRORS
    status = _http_status(error) or _meant(given) or _of_class(error)
    if status is None and from_server:
        status = _in_text(text)
    if status is None and error.__cause__ is not None:
        status = details_of(error.__cause__).status
    return ErrorDetails(status, frozenset(given), text)


def _text_of(error: BaseException) -> str:
    """Return an exception's text, without quotations of an answer that the client could not parse."""
    if isinstance(error, ValidationError):
        kinds = dict.fromkeys(fault["type"] for fault in error.errors(include_input=False))
        return f"the answer is no {error.title} ({', '.join(kinds)})"
    if isinstance(error, OutputParserException):
        return "the answer could not be parsed"
    return str(error)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error corresponds to, or `None`."""
    return None if isinstance(error, RouterError) else details_of(error).status


def is_context_overflow(error: BaseException) -> bool:
    """Whether the request was longer than the model's context window."""
    if isinstance(error, RouterError):
        return False
    if isinstance(error, ContextOverflowError):
        return True
    found = details_of(error)
    if found.codes & {"context_length_exceeded", "exceed_context_size_error"}:
        return True
    from_server = found.status is not None or type(error).__name__ in _SERVER_ERRORS
    return (
        from_server
        and found.status in {None, 400, 413, 422, 500}
        and bool(_TOO_LONG.search(found.message))
    )


def _http_status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for status in (getattr(error, "status_code", None), getattr(response, "status_code", None)):
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _body(error: BaseException) -> Mapping[str, Any]:
    """Return the error object of the response's body, wherever a client stores it; empty for none."""
    given = [getattr(error, key, None) for key in ("body", "details")]
    given += [error.args[0]] if error.args else []
    for each in given:
        if not isinstance(each, Mapping):
            dumped = getattr(each, "model_dump", None)
            each = dumped() if callable(dumped) else None
        if isinstance(each, Mapping):
            return _innermost(each)
    return _response_body(getattr(error, "response", None))


def _innermost(body: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = body.get("error")
    return inner if isinstance(inner, Mapping) else body


def _response_body(response: Any) -> Mapping[str, Any]:
    """The error object in a response that a client left on its exception unread, as Mistral's does."""
    try:
        text = response.text
        body = json.loads(text) if len(text) <= _LONGEST_BODY else None
    except Exception:  # not read, no text, no JSON, too deep
        return {}
    if not isinstance(body, Mapping) or not (message_in(_innermost(body)) or body.get("error")):
        return {}
    return _innermost(body)


def message_in(body: Mapping[str, Any]) -> str:
    """The text of an error's object, wherever a server puts it; "" for none.

    FastAPI's servers and Mistral list the arguments that they refuse, with the reason of each.
    """
    said = body.get("message") or body.get("detail") or body.get("msg")
    if isinstance(said, Mapping):
        said = said.get("detail") or said.get("message")
    if isinstance(said, list):
        faults = [each for each in said[:_MOST_FAULTS] if isinstance(each, Mapping)]
        return "; ".join(filter(None, map(_fault, faults)))
    return said if isinstance(said, str) else ""


def _fault(fault: Mapping[str, Any]) -> str:
    place = fault.get("loc")
    named = ".".join(map(str, place)) if isinstance(place, list) else ""
    reason = str(fault.get("msg") or fault.get("message") or "")
    return f"{named}: {reason}" if named and reason else reason


def _meant(codes: Iterable[str]) -> int | None:
    for code in codes:
        if _STATUS.fullmatch(code):
            return int(code)
        if code in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[code]
    return None


def _of_class(error: BaseException) -> int | None:
    return next((status for kind, status in _STATUS_OF_CLASS if isinstance(error, kind)), None)


def _in_text(text: str) -> int | None:
    if found := _STATUS_IN_TEXT.search(text):
        return int(found[1])
    if _TOO_LONG.search(text):
        return 400
    if _BUSY_IN_TEXT.search(text):
        return 429
    return 503 if _OVERLOADED.search(text) else None


def describe_error(
    error: BaseException,
    *,
    model: str = "the model",
    texts: Iterable[str] | None = None,
    secrets: Collection[str] = (),
) -> str:
    """Describe an exception in one line: what it means, what helps, and the server's message.

    Args:
        error: The exception of a tier, a classifier or a check.
        model: Name of the model that was called, for the remedy.
        texts: All texts of the request, which are removed from the message. Without them the
            server's message is left out: it may contain the prompt or the partial answer.
        secrets: Known keys; what looks like a key is removed anyway.

    Returns:
        For example ``"ResponseError 404: no such model; for Ollama: ollama pull llama3.1:8b"``.
    """
    if isinstance(error, RouterError):
        return f"{type(error).__name__}: {error}"  # our own texts quote nothing
    if isinstance(error, LateError):
        return f"TimeoutError: {error}"
    found = details_of(error)
    name = type(error).__name__
    head = f"{name} {found.status}" if found.status else name
    remedy = _remedy(error, name, found.status, model)
    if texts is not None and (message := redacted(found.message, texts, secrets)).strip("… "):
        quoted = f'it said "{message}"'
        return f"{head}: {remedy}; {quoted}" if remedy else f"{head}: {quoted}"
    return f"{head}: {remedy or _raised_at(error)}"


def _raised_at(error: BaseException) -> str:
    """Return where it was raised: this quotes no text, and helps to find the cause."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "its text is not shown, it may quote the request"
    file = "/".join(frames[-1].filename.replace("\\", "/").split("/")[-2:])
    return f"raised in {file}, line {frames[-1].lineno}"


def describe_store_error(error: BaseException) -> str:
    """Say in one line what a database's error means: its own text where that speaks of the database,
    not of rows."""
    inner = getattr(error, "orig", None) or error
    name = type(inner).__name__
    if isinstance(inner, RouterError):
        return str(inner)
    if isinstance(inner, OSError) or "Operational" in name or "Interface" in name:
        try:
            said = redacted(str(inner).partition("\n")[0], ())
        except Exception:  # a driver's error may be anything
            said = ""
        if said:
            return f"{name}: {said}"
    return describe_error(inner)


def error_head(line: str) -> str:
    """Return the class and HTTP status from a line of `describe_error`, without its text."""
    return line.partition(":")[0]


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, its cause, the cause's cause, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def not_asked(error: BaseException) -> bool:
    """Whether the error prevented the tier from being called at all."""
    if isinstance(error, AttemptTimeoutError):
        return not error.asked
    return isinstance(error, CircuitOpenError | QueueFullError)


def unbilled(error: BaseException) -> bool:
    """Whether a call failed, for certain, before its model began to answer: no provider bills that."""
    refused = {"ConnectError", "ConnectTimeout", "ConnectionRefusedError"}
    if any((_http_status(e) or 0) >= 400 or type(e).__name__ in refused for e in causes(error)):
        return True
    if status_of(error) == 429 or is_context_overflow(error):
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
    422: "the server refused a part of the request",
    429: "rate or quota limit reached",
}


def _remedy(error: BaseException, name: str, status: int | None, model: str) -> str:
    if is_context_overflow(error):
        return "the request is longer than the model's context window"
    if status == 404:
        return f"no such model; for Ollama: ollama pull {model}"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status and status >= 500:
        return "the server failed"
    lowered = name.lower()
    if isinstance(error, json.JSONDecodeError):
        return "what the server sent is no JSON"
    if isinstance(error, TimeoutError) or "timeout" in lowered:
        return "no answer in time"
    if "connect" in lowered:
        return (
            "the server can't be reached; for Ollama: start it with `ollama serve` "
            "and check base_url"
        )
    if error.args == ("Event loop is closed",):
        return "the model's connections belong to another event loop; use one model for each loop"
    if isinstance(error, ImportError):
        return f"the package {error.name} is not installed" if error.name else ""
    return ""
