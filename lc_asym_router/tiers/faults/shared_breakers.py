"""The process's breakers, one for each endpoint, and what the processes of a server share of them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lc_asym_router._internal.fault_log import Throttle
from lc_asym_router.tiers.faults.breaker import Breaker

logger = logging.getLogger(__name__)

_openings = Throttle()


@dataclass(frozen=True)
class Opening:
    """That a breaker is open for everybody.

    Attributes:
        at: Since when, in seconds of the monotonic clock, which a machine's processes share.
        why: What failed, in one line without anybody's text.
    """

    at: float
    why: str


class SharedBreaker(Breaker):
    """A breaker of the process, which logs its changes.

    Args:
        model: The model's name, for the log.
        clock: As for `Breaker`.
    """

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._model = model

    @property
    def opening(self) -> Opening | None:
        """Its latest opening; `None` where it is closed, or open for some callers alone."""
        with self._lock:
            if self._opened is None or not self._for_all():
                return None
            return Opening(self._opened, self._why)

    def follow(self, opening: Opening | None) -> None:
        """Open or close it as another process has done.

        Args:
            opening: That one's latest opening; `None` where it has closed.
        """
        with self._lock:
            before = self._opened is not None
            self._close()
            if opening is not None:
                self._failed = self._down = self.failures
                self._opened, self._why = opening.at, opening.why
            changed = before != (self._opened is not None)
        if changed:
            self._changed()

    def _changed(self) -> None:
        if self.state == "closed":
            logger.info("The breaker of %s has closed: it answers again.", self._model)
        elif _openings.count(self._model):
            logger.warning(
                "The breaker of %s has opened: it is not asked for %g s, since it failed: %s",
                self._model,
                self.cooldown,
                self._why or "no reason is known",
            )


KEPT = 1024
"""Endpoints whose breakers are kept; past that, those with nothing to remember are let go."""
_shared: dict[tuple[str, ...], SharedBreaker] = {}
_shared_lock = threading.Lock()


def shared_breaker(*endpoint: str) -> SharedBreaker:
    """The process's one breaker for an endpoint. It outlives a router made for one request."""
    with _shared_lock:
        breaker = _shared.get(endpoint)
        if breaker is None:
            if len(_shared) >= KEPT:
                for each in [each for each, kept in _shared.items() if kept.at_rest]:
                    del _shared[each]
            breaker = _shared[endpoint] = SharedBreaker(endpoint[-1])
        return breaker


def shared_breakers() -> dict[tuple[str, ...], SharedBreaker]:
    """The process's breakers, by their endpoints."""
    with _shared_lock:
        return dict(_shared)


def forget_breakers() -> None:
    """Drop all shared breakers: new tiers get new ones."""
    with _shared_lock:
        _shared.clear()


class Openings:
    """What the processes of one server tell each other of their breakers: a file for each that is open.

    Args:
        folder: A folder of these processes alone.
        breakers: Returns this process's breakers by their endpoints.
    """

    def __init__(
        self,
        folder: Path,
        breakers: Callable[[], Mapping[tuple[str, ...], SharedBreaker]] = shared_breakers,
    ) -> None:
        self._folder = folder
        self._breakers = breakers
        self._known: dict[tuple[str, ...], Opening | None] = {}

    def exchange(self) -> None:
        """Tell what has changed here since the last time, and follow what has changed elsewhere.

        Raises:
            OSError: The folder can't be read or written.
        """
        for endpoint, breaker in self._breakers().items():
            path, own = self._file(endpoint), breaker.opening
            known, there = self._known.get(endpoint), _read(path)
            if own != known:
                _write(path, own)
            elif there != known:
                breaker.follow(there)
                own = there
            self._known[endpoint] = own

    def _file(self, endpoint: tuple[str, ...]) -> Path:
        return self._folder / hashlib.sha256("\n".join(endpoint).encode()).hexdigest()


def _read(path: Path) -> Opening | None:
    try:
        return Opening(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def _write(path: Path, opening: Opening | None) -> None:
    if opening is None:
        path.unlink(missing_ok=True)
        return
    whole = path.with_name(f"{path.name}.{os.getpid()}")
    whole.write_text(json.dumps(asdict(opening)))
    whole.replace(path)
