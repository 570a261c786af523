"""The results of a batch and of its rows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.batch.input_rows import plain_value
from lc_asym_router.batch.row_journal import RowJournal
from lc_asym_router.errors import RouterError, TiersFailedError, UnreadableOutputError
from lc_asym_router.records.trail import total

RESULTS = ("answer", "parsed", "tier", "cost", "error", "seconds")
"""The columns that are added to each row."""


@dataclass(frozen=True)
class BatchResult:
    """The result of a batch run.

    Attributes:
        out: The output's file.
        rows: How many rows the output has.
        answered: How many of them have an answer.
        failed: How many have an error; the same run asks them again.
        cost_usd: What all calls of these rows cost, earlier runs' too, in USD, as far as known.
        seconds: How long this run took, in seconds.
        stopped: Why the run ended before its last row, or `None`.
        waiting: How many rows wait for a provider's batch; the same run goes on with it.
    """

    out: Path
    rows: int
    answered: int
    failed: int
    cost_usd: float
    seconds: float
    stopped: str | None = None
    waiting: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**asdict(self), "out": str(self.out)}


@dataclass(frozen=True)
class Progress:
    """A run that is under way: its journal, its bar, and when it began (`perf_counter`)."""

    journal: RowJournal
    bar: Any
    started: float


@dataclass(frozen=True, slots=True)
class RowResult:
    """The columns of a row's result, and whether a rate limit was met on the way."""

    columns: dict[str, Any]
    throttled: bool


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """Ask for a result; returns it, or the exception that was raised, and how many seconds it took."""
    started = time.perf_counter()
    try:
        result = ask()
    except Exception as error:
        result = error
    return result, time.perf_counter() - started


async def atimed(asked: Awaitable[Any]) -> tuple[Any, float]:
    """The async twin of `timed`."""
    started = time.perf_counter()
    try:
        result = await asked
    except Exception as error:
        result = error
    return result, time.perf_counter() - started


def described(error: Exception) -> str:
    """Describe why a request failed, without its text."""
    # The package's own errors hold no text of a request; others are named without theirs.
    return str(error) if isinstance(error, RouterError) else describe_error(error)


def throttled(record: dict[str, Any]) -> bool:
    """Whether a provider's rate limit refused one of a request's calls, by the request's record."""
    return any("429" in str(each.get("error") or "") for each in record.get("attempts", ()))


def row_result(result: Any, seconds: float) -> RowResult:
    """Read the result of a request: an answer, a parsed output, or an exception."""
    parsed: Any = None
    error: Exception | None = None
    if isinstance(result, dict):  # of a schema, with its raw message
        parsed, error = result["parsed"], result["parsing_error"]
        result = result["raw"]
    message = result if isinstance(result, AIMessage) else None
    if message is None:
        error = result
    elif parsed is None and message.tool_calls:
        parsed = [{"name": call["name"], "args": call["args"]} for call in message.tool_calls]
    record = record_of(message if error is None else error) or record_of(message)
    answer = None if message is None or error is not None else str(message.text)
    if hasattr(parsed, "model_dump"):
        parsed = parsed.model_dump(mode="json")
    columns = {
        "answer": None if answer is None else answer.encode("utf-8", "replace").decode(),
        "parsed": plain_value(parsed),
        "tier": record.get("tier") if error is None else None,
        "cost": record.get("cost_usd", _cost_of_calls(record)),
        "error": None if error is None else described(error),
        "seconds": round(seconds, 4),
    }
    return RowResult(columns, throttled(record))


def _cost_of_calls(record: dict[str, Any]) -> float | None:
    """Sum up what the calls of a request that failed have cost; `None` where that is unknown."""
    calls = [*record.get("attempts", ()), *record.get("side_calls", ())]
    return total(call["cost_usd"] for call in calls) if calls else None


def record_of(result: Any) -> dict[str, Any]:
    """Return the record of an answer or an exception; empty where it has none."""
    if isinstance(result, AIMessage):
        return dict(result.response_metadata.get("router") or {})
    if isinstance(result, TiersFailedError | UnreadableOutputError):
        return result.record
    return {}
