"""`RequestLog`: a callback handler that logs requests as structured fields."""

from __future__ import annotations

import logging
from typing import Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.observe.fields import call_fields, fields_of
from lc_asym_router.records.handlers import FinishedRequest, RecordsOnly


class RequestLog(RecordsOnly):
    """Logs one record for each request, and a warning for each call that failed or was not made.

    A callback handler: `AsymRouter(callbacks=[RequestLog()])`, or in the config of a call. The fields
    are the log record's `extra`, so every JSON formatter of the standard library's logging writes
    them out (python-json-logger, structlog's `ProcessorFormatter`). No prompt, no answer, no reason
    and no key is among them.

    Args:
        logger: The logger, or its name.
        level: The level of answered and cancelled requests; failed ones are logged as errors.

    Raises:
        ConfigurationError: The level is not an integer.
    """

    def __init__(
        self, logger: str | logging.Logger = "lc_asym_router.requests", level: int = logging.INFO
    ) -> None:
        if isinstance(level, bool) or not isinstance(level, int):
            raise ConfigurationError(
                f"RequestLog(level={level!r}) takes one of logging's levels, such as logging.INFO."
            )
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self.level = level

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Log a finished request; the router calls it once per request."""
        fields = fields_of(finished)
        about = {
            "request_id": fields["request_id"],
            "run_id": finished.run_id,
            "thread_id": finished.metadata.get("thread_id"),
            "tags": list(finished.tags),
        }
        attempts = [call_fields(attempt) for attempt in finished.record["attempts"]]
        for number, attempt in enumerate(attempts, 1):
            if attempt["result"] in ("failed", "not_asked"):
                self.logger.warning(
                    "%s %s: %s",
                    attempt["tier"],
                    "failed" if attempt["result"] == "failed" else "was not asked",
                    attempt["error"],
                    extra={**about, **attempt, "attempt": number},
                )
        for mark in (finished.record.get("budget") or {}).get("exhausted", ()):
            name, per = mark["budget"], mark["per"]
            self.logger.warning(
                "the budget %s is used up", name, extra={**about, "budget": name, "per": per}
            )
        calls = [*attempts, *map(call_fields, finished.record["side_calls"])]
        self.logger.log(
            logging.ERROR if finished.outcome == "failed" else self.level,
            "%s",
            _headline(fields),
            extra={**fields, **about, "calls": calls},
        )


def _headline(fields: dict[str, Any]) -> str:
    by = f" by {fields['tier']}" if fields["tier"] else ""
    return f"{fields['outcome']}{by} after {fields['seconds']:.3f} s"
