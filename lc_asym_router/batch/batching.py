"""`run`: many rows in, each row's answer once in the output, however often the run is ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.imports import AnyPath, needed
from lc_asym_router.batch.input_rows import InputRow, count_of, input_rows, plain_value
from lc_asym_router.batch.jobs import described, drained
from lc_asym_router.batch.level import ConcurrencyLevel
from lc_asym_router.batch.output import check_output, write_output
from lc_asym_router.batch.row_journal import RowJournal
from lc_asym_router.errors import (
    BudgetExceededError,
    ConfigurationError,
    TiersFailedError,
    UnreadableOutputError,
)

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter
    from lc_asym_router.router.spec import RouterSpec

RESULTS = ("answer", "parsed", "tier", "cost", "error", "seconds")
"""The columns that are added to each row."""
READ = 64
"""Rows that are read at once, off the event loop."""


@dataclass(frozen=True)
class BatchResult:
    """What a batch came to.

    Attributes:
        out: The output's file.
        rows: How many rows the output has.
        answered: How many of them have an answer.
        failed: How many have an error; the same run asks them again.
        cost_usd: What all calls of these rows cost, earlier runs' too, in USD, as far as known.
        seconds: How long this run took, in seconds.
        stopped: Why the run ended before its last row, or `None`.
    """

    out: Path
    rows: int
    answered: int
    failed: int
    cost_usd: float
    seconds: float
    stopped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {**asdict(self), "out": str(self.out)}


def run(
    router: AsymRouter | RouterSpec,
    rows: Any,
    *,
    out: AnyPath,
    prompt: str | None = None,
    tools: Sequence[Any] | None = None,
    schema: dict[str, Any] | type | None = None,
    prefix: str = "",
    concurrency: int | None = None,
    max_usd: float | None = None,
    config: RunnableConfig | None = None,
    progress: bool | None = None,
) -> BatchResult:
    """Ask a router every row, and write each row with its answer, in the rows' order.

    Each result is written to a journal beside `out` (`out` and ".journal") before anything else, and
    `out` is put in place, whole, when the run ends. The same call goes on with a run that was ended
    in whatever way: what has an answer is not asked again, rows that failed are. A budget that is
    used up, `max_usd`, an interrupt and a task's cancellation end the run in order: it waits for the
    requests that are under way, and writes what there is.

    Args:
        router: The router, or its description.
        rows: A file's path (".jsonl", ".jsonl.gz", ".csv", ".parquet"), a data frame (pandas, polars,
            Arrow), or an iterable of texts, messages, or dicts of columns; read once, never kept.
        out: The output, in one of these formats. Its columns are the row's own and "answer", "parsed"
            (an output by the schema, or tool calls), "tier", "cost" (USD), "error" and "seconds".
        prompt: A text with columns in braces, "Classify: {ticket}"; without one a row's column
            "messages", "prompt" or "text" is the request.
        tools: Tools that are bound to the router.
        schema: A schema that every answer follows.
        prefix: Put before the names of the columns that are added, where the rows have such columns.
        concurrency: How many requests run at once; `None` finds the level by rate limits and by the
            rate that each level brings.
        max_usd: No further row is asked once the rows have cost so much, in USD; what is under way
            may pass it. A `Budget` of the router never is passed.
        config: The config of each request.
        progress: Whether to show rate, cost and time left on stderr; `None` shows them on a terminal.

    Raises:
        ConfigurationError: A setting is invalid, or an extra is missing.
        DataError: The rows can't be read, or are not those of the run that `out` is of.
    """
    batch = Batch(router, rows, out, prompt, tools, schema, prefix, concurrency, max_usd, config)
    return batch.run(progress)


async def arun(
    router: AsymRouter | RouterSpec,
    rows: Any,
    *,
    out: AnyPath,
    prompt: str | None = None,
    tools: Sequence[Any] | None = None,
    schema: dict[str, Any] | type | None = None,
    prefix: str = "",
    concurrency: int | None = None,
    max_usd: float | None = None,
    config: RunnableConfig | None = None,
    progress: bool | None = None,
) -> BatchResult:
    """The async twin of `run`."""
    batch = Batch(router, rows, out, prompt, tools, schema, prefix, concurrency, max_usd, config)
    return await batch.arun(progress)


@dataclass
class Batch:
    """One batch, with the settings of `run`."""

    router: AsymRouter | RouterSpec
    rows: Any = field(repr=False)
    out: AnyPath
    prompt: str | None
    tools: Sequence[Any] | None
    schema: dict[str, Any] | type | None
    prefix: str
    concurrency: int | None
    max_usd: float | None
    config: RunnableConfig | None
    _stopped: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        check_output(self.out)
        if isinstance(self.rows, str | Path) and Path(self.rows).resolve() == self.out.resolve():
            raise ConfigurationError(
                f"out= is the rows' own file, {self.out}, and would take its place: give another one."
            )
        if self.tools and self.schema is not None:
            raise ConfigurationError(
                "Give either tools= or schema=: an answer is calls or an output."
            )
        if self.max_usd is not None and not self.max_usd > 0:
            raise ConfigurationError(f"max_usd={self.max_usd} must be over 0 USD.")
        self._level = ConcurrencyLevel.of(self.concurrency)
        if hasattr(self.router, "build"):
            self.router = self.router.build()
        router: Any = self.router
        self._asks: Any = router
        if self.schema is not None:
            self._asks = router.with_structured_output(self.schema, include_raw=True)
        elif self.tools:
            self._asks = router.bind_tools(list(self.tools))

    @property
    def _maker(self) -> str:
        schema = self.schema.__name__ if isinstance(self.schema, type) else self.schema
        tools = [
            getattr(each, "name", getattr(each, "__name__", each)) for each in self.tools or ()
        ]
        parts = json.dumps(
            plain_value([repr(self.router), self.prompt, schema, tools, self.prefix])
        )
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    # what both ways share ---------------------------------------------------------------------

    @contextmanager
    def _open(self, progress: bool | None) -> Iterator[Progress]:
        """Open the journal and the bar; write the output at the end, whatever it is."""
        out = Path(self.out)
        with RowJournal(out.with_name(f"{out.name}.journal"), self._maker) as journal:
            bar = needed("tqdm", "evals").tqdm(
                total=count_of(self.rows),
                unit="row",
                disable=None if progress is None else not progress,
            )
            try:
                yield Progress(journal, bar, time.perf_counter())
            except BaseException:
                if journal.answered or journal.failed:  # else what stands there may be anybody's
                    write_output(out, journal.results)
                raise
            else:
                write_output(out, journal.results)
            finally:
                bar.close()

    def _open_rows(self, now: Progress) -> Iterator[InputRow]:
        """Yield the rows that have no answer yet."""
        for row in input_rows(self.rows, self.prompt):
            if now.journal.is_answered(row):
                now.bar.update()
                continue
            self._check_columns(row)
            yield row

    def _settle(self, row: InputRow, result: Any, seconds: float, now: Progress) -> _Outcome | None:
        """Journal a request's result; `None` where a budget was used up, and the row is still open."""
        if isinstance(result, BudgetExceededError) and result.exhausted.per != "request":
            self._stopped = str(result.exhausted)
            return None
        outcome = _outcome(result, seconds)
        columns = {f"{self.prefix}{name}": value for name, value in outcome.columns.items()}
        error, cost = outcome.columns["error"], outcome.columns["cost"]
        now.journal.add(row, {**row.columns, **columns}, error, cost)
        return outcome

    def _ended(self, outcome: _Outcome | None, now: Progress) -> None:
        """Take note of a request that has ended."""
        if outcome is None:
            return
        journal = now.journal
        self._level.ended(outcome.columns["seconds"], throttled=outcome.throttled)
        if self.max_usd is not None and journal.cost_usd >= self.max_usd:
            self._stopped = f"the rows have cost {journal.cost_usd:.4f} USD, max_usd={self.max_usd}"
        now.bar.set_postfix_str(
            f"{journal.cost_usd:.4f} USD, {self._level.limit} at once, {journal.failed} failed",
            refresh=False,
        )
        now.bar.update()

    def _result(self, now: Progress) -> BatchResult:
        journal = now.journal
        return BatchResult(
            out=Path(self.out),
            rows=journal.answered + journal.failed,
            answered=journal.answered,
            failed=journal.failed,
            cost_usd=journal.cost_usd,
            seconds=time.perf_counter() - now.started,
            stopped=self._stopped,
        )

    def _check_columns(self, row: InputRow) -> None:
        for name in RESULTS:
            if f"{self.prefix}{name}" in row.columns:
                raise ConfigurationError(
                    f"The rows have a column {self.prefix + name!r}, which the output adds. Give the "
                    "added columns names of their own: prefix='router_'."
                )

    # sync ---------------------------------------------------------------------------------------

    def run(self, progress: bool | None) -> BatchResult:
        """Ask the rows that have no answer yet, in threads, and write the output.

        Threads take half the processor time of tasks: an HTTP client's async half costs that much.
        """
        context, ended = copy_context(), SimpleQueue[Future[_Outcome | None]]()
        with self._open(progress) as now, ThreadPoolExecutor(self._level.most) as pool:
            rows, under_way = self._open_rows(now), 0
            while True:
                while self._stopped is None and under_way < self._level.limit:
                    if (row := next(rows, None)) is None:
                        break
                    future = pool.submit(context.copy().run, self._ask, row, now)
                    future.add_done_callback(ended.put)
                    under_way += 1
                if not under_way:
                    return self._result(now)
                self._ended(ended.get().result(), now)
                under_way -= 1

    def _ask(self, row: InputRow, now: Progress) -> _Outcome | None:
        started = time.perf_counter()
        try:
            result: Any = self._asks.invoke(row.asked, self.config)
        except Exception as error:
            result = error
        return self._settle(row, result, time.perf_counter() - started, now)

    # async --------------------------------------------------------------------------------------

    async def arun(self, progress: bool | None) -> BatchResult:
        """The async twin of `run`; files are read and written in threads."""
        opened = self._open(progress)
        now = await asyncio.to_thread(opened.__enter__)
        try:
            await self._apump(now)
        finally:
            await asyncio.to_thread(opened.__exit__, *sys.exc_info())
        return self._result(now)

    async def _apump(self, now: Progress) -> None:
        rows, waiting, more = self._open_rows(now), list[InputRow](), True
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                while self._stopped is None and len(under_way) < self._level.limit:
                    if not waiting and more:
                        waiting = await asyncio.to_thread(_taken, rows)
                        more = bool(waiting)
                    if not waiting:
                        break
                    under_way.add(asyncio.create_task(self._aask(waiting.pop(0), now)))
                if not under_way:
                    return
                ended, under_way = await asyncio.wait(
                    under_way, return_when=asyncio.FIRST_COMPLETED
                )
                for task in ended:
                    task.result()
        except BaseException:
            await drained(under_way)
            raise

    async def _aask(self, row: InputRow, now: Progress) -> None:
        started = time.perf_counter()
        try:
            result: Any = await self._asks.ainvoke(row.asked, self.config)
        except Exception as error:
            result = error
        self._ended(self._settle(row, result, time.perf_counter() - started, now), now)


@dataclass(frozen=True)
class Progress:
    """A run that is under way: its journal, its bar, and when it began (`perf_counter`)."""

    journal: RowJournal
    bar: Any
    started: float


def _taken(rows: Iterator[InputRow]) -> list[InputRow]:
    """Take the next rows."""
    return list(islice(rows, READ))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The columns of a row's result, and whether a rate limit was met on the way."""

    columns: dict[str, Any]
    throttled: bool


def _outcome(result: Any, seconds: float) -> _Outcome:
    """Read what a request has come to: an answer, a parsed output, or an exception."""
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
    record = _record_of(message if error is None else error) or _record_of(message)
    answer = None if message is None or error is not None else str(message.text)
    if hasattr(parsed, "model_dump"):
        parsed = parsed.model_dump(mode="json")
    columns = {
        "answer": None if answer is None else answer.encode("utf-8", "replace").decode(),
        "parsed": plain_value(parsed),
        "tier": record.get("tier") if error is None else None,
        "cost": record.get("cost_usd"),
        "error": None if error is None else described(error),
        "seconds": round(seconds, 4),
    }
    errors = [str(attempt.get("error") or "") for attempt in record.get("attempts", ())]
    return _Outcome(columns, any("429" in each for each in errors))


def _record_of(result: Any) -> dict[str, Any]:
    if isinstance(result, AIMessage):
        return dict(result.response_metadata.get("router") or {})
    if isinstance(result, TiersFailedError | UnreadableOutputError):
        return result.record
    return {}
