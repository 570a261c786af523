"""Send many requests to a router concurrently; each answer is journaled before anything else."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor

from lc_asym_router._internal.deadline import finished
from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.journal import Journal
from lc_asym_router.batch.level import ConcurrencyLevel
from lc_asym_router.batch.pump import apump, progress_bar, pump
from lc_asym_router.batch.results import atimed, described, record_of, throttled, timed
from lc_asym_router.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter

JournalEntry = dict[str, Any]


class Grade(Protocol):
    """A callable that grades an answer in [0, 1]; sync, or returns an awaitable."""

    def __call__(self, job: Job, answer: AIMessage, /) -> float | Awaitable[float]:
        """Return the grade of an answer, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to the router, or to a single tier.

    Attributes:
        id: The request's id, unique within the run.
        prompt: The request's text.
        tier: The tier that is asked, unchecked; `None` for the router.
    """

    id: str
    prompt: str = field(repr=False)
    tier: str | None = None

    @property
    def key(self) -> str:
        """Its key in the journal."""
        return self.id if self.tier is None else f"{self.id} {self.tier}"

    @property
    def digest(self) -> str:
        """A hash that identifies the prompt, without its text."""
        return hashlib.sha256(self.prompt.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Asked:
    """How long a request took, in seconds, and whether a rate limit was met on the way."""

    seconds: float
    throttled: bool


class Run:
    """One run of many jobs; sync with threads, async with tasks."""

    def __init__(
        self,
        router: AsymRouter,
        jobs: Sequence[Job],
        grade: Grade | None,
        maker: str,
        out: AnyPath | None,
        concurrency: int | None,
        progress: bool | None,
    ) -> None:
        self._level = ConcurrencyLevel.of(concurrency)
        if len({job.key for job in jobs}) < len(jobs):
            raise ConfigurationError("Two rows have the same id; each needs its own.")
        self.router, self.jobs, self.grade = router, jobs, grade
        self.maker, self.out = maker, out
        self.progress = progress

    # what both ways share ---------------------------------------------------------------------

    def _config(self, job: Job) -> RunnableConfig:
        if job.tier is None:
            return {}
        prefix = self.router.configurable_prefix
        wanted = {"tier": job.tier, "verify": False, "escalate": False}
        return {"configurable": {f"{prefix}{name}": value for name, value in wanted.items()}}

    def _open(self, stack: ExitStack) -> tuple[Journal, list[Job], Any]:
        journal = stack.enter_context(Journal(self.out, self.maker))
        for job in self.jobs:
            known = journal.entries.get(job.key, {}).get("prompt", job.digest)
            if known != job.digest:
                raise DataError(
                    f"{self.out}: the row {job.id!r} was asked something else in that run. Give "
                    "another file, or the old rows to go on with it."
                )
        open_jobs = [job for job in self.jobs if not self._is_done(journal.entries.get(job.key))]
        done = len(self.jobs) - len(open_jobs)
        bar = progress_bar(len(self.jobs), "request", self.progress, done)
        stack.callback(bar.close)
        return journal, open_jobs, bar

    def _is_done(self, entry: JournalEntry | None) -> bool:
        result = "message" if self.grade is None else "score"
        return entry is not None and entry.get(result) is not None

    def _ended(self, asked: Asked | None, bar: Any) -> None:
        """Take note of a job that has ended; `None` where its answer was there."""
        if asked is not None:
            self._level.ended(asked.seconds, throttled=asked.throttled)
        bar.update()

    def _entries(self, journal: Journal) -> dict[str, JournalEntry]:
        return {job.key: journal.entries[job.key] for job in self.jobs}

    # sync ---------------------------------------------------------------------------------------

    def all(self) -> dict[str, JournalEntry]:
        """Run the jobs that have no answer yet, in threads; returns all entries by key."""
        with ExitStack() as stack:
            journal, jobs, bar = self._open(stack)
            pump(
                iter(jobs),
                lambda job: self._do(job, journal),
                lambda asked: self._ended(asked, bar),
                self._level,
                lambda: True,
            )
            return self._entries(journal)

    def _do(self, job: Job, journal: Journal) -> Asked | None:
        entry, asked = _earlier_answer(journal, job), None
        if entry is None:
            result, seconds = timed(lambda: self.router.invoke(job.prompt, self._config(job)))
            asked = Asked(seconds, throttled(record_of(result)))
            entry = _entry(job, result, seconds)
            journal.add(entry)
        if entry["message"] is not None and self.grade is not None:
            score = self.grade(job, entry_message(entry))
            if inspect.isawaitable(score):
                score = finished(score)
            journal.add({**entry, "score": score})
        return asked

    # async --------------------------------------------------------------------------------------

    async def aall(self) -> dict[str, JournalEntry]:
        """Run the jobs that have no answer yet, in tasks; returns all entries by key."""
        with ExitStack() as stack:
            journal, jobs, bar = self._open(stack)
            await apump(
                iter(jobs),
                lambda job: self._ado(job, journal),
                lambda asked: self._ended(asked, bar),
                self._level,
                lambda: True,
            )
            return self._entries(journal)

    async def _ado(self, job: Job, journal: Journal) -> Asked | None:
        entry, asked = _earlier_answer(journal, job), None
        if entry is None:
            result, seconds = await atimed(self.router.ainvoke(job.prompt, self._config(job)))
            asked = Asked(seconds, throttled(record_of(result)))
            entry = _entry(job, result, seconds)
            await run_in_executor(None, journal.add, entry)
        if entry["message"] is not None and self.grade is not None:
            score = await run_in_executor(None, self.grade, job, entry_message(entry))
            if inspect.isawaitable(score):
                score = await score
            await run_in_executor(None, journal.add, {**entry, "score": score})
        return asked


def _entry(job: Job, result: Any, seconds: float) -> JournalEntry:
    failed = isinstance(result, Exception)
    return {
        "key": job.key,
        "id": job.id,
        "asked": job.tier,
        "prompt": job.digest,
        "seconds": seconds,
        "error": described(result) if failed else None,
        "message": None if failed else message_to_dict(result),
        "score": None,
    }


def _earlier_answer(journal: Journal, job: Job) -> JournalEntry | None:
    """Return the entry with the answer of an earlier run, or `None`."""
    entry = journal.entries.get(job.key)
    return entry if entry and entry.get("message") is not None else None


def entry_message(entry: JournalEntry) -> AIMessage:
    """Return the answer of an entry that has one."""
    (message,) = messages_from_dict([entry["message"]])
    assert isinstance(message, AIMessage)
    return message
