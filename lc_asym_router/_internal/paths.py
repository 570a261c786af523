"""Types of file paths."""

from __future__ import annotations

from os import PathLike

AnyPath = str | PathLike[str]
