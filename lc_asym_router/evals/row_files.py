"""Files of rows: JSON lines, CSV and Parquet, each read row by row within bounds."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lc_asym_router._internal.imports import AnyPath, refuse_irregular
from lc_asym_router.batch.input_rows import LONGEST_LINE, csv_rows, parquet_rows, unreadable
from lc_asym_router.errors import ConfigurationError, DataError

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".parquet")
NUMBERS = ("score", "logprob")
"""What a table's columns end with that hold numbers."""
TEXTS = {
    "id",
    "dataset",
    "category",
    "query",
    "prompt_suffix",
    "gold",
    "source",
    "side",
    "language",
}
"""A table's columns that are texts, whatever they look like; so are those that end with `ANSWERS`."""
ANSWERS = ("response", "model", "end")


def files_of(paths: Sequence[AnyPath]) -> list[Path]:
    """The files that are named, and those directly in the folders that are.

    Raises:
        DataError: A path does not exist, a folder holds no file of rows, or nothing is named.
    """
    files: list[Path] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIXES))
            if not inside:
                raise DataError(
                    f"The folder {path} holds no {' or '.join(SUFFIXES)} file. Its own folders are "
                    "not looked into: name them."
                )
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise DataError(f"There is no file or folder {path}.")
    if not files:
        raise DataError("Give at least one file or folder of rows.")
    return files


def name_of(path: Path) -> str:
    """A file's name without what says its format."""
    name = path.name.removesuffix(".gz")
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def prefixes_of(files: Sequence[Path]) -> dict[Path, str]:
    """Return the id prefix for rows without an id, by the file's full path.

    It is the file's name; if another file has the same name, its path as given. So rows of two
    folders get different ids, and rows of a file that is given twice get the same.
    """
    given: dict[Path, Path] = {}
    for path in files:
        given.setdefault(path.resolve(), path)
    often = Counter(map(name_of, given.values()))
    return {
        whole: name_of(path) if often[name_of(path)] == 1 else str(path)
        for whole, path in given.items()
    }


def objects_in(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a file's rows as objects, each with its line (in Parquet: its row, from 1).

    Raises:
        DataError: The file can't be read, or a row is no object.
        ConfigurationError: It is Parquet, and pyarrow is not installed.
    """
    try:
        refuse_irregular(path)
        if path.name.endswith(".parquet"):
            yield from (
                (row, _from_cells(cells, f"{path}, row {row}"))
                for row, cells in enumerate(parquet_rows(path), 1)
            )
        elif path.name.endswith(".csv"):
            yield from (
                (line, _from_cells(cells, f"{path}, line {line}")) for line, cells in csv_rows(path)
            )
        else:
            yield from _json_lines(path)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(unreadable(path, error)) from error


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    opener = gzip.open if path.name.endswith(".gz") else open
    # "-sig": editors and spreadsheets put a byte order mark in front.
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), ""), 1):
            place = f"{path}, line {number}"
            if len(line) > LONGEST_LINE:
                raise DataError(f"{place}: over {LONGEST_LINE} characters are no row.")
            if line.strip():
                yield number, _object(line, place)


def _from_cells(cells: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A table's row as the object that a line of JSON would hold."""
    # The right answer of a question is a text, also where it looks like a list; that of a row of tool
    # calls is a list of calls.
    texts = TEXTS - {"gold"} if cells.get("tools") else TEXTS
    return {
        name: cell if name in texts else _value(name, cell, place)
        for name, cell in cells.items()
        if cell is not None and cell != ""
    }


def _value(name: str, cell: Any, place: str) -> Any:
    if not isinstance(cell, str) or name.endswith(ANSWERS):
        return cell
    if name.endswith(NUMBERS):
        try:
            return float(cell)
        except ValueError:
            raise DataError(f"{place}: {name!r} must be a number, not {cell[:40]!r}.") from None
    return _json(cell, f"{place}, column {name!r}") if cell[:1] in "[{" else cell


def _object(line: str, place: str) -> dict[str, Any]:
    data = _json(line, place)
    if not isinstance(data, dict):
        raise DataError(f"{place}: a row must be a JSON object, not {type(data).__name__}.")
    return data


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: no JSON ({error.msg}, column {error.colno}).") from None
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or brackets in brackets without end.
        raise DataError(f"{place}: JSON that can't be read ({type(error).__name__}).") from None


def objects_of(paths: Sequence[AnyPath]) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yield the objects of files and folders, each with its position for messages and its file.

    Raises:
        DataError: A path does not exist, can't be read, or a line is no JSON object.
    """
    for path in files_of(paths):
        yield from ((f"{path}, line {number}", path, data) for number, data in objects_in(path))


def write_text(path: AnyPath, text: str) -> None:
    """Write a text file.

    Raises:
        ConfigurationError: It can't be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} can't be written ({type(error).__name__}: {error.strerror}). "
            "Give a file in a folder that can be written to."
        ) from error
