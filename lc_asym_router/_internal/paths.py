"""What names a file, and reading one that somebody else may have put there."""

from __future__ import annotations

import os
import stat
from os import PathLike

AnyPath = str | PathLike[str]


def refuse_irregular(path: AnyPath, most: int | None = None) -> None:
    """Refuse a path that is no regular file, or too large a one, before it is opened.

    Opening a pipe waits for a writer, and a device may never end.

    Args:
        path: The path.
        most: Bytes that it may have; `None` for any number.

    Raises:
        OSError: There is no such file, or it is no regular one, or too large.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "it is no regular file")
    if most is not None and found.st_size > most:
        raise OSError(0, f"it has {found.st_size} bytes, over {most}")


def read_text(path: AnyPath, most: int) -> str:
    """The text of a regular file of at most so many bytes.

    Raises:
        OSError: It is none, or can't be read.
        UnicodeDecodeError: It is no UTF-8.
    """
    refuse_irregular(path, most)
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:  # it grew
        raise OSError(0, f"it has over {most} bytes")
    return content.decode("utf-8")
