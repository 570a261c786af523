"""The journal of a batch: every row's result as it comes; its memory does not grow with the rows."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import IO, Any, NamedTuple

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.input_rows import InputRow, plain_value
from lc_asym_router.batch.journal import JournalFile
from lc_asym_router.errors import DataError

MISSING, FAILED, ANSWERED, WAITING = 0, 1, 2, 3
BLOCK = 256
"""Rows of the index that are read at once."""


@dataclass(frozen=True)
class SubmittedBatch:
    """A provider's batch of escalated rows.

    Attributes:
        file: The id of the file that was uploaded for it.
        places: The rows' places.
        batch: The batch's id; `None` where it is not known to be submitted.
        done: Whether all its rows are settled.
    """

    file: str
    places: list[int] = field(repr=False)
    batch: str | None = None
    done: bool = False


class RowState(NamedTuple):
    """What is known of a row: its state, where its newest entry begins, and its request's digest."""

    state: int
    offset: int
    digest: int


class RowIndex:
    """The state of each row, in a file without a name that ends with the process. Thread-safe.

    Args:
        folder: A folder on a disk: what lies in memory would grow with the rows.
    """

    _record = Struct("<BQQ")

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._lock = threading.Lock()
        self._rows = 0

    def __getitem__(self, place: int) -> RowState:
        if place >= self._rows:
            return RowState(MISSING, 0, 0)
        (found,) = self._read(place, 1)
        return found

    def __setitem__(self, place: int, row: RowState) -> None:
        with self._lock:
            self._file.seek(place * self._record.size)
            self._file.write(self._record.pack(*row))
            self._rows = max(self._rows, place + 1)

    def __iter__(self) -> Iterator[tuple[int, RowState]]:
        """Yield the places and states of all rows that have one, in order."""
        for start in range(0, self._rows, BLOCK):
            for place, row in enumerate(self._read(start, BLOCK), start):
                if row.state != MISSING:
                    yield place, row

    def _read(self, start: int, most: int) -> Iterator[RowState]:
        with self._lock:
            self._file.seek(start * self._record.size)
            found = self._file.read(most * self._record.size)
        return (RowState(*each) for each in self._record.iter_unpack(found))

    def close(self) -> None:
        """Give the file up."""
        self._file.close()


class RowJournal(JournalFile):
    """The journal of a batch: one entry for each result; a row's newest counts.

    It keeps no entry in memory, and what it knows of the rows in a `RowIndex` beside the journal.

    Args:
        path: The file, created or resumed.
        maker: Identifies the run's settings.

    Attributes:
        answered: How many rows have an answer.
        failed: How many rows have an error.
        waits: How many rows wait for a provider's batch.
        cost_usd: What all calls of the rows cost together, those of earlier runs too, in USD, as far
            as it is known.
    """

    _kind = "batch"
    _run = "a batch"
    _other = (
        "a batch with another router, prompt, schema or tools. Give another out=, or the old settings "
        "to go on with that one."
    )
    _sync_seconds = 1.0  # a killed process loses nothing, a machine whose power fails this much

    def __init__(self, path: AnyPath, maker: str) -> None:
        self._jobs: dict[str, SubmittedBatch] = {}
        self.answered = self.failed = self.waits = 0
        self.cost_usd = 0.0
        super().__init__(path, maker)

    def _resume(self, file: IO[bytes], maker: str) -> None:
        self._index = RowIndex(self._path.parent)
        try:
            super()._resume(file, maker)
        except BaseException:
            self._index.close()
            raise

    def _count(self, entry: dict[str, Any], offset: int) -> bool:
        try:
            if "job" in entry:
                job = SubmittedBatch(**entry["job"])
                self._jobs[job.file] = job
                return True
            place, digest = int(entry["row"]), int(entry["digest"], 16)
            state = FAILED if entry["error"] is not None else ANSWERED
            cost = float(entry["cost"] or 0.0)
        except (KeyError, TypeError, ValueError):
            return False
        if entry.get("waits"):
            state = WAITING
        self._tally(self._index[place].state, -1)
        self._tally(state, 1)
        self._index[place] = RowState(state, offset, digest)
        self.cost_usd += cost
        return True

    def _tally(self, state: int, by: int) -> None:
        self.answered += by * (state == ANSWERED)
        self.failed += by * (state == FAILED)
        self.waits += by * (state == WAITING)

    @property
    def rows(self) -> int:
        """How many rows it has a result of, or a batch that they wait for."""
        return self.answered + self.failed + self.waits

    def is_settled(self, row: InputRow) -> bool:
        """Whether a row has an answer already, or waits for a batch's; one that failed has none.

        Raises:
            DataError: The row was asked something else in an earlier run.
        """
        known = self._index[row.place]
        if known.state == MISSING:
            return False
        if known.digest != row.digest:
            raise DataError(
                f"{self._path}: row {row.place + 1} was asked something else in an earlier run. Give "
                "another out=, or the old rows in the old order to go on with it."
            )
        return known.state in (ANSWERED, WAITING)

    def is_waiting(self, place: int) -> bool:
        """Whether a row waits for a batch."""
        return self._index[place].state == WAITING

    def add(
        self,
        row: InputRow,
        result: dict[str, Any],
        error: str | None,
        cost: float | None,
        body: dict[str, Any] | None = None,
    ) -> None:
        """Add a row's result, which replaces an earlier one. Thread-safe.

        Args:
            row: The row.
            result: Its line of the output.
            error: Why there is no answer, or `None`.
            cost: What its calls cost, in USD, or `None`; of a row that had waited, the batch's.
            body: What a batch is to ask for it, where it waits for one.
        """
        waits = None if body is None else {"asked": plain_value(row.asked), "body": body}
        self._add(
            {
                "row": row.place,
                "digest": f"{row.digest:x}",
                "error": error,
                "cost": cost,
                "result": result,
                **({} if waits is None else {"waits": waits}),
            }
        )

    def add_job(self, job: SubmittedBatch) -> SubmittedBatch:
        """Add a batch, or what is new of it; forced to the disk at once."""
        self._synced = float("-inf")
        self._add({"job": asdict(job)})
        return job

    @property
    def open_jobs(self) -> list[SubmittedBatch]:
        """The batches with rows that are not settled."""
        return [job for job in self._jobs.values() if not job.done]

    def waiting(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the places and entries of rows that wait for a batch and are in none yet."""
        submitted = {place for job in self.open_jobs for place in job.places}
        for place, row in self._index:
            if row.state == WAITING and place not in submitted:
                yield place, self.entry(place)

    def entry(self, place: int) -> dict[str, Any]:
        """Return a row's newest entry."""
        return next(self._stored(iter([self._index[place].offset])))

    def results(self) -> Iterator[dict[str, Any]]:
        """Yield the output's lines, in the rows' order, each row's newest once."""
        for entry in self._stored(row.offset for _, row in self._index):
            yield entry["result"]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._index.close()
        super().__exit__(kind, error, trace)
