"""A file of what was asked and answered, so that a run that was interrupted goes on."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lc_asym_router._internal.paths import AnyPath
from lc_asym_router.errors import DataError

VERSION = 1


class Journal:
    """An append-only file of JSON lines; every entry is on the disk before `add` returns.

    A line that a crash has cut off is dropped when the file is opened again; all others count. It
    holds the models' answers as they came: keep it where answers may be kept.

    Args:
        path: The file, made anew or taken up; `None` keeps the entries in memory.
        maker: What the entries were made with; a file made with something else is refused.

    Raises:
        DataError: The file is no journal, or one of another maker.
    """

    def __init__(self, path: AnyPath | None, maker: str) -> None:
        self._lock = threading.Lock()
        self._file = None
        self.entries: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and place.stat().st_size:
            self._take_up(place, maker)
        self._file = place.open("ab")
        if not self._file.tell():
            self._write({"journal": VERSION, "maker": maker})

    def _take_up(self, path: Path, maker: str) -> None:
        with path.open("r+b") as file:
            lines = file.read().split(b"\n")
            cut = lines.pop()
            if cut:
                file.seek(-len(cut), os.SEEK_END)
                file.truncate()
        try:
            header, *entries = [json.loads(line) for line in lines] or [{}]
            found = header.get("journal"), header.get("maker")
            self.entries = {entry["key"]: entry for entry in entries}
        except (ValueError, AttributeError, KeyError, TypeError):
            found = None, None
        if cut and not lines:
            return  # The crash came within the very first line.
        if found[0] != VERSION:
            raise DataError(
                f"{path} is no journal of an evaluation that can be taken up. Give another file."
            )
        if found[1] != maker:
            raise DataError(
                f"{path} holds a run of another setting ({found[1]}), and this is {maker}. Give "
                "another file, or the old setting to go on with that run."
            )

    def add(self, entry: dict[str, Any]) -> None:
        """Keep an entry under its `key`, over an earlier one of that key. Threads may share it."""
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
            self._file.close()
