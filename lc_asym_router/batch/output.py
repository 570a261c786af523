"""The output of a batch: JSON lines, CSV or Parquet, written whole and put in place at once."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.batch.input_rows import FORMATS
from lc_asym_router.errors import ConfigurationError, DataError

Lines = Callable[[], Iterable[Mapping[str, Any]]]
"""Gives the lines of the output, as often as it is called."""
GROUP = 10_000
"""Rows of a Parquet file that are held at once."""


def check_output(path: Path) -> None:
    """Check that there is a writer for a file, before anything is asked.

    Raises:
        ConfigurationError: There is none, or it needs an extra that is not installed.
    """
    if not path.name.endswith(FORMATS):
        raise ConfigurationError(
            f"out={str(path)!r}: give a file that ends in {', '.join(FORMATS)}."
        )
    if path.name.endswith(".parquet"):
        needed("pyarrow", "parquet")


def write_output(path: Path, lines: Lines) -> None:
    """Write the output in place of an earlier one, at once.

    Args:
        path: The file; its ending says the format.
        lines: Gives the lines.

    Raises:
        DataError: It can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.name.endswith(".parquet"):
            _parquet(beside, lines)
        elif path.name.endswith(".csv"):
            _csv(beside, lines)
        else:
            _json_lines(beside, lines, path.name.endswith(".gz"))
        os.replace(beside, path)
    except OSError as error:
        raise DataError(
            f"{path} can't be written ({error.strerror}). The answers are in the journal beside it: "
            "the same run writes them."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _json_lines(path: Path, lines: Lines, zipped: bool) -> None:
    opened: Any = gzip.open if zipped else open
    with opened(path, "wt", encoding="utf-8", newline="\n") as file:
        for line in lines():
            file.write(json.dumps(line) + "\n")


def _csv(path: Path, lines: Lines) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(lines()))
        writer.writeheader()
        for line in lines():
            writer.writerow({name: _cell(value) for name, value in line.items()})


def _columns(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the columns of all lines: the rows' own, then the answer's."""
    names: dict[str, None] = {}
    for line in lines:
        names |= dict.fromkeys(line)
    return list(names)


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _parquet(path: Path, lines: Lines) -> None:
    arrow, parquet = needed("pyarrow", "parquet"), needed("pyarrow.parquet", "parquet")
    kinds = _kinds(lines())
    types = {bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    schema = arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        rest = iter(lines())
        while group := list(islice(rest, GROUP)):
            rows = [{name: _value(line.get(name), kinds[name]) for name in kinds} for line in group]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def _kinds(lines: Iterable[Mapping[str, Any]]) -> dict[str, type]:
    """Return each column's type; a column of mixed ones becomes texts."""
    found: dict[str, set[type]] = {}
    for line in lines:
        for name, value in line.items():
            kinds = found.setdefault(name, set())
            if value is not None:
                large = isinstance(value, int) and abs(value) >= 2**63
                kinds.add(str if large else type(_cell(value)))
    return {name: _common(kinds) for name, kinds in found.items()}


def _common(kinds: set[type]) -> type:
    if kinds == {int, float}:
        return float
    return next(iter(kinds)) if len(kinds) == 1 else str


def _value(value: Any, kind: type) -> Any:
    if value is None or kind is not str:
        return value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
