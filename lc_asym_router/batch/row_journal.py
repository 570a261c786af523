"""The journal of a batch: every row's result as it comes, from which a run is resumed.

Unlike `Journal`, it holds no entry in memory, only where in the file each row's newest one stands:
17 bytes a row.
"""

from __future__ import annotations

import json
import os
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.input_rows import InputRow, plain_value
from lc_asym_router.batch.journal import close_locked, entry_in, open_locked
from lc_asym_router.errors import DataError

VERSION = 1
SYNC_SECONDS = 1.0
"""How often what was written is forced to the disk: a killed process loses nothing, a machine whose
power fails this much."""
MISSING, FAILED, ANSWERED, WAITING = 0, 1, 2, 3


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


class RowJournal:
    """An append-only file of JSON lines, one for each result; a row's newest counts.

    Only one run at a time can open it. A line that a crash cut off is dropped; the row is asked
    again.

    Args:
        path: The file, created or resumed.
        maker: Identifies the run's settings; a file of another maker is rejected.

    Attributes:
        answered: How many rows have an answer.
        failed: How many rows have an error.
        waits: How many rows wait for a provider's batch.
        cost_usd: What all calls of the rows cost together, those of earlier runs too, in USD, as far
            as it is known.

    Raises:
        DataError: The file is no journal of a batch, has another maker, or is locked by another run.
    """

    def __init__(self, path: AnyPath, maker: str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._offsets = array("q")
        self._digests = array("Q")
        self._states = bytearray()
        self._jobs: dict[str, SubmittedBatch] = {}
        self.answered = self.failed = self.waits = 0
        self.cost_usd = 0.0
        self._file: IO[bytes] = open_locked(self._path)
        self._synced = time.monotonic()
        try:
            self._take_up(maker)
        except BaseException:
            close_locked(self._file)
            raise

    def _take_up(self, maker: str) -> None:
        self._file.seek(0)
        header, end = self._file.readline(), 0
        found = entry_in(header) or {}
        # A run that asked nothing, since its settings were wrong, binds nobody to them.
        unasked = found.get("batch") == VERSION and self._path.stat().st_size == len(header)
        if header.endswith(b"\n") and not unasked:
            self._check(found, maker)
            end = len(header)
            while (line := self._file.readline()).endswith(b"\n"):
                self._count(entry_in(line) or {}, end)
                end += len(line)
        self._file.truncate(end)
        if not end:
            self._write({"batch": VERSION, "maker": maker})

    def _check(self, header: dict[str, Any], maker: str) -> None:
        if header.get("batch") != VERSION:
            raise DataError(f"{self._path} is no journal of a batch. Give another out=.")
        if header.get("maker") != maker:
            raise DataError(
                f"{self._path} is of a batch with another router, prompt, schema or tools. Give "
                "another out=, or the old settings to go on with that one."
            )

    def _count(self, entry: dict[str, Any], offset: int) -> None:
        if "job" in entry:
            job = SubmittedBatch(**entry["job"])
            self._jobs[job.file] = job
            return
        place = entry.get("row")
        if not isinstance(place, int) or place < 0:
            return  # damaged: the row is asked again
        state = FAILED if entry["error"] is not None else ANSWERED
        if entry.get("waits"):
            state = WAITING
        if (more := place + 1 - len(self._states)) > 0:
            self._states.extend(bytes(more))
            self._offsets.extend([0] * more)
            self._digests.extend([0] * more)
        self._leave(self._states[place])
        self._states[place], self._offsets[place] = state, offset
        self._digests[place] = int(entry["digest"], 16)
        self.answered += state == ANSWERED
        self.failed += state == FAILED
        self.waits += state == WAITING
        self.cost_usd += entry.get("cost") or 0.0

    def _leave(self, state: int) -> None:
        self.answered -= state == ANSWERED
        self.failed -= state == FAILED
        self.waits -= state == WAITING

    @property
    def rows(self) -> int:
        """How many rows it has a result of, or a batch that they wait for."""
        return self.answered + self.failed + self.waits

    def is_settled(self, row: InputRow) -> bool:
        """Whether a row has an answer already, or waits for a batch's; one that failed has none.

        Raises:
            DataError: The row was asked something else in an earlier run.
        """
        if row.place >= len(self._states) or self._states[row.place] == MISSING:
            return False
        if self._digests[row.place] != row.digest:
            raise DataError(
                f"{self._path}: row {row.place + 1} was asked something else in an earlier run. Give "
                "another out=, or the old rows in the old order to go on with it."
            )
        return self._states[row.place] in (ANSWERED, WAITING)

    def is_waiting(self, place: int) -> bool:
        """Whether a row waits for a batch."""
        return place < len(self._states) and self._states[place] == WAITING

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
        entry = {
            "row": row.place,
            "digest": f"{row.digest:x}",
            "error": error,
            "cost": cost,
            "result": result,
            **({} if waits is None else {"waits": waits}),
        }
        with self._lock:
            offset = self._file.seek(0, os.SEEK_END)
            self._write(entry)
            self._count(entry, offset)

    def add_job(self, job: SubmittedBatch) -> SubmittedBatch:
        """Add a batch, or what is new of it; forced to the disk at once."""
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            self._jobs[job.file] = job
            self._synced = float("-inf")
            self._write({"job": asdict(job)})
        return job

    @property
    def open_jobs(self) -> list[SubmittedBatch]:
        """The batches with rows that are not settled."""
        return [job for job in self._jobs.values() if not job.done]

    def waiting(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the places and entries of rows that wait for a batch and are in none yet."""
        submitted = {place for job in self.open_jobs for place in job.places}
        for place, state in enumerate(self._states):
            if state == WAITING and place not in submitted:
                yield place, self.entry(place)

    def entry(self, place: int) -> dict[str, Any]:
        """Return a row's newest entry."""
        with self._path.open("rb") as file:
            file.seek(self._offsets[place])
            found: dict[str, Any] = json.loads(file.readline())
        return found

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        if (now := time.monotonic()) - self._synced > SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = now

    def results(self) -> Iterator[dict[str, Any]]:
        """Yield the output's lines, in the rows' order, each row's newest once."""
        with self._path.open("rb") as file:
            for state, offset in zip(self._states, self._offsets, strict=True):
                if state != MISSING:
                    file.seek(offset)
                    yield json.loads(file.readline())["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._file.closed:  # as in a forked child
            os.fsync(self._file.fileno())
        close_locked(self._file)
