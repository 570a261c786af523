"""Budgets in the memory of one process."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lc_asym_router.money.budgets.claims import KEPT, Balance, Claim, Refused

logger = logging.getLogger(__name__)

SWEEP_EVERY = 60.0
"""How often sums of periods that are over are looked for, in seconds."""


@dataclass
class _Sums:
    """What is spent and reserved under a key, and when its period is over."""

    ends_at: float | None
    spent: int = 0
    reserved: dict[str, tuple[int, float]] = field(default_factory=dict)

    def balance(self, now: float, without: str = "") -> Balance:
        amounts = (
            amount for id, (amount, ends) in self.reserved.items() if ends > now and id != without
        )
        return Balance(self.spent, sum(amounts))

    def over(self, now: float) -> bool:
        return self.ends_at is not None and self.ends_at + KEPT < now


class MemoryVault:
    """Stores what is spent and reserved in dicts, under one lock; lost when the process ends.

    Sums of periods that are over are dropped. Of the others at most `max_keys` are known: beyond
    that the one that has not changed for the longest is dropped, and its limit begins anew.

    Args:
        max_keys: The most sums (of a thread, of a tag) that are known at a time.
    """

    waits = False
    """Whether asking it may take long enough to keep an event loop from its work."""
    name = "memory"

    def __init__(self, max_keys: int) -> None:
        self.max_keys = max_keys
        self._lock = threading.Lock()
        self._sums: OrderedDict[str, _Sums] = OrderedDict()  # unchanged for the longest first
        self._swept_at = 0.0
        self._warned = False

    def reserve(
        self, id: str, claims: Sequence[Claim], seconds: float | None = None
    ) -> Refused | None:
        """Reserve all of the claims, or none: then the first that has no room comes back."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            for claim in claims:
                sums = self._sums.get(claim.key)
                if sums is None:
                    balance = Balance(0, 0)
                else:
                    for old in [each for each, (_, e) in sums.reserved.items() if e + KEPT < now]:
                        del sums.reserved[old]
                    balance = sums.balance(now, without=id)
                if balance.spent + balance.reserved + claim.amount > claim.limit:
                    return Refused(claim, balance)
            for claim in claims:
                sums = self._sums.setdefault(claim.key, _Sums(claim.ends_at))
                sums.reserved[id] = (claim.amount, now + claim.lease)
                self._sums.move_to_end(claim.key)
            self._drop_oldest(now)
        return None

    def settle(self, id: str, amounts: Mapping[str, int], seconds: float | None = None) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        with self._lock:
            for key, amount in amounts.items():
                sums = self._sums.get(key)
                if sums is not None and sums.reserved.pop(id, None) is not None:
                    sums.spent += amount
                    self._sums.move_to_end(key)

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        with self._lock:
            sums = self._sums.get(key)
            return sums.balance(time.time()) if sums else Balance(0, 0)

    def _sweep(self, now: float) -> None:
        if abs(now - self._swept_at) < SWEEP_EVERY:
            return
        self._swept_at = now
        for key in [key for key, sums in self._sums.items() if sums.over(now)]:
            del self._sums[key]

    def _drop_oldest(self, now: float) -> None:
        while len(self._sums) > self.max_keys:
            idle = (k for k, sums in self._sums.items() if not sums.balance(now).reserved)
            oldest = next(idle, None)
            if oldest is None:
                return  # all have calls under way
            dropped = self._sums.pop(oldest)
            ended = dropped.ends_at is not None and dropped.ends_at <= now
            if dropped.spent and not ended and not self._warned:
                self._warned = True
                logger.warning(
                    "A budget in memory has spent for more than %d threads or tags at a time; the "
                    "sums that have not changed for the longest are forgotten. Keep it in a "
                    "database: Budget(store='sqlite:///budgets.sqlite3').",
                    self.max_keys,
                )

    def forget(self) -> None:
        """In a forked child: another thread may have had the lock."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing to close."""
