"""Forks of the process that wait for threads inside a C library, whose locks a child would inherit."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FORK_SECONDS = 5.0
"""How long a fork waits at most, in seconds: whoever is still inside then waits for somebody else."""


class ForkGate:
    """Blocks that no fork of the process falls into.

    SQLite, for one, has locks of its own for the whole process. A child that is forked while another
    thread has one of them finds it locked for ever, and its first connection never comes.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        self._fresh()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._close, after_in_parent=self._open, after_in_child=self._fresh
            )

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A block that forks of other threads wait for; it waits for forks that have begun."""
        depth = self._depth
        if depth == 0:
            with self._changed:
                self._changed.wait_for(lambda: not self._forks)
                self._inside += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if depth == 0:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    @property
    def _depth(self) -> int:
        """In how many such blocks this thread is."""
        return getattr(self._mine, "depth", 0)

    def _fresh(self) -> None:
        """In a new gate, and in a forked child, where the thread that forked is alone."""
        self._changed = threading.Condition()
        self._inside = min(1, self._depth)
        self._forks = 0

    def _close(self) -> None:
        own = min(1, self._depth)
        with self._changed:
            self._forks += 1
            self._changed.wait_for(lambda: self._inside <= own, FORK_SECONDS)

    def _open(self) -> None:
        with self._changed:
            self._forks -= 1
            self._changed.notify_all()


DATABASES = ForkGate()
"""Busy while a database is used."""
