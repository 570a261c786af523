"""What `ask` shows while a request runs: the steps on standard error, the answer on standard output."""

from __future__ import annotations

import sys
import threading
from typing import Any

from lc_asym_router._internal.imports import installed
from lc_asym_router.notebook.live_view import Screen
from lc_asym_router.shell.options import printable


class StepScreen(Screen):
    """Prints each step as it ends, and the answer as it comes.

    On a terminal it says besides what is being tried: with `rich` (the extra `shell`) as one line that
    is taken away again, without it as a line a step. Colours are for terminals alone; `NO_COLOR` is
    obeyed.

    Args:
        models: Each tier's model, to say what a node asks.
    """

    def __init__(self, models: dict[str, str]) -> None:
        self._models = models
        self._inside = False
        self._answering = False
        self._later: list[str] = []
        self._lock = threading.Lock()
        self._console = _console()
        self._status: Any = None

    def entered(self, node: str) -> None:
        """Say what is being tried."""
        if not sys.stderr.isatty():
            return
        model = self._models.get(node)
        trying = printable(f"{node}: {model} ..." if model else f"{node} ...")
        with self._lock:
            if self._answering:
                return
            if self._console is None:
                print(trying, file=sys.stderr)
                return
            self._clear()
            self._status = self._console.status(_plain(trying))
            self._status.start()

    def log(self, line: str) -> None:
        """Print a line about a finished step; while the answer comes, after it.

        Steps end in the graph's thread, the answer is printed by the reader's.
        """
        with self._lock:
            if self._answering:
                self._later.append(line)
                return
            self._clear()
            self._print(line)

    def _print(self, line: str) -> None:
        if self._console is None:
            print(printable(line), file=sys.stderr)
        else:
            self._console.print(_plain(printable(line)), style="dim", soft_wrap=True)

    def text(self, piece: str) -> None:
        """Print a piece of the answer."""
        piece = printable(piece)
        if not piece:
            return
        with self._lock:
            self._answering = True
            self._clear()
        print(piece, end="", flush=True)
        self._inside = not piece.endswith("\n")

    def over(self, answered: bool) -> None:
        """End the answer's line."""
        with self._lock:
            self._clear()
            if self._inside:
                print(flush=True)
                self._inside = False
            for line in self._later:
                self._print(line)
            self._later.clear()
            self._answering = False

    def _clear(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _console() -> Any:
    """Rich's console on standard error, where that is a terminal and rich is installed; else `None`."""
    if not sys.stderr.isatty() or not installed("rich"):
        return None
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _plain(text: str) -> Any:
    """A text that rich takes as it is: a model's brackets are no markup."""
    from rich.text import Text

    return Text(text)
