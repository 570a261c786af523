"""How many requests run at once: a fixed number, or a level that finds itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lc_asym_router.errors import ConfigurationError

START = 8
"""Requests at once that a level begins with."""
MOST = 128
"""Requests at once that a level never passes."""
CUT = 0.7
"""A rate limit cuts the level to this share of it."""
GAIN = 1.05
"""A higher level is kept where it brings so many times the rate of the one before."""
LOSS = 0.97
"""A lower level is kept where it brings so many times the rate of the one before."""
PATIENCE = 8
"""Rounds at a level before a higher one is tried again."""


@dataclass
class ConcurrencyLevel:
    """The number of requests that run at once, by additive increase and multiplicative decrease.

    It is measured in rounds of as many requests as run at once. A higher level (twice as high until
    that first fails, then an eighth higher) is kept where it brings more answers a second; where it
    does not, it has only lengthened a queue somewhere, and lower ones are tried as long as they
    bring as many. A rate limit (429) cuts it at once, at most once in the time that a request takes.

    Args:
        start: The level to begin with, in requests.
        most: The highest, in requests.
        fixed: Whether it stays where it begins.
        clock: The time, in seconds.
    """

    start: int = START
    most: int = MOST
    fixed: bool = False
    clock: Callable[[], float] = time.monotonic
    _limit: int = field(init=False)
    _doubling: bool = field(default=True, init=False)
    _up: bool = field(default=True, init=False)
    _before: tuple[int, float] | None = field(default=None, init=False)
    _ended: int = field(default=0, init=False)
    _since: float = field(init=False)
    _patience: int = field(default=0, init=False)
    _cut_until: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._limit = self.start
        self._since = self.clock()

    @classmethod
    def of(cls, concurrency: int | None) -> ConcurrencyLevel:
        """Return the level for a user's setting; `None` for one that finds itself.

        Raises:
            ConfigurationError: It is no positive number.
        """
        if concurrency is None:
            return cls()
        if isinstance(concurrency, bool) or concurrency < 1:
            raise ConfigurationError(f"concurrency={concurrency} must be at least 1.")
        return cls(start=concurrency, most=concurrency, fixed=True)

    @property
    def limit(self) -> int:
        """How many requests may run at once."""
        return self._limit

    def ended(self, seconds: float, *, throttled: bool = False) -> None:
        """Count a request that has ended.

        Args:
            seconds: How long it took.
            throttled: Whether a provider's rate limit refused one of its calls.
        """
        if self.fixed:
            return
        if throttled:
            self._cut(seconds)
            return
        self._ended += 1
        if self._ended >= self._limit:
            self._judge(self._ended / max(self.clock() - self._since, 1e-9))

    def _cut(self, seconds: float) -> None:
        now = self.clock()
        if now >= self._cut_until:
            self._cut_until = now + seconds
            self._doubling, self._before, self._patience = False, None, PATIENCE
            self._to(max(1, int(self._limit * CUT)))

    def _judge(self, rate: float) -> None:
        """Decide after a round, by the requests that ended in a second of it."""
        if self._before is not None:
            limit, before = self._before
            # A tenth more requests at once can't bring more than a tenth more a second.
            gain = min(GAIN, 1 + (self._limit / limit - 1) / 2) if self._limit > limit else LOSS
            if rate < before * gain:
                # A higher level that brought nothing has lengthened a queue: a lower one may do.
                rose, self._before = self._limit > limit, None
                self._doubling, self._up = False, not rose
                self._patience = 0 if rose else PATIENCE
                self._to(limit)
                return
        if self._patience:
            self._patience, self._before = self._patience - 1, None
            self._to(self._limit)
            return
        self._before = (self._limit, rate)
        step = max(1, self._limit // 8)
        if not self._up:
            self._to(max(1, self._limit - step))
        else:
            self._to(min(self.most, self._limit + (self._limit if self._doubling else step)))
        if self._limit == self._before[0]:
            self._before, self._up, self._patience = None, not self._up, PATIENCE

    def _to(self, limit: int) -> None:
        """Begin a round at a level."""
        self._limit, self._ended, self._since = limit, 0, self.clock()
