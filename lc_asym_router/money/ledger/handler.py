"""`Ledger`: a callback handler that stores every request's record in a database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.errors import LedgerError as LedgerError
from lc_asym_router.money.database.sql_store import Failure, Store, url_of
from lc_asym_router.money.ledger.langsmith_feedback import (
    FeedbackCounts,
    checked_scale,
    slices_of,
    store,
)
from lc_asym_router.money.ledger.ledger_reader import LedgerReader
from lc_asym_router.money.ledger.rollups import RollUps
from lc_asym_router.money.ledger.rows import (
    Moment,
    audit_rows,
    feedback_row,
    ledger_rows,
    moment_of,
)
from lc_asym_router.money.ledger.writer import Writer
from lc_asym_router.records.handlers import AuditCalls, Feedback, FinishedRequest, RecordsOnly

if TYPE_CHECKING:
    from langsmith import Client

T = TypeVar("T")

logger = logging.getLogger(__name__)

AUDIT_SECONDS = 2.0
"""How long a call of an audit waits until the one before it is written, in seconds."""


class Ledger(LedgerReader, RecordsOnly):
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
        ConfigurationError: The URL can't be read, a number is out of its range, or an extra is missing.

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
        database = Store(url_of(url))
        rollups = RollUps(database)
        super().__init__(database, rollups)
        self._writer = Writer(
            database,
            size=queue,
            batch=batch,
            flush_seconds=flush_seconds,
            exit_seconds=exit_seconds,
            after=rollups.keep_current,
        )

    def on_router_record(self, finished: FinishedRequest) -> None:
        """Queue a finished request's rows, without waiting for the database."""
        self._writer.put(ledger_rows(finished, keep_text=self.keep_text))

    def on_router_output_error(self, request_id: str, error: Exception) -> None:
        """Mark an answered request as failed, because its structured output can't be parsed."""
        self._writer.put(Failure(request_id, type(error).__name__))

    def on_router_audit_calls(self, audit: AuditCalls) -> None:
        """Write the calls of an audit beside those of its request, and wait until that is done: the
        next call waits with it, so that a killed process leaves none that is not here.
        """
        rows = audit_rows(audit.request_id, audit.calls, keep_text=self.keep_text)
        self._writer.put(rows)
        # While the database is away the queue keeps them, as it keeps requests.
        with suppress(LedgerError):
            self._writer.flush(AUDIT_SECONDS)

    def on_router_feedback(self, feedback: Feedback) -> None:
        """Queue a user's score of an answer."""
        self._writer.put(feedback_row(feedback, keep_text=self.keep_text))

    def read_feedback(
        self,
        client: Client,
        *,
        project: str,
        key: str,
        scale: tuple[float, float] = (0, 1),
        since: Moment = None,
    ) -> FeedbackCounts:
        """Copy users' scores from LangSmith, beside those of `router.feedback`. Read again, a score
        counts once, as it is then. In async code call it in a thread.

        Args:
            client: LangSmith's `Client()`.
            project: The project that the router's runs are traced to.
            key: The feedback's key, such as "user_score".
            scale: The worst and the best score, which count as 0 and 1.
            since: From when on: as in `rows`.

        Raises:
            ConfigurationError: An argument is invalid.
            LedgerError: The database can't be written.
            langsmith.utils.LangSmithError: LangSmith can't be reached, or has no such project.
        """
        checked_scale(client, project, key, scale)
        first = moment_of(since, "since")
        if self.pending:
            self.flush()
        whole = FeedbackCounts()
        for found in slices_of(client, project, key, first):
            write = partial(store, found=found, scale=scale, keep_text=self.keep_text)
            whole = whole.plus(self._use(write, writing=True))
        return whole

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

    def __repr__(self) -> str:
        return f"Ledger({self._store.name}, pending={self.pending}, dropped={self.dropped})"
