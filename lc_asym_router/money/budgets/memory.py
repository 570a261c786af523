"""Budgets in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from lc_asym_router.money.budgets.claims import KEPT, Balance, Claim, Refusal


class MemoryVault:
    """Keeps what is spent and reserved in dicts, under one lock. It is gone with the process."""

    waits = False
    """Whether asking it may take long enough to keep an event loop from its work."""
    name = "memory"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}
        self._held: dict[str, dict[str, tuple[int, float]]] = {}

    def reserve(self, id: str, claims: Sequence[Claim]) -> Refusal | None:
        """Reserve all of the claims, or none: then the first that has no room comes back."""
        now = time.time()
        with self._lock:
            for claim in claims:
                held = self._held.setdefault(claim.key, {})
                for old in [each for each, (_, ends) in held.items() if ends + KEPT < now]:
                    del held[old]
                balance = self._balance(claim.key, now, without=id)
                if balance.spent + balance.reserved + claim.amount > claim.limit:
                    return Refusal(claim, balance)
            for claim in claims:
                self._held[claim.key][id] = (claim.amount, now + claim.lease)
        return None

    def settle(self, id: str, amounts: Mapping[str, int]) -> None:
        """Turn a reservation into what was spent; a second time nothing happens."""
        with self._lock:
            for key, amount in amounts.items():
                if self._held.get(key, {}).pop(id, None) is not None:
                    self._spent[key] = self._spent.get(key, 0) + amount

    def balance(self, key: str) -> Balance:
        """What is spent and reserved under a key."""
        with self._lock:
            return self._balance(key, time.time())

    def _balance(self, key: str, now: float, without: str = "") -> Balance:
        held = self._held.get(key, {})
        reserved = sum(
            amount for id, (amount, ends) in held.items() if ends > now and id != without
        )
        return Balance(self._spent.get(key, 0), reserved)

    def forget(self) -> None:
        """In a forked child: another thread may have held the lock."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing to close."""
