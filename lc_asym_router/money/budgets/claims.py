"""What a call asks of a store, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass

KEPT = 86_400.0
"""How long an expired reservation is still known, in seconds, so that a late call can settle it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The most that a call may take from one limit, in whole units.

    Attributes:
        key: Names the limit, its scope and its day.
        limit: The limit.
        amount: The most that the call may take.
        lease: Seconds until the reservation counts no more, should its holder have died.
    """

    key: str
    limit: int
    amount: int
    lease: float


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands under a key: spent, and reserved by calls under way."""

    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim that finds no room, with the balance that it found."""

    claim: Claim
    balance: Balance
