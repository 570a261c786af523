"""`run`: many rows in, each row's answer once in the output, however often the run is ended."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.batch_api import (
    BatchAPI,
    Submission,
    deferred,
    exchanged,
    restored,
    settled_config,
)
from lc_asym_router.batch.bound_router import bound, check_either, journal_maker
from lc_asym_router.batch.input_rows import InputRow, count_of, input_rows
from lc_asym_router.batch.level import ConcurrencyLevel
from lc_asym_router.batch.output import check_output, write_output
from lc_asym_router.batch.pump import DRAIN, apump, progress_bar, pump
from lc_asym_router.batch.results import (
    RESULTS,
    BatchResult,
    Progress,
    RowResult,
    atimed,
    row_result,
    timed,
)
from lc_asym_router.batch.row_journal import RowJournal
from lc_asym_router.errors import BudgetExceededError, ConfigurationError

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter
    from lc_asym_router.router.spec import RouterSpec

WAITS = "It is escalated, and waits for OpenAI's batch; the same run goes on with it."


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
    escalations: Literal["batch_api"] | BatchAPI | None = None,
) -> BatchResult:
    """Ask a router every row, and write each row with its answer, in the rows' order.

    Each result is written to a journal beside `out` (`out` and ".journal") before anything else, and
    `out` is put in place, whole, when the run ends. The same call goes on with a run that was ended
    in whatever way: what has an answer is not asked again, rows that failed are. A budget that is
    used up, `max_usd`, an interrupt and a task's cancellation end the run in order: it waits for the
    requests that are under way, and writes what there is.

    Args:
        router: The router, or its description.
        rows: A file's path (".jsonl", ".jsonl.gz", ".csv", ".parquet"), which is read through before
            anything is asked; a data frame (pandas, polars, Arrow); or an iterable of texts, messages,
            or dicts of columns, which is read once, and never kept.
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
        escalations: "batch_api" asks what goes to the last tier through OpenAI's batch API, at half
            its price and within a day; a `BatchAPI` says how often to look for it. `None` asks it at
            once.

    Raises:
        ConfigurationError: A setting is invalid, or an extra is missing.
        DataError: The rows can't be read, or are not those of the run that `out` is of.
    """
    batch = Batch(
        router, rows, out, prompt, tools, schema, prefix, concurrency, max_usd, config, escalations
    )
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
    escalations: Literal["batch_api"] | BatchAPI | None = None,
) -> BatchResult:
    """The async twin of `run`."""
    batch = Batch(
        router, rows, out, prompt, tools, schema, prefix, concurrency, max_usd, config, escalations
    )
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
    escalations: Literal["batch_api"] | BatchAPI | None = None
    _stopped: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        check_output(self.out)
        if isinstance(self.rows, str | Path) and Path(self.rows).resolve() == self.out.resolve():
            raise ConfigurationError(
                f"out= is the rows' own file, {self.out}, and would take its place: give another one."
            )
        check_either(self.tools, self.schema)
        if self.max_usd is not None and not self.max_usd > 0:
            raise ConfigurationError(f"max_usd={self.max_usd} must be over 0 USD.")
        self._level = ConcurrencyLevel.of(self.concurrency)
        if hasattr(self.router, "build"):
            self.router = self.router.build()
        self._api = BatchAPI.of(self.escalations)
        router: Any = self.router
        if self._api is not None:
            router = deferred(router)
        self._asks: Any = bound(router, self.tools, self.schema)

    @property
    def _maker(self) -> str:
        more = [self.prefix] if self._api is None else [self.prefix, "batch_api"]
        return journal_maker(self.router, self.prompt, self.tools, self.schema, *more)

    # what both ways share ---------------------------------------------------------------------

    @contextmanager
    def _open(self, progress: bool | None) -> Iterator[Progress]:
        """Open the journal and the bar; write the output at the end, whatever it is."""
        out, count = Path(self.out), self._count()
        with RowJournal(out.with_name(f"{out.name}.journal"), self._maker) as journal:
            bar = progress_bar(count, "row", progress)
            try:
                yield Progress(journal, bar, time.perf_counter())
            except BaseException:
                if journal.rows:  # else what stands there may be anybody's
                    write_output(out, journal.results)
                raise
            else:
                write_output(out, journal.results)
            finally:
                bar.close()

    def _count(self) -> int | None:
        """Return how many rows there are; a file is read through: a broken row costs nothing then."""
        if not isinstance(self.rows, str | Path):
            return count_of(self.rows)
        count = 0
        for row in input_rows(self.rows, self.prompt):
            self._check_columns(row)
            count += 1
        return count

    def _open_rows(self, now: Progress) -> Iterator[InputRow]:
        """Yield the rows that have no answer yet."""
        for row in input_rows(self.rows, self.prompt):
            if now.journal.is_settled(row):
                now.bar.update()
                continue
            self._check_columns(row)
            yield row

    def _settle(
        self,
        row: InputRow,
        result: Any,
        seconds: float,
        now: Progress,
        body: dict[str, Any] | None = None,
    ) -> RowResult | None:
        """Journal a request's result; `None` where a budget was used up, and the row is still open.

        Args:
            row: The row.
            result: An answer, a parsed output, or an exception.
            seconds: How long it took.
            now: The run.
            body: What a batch is to ask for the row.
        """
        if isinstance(result, BudgetExceededError) and result.exhausted.per != "request":
            self._stopped = str(result.exhausted)
            return None
        settled = row_result(result, seconds)
        if body is not None and isinstance(result, Exception):
            settled.columns["error"] = WAITS
        else:
            body = None
        columns = {f"{self.prefix}{name}": value for name, value in settled.columns.items()}
        error, cost = settled.columns["error"], settled.columns["cost"]
        now.journal.add(row, {**row.columns, **columns}, error, cost, body)
        return settled

    def _ended(self, result: RowResult | None, now: Progress) -> None:
        """Take note of a request that has ended."""
        if result is None:
            return
        journal = now.journal
        self._level.ended(result.columns["seconds"], throttled=result.throttled)
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
            rows=journal.rows,
            answered=journal.answered,
            failed=journal.failed,
            cost_usd=journal.cost_usd,
            seconds=time.perf_counter() - now.started,
            stopped=self._stopped,
            waiting=journal.waits,
        )

    def _check_columns(self, row: InputRow) -> None:
        for name in RESULTS:
            if f"{self.prefix}{name}" in row.columns:
                raise ConfigurationError(
                    f"The rows have a column {self.prefix + name!r}, which the output adds. Give the "
                    "added columns names of their own: prefix='router_'."
                )

    def _submission(self, now: Progress) -> Submission:
        """The batches of what was escalated."""
        router: Any = self.router

        def settle(place: int, answer: dict[str, Any] | None, why: str | None) -> None:
            self._settle_escalated(place, answer, why, now)

        return Submission(router.ladder[-1].model.root_client, now.journal, settle)

    def _settle_escalated(
        self, place: int, answer: dict[str, Any] | None, why: str | None, now: Progress
    ) -> None:
        """Journal the result of a row that had waited for a batch."""
        entry = now.journal.entry(place)
        row = InputRow(place, {}, restored(entry["waits"]["asked"]))
        columns = entry["result"]
        if answer is None:
            columns[f"{self.prefix}error"] = why
            now.journal.add(row, columns, why, None)
            return
        config = settled_config(cast("AsymRouter", self.router), self.config)
        with exchanged(answer):
            result, seconds = timed(lambda: self._asks.invoke(row.asked, config))
        if isinstance(result, BudgetExceededError) and result.exhausted.per != "request":
            self._stopped = str(result.exhausted)
            return
        settled = row_result(result, seconds).columns
        cost, before = settled["cost"], columns[f"{self.prefix}cost"]
        settled["cost"] = None if cost is None or before is None else cost + before
        settled["seconds"] += columns[f"{self.prefix}seconds"]
        columns |= {f"{self.prefix}{name}": value for name, value in settled.items()}
        now.journal.add(row, columns, settled["error"], cost)

    # sync ---------------------------------------------------------------------------------------

    def run(self, progress: bool | None) -> BatchResult:
        """Ask the rows that have no answer yet, in threads, and write the output."""
        with self._open(progress) as now:
            pump(
                self._open_rows(now),
                lambda row: self._ask(row, now),
                lambda result: self._ended(result, now),
                self._level,
                lambda: self._stopped is None,
            )
            if self._api is not None and self._stopped is None:
                for seconds in self._submission(now).steps(self._api.poll_seconds):
                    self._api.sleep(seconds)
            return self._result(now)

    def _ask(self, row: InputRow, now: Progress) -> RowResult | None:
        with exchanged() as exchange:
            result, seconds = timed(lambda: self._asks.invoke(row.asked, self.config))
        return self._settle(row, result, seconds, now, exchange.body)

    # async --------------------------------------------------------------------------------------

    async def arun(self, progress: bool | None) -> BatchResult:
        """The async twin of `run`; files are read and written in threads."""
        opened = self._open(progress)
        now = await asyncio.to_thread(opened.__enter__)
        try:
            await apump(
                self._open_rows(now),
                lambda row: self._aask(row, now),
                lambda result: self._ended(result, now),
                self._level,
                lambda: self._stopped is None,
            )
            await self._asubmit(now)
        finally:
            await asyncio.to_thread(opened.__exit__, *sys.exc_info())
        return self._result(now)

    async def _asubmit(self, now: Progress) -> None:
        if self._api is None or self._stopped is not None:
            return
        steps = self._submission(now).steps(self._api.poll_seconds)
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
            try:
                seconds = await asyncio.shield(step)
            except asyncio.CancelledError:
                # A batch that is being submitted is noted before another run may look for it.
                await asyncio.wait({step}, timeout=DRAIN)
                raise
            if seconds is None:
                return
            await asyncio.sleep(seconds)

    async def _aask(self, row: InputRow, now: Progress) -> RowResult | None:
        with exchanged() as exchange:
            result, seconds = await atimed(self._asks.ainvoke(row.asked, self.config))
        return self._settle(row, result, seconds, now, exchange.body)
