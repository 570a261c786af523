"""What goes wrong in the gateway, with its HTTP status; each protocol writes it in its own form."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import Any

from lc_asym_router._internal.deadline import LateError
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import (
    describe_error,
    is_context_overflow,
    status_of,
)
from lc_asym_router.errors import (
    AttemptTimeoutError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigurationError,
    InvalidRequestError,
    LedgerError,
    NoTierError,
    QueueFullError,
    TiersFailedError,
    UnverifiedError,
)
from lc_asym_router.tiers.faults.error_kinds import retry_after

logger = logging.getLogger(__name__)

NO_RETRY = {"x-should-retry": "false"}
"""Tells OpenAI's and Anthropic's clients not to ask again by themselves."""
BUSY_SECONDS = 1.0
"""When to ask again where all places are taken, in seconds."""


class GatewayError(Exception):
    """A request is refused, with this HTTP response.

    Attributes:
        status: The HTTP status.
        message: What is wrong, and what to do instead; no prompt, no answer, no key.
        code: OpenAI's code for it, such as "model_not_found"; `None` where there is none.
        param: The parameter that is wrong, or `None`.
        retry_after: Seconds after which it is worth asking again, or `None`.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["retry-after"] = str(max(1, math.ceil(retry_after)))
        super().__init__(message)


def unsupported(param: str, why: str) -> GatewayError:
    """The error for a parameter, or a value of one, that is not served: never ignored.

    Args:
        param: Its name.
        why: What is served instead.
    """
    return GatewayError(
        400, f"{param} is not supported: {why}", code="unsupported_parameter", param=param
    )


def invalid(param: str, why: str) -> GatewayError:
    """The error for a parameter with a wrong value.

    Args:
        param: Its name.
        why: What it takes.
    """
    return GatewayError(400, f"{param}: {why}", code="invalid_value", param=param)


def error_of(error: BaseException) -> GatewayError:
    """The error that a client is told where the router raised one."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, InvalidRequestError):
        return GatewayError(400, str(error))
    if isinstance(error, NoTierError):
        long = all("tokens don't fit" in why for why in error.reasons.values())
        return GatewayError(400, str(error), code="context_length_exceeded" if long else None)
    if isinstance(error, BudgetExceededError):
        if error.exhausted.fault is None:
            return GatewayError(429, str(error), code="insufficient_quota", headers=NO_RETRY)
        text = (
            "A budget can't be asked, and no call is made without it: its database does not answer."
        )
        return GatewayError(503, text, code="budget_unavailable", retry_after=BUSY_SECONDS)
    if isinstance(error, UnverifiedError):
        return GatewayError(502, str(error), code="unverified", headers=NO_RETRY)
    if isinstance(error, TiersFailedError):
        return _tiers_failed(error)
    if isinstance(error, LedgerError):
        return GatewayError(503, str(error), code="ledger_unavailable")
    if isinstance(error, ConfigurationError):
        return GatewayError(500, str(error))
    return GatewayError(500, f"The gateway failed ({type(error).__name__}); its log says more.")


def logged(error: BaseException) -> GatewayError:
    """The error for the client; where it is our own fault, the log has where it was raised, and no text
    of a request."""
    found = error_of(error)
    if isinstance(error, BudgetExceededError) and error.exhausted.fault is not None:
        log_fault(logger, "A request failed: %s", error.exhausted)
    if found.status == 500:
        logger.error("A request failed: %s", describe_error(error))
    return found


def _tiers_failed(error: TiersFailedError) -> GatewayError:
    """What the last tier that was asked came to: the others have failed before it."""
    text = str(error)
    for each in reversed(error.exceptions):
        if isinstance(each, AttemptTimeoutError | LateError | TimeoutError):
            return GatewayError(504, text, code="timeout")
        if isinstance(each, CircuitOpenError):
            return GatewayError(503, text, code="unavailable", retry_after=each.seconds)
        if isinstance(each, QueueFullError):
            return GatewayError(503, text, code="unavailable", retry_after=BUSY_SECONDS)
        if is_context_overflow(each):
            return GatewayError(400, text, code="context_length_exceeded")
        status = status_of(each)
        if status == 429:
            seconds = _seconds(error.exceptions)
            return GatewayError(429, text, code="rate_limit_exceeded", retry_after=seconds)
        if status in (400, 413, 422):
            return GatewayError(400, text)
        if isinstance(each, Exception) and _timed_out(each):
            return GatewayError(504, text, code="timeout")
        break
    return GatewayError(502, text, code="upstream_error")


def _seconds(errors: Iterable[BaseException]) -> float | None:
    """The longest wait that a provider has asked for, in seconds."""
    found = (retry_after(each) for each in errors if isinstance(each, Exception))
    return max((each for each in found if each is not None), default=None)


def _timed_out(error: BaseException) -> bool:
    cause: Any = error
    while cause is not None:
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return True
        cause = cause.__cause__
    return False
