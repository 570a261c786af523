"""Weights files: JSON with named arrays of numbers and a checksum.

    {"format": "lc-asym-router weights", "version": 3, "kind": ..., "features": ...,
     "meta": {...}, "arrays": {name: [numbers]}, "sha256": ...}

Standard library only: weights are read where numpy is not installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.errors import ModelFileError

FORMAT = "lc-asym-router weights"
VERSION = 3
"""Raised when the layout of the file changes: other versions are refused."""

LARGEST = 8 << 20
"""Bytes that a file of weights may have. The shipped ones have less than a hundredth of that."""

_BINARY = b"lc-asym-router model "
"""What files of versions 1 and 2, which were no JSON, begin with."""
_MOST = 1e300
"""Larger numbers are no weights: sums of them are infinite."""
_AGAIN = "Train it again with this package's `lc-asym-router train`."

Numbers = list[Any]
"""Finite numbers, all `int` or `float`."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The content of a weights file.

    Attributes:
        kind: What the arrays are for, such as "classifier".
        features: Version of the features that the arrays were trained on.
        arrays: Finite numbers by name.
        meta: Further metadata; JSON values.
        checksum: SHA-256, in hex, of all of this as JSON.
    """

    kind: str
    features: int
    arrays: dict[str, Numbers] = field(repr=False)
    meta: dict[str, Any] = field(repr=False)
    checksum: str


def write_model(
    path: AnyPath,
    kind: str,
    arrays: Mapping[str, Iterable[Any]],
    meta: Mapping[str, Any],
    *,
    features: int = 1,
) -> None:
    """Write a weights file atomically: a reader never sees an incomplete file.

    The same input gives the same bytes, and reading gives the same numbers to the last bit.

    Args:
        path: The file; it is replaced if it exists.
        kind: What the arrays are for, such as "classifier"; `read_model` must ask for the same.
        arrays: Finite numbers in one dimension, by name: lists, or numpy arrays.
        meta: Further metadata; JSON values.
        features: Version of the features that the arrays were trained on.

    Raises:
        ModelFileError: Something is no finite number, or the file can't be written.
    """
    lists: dict[str, Numbers] = {}
    for name, values in arrays.items():
        listed = values.tolist() if hasattr(values, "tolist") else list(values)
        if not _are_numbers(listed):
            raise ModelFileError(
                f"The array {name!r} must be one row of finite numbers. Give such a list."
            )
        lists[name] = listed
    content = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "features": features,
        "meta": dict(meta),
        "arrays": lists,
    }
    try:
        content["sha256"] = _checksum(content)
    except ValueError as error:
        raise ModelFileError(
            "A fact about the weights is NaN or infinite. Leave it out."
        ) from error
    write_whole(path, _laid_out(content).encode())


def write_whole(path: AnyPath, content: bytes) -> None:
    """Replace a file's content in one step; after a failure the old content is unchanged.

    Raises:
        ModelFileError: The folder does not exist or can't be written to, or the path is no file.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        # A device would be replaced by a file, for everybody on the machine.
        raise ModelFileError(f"{target} is no file that can be replaced. Give another path.")
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's own is for the writer's eyes only
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise ModelFileError(
            f"{target} can't be written ({type(error).__name__}: {error.strerror}). Give a path in "
            "a folder that is there and can be written to."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_model(path: AnyPath, kind: str, *, features: int = 1) -> ModelFile:
    """Read a weights file that `write_model` wrote.

    Args:
        path: The file.
        kind: The required kind.
        features: The required version of the features.

    Raises:
        ModelFileError: The file does not exist, is no regular file or no weights file, is too large
            or truncated, has another kind or version, has numbers that are not finite, or its
            checksum is wrong.
    """
    content = _parsed(_bytes(path), path)
    if content.get("format") != FORMAT:
        raise ModelFileError(
            f"{path} is no file of weights. Give one that `lc-asym-router train` has written."
        )
    if content.get("version") != VERSION:
        raise ModelFileError(
            f"{path} has version {_short(content.get('version'))} of the format, and this package "
            f"reads version {VERSION}. {_AGAIN}"
        )
    checksum = content.pop("sha256", None)
    try:
        whole = _checksum(content) == checksum
    except ValueError as error:
        raise ModelFileError(f"{path} holds an infinite number. {_AGAIN}") from error
    if not whole:
        raise ModelFileError(f"{path} is damaged: its checksum is wrong. Get or train it again.")
    if content.get("kind") != kind:
        raise ModelFileError(
            f"{path} holds weights of a {_short(content.get('kind'))}, and a {kind!r} is needed "
            "here. Give the path of one."
        )
    if content.get("features") != features:
        raise ModelFileError(
            f"{path} was trained on version {_short(content.get('features'))} of the features, and "
            f"this package has version {features}. {_AGAIN}"
        )
    arrays, meta = content.get("arrays"), content.get("meta")
    if not isinstance(arrays, dict) or not isinstance(meta, dict):
        raise ModelFileError(f"{path} lacks a part. {_AGAIN}")
    for name, values in arrays.items():
        if not _are_numbers(values):
            raise ModelFileError(
                f"{path}: the array {_short(name)} is no row of finite numbers. {_AGAIN}"
            )
    return ModelFile(kind, features, arrays, meta, checksum)


def _bytes(path: AnyPath) -> bytes:
    """Return the file's content, if it is a regular file no larger than weights can be."""
    try:
        # Before it is opened: opening a pipe waits for a writer, a device may never end.
        _refuse_others(os.stat(path), path)
        with open(path, "rb") as file:
            _refuse_others(os.fstat(file.fileno()), path)
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ModelFileError(
            f"{path} can't be read ({type(error).__name__}: {error.strerror}). Give the path of a "
            "file that `lc-asym-router train` has written."
        ) from error
    if len(content) > LARGEST:  # some regular files have more in them than their size says
        raise _too_large(path)
    return content


def _refuse_others(found: os.stat_result, path: AnyPath) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError(
            f"{path} is no regular file. Give the path of a file that `lc-asym-router train` has "
            "written."
        )
    if found.st_size > LARGEST:
        raise _too_large(path)


def _too_large(path: AnyPath) -> ModelFileError:
    return ModelFileError(
        f"{path} has more than {LARGEST >> 20} MiB, which no file of weights has. Give one that "
        "`lc-asym-router train` has written."
    )


def _parsed(content: bytes, path: AnyPath) -> dict[str, Any]:
    if content.startswith(_BINARY):
        raise ModelFileError(
            f"{path} has the binary format of older versions; weights are plain JSON now. {_AGAIN}"
        )
    try:
        parsed = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is no JSON that holds weights ({type(error).__name__}), or is cut short. Give "
            "a whole file that `lc-asym-router train` has written."
        ) from error
    return parsed if isinstance(parsed, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) in (int, float) and -_MOST < value < _MOST for value in values
    )


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the checksum of all content: a threshold matters as much as a weight."""
    whole = json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(whole.encode()).hexdigest()


def _laid_out(content: Mapping[str, Any]) -> str:
    """Return JSON with one line per part and array, for readable diffs."""
    parts = []
    for name, value in content.items():
        text = json.dumps(value, sort_keys=True)
        if name == "arrays":
            rows = (f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in value.items())
            text = "{\n" + ",\n".join(rows) + "\n }"
        parts.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _short(value: Any) -> str:
    """Shorten a file's value for a message."""
    return ascii(value)[:40]
