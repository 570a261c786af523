"""What names a file."""

from __future__ import annotations

from os import PathLike

AnyPath = str | PathLike[str]
