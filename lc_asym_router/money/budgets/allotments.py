"""A process's allotments: parts of budgets' room that it has set aside and gives out in memory.

A busy process would write to the budgets' database twice a call. Instead it sets aside the room of some
calls ahead in one transaction, and calls reserve and settle within that, in memory. In the database the
allotment is one reservation, so no number of processes passes the limit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from lc_asym_router.money.budgets.amounts import KEPT, Balance, Claim, Refused

WRITE_EVERY = 0.25
"""How long what calls have taken waits to be written, in seconds."""
LIFE = 5.0
"""How long an allotment is given out from after it was written, in seconds."""
BUSY = 1.0
"""A key is busy where its last call was no longer ago, in seconds: only then is room set aside."""
PART = 16
"""An allotment sets aside at most one part in so many of the room that is there."""
FIRST, MOST, FEWEST = 8, 64, 4
"""For how many calls room is set aside: at first, at most, and at least, else for none."""
MOST_KEYS = 500
"""The most allotments of a process."""
PREFIX = "allotment:"
"""What the ids of allotments begin with, in the table of reservations."""


@dataclass(slots=True)
class Allotment:
    """What is set aside under a key.

    Attributes:
        claim: The claim that it was set aside for: its limit and lease hold for all that it gives out.
        size: How much of the database's reservation may be used: by calls under way, and by what
            others have taken that is not yet written.
        running: What calls under way have reserved.
        taken: What calls have taken that is not yet written as spent.
        calls: For how many calls room is set aside.
        begins: From when it may be given out from, in seconds since the epoch.
        ends: Until when, likewise.
        used_at: When it was last given out from.
    """

    claim: Claim
    size: int = 0
    running: int = 0
    taken: int = 0
    calls: int = 0
    begins: float = 0.0
    ends: float = 0.0
    used_at: float = 0.0

    @property
    def idle(self) -> int:
        """What is set aside and not in use."""
        return max(0, self.size - self.running - self.taken)

    def gives(self, claim: Claim, now: float) -> bool:
        """Whether there is room for a call in it."""
        return (
            claim.amount <= self.size - self.running - self.taken
            and claim.limit == self.claim.limit
            and claim.lease <= self.claim.lease
            and self.begins <= now < self.ends
        )


@dataclass(frozen=True, slots=True)
class AllotmentRow:
    """What a transaction writes of an allotment.

    Attributes:
        booked: What is added to what is spent.
        amount: What is reserved from now on; 0 deletes the reservation.
        claim: For whose limit and lease.
        calls: For how many calls room is set aside.
    """

    booked: int
    amount: int
    claim: Claim
    calls: int


@dataclass(frozen=True, slots=True)
class Allotted:
    """A transaction's rows.

    Attributes:
        rows: The allotments' rows, by key.
        inside: Whether the call that is reserved is in them; else it gets reservations of its own.
    """

    rows: Mapping[str, AllotmentRow] = field(default_factory=dict)
    inside: bool = False


@dataclass(slots=True)
class _Call:
    """A call in the allotments: what it has reserved by key, since when, and whose lease is over."""

    claims: dict[str, Claim]
    began: float
    lapsed: set[str] = field(default_factory=set)


class Allotments:
    """The allotments of one process in one database. Safe to share between threads; nothing waits.

    Args:
        most: For how many calls room is set aside at most; 0 for none.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.id = PREFIX + uuid4().hex
        self._lock = threading.Lock()
        self._by_key: dict[str, Allotment] = {}
        self._calls: dict[str, _Call] = {}
        self._seen: OrderedDict[str, float] = OrderedDict()

    # in memory ------------------------------------------------------------------------------

    def reserve(self, id: str, claims: Sequence[Claim], now: float) -> bool:
        """Reserve all of a call's claims in the allotments; `False` where there is no room in them."""
        if not self._by_key:
            return False
        with self._lock:
            found = [self._by_key.get(claim.key) for claim in claims]
            for allotment, claim in zip(found, claims, strict=True):
                if allotment is None or not allotment.gives(claim, now):
                    return False
            if id in self._calls or len({claim.key for claim in claims}) < len(claims):
                return False
            self._put(id, claims, now)
        return True

    def settle(self, id: str, amounts: Mapping[str, int]) -> bool:
        """Turn a call's reservation into what it took; `False` where it is not in the allotments."""
        with self._lock:
            call = self._calls.get(id)
            if call is None:
                return False
            for key, amount in amounts.items():
                if claim := call.claims.pop(key, None):
                    allotment = self._by_key.setdefault(key, Allotment(claim))
                    allotment.running -= 0 if key in call.lapsed else claim.amount
                    allotment.taken += amount
            if not call.claims:
                del self._calls[id]
        return True

    def drop(self, id: str) -> None:
        """Give back what a call has reserved in the allotments."""
        self.settle(id, dict.fromkeys(self._keys(id), 0))

    def within(self, key: str, now: float) -> Balance:
        """What calls have taken that is not written, and what calls under way have reserved."""
        with self._lock:
            self._lapse(now)
            found = self._by_key.get(key)
            return Balance(found.taken, found.running) if found else Balance(0, 0)

    def _keys(self, id: str) -> list[str]:
        call = self._calls.get(id)
        return list(call.claims) if call else []

    def _put(self, id: str, claims: Sequence[Claim], now: float) -> None:
        self._calls[id] = _Call({claim.key: claim for claim in claims}, now)
        for claim in claims:
            allotment = self._by_key[claim.key]
            allotment.running += claim.amount
            allotment.used_at = now

    def _lapse(self, now: float) -> None:
        """Take back what calls have reserved whose lease is over; they can be settled for a day."""
        for id, call in list(self._calls.items()):
            for key, claim in call.claims.items():
                if call.began + claim.lease <= now and key not in call.lapsed:
                    call.lapsed.add(key)
                    self._by_key[key].running -= claim.amount
            if all(call.began + each.lease + KEPT < now for each in call.claims.values()):
                del self._calls[id]

    # with the database ----------------------------------------------------------------------

    def plan(
        self,
        claims: Sequence[Claim],
        spent: Mapping[str, int],
        reserved: Mapping[str, int],
        now: float,
    ) -> Allotted | Refused:
        """What to write for a call, or the first claim that finds no room.

        Args:
            claims: The call's.
            spent: What the database has as spent, by key.
            reserved: What it has as reserved, without this process's allotments.
            now: The database's time.
        """
        with self._lock:
            self._lapse(now)
            wanted: dict[str, tuple[int, int]] = {}  # for how many calls, and how much
            for claim in claims:
                known = self._by_key.get(claim.key)
                taken, running = (known.taken, known.running) if known else (0, 0)
                balance = Balance(spent[claim.key] + taken, reserved.get(claim.key, 0) + running)
                room = claim.limit - balance.spent - balance.reserved - claim.amount
                if room < 0:
                    return Refused(claim, balance)
                wanted[claim.key] = self._ahead(claim, room, now)
            inside = len(wanted) == len(claims) and all(amount for _, amount in wanted.values())
            rows = {}
            for claim in claims:
                known = self._by_key.get(claim.key)
                if inside:
                    known = known or Allotment(claim)
                    calls, ahead = wanted[claim.key]
                    longest = claim if claim.lease >= known.claim.lease else known.claim
                    size = known.running + claim.amount + ahead
                    rows[claim.key] = _row(known, size, longest, calls, claim.amount)
                elif known is not None:
                    room = known.claim.limit - spent[claim.key] - reserved.get(claim.key, 0)
                    room -= known.taken + known.running + claim.amount
                    rows[claim.key] = _smaller(known, room, now)
            return Allotted(rows, inside)

    def due(self, now: float) -> dict[str, float | None]:
        """The keys that something is to be written for, with the ends of their periods."""
        with self._lock:
            self._lapse(now)
            return {
                key: each.claim.ends_at
                for key, each in self._by_key.items()
                if each.taken or each.size > each.running
            }

    def plan_writing(
        self, spent: Mapping[str, int], reserved: Mapping[str, int], now: float, *, last: bool
    ) -> Allotted:
        """What to write of the keys in `spent`.

        Args:
            spent: What the database has as spent, by key.
            reserved: As for `plan`.
            now: The database's time.
            last: Give back all that is not in use.
        """
        with self._lock:
            self._lapse(now)
            rows = {}
            for key in spent:
                if known := self._by_key.get(key):
                    room = known.claim.limit - spent[key] - reserved.get(key, 0)
                    room = 0 if last else room - known.taken - known.running
                    rows[key] = _smaller(known, room, now)
            return Allotted(rows)

    def written(
        self, plan: Allotted, now: float, id: str = "", claims: Sequence[Claim] = ()
    ) -> None:
        """Take over what a transaction has committed.

        Args:
            plan: What it has written.
            now: When it did, by the database's time.
            id: The call that was reserved in it; "" for none.
            claims: The call's.
        """
        with self._lock:
            for key, row in plan.rows.items():
                known = self._by_key.setdefault(key, Allotment(row.claim))
                known.taken -= row.booked
                known.size, known.claim, known.calls = row.amount, row.claim, row.calls
                known.begins, known.ends = now, now + LIFE
                if not (known.size or known.taken or known.running):
                    del self._by_key[key]
            if plan.inside:
                self._put(id, claims, now)

    def rows(self) -> list[tuple[Claim, int]]:
        """Every allotment's claim and size, for a database that has lost them."""
        with self._lock:
            return [(each.claim, max(each.size, each.running)) for each in self._by_key.values()]

    def _ahead(self, claim: Claim, room: int, now: float) -> tuple[int, int]:
        """For how many calls room is set aside beside a call's own, and how much."""
        known, before = self._by_key.get(claim.key), self._seen.pop(claim.key, None)
        self._seen[claim.key] = now
        if len(self._seen) > MOST_KEYS:
            self._seen.popitem(last=False)
        last = max(before or 0.0, known.used_at if known else 0.0)
        if not 0 <= now - last <= BUSY:
            return 0, 0
        if known.claim.limit != claim.limit if known else len(self._by_key) >= MOST_KEYS:
            return 0, 0
        calls = min(self.most, max(FIRST, 2 * known.calls if known else 0))
        ahead = min(calls * claim.amount, room // PART)
        return (calls, ahead) if ahead >= FEWEST * claim.amount else (0, 0)


def _smaller(known: Allotment, room: int, now: float) -> AllotmentRow:
    """An allotment as it goes on: with at most its part of the room that is there."""
    ahead = min(known.idle, max(0, room) // PART)
    # Nor where it was used in the future: the clock was set back.
    if ahead < FEWEST * known.claim.amount or not 0 <= now - known.used_at <= BUSY:
        ahead = 0
    return _row(known, known.running + ahead, known.claim, known.calls)


def _row(known: Allotment, amount: int, claim: Claim, calls: int, more: int = 0) -> AllotmentRow:
    """A row to write. Until it is written, calls keep within the reservation before it and after."""
    known.size = min(known.size, amount - more + known.taken)
    return AllotmentRow(known.taken, amount, claim, calls)
