"""A call's request for a reservation, and the store's reply."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 86_400.0
"""How long an expired reservation and the sum of a period that is over are still known, in seconds,
so that a late call can settle them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The most that a call may take from one limit, in whole units.

    Attributes:
        key: Names the limit, its scope and its period.
        limit: The limit.
        amount: The most that the call may take.
        lease: Seconds until the reservation counts no more, should its process have died.
        ends_at: When the limit's period is over, in seconds since the epoch; `None` for never.
    """

    key: str
    limit: int
    amount: int
    lease: float
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums of a key: spent, and reserved by calls under way."""

    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A claim without room, with the balance that ruled it out."""

    claim: Claim
    balance: Balance
