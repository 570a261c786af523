"""Journals of requests and answers: files of JSON lines from which an interrupted run is resumed."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from lc_asym_router._internal.imports import AnyPath, after_fork
from lc_asym_router.errors import DataError

logger = logging.getLogger(__name__)

VERSION = 1
LOCKED_BYTE = 2**30
"""On Windows a byte is locked, and nobody can read it: one that no journal reaches."""


class JournalFile:
    """An append-only file of JSON lines, behind a first one that says which run it is of.

    `evaluate`, `Decomposer.map` and `batch.run` each write one. Only one run at a time can open the
    file: it holds an operating system lock that ends with the process. When a file is reopened, a
    line that a crash cut off is dropped and damaged lines are skipped; all others count. A subclass
    says what an entry is, by `_count`.

    Args:
        path: The file, created or resumed; `None` writes none.
        maker: Identifies the run's settings; a file of another maker is rejected, unless it has no
            entry: a run that asked nothing binds nobody to its settings.

    Attributes:
        damaged: How many lines of the file could not be read.

    Raises:
        DataError: The file is no such journal, has another maker, or is locked by another run.
    """

    _kind: ClassVar[str]
    """What the first line names the version by."""
    _run: ClassVar[str]
    """What kind of run it is of, for people."""
    _other: ClassVar[str]
    """What another maker means and what to do instead, with the two makers as {found} and {maker}."""
    _sync_seconds: ClassVar[float]
    """How often what was written is forced to the disk, in seconds."""

    def __init__(self, path: AnyPath | None, maker: str) -> None:
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._synced = time.monotonic()
        self.damaged = 0
        if path is None:
            return
        self._path = Path(path)
        self._file = open_locked(self._path)
        try:
            self._resume(self._file, maker)
        except BaseException:
            close_locked(self._file)
            raise

    def _resume(self, file: IO[bytes], maker: str) -> None:
        header, end, lines = self._header(file, maker), 0, 0
        if header:
            end = len(header)
            while (line := file.readline()).endswith(b"\n"):
                lines += 1
                if not self._count(entry_in(line) or {}, end):
                    self.damaged += 1
                end += len(line)
        file.truncate(end)
        if not end:
            self._write({self._kind: VERSION, "maker": maker})
        if self.damaged:
            logger.warning(
                "%s: %d of %d lines are damaged; their requests are asked again.",
                self._path,
                self.damaged,
                lines,
            )

    def _header(self, file: IO[bytes], maker: str) -> bytes:
        """Return the first line; nothing where the file is to be begun anew."""
        file.seek(0)
        line = file.readline()
        found = entry_in(line) or {}
        begun = json.dumps({self._kind: VERSION})[:-1].encode()
        if not line.endswith(b"\n") and (line.startswith(begun) or begun.startswith(line)):
            return b""  # a new file, or the crash came within the very first line
        if found.get(self._kind) != VERSION:
            raise DataError(f"{self._path} is no journal of {self._run}. Give another file.")
        if found.get("maker") != maker:
            if self._path.stat().st_size == len(line):
                return b""
            other = self._other.format(found=found.get("maker"), maker=maker)
            raise DataError(f"{self._path} is of {other}")
        return line

    def _count(self, entry: dict[str, Any], offset: int) -> bool:
        """Take note of an entry; `False` where it is damaged.

        Args:
            entry: The entry.
            offset: Where its line begins, in bytes.
        """
        raise NotImplementedError

    def _add(self, entry: dict[str, Any]) -> None:
        """Write an entry, and take note of it. Thread-safe."""
        with self._lock:
            offset = 0 if self._file is None else self._file.seek(0, os.SEEK_END)
            self._write(entry)
            self._count(entry, offset)

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        if (now := time.monotonic()) - self._synced >= self._sync_seconds:
            os.fsync(self._file.fileno())
            self._synced = now

    def _stored(self, offsets: Iterator[int]) -> Iterator[dict[str, Any]]:
        """Yield the entries whose lines begin at these bytes."""
        with self._path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                yield json.loads(file.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            if not self._file.closed:  # as in a forked child
                os.fsync(self._file.fileno())
            close_locked(self._file)


class Journal(JournalFile):
    """The journal of an evaluation or a map: every entry is on disk before `add` returns.

    The file has the models' answers unchanged: put it where answers may be stored.

    Args:
        path: The file, created or resumed; `None` stores the entries in memory alone.
        maker: Identifies the run's settings.

    Attributes:
        entries: The newest entry of each key.
    """

    _kind = "journal"
    _run = "an evaluation that can be taken up"
    _other = (
        "a run of another setting ({found}), and this is {maker}. Give another file, or the old "
        "setting to go on with that run."
    )
    _sync_seconds = 0.0

    def __init__(self, path: AnyPath | None, maker: str) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        super().__init__(path, maker)

    def _count(self, entry: dict[str, Any], offset: int) -> bool:
        key = entry.get("key")
        if not isinstance(key, str):
            return False
        self.entries[key] = entry
        return True

    def add(self, entry: dict[str, Any]) -> None:
        """Add an entry; it replaces an earlier one with the same `key`. Thread-safe."""
        self._add(entry)


def entry_in(line: bytes) -> dict[str, Any] | None:
    """Parse a line; `None` where it is damaged."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def open_locked(path: Path) -> IO[bytes]:
    """Open a file to add to it, locked against other runs until it is closed or the process ends.

    Raises:
        DataError: It is no regular file, can't be written, or another run has locked it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # opening a pipe waits, a device never ends
            raise DataError(f"{path} is no regular file. Give the path of one, or of a new one.")
        file = path.open("a+b")
    except OSError as error:
        raise DataError(
            f"{path} can't be written ({error.strerror}). Give a file in a folder that can be."
        ) from None
    try:
        _lock(file, path)
    except BaseException:
        file.close()
        raise
    _open.add(file)
    return file


def close_locked(file: IO[bytes]) -> None:
    """Close such a file, with its lock: a child that was just forked still has a copy of both."""
    if not file.closed and sys.platform != "win32":
        import fcntl

        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_UN)
    file.close()


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise DataError(
            f"Another run is writing to {path}: two would pay for the same requests twice. Wait for "
            "it to end, or give another file."
        ) from None
    except OSError as error:  # a file system without locks
        logger.warning("%s can't be locked (%s): start no second run on it.", path, error.strerror)


_open: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


@after_fork
def _after_fork() -> None:
    """Close a forked child's copies of open files: with them the lock would outlive the parent."""
    for file in list(_open):
        file.close()
