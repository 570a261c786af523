"""`Ledger`: a callback handler that stores every request's record in a database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.errors import LedgerError as LedgerError
from lc_asym_router.money.budgets.balances import balances
from lc_asym_router.money.database.sql_store import Failure, Store, url_of
from lc_asym_router.money.ledger.pruning import day_before, midnight, prune_budgets, prune_day
from lc_asym_router.money.ledger.report import By, checked, recent_rows, report_rows
from lc_asym_router.money.ledger.rows import (
    Moment,
    audit_rows,
    feedback_row,
    ledger_rows,
    moment_of,
)
from lc_asym_router.money.ledger.thresholds import THRESHOLDS, checked_thresholds, threshold_rows
from lc_asym_router.money.ledger.writer import Writer
from lc_asym_router.records.handlers import Feedback, FinishedAudit, FinishedRequest, RecordsOnly

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Ledger(RecordsOnly):
    """Stores the record of every request, without its text, in SQLite or PostgreSQL.

    A callback handler: `AsymRouter(callbacks=[ledger])`, or in the config of a call. Requests never
    wait for it: one background thread writes in batches. While the database is down they wait in a
    bounded queue; what does not fit is dropped, counted in `dropped` and logged. A request is written
    once, even if a write is retried. Requests that `flush` has returned for survive a crash; the rest
    of the queue is written when the process exits normally. Threads, tasks and forked processes may
    share it.

    Args:
        url: ``"sqlite:///path"`` or ``"postgresql://user:password@host/database"``, or a file's path;
            `ledger.sqlite3` in the platform's folder for a user's data where it is not given.
        keep_text: Whether to store prompts, answers and the reasons of decisions and checks too.
        queue: Maximum number of requests that wait to be written.
        batch: Maximum number of requests in one transaction.
        flush_seconds: How long a request waits for others to share its transaction, in seconds.
        exit_seconds: How long the process's exit waits for the database, in seconds.

    Raises:
        ConfigurationError: The URL can't be read, a number makes no sense, or an extra is missing.

    Example:
        ```python
        ledger = Ledger("sqlite:///costs.sqlite3")
        router = AsymRouter(small=..., frontier=..., callbacks=[ledger])
        router.invoke("What is the capital of France?", {"tags": ["team-a"]})
        ledger.report(by="tag")
        ```
    """

    def __init__(
        self,
        url: str | PathLike[str] | None = None,
        *,
        keep_text: bool = False,
        queue: int = 10_000,
        batch: int = 200,
        flush_seconds: float = 1.0,
        exit_seconds: float = 10.0,
    ) -> None:
        for name, value in (("queue", queue), ("batch", batch)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"Ledger({name}={value!r}) must be 1 or more requests.")
        for name, seconds in (("flush_seconds", flush_seconds), ("exit_seconds", exit_seconds)):
            if not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
                raise ConfigurationError(f"Ledger({name}={seconds!r}) must be 0 or more seconds.")
        self.keep_text = keep_text
        self._store = Store(url_of(url))
        self._writer = Writer(
            self._store,
            size=queue,
            batch=batch,
            flush_seconds=flush_seconds,
            exit_seconds=exit_seconds,
        )

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Queue a finished request's rows, without waiting for the database."""
        self._writer.put(ledger_rows(finished, keep_text=self.keep_text))

    def on_router_output_error(self, request_id: str, error: Exception) -> None:
        """Mark an answered request as failed, because its structured output can't be parsed."""
        self._writer.put(Failure(request_id, type(error).__name__))

    def on_router_audit(self, audit: FinishedAudit) -> None:
        """Queue the calls of an audit, beside those of its request."""
        if audit.calls:
            self._writer.put(audit_rows(audit, keep_text=self.keep_text))

    def on_router_feedback(self, feedback: Feedback) -> None:
        """Queue a user's score of an answer."""
        self._writer.put(feedback_row(feedback, keep_text=self.keep_text))

    # writing --------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self._store.name

    @property
    def dropped(self) -> int:
        """Number of requests of this process that were not stored: the queue was full, or they were
        refused.
        """
        return self._writer.dropped

    @property
    def pending(self) -> int:
        """Number of requests that wait to be written."""
        return self._writer.pending

    def flush(self, timeout: float = 30.0) -> None:
        """Wait until every request that has ended is in the database, committed.

        Args:
            timeout: How long to wait, in seconds.

        Raises:
            LedgerError: It is not written in time. It is tried again.
        """
        self._writer.flush(timeout)

    async def aflush(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """The async twin of `flush`."""
        await asyncio.to_thread(self.flush, timeout)

    def close(self, timeout: float | None = None) -> None:
        """Write the queue, and stop. Later requests are dropped and counted.

        Args:
            timeout: How long to wait for the database, in seconds; `exit_seconds` by default.
                Requests not written by then are dropped, counted and logged.
        """
        self._writer.close(self._writer.exit_seconds if timeout is None else timeout)

    async def aclose(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """The async twin of `close`."""
        await asyncio.to_thread(self.close, timeout)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Lifespan context for Starlette and FastAPI: writes the queue before the server ends.

        A server such as uvicorn ends by the signal that it got (SIGTERM), and then Python calls
        nothing at the process's end. The ledger stays open: a later start goes on with it.

        Args:
            app: The application, which is not used.

        Example:
            ```python
            app = FastAPI(lifespan=ledger.lifespan)
            ```

            or inside one's own:

            ```python
            @asynccontextmanager
            async def lifespan(app):
                async with ledger.lifespan(app):
                    yield
            ```
        """
        try:
            yield
        finally:
            try:
                await self.aflush(self._writer.exit_seconds)
            except LedgerError as error:
                logger.error("The server ends before all is written: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    # reading --------------------------------------------------------------------------------

    @property
    def file(self) -> Path | None:
        """The SQLite file, or `None` for a server."""
        return self._store.file

    def rows(
        self,
        by: By | None = None,
        since: Moment = None,
        until: Moment = None,
        *,
        tag: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the report as dicts: requests, shares, escalations, failed checks, costs, latency.

        Sums of money are over what is known; `unknown_cost` and `unknown_saving` say how many
        requests are not in them. `cost_by_model` is by the model that was called, as its provider
        bills it. `frontier_cost_usd` is an estimate: the answers' tokens at the frontier's price.

        Args:
            by: "hour" or "day" (UTC), "model" or "tier" (that answered), "tag" or "thread"; `None` for
                all in one row.
            since: Start of the period (inclusive): a datetime, a date (UTC), ISO text, or "7d".
            until: End of the period (exclusive), likewise.
            tag: The tag of the requests that count; `None` for all.

        Raises:
            ConfigurationError: An argument has an unknown format.
            LedgerError: The database can't be read, or finished requests can't be written to it.
        """
        wanted, first, end = checked(by, since, until)
        return self._read(lambda found: report_rows(found, wanted, first, end, tag))

    def recent(self, limit: int = 50, *, tag: str | None = None) -> list[dict[str, Any]]:
        """Return the last requests, the newest first: decision, outcome, cost, tags; no text.

        Args:
            limit: The most requests, 1 to 1,000.
            tag: The tag of the requests that are wanted; `None` for all.

        Raises:
            ConfigurationError: The limit is out of range.
            LedgerError: As for `rows`.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
            raise ConfigurationError(f"recent(limit={limit!r}) must be 1 to 1,000 requests.")
        return self._read(lambda found: recent_rows(found, limit, tag))

    def thresholds(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        since: Moment = None,
        until: Moment = None,
    ) -> list[dict[str, Any]]:
        """Return what other thresholds would have cost, of the requests that a classifier has scored.

        Each row has `threshold`, `requests` that tell something of it, `share_frontier_first`,
        `cost_usd`, `frontier_cost_usd`, `share_saved`, `unknown_cost` (requests that are not in the
        sums) and `not_seen`: requests that went straight to the frontier, of which nobody knows what
        the lower tier would have made. A request that goes up costs what the frontier alone would
        have, an estimate; one that stays, what it did cost.

        Args:
            thresholds: The thresholds, in [0, 1].
            since: Start of the period (inclusive), as in `rows`.
            until: End of the period (exclusive), likewise.

        Raises:
            ConfigurationError: A threshold or a moment can't be read.
            LedgerError: As for `rows`.
        """
        wanted = checked_thresholds(thresholds)
        _, first, end = checked(None, since, until)
        return self._read(lambda found: threshold_rows(found, first, end, wanted))

    def prune(self, older_than: Moment, *, keep_daily: bool = True) -> int:
        """Delete old requests, and the sums of budgets' periods that were over by then.

        A day (UTC) goes whole, in a transaction of its own. What is kept of it are totals by day,
        model, tier and tag: reports go on counting them, without hours and threads, and latency to
        two digits.

        Args:
            older_than: The age or the moment from which on days are kept, such as "90d".
            keep_daily: Whether the totals are kept.

        Returns:
            How many requests were deleted.

        Raises:
            ConfigurationError: `older_than` is no date and no age.
            LedgerError: The database can't be read or written. What was pruned by then is.
        """
        moment = moment_of(older_than, "older_than")
        if moment is None:
            raise ConfigurationError(
                'prune(older_than=None): give an age or a date, such as "90d".'
            )
        end, deleted = midnight(moment), 0
        while (day := self._use(lambda found: day_before(found, end), writing=False)) is not None:
            deleted += self._use(partial(prune_day, day=day, keep_daily=keep_daily), writing=True)
        self._use(partial(prune_budgets, before=end), writing=True)
        return deleted

    def balances(self) -> list[dict[str, Any]]:
        """Return what the budgets in this database have spent and reserved, by name and scope.

        Raises:
            LedgerError: As for `rows`.
        """
        return self._read(lambda found: balances(found, datetime.now(UTC)))

    def _read(self, read: Callable[[Connection], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        if self.pending:
            self.flush()
        return self._use(read, writing=False)

    def _use(self, use: Callable[[Connection], T], *, writing: bool) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._store.transaction(writing=writing) as connection:
                return use(connection)
        except (SQLAlchemyError, OSError) as error:
            inner = getattr(error, "orig", None) or error
            raise LedgerError(
                f"The ledger can't be read ({type(inner).__name__}; {self._store.name}). Check that "
                "the database runs, its address, and your rights to it."
            ) from None

    def report(self, by: By | None = None, since: Moment = None, until: Moment = None) -> Any:
        """Return the report as a pandas DataFrame; see `rows`.

        Raises:
            ConfigurationError: As for `rows`, or pandas is not installed.
        """
        pandas = needed("pandas", "report")
        frame = pandas.DataFrame(self.rows(by, since, until))
        return frame.set_index(by) if by is not None and len(frame) else frame

    def __repr__(self) -> str:
        return f"Ledger({self._store.name}, pending={self.pending}, dropped={self.dropped})"
