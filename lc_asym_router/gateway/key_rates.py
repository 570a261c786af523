"""Limits on a key's requests and tokens a minute, which all workers share through the database."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lc_asym_router.gateway.keys import KeyLimits
from lc_asym_router.money.database.sql_store import Store, database_time, insert_new

if TYPE_CHECKING:
    from sqlalchemy import Connection

MINUTE = 60
"""Seconds that the limits are for."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """A request over a limit.

    Attributes:
        unit: "requests" or "tokens".
        limit: The limit, for a minute.
        used: What the last minute took of it.
        needed: What the request may take.
        retry_after: Whole seconds until there is room; `None` where there never is: the request
            alone is over the limit.
    """

    unit: str
    limit: int
    used: int
    needed: int
    retry_after: int | None

    def __str__(self) -> str:
        what = f"this key's limit of {self.limit:,} {self.unit} a minute"
        if self.retry_after is None:
            return (
                f"The request may take {self.needed:,} {self.unit}, which is over {what}: send a "
                "shorter one."
            )
        return (
            f"The request is over {what}: {self.used:,} were used in the last minute, and it may "
            f"take {self.needed:,}. Try again in {self.retry_after} s."
        )


@dataclass(frozen=True, slots=True)
class RateWindow:
    """What a key used in the last minute, second by second: never more than a limit in any 60 s.

    Attributes:
        seconds: Second since the epoch, requests and tokens, the oldest first.
    """

    seconds: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def read(cls, text: str) -> RateWindow:
        """Read it from the database's JSON."""
        return cls(tuple((int(a), int(b), int(c)) for a, b, c in json.loads(text)))

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(self.seconds, separators=(",", ":"))

    def at(self, now: float) -> tuple[RateWindow, int]:
        """Return what still counts at a time, and the second that it counts under.

        A second counts until 60 seconds after its end. Where a clock was set back, what lies ahead
        counts from now on: nothing is lost, and nothing blocks the key for longer than a minute.
        """
        second = max(math.floor(now), 0)
        kept: dict[int, tuple[int, int]] = {}
        for at, requests, tokens in self.seconds:
            if at >= second - MINUTE:
                before = kept.get(min(at, second), (0, 0))
                kept[min(at, second)] = (before[0] + requests, before[1] + tokens)
        return RateWindow(tuple((at, *kept[at]) for at in sorted(kept))), second

    def add(
        self, now: float, rpm: int | None, tpm: int | None, tokens: int
    ) -> tuple[RateWindow, int] | RateLimited:
        """Count a request, or say which limit has no room for it.

        Args:
            now: The time, in seconds since the epoch.
            rpm: The most requests in any 60 seconds, or `None`.
            tpm: The most tokens, or `None`.
            tokens: The most that the request may take.

        Returns:
            The window with it and the second that it counts under.
        """
        window, second = self.at(now)
        limits = (("requests", rpm, 1, 1), ("tokens", tpm, tokens, 2))
        for unit, limit, needed, column in limits:
            if limit is None:
                continue
            used = sum(row[column] for row in window.seconds)
            if used + needed > limit:
                wait = window._wait(second, limit - needed, column)
                return RateLimited(unit, limit, used, needed, wait)
        return window._with(second, 1, tokens), second

    def settle(self, second: int, difference: int) -> RateWindow:
        """Correct the tokens that were counted under a second; one that is over stays over."""
        if not any(at == second for at, _, _ in self.seconds):
            return self
        return self._with(second, 0, difference)

    def _wait(self, second: int, room: int, column: int) -> int | None:
        """Whole seconds until no more than `room` is used; `None` where that is never."""
        if room < 0:
            return None
        rest = sum(row[column] for row in self.seconds)
        for row in self.seconds:
            rest -= row[column]
            if rest <= room:
                return max(1, row[0] + MINUTE + 1 - second)
        return 1

    def _with(self, second: int, requests: int, tokens: int) -> RateWindow:
        rows = {at: (count, taken) for at, count, taken in self.seconds}
        count, taken = rows.get(second, (0, 0))
        rows[second] = (count + requests, max(0, taken + tokens))
        return RateWindow(tuple((at, *rows[at]) for at in sorted(rows)))


class KeyRates:
    """The windows of all keys in a database. No event loop may call it.

    Args:
        store: The database.
        now: The time in seconds since the epoch, for a connection; the database's by default.
    """

    def __init__(self, store: Store, now: Callable[[Connection], float] = database_time) -> None:
        self._store = store
        self._now = now

    def admit(self, name: str, limits: KeyLimits, tokens: int) -> int | RateLimited:
        """Count a request of a key.

        Args:
            name: The key's name.
            limits: Its limits.
            tokens: The most that the request may take.

        Returns:
            The second that it counts under, for `settle`; or the limit that has no room for it.
        """
        with self._store.transaction(writing=True) as connection:
            window = _locked(connection, name)
            found = window.add(self._now(connection), limits.rpm, limits.tpm, tokens)
            if isinstance(found, RateLimited):
                return found
            _write(connection, name, found[0])
            return found[1]

    def settle(self, name: str, second: int, difference: int) -> None:
        """Correct the tokens of a request to what it took.

        Args:
            name: The key's name.
            second: From `admit`.
            difference: What it took, less what was counted.
        """
        with self._store.transaction(writing=True) as connection:
            _write(connection, name, _locked(connection, name).settle(second, difference))

    def used(self, names: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return the requests and the tokens of the last minute, for each name that has any."""
        from sqlalchemy import select

        from lc_asym_router.money.database.tables import key_rates

        with self._store.transaction(writing=False) as connection:
            now = self._now(connection)
            chosen = select(key_rates).where(key_rates.c.name.in_(list(names)))
            found = {row.name: row.seconds for row in connection.execute(chosen)}
        windows = {name: RateWindow.read(text).at(now)[0] for name, text in found.items()}
        return {
            name: (sum(row[1] for row in each.seconds), sum(row[2] for row in each.seconds))
            for name, each in windows.items()
        }


def _locked(connection: Connection, name: str) -> RateWindow:
    """A key's window, whose row is ours until the transaction ends."""
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import key_rates

    chosen = select(key_rates.c.seconds).where(key_rates.c.name == name).with_for_update()
    text = connection.scalar(chosen)
    if text is None:
        connection.execute(insert_new(connection, key_rates), {"name": name, "seconds": "[]"})
        text = connection.scalar(chosen)
    return RateWindow.read(text or "[]")


def _write(connection: Connection, name: str, window: RateWindow) -> None:
    from lc_asym_router.money.database.tables import key_rates

    connection.execute(
        key_rates.update().where(key_rates.c.name == name).values(seconds=window.text())
    )
