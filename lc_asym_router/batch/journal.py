"""A journal file of requests and answers, from which an interrupted run is resumed."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lc_asym_router._internal.imports import AnyPath, after_fork
from lc_asym_router.errors import DataError

logger = logging.getLogger(__name__)

VERSION = 1
LOCKED_BYTE = 2**30
"""On Windows a byte is locked, and nobody can read it: one that no journal reaches."""


class Journal:
    """An append-only file of JSON lines; every entry is on disk before `add` returns.

    When a file is reopened, a line that a crash cut off is dropped and damaged lines are skipped;
    all others count. Only one run at a time can open the file: it holds an operating system lock
    that ends with the process. The file has the models' answers unchanged: put it where answers may
    be stored.

    Args:
        path: The file, created or resumed; `None` stores the entries in memory.
        maker: Identifies the run's settings; a file of another maker is rejected.

    Attributes:
        entries: The newest entry of each key.
        damaged: How many lines of the file could not be read.

    Raises:
        DataError: The file is no journal, has another maker, or is locked by another run.
    """

    def __init__(self, path: AnyPath | None, maker: str) -> None:
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self.entries: dict[str, dict[str, Any]] = {}
        self.damaged = 0
        if path is None:
            return
        place = Path(path)
        file = open_locked(place)
        try:
            self._take_up(file, place, maker)
            self._file = file
            if not file.seek(0, os.SEEK_END):
                self._write({"journal": VERSION, "maker": maker})
        except BaseException:
            close_locked(file)
            raise

    def _take_up(self, file: IO[bytes], path: Path, maker: str) -> None:
        file.seek(0)
        *lines, cut = file.read().split(b"\n")
        if cut:
            file.truncate(file.tell() - len(cut))
        if not lines:
            return  # A new file, or the crash came within the very first line.
        header = entry_in(lines[0]) or {}
        if header.get("journal") != VERSION:
            raise DataError(
                f"{path} is no journal of an evaluation that can be taken up. Give another file."
            )
        if header.get("maker") != maker:
            raise DataError(
                f"{path} is of a run of another setting ({header.get('maker')}), and this is {maker}. "
                "Give another file, or the old setting to go on with that run."
            )
        for line in lines[1:]:
            entry = entry_in(line)
            if entry is not None and isinstance(entry.get("key"), str):
                self.entries[entry["key"]] = entry
            else:
                self.damaged += 1
        if self.damaged:
            logger.warning(
                "%s: %d of %d lines are damaged; their requests are asked again.",
                path,
                self.damaged,
                len(lines) - 1,
            )

    def add(self, entry: dict[str, Any]) -> None:
        """Add an entry; it replaces an earlier one with the same `key`. Thread-safe."""
        with self._lock:
            self.entries[entry["key"]] = entry
            self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            close_locked(self._file)


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
        DataError: It is no regular file, or another run has locked it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # opening a pipe waits, a device never ends
        raise DataError(f"{path} is no regular file. Give the path of one, or of a new one.")
    file = path.open("a+b")
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
