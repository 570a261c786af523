"""The rows of a batch: from files, tables and iterables, one at a time; each becomes a request."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
    """Return how many rows a source has, where that is quickly known; else `None`."""
    if isinstance(source, str | Path):
        path = Path(source)
        if path.name.endswith(".jsonl") and path.is_file():
            with path.open("rb") as file:
                return sum(1 for line in file if line.strip())
        return None
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
            parquet = needed("pyarrow.parquet", "parquet")
            with parquet.ParquetFile(path) as file:
                yield from _arrow(file.iter_batches(batch_size=CHUNK))
        elif path.name.endswith(".csv"):
            with path.open(encoding="utf-8-sig", newline="") as table:
                yield from csv.DictReader(table, strict=True)
        else:
            opened: Any = gzip.open if path.name.endswith(".gz") else open
            with opened(path, "rt", encoding="utf-8") as lines:
                yield from _json_lines(path, lines)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        what = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{path} can't be read ({what}); is it whole?") from error


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{path}, line {number}: it is no JSON.") from None
