"""One small file format for the weights that this package ships: named arrays behind a header.

    lc-asym-router model 2\\n                        magic and the format's version
    {"kind": ..., "arrays": [...], ...}\\n            one line of JSON
    raw little-endian numbers of all arrays, one after the other

Nothing in such a file is code, so reading one from elsewhere can't run anything. Standard library
only: a model is read where numpy is not installed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import tempfile
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lc_asym_router.errors import ModelFileError

FORMAT = 2
"""Raised when the layout of the file changes: other versions are refused."""

_MAGIC = b"lc-asym-router model "
_LONGEST_HEADER = 1 << 20
_CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}
_NAMES = {code: name for name, code in _CODES.items()}

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a file of weights holds.

    Attributes:
        kind: What the arrays are for, such as "classifier".
        features: Version of the features that the arrays were trained on.
        arrays: Flat arrays by name, C order; `len(...)` items of `itemsize` bytes.
        shapes: The arrays' shapes by name.
        meta: What else the writer noted; JSON values.
        checksum: SHA-256 of the header (as JSON, without it) and of the arrays' bytes, in hex.
    """

    kind: str
    features: int
    arrays: dict[str, array[Any]] = field(repr=False)
    shapes: dict[str, tuple[int, ...]]
    meta: dict[str, Any] = field(repr=False)
    checksum: str


def write_model(
    path: AnyPath,
    kind: str,
    arrays: Mapping[str, Any],
    meta: Mapping[str, Any],
    *,
    features: int = 1,
) -> None:
    """Write a file of weights; all of it or nothing: a reader never meets half a file.

    The same input gives the same bytes.

    Args:
        path: Where to. What is there is replaced.
        kind: What the arrays are for, such as "classifier"; `read_model` must ask for the same.
        arrays: By name, `array.array`s or numpy arrays of 32- or 64-bit floats, or of integers of up
            to 32 bits. A numpy array keeps its shape.
        meta: Facts for the reader; JSON values.
        features: Version of the features that the arrays were trained on.

    Raises:
        ModelFileError: An array has another type of numbers, or the file can't be written.
    """
    entries: list[dict[str, Any]] = []
    payload = bytearray()
    for name, values in arrays.items():
        view = memoryview(values)
        if view.format not in _NAMES or not view.c_contiguous:
            raise ModelFileError(
                f"The array {name!r} holds {view.format!r}; give contiguous numbers of one of "
                f"{', '.join(_CODES)}."
            )
        entries.append({"name": name, "type": _NAMES[view.format], "shape": list(view.shape or ())})
        flat = array(view.format)
        flat.frombytes(view.tobytes())
        if sys.byteorder == "big":
            flat.byteswap()
        payload += flat.tobytes()
    header = {"kind": kind, "features": features, "arrays": entries, "meta": dict(meta)}
    line = _line({**header, "sha256": _checksum(header, bytes(payload))})
    write_whole(path, b"%s%d\n%s\n%s" % (_MAGIC, FORMAT, line, bytes(payload)))


def write_whole(path: AnyPath, content: bytes) -> None:
    """Replace a file by another content in one step; what fails leaves the old one as it was.

    Raises:
        ModelFileError: The folder is not there or can't be written to, or the path is no file.
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
    """Read a file of weights that `write_model` wrote.

    Args:
        path: The file.
        kind: What it must be for.
        features: Version of the features that it must have been trained on.

    Raises:
        ModelFileError: The file is not there, is no such file, is for something else, is of another
            version, is cut short, or its checksum is wrong.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{path} can't be read ({type(error).__name__}: {error.strerror}). Give the path of a "
            "file that `lc-asym-router train` has written."
        ) from error
    header, payload = _header(content, path)
    if header["kind"] != kind:
        raise ModelFileError(f"{path} holds a {header['kind']!r}, and a {kind!r} is needed here.")
    if header["features"] != features:
        raise ModelFileError(
            f"{path} was trained on version {header['features']!r} of the features, and this "
            f"package has version {features}. Train it again with this package."
        )
    arrays, shapes = _arrays(header["arrays"], payload, path)
    checksum = header.pop("sha256")
    if _checksum(header, payload) != checksum:
        raise ModelFileError(f"{path} is damaged: its checksum is wrong. Get or train it again.")
    return ModelFile(kind, features, arrays, shapes, header["meta"], checksum)


def _line(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, ensure_ascii=True).encode()


def _checksum(header: Mapping[str, Any], payload: bytes) -> str:
    """Of all that a file says: a threshold in the header counts as much as a weight."""
    return hashlib.sha256(_line(header) + b"\n" + payload).hexdigest()


def _header(content: bytes, path: AnyPath) -> tuple[dict[str, Any], bytes]:
    if not content.startswith(_MAGIC):
        raise ModelFileError(
            f"{path} is no file of weights. Give a file that `lc-asym-router train` has written."
        )
    version, _, rest = content[len(_MAGIC) :].partition(b"\n")
    if version != b"%d" % FORMAT:
        raise ModelFileError(
            f"{path} has version {version[:9].decode(errors='replace')!r} of the format, and this "
            f"package reads version {FORMAT}. Train it again with this package."
        )
    line, end, payload = rest.partition(b"\n")
    if not end:
        raise ModelFileError(f"{path} is cut short in its header. Get or train it again.")
    try:
        if len(line) > _LONGEST_HEADER:
            raise ValueError
        header = json.loads(line)
        well_formed = (
            isinstance(header["arrays"], list)
            and isinstance(header["meta"], dict)
            and isinstance(header["sha256"], str)
            and {"kind", "features"} <= set(header)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        well_formed = False
    if not well_formed:
        raise ModelFileError(f"{path} has a damaged header. Get or train it again.")
    return header, payload


def _arrays(
    entries: list[Any], payload: bytes, path: AnyPath
) -> tuple[dict[str, array[Any]], dict[str, tuple[int, ...]]]:
    arrays: dict[str, array[Any]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    start = 0
    for entry in entries:
        try:
            name, shape = str(entry["name"]), tuple(int(size) for size in entry["shape"])
            values: array[Any] = array(_CODES[entry["type"]])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{path} has a damaged header. Get or train it again.") from error
        end = start + math.prod(shape) * values.itemsize
        if min(shape, default=1) < 0 or end > len(payload):
            raise ModelFileError(f"{path} is cut short: {name!r} is not whole. Get it again.")
        values.frombytes(payload[start:end])
        if sys.byteorder == "big":
            values.byteswap()
        arrays[name], shapes[name], start = values, shape, end
    if start != len(payload):
        raise ModelFileError(f"{path} is damaged: it is longer than its header says.")
    return arrays, shapes
