"""Classify an error of a tier's call: whether the tier is down, and whether to retry."""

from __future__ import annotations

import json
import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

from langchain_core.exceptions import ModelError

from lc_asym_router._internal.provider_errors import (
    causes,
    details_of,
    is_context_overflow,
    status_of,
)
from lc_asym_router.errors import (
    AttemptTimeoutError,
    CutStreamError,
    EmptyStreamError,
    FailedEndError,
    NoAnswerError,
    RouterError,
)

PASSING = frozenset({408, 409, 425, 429})
"""Statuses under 500 that may be otherwise in a moment."""
BROKEN = frozenset({401, 403, 404})
"""Statuses that every request will meet: a wrong key, a model that is not there."""
BUSY = frozenset({409, 429})
"""Statuses of a server that is well but has no room."""
AWAY = frozenset({502, 503, 504, 529})
"""Statuses of a server that has not even looked at the request."""
_TRANSPORT = frozenset({"TransportError", "APIConnectionError", "ConnectionError", "TimeoutError"})
_GARBLED = frozenset({"APIResponseValidationError", "DecodingError"})


def is_retryable(error: BaseException) -> bool:
    """Whether the same call may succeed if it is repeated soon.

    LangChain's own classes of errors say it themselves. Of what they do not know: connections that
    failed, time-outs, answers that broke off or are no JSON, and the statuses 408, 409, 425, 429
    and 5xx are; a quota that is used up, a wrong key, a missing model, a request that is too long
    or that the server refuses are not; nor is a time-out where the request's deadline set the time:
    what is left of that is the next tier's.
    """
    if isinstance(error, AttemptTimeoutError):
        return error.own
    if isinstance(error, RouterError):
        if isinstance(error, NoAnswerError):
            return error.passing
        return isinstance(error, CutStreamError | EmptyStreamError | FailedEndError)
    if is_context_overflow(error) or _quota(error):
        return False
    if isinstance(error, ModelError):
        return error.is_retryable
    status = status_of(error)
    if status is not None:
        return status in PASSING or status >= 500
    return _failed_on_the_way(error)


def indicates_outage(error: BaseException) -> bool:
    """Whether an error is the tier's fault, not the request's: the next request would get it too.

    A timeout is, if the tier's own limit was exceeded; one request's short deadline means nothing
    for the others.
    """
    if isinstance(error, AttemptTimeoutError):
        return error.own
    status = None if isinstance(error, RouterError) else status_of(error)
    if status is not None and (status in BROKEN or status in BUSY):
        return status in BROKEN
    return is_retryable(error) or _quota(error)


def may_be_the_requests(error: BaseException) -> bool:
    """Whether an error that shows a tier down may have been brought about by what was asked: the
    server answered, and failed at it (500), rather than being away, starting or overloaded."""
    status = None if isinstance(error, RouterError) else status_of(error)
    return status is not None and status >= 500 and status not in AWAY


def retry_after(error: BaseException, now: float | None = None) -> float | None:
    """How long the server asks to wait, in seconds; `None` where it does not say.

    From `retry-after-ms` (OpenAI's), else `Retry-After`: seconds or a date (RFC 9110, 10.2.3).

    Args:
        error: What the call raised.
        now: The time, in seconds since the epoch; `time.time()` where it is not given.
    """
    for cause in causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        if headers is None:
            continue
        if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
            return milliseconds / 1000
        given = headers.get("retry-after")
        if (seconds := _number(given)) is not None:
            return seconds
        if given:
            return _until(given, time.time() if now is None else now)
    return None


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _failed_on_the_way(error: BaseException) -> bool:
    """Whether the connection failed, or what came over it made no sense."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | OSError):
        return not isinstance(error, FileNotFoundError | PermissionError)
    names = {each.__name__ for each in type(error).__mro__}
    if names & (_TRANSPORT | _GARBLED):
        return True
    # Errors told inside a stream or under HTTP 200, without a status.
    return type(error).__name__ in {"APIError", "ResponseError", "ResponseBodyError"}


def _quota(error: BaseException) -> bool:
    """Whether an account has nothing left, which no waiting helps: OpenAI answers 429 there too."""
    return "insufficient_quota" in details_of(error).codes
