"""The rows of a batch: from files, tables and iterables, one at a time; each becomes a request."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any

from langchain_core.messages import BaseMessage, message_to_dict

from lc_asym_router._internal.imports import needed, refuse_irregular
from lc_asym_router.errors import ConfigurationError, DataError

FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".parquet")
COLUMNS = ("messages", "prompt", "text")
"""The column that is the request where there is no prompt, in this order."""
CHUNK = 1_000
"""Rows of a table that are held at once."""
LONGEST_LINE = 20_000_000
"""Characters that a line may have."""
DELIMITERS = ",;\t"
"""What stands between a CSV's cells: spreadsheets of many countries write semicolons."""


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row.

    Attributes:
        place: Its place in the input, from 0.
        columns: What the output repeats, as plain JSON.
        asked: The request: a text or messages.
    """

    place: int
    columns: Mapping[str, Any] = field(repr=False)
    asked: Any = field(repr=False)

    @property
    def digest(self) -> int:
        """64 bits of a hash of the request."""
        asked = json.dumps(plain_value(self.asked), sort_keys=True).encode()
        return int.from_bytes(hashlib.sha256(asked).digest()[:8], "big")


def input_rows(source: Any, prompt: str | None = None) -> Iterator[InputRow]:
    """Yield the rows of a source.

    Args:
        source: The path of a file (JSON lines, gzipped or not, CSV, Parquet); a data frame (pandas,
            polars, Arrow); or an iterable of texts, messages, lists of messages, or dicts of columns.
        prompt: A text with columns in braces, "Classify: {ticket}"; without one a row's column
            "messages", "prompt" or "text" is the request.

    Raises:
        DataError: The source can't be read, or a row has no such column.
        ConfigurationError: It is nothing with rows, the prompt is invalid, or an extra is missing.
    """
    render = _template(prompt) if prompt is not None else None
    for place, given in enumerate(_items(source)):
        if isinstance(given, Mapping):
            columns = {str(name): plain_value(value) for name, value in given.items()}
            asked = render(given, place) if render else _request_in(given, place)
        elif given is None or isinstance(given, bool | int | float):
            raise DataError(
                f"Row {place + 1} is {given!r}: give a text, messages, or an object with columns."
            )
        elif render:
            raise DataError(
                f"Row {place + 1} is a {type(given).__name__} without columns, and prompt= needs "
                "some: give dicts, or a file or data frame with columns."
            )
        else:
            asked = given
            name = "prompt" if isinstance(given, str) else "messages"
            columns = {name: plain_value(given)}
        yield InputRow(place, columns, asked)


def count_of(source: Any) -> int | None:
    """Return how many rows a table or a list has; `None` where that is not known."""
    try:
        return len(source)
    except TypeError:
        return None


def plain_value(value: Any) -> Any:
    """Return a value as plain JSON: messages as LangChain's dicts, dates as texts, NaN as `None`."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, BaseMessage):
        return message_to_dict(value)
    if isinstance(value, Mapping):
        return {str(name): plain_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(each) for each in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return plain_value(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


# a request from a row ------------------------------------------------------------------------


def _template(prompt: str) -> Callable[[Mapping[str, Any], int], str]:
    """Return what fills a prompt's columns in.

    Raises:
        ConfigurationError: Something other than a column's name stands between braces.
    """
    wrong = (
        f"prompt={prompt!r} can't be read: put columns' names in braces, 'Classify: {{ticket}}', and "
        "double the braces that are text."
    )
    try:
        parts = [(text, name) for text, name, *rest in Formatter().parse(prompt) if not any(rest)]
        whole = len(parts) == len(list(Formatter().parse(prompt)))
    except ValueError:
        raise ConfigurationError(wrong) from None
    if not whole or any(name == "" for _, name in parts):
        raise ConfigurationError(wrong)

    def fill(row: Mapping[str, Any], place: int) -> str:
        text = ""
        for before, name in parts:
            text += before
            if name is not None:
                if name not in row:
                    raise DataError(
                        f"Row {place + 1} has no column {name!r}, which the prompt needs; it has "
                        f"{', '.join(map(str, row)) or 'none'}."
                    )
                value = plain_value(row[name])
                text += "" if value is None else value if isinstance(value, str) else _json(value)
        return text

    return fill


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _request_in(row: Mapping[str, Any], place: int) -> Any:
    for name in COLUMNS:
        if row.get(name) is not None:
            found = row[name]
            return found.tolist() if hasattr(found, "tolist") else found
    raise DataError(
        f"Row {place + 1} has none of the columns {', '.join(COLUMNS)}; it has "
        f"{', '.join(map(str, row)) or 'none'}. Say what to ask: prompt='Classify: {{column}}'."
    )


# sources -------------------------------------------------------------------------------------


def _items(source: Any) -> Iterator[Any]:
    if isinstance(source, str | Path):
        return _file(Path(source))
    if hasattr(source, "iter_rows"):  # polars
        return iter(source.iter_rows(named=True))
    if hasattr(source, "to_batches"):  # Arrow
        return _arrow(source.to_batches(max_chunksize=CHUNK))
    if hasattr(source, "itertuples"):  # pandas
        return _pandas(source)
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise ConfigurationError(
            f"rows= is a {type(source).__name__}; give a file's path, a data frame, or an iterable of "
            "texts, messages or dicts."
        )
    return iter(source)


def _pandas(frame: Any) -> Iterator[dict[str, Any]]:
    for start in range(0, len(frame), CHUNK):
        yield from frame.iloc[start : start + CHUNK].to_dict("records")


def _arrow(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _file(path: Path) -> Iterator[Any]:
    if not path.name.endswith(FORMATS):
        raise ConfigurationError(f"{path}: give a file that ends in {', '.join(FORMATS)}.")
    try:
        refuse_irregular(path)
        if path.name.endswith(".parquet"):
            yield from parquet_rows(path)
        elif path.name.endswith(".csv"):
            yield from (cells for _, cells in csv_rows(path))
        else:
            opened: Any = gzip.open if path.name.endswith(".gz") else open
            with opened(path, "rt", encoding="utf-8-sig") as lines:
                yield from _json_lines(path, _bounded(lines, path))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(unreadable(path, error)) from error


def unreadable(path: Path, error: Exception) -> str:
    """Return why a file can't be read, for people."""
    if isinstance(error, UnicodeDecodeError):
        return f"{path} can't be read: it is not in UTF-8. Save it in that encoding."
    # An unzipper's own words say nothing to who gave the file; csv's do.
    what = str(error) if isinstance(error, csv.Error) else getattr(error, "strerror", None)
    return f"{path} can't be read ({what or type(error).__name__}); is it whole?"


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV, each with its line; its cells are parted by one of `DELIMITERS`.

    Raises:
        DataError: A row has more or fewer cells than the first line, or that names a column twice.
        OSError, UnicodeDecodeError, csv.Error: The file can't be read.
    """
    # The module's own limit on a cell is 131,072 characters, for the whole process; it is raised alone.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _bounded(file, path)
        head: list[str] = []
        while (not head or not head[-1].strip()) and (line := next(lines, "")):
            head.append(line)
        delimiter = max(
            DELIMITERS, key=lambda mark: len(next(csv.reader(head[-1:], delimiter=mark), ()))
        )
        reader = csv.reader(chain(head, lines), delimiter=delimiter, strict=True)
        rows = (cells for cells in reader if cells)  # an empty line is none
        names = next(rows, [])
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(
                f"{path}: its first line names the column {twice[0]!r} twice. Rename one."
            )
        for cells in rows:
            if len(cells) != len(names):
                many = "more" if len(cells) > len(names) else "fewer"
                raise DataError(
                    f"{path}, line {reader.line_num}: it has {many} cells than the first line, which "
                    "names the columns. Put a text with commas or line breaks in double quotes."
                )
            yield reader.line_num, dict(zip(names, cells, strict=True))


def _bounded(lines: Any, path: Path) -> Iterator[str]:
    for line in iter(lambda: lines.readline(LONGEST_LINE + 1), ""):
        if len(line) > LONGEST_LINE:
            raise DataError(f"{path}: over {LONGEST_LINE} characters are no row.")
        yield line


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file.

    Raises:
        DataError: It is damaged.
        OSError: It can't be read.
    """
    parquet, arrow = needed("pyarrow.parquet", "parquet"), needed("pyarrow", "parquet")
    try:
        with parquet.ParquetFile(path) as file:
            yield from _arrow(file.iter_batches(batch_size=CHUNK))
    except arrow.ArrowException as error:
        raise DataError(f"{path} can't be read ({error}); is it whole?") from error


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(
                f"{path}, line {number}: it is no JSON. Mend it, or take it out."
            ) from None
