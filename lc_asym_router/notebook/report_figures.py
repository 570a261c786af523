"""`Report`: totals of a ledger's requests, day by day, with a display."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.display import Displayed
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.call import share, usd

if TYPE_CHECKING:
    from lc_asym_router.money.ledger.handler import Ledger
    from lc_asym_router.money.ledger.rows import Moment

_SHARE = "share_"


@dataclass(frozen=True)
class Day:
    """Totals of one day's requests.

    Attributes:
        day: The day in UTC, "2026-01-31".
        requests: How many there were.
        tiers: For each tier's name, how many it answered.
        escalated: How many a higher tier went on with.
        vouched: For what answers were vouched for by, how many; "unknown" where that was not kept.
        checks: For each check's name, how many answers it failed.
        cost_usd: What they cost in USD, as far as it is known; `None` where nothing is.
        frontier_cost_usd: What the frontier alone would have cost, an estimate, likewise.
        saved_usd: What was saved, where both are known.
        unknown_cost: How many requests are not in the sum.
        models: For each model called its part of the cost in USD, or `None`.
    """

    day: str
    requests: int
    tiers: Mapping[str, int]
    escalated: int
    vouched: Mapping[str, int]
    checks: Mapping[str, int]
    cost_usd: float | None
    frontier_cost_usd: float | None
    saved_usd: float | None
    unknown_cost: int
    models: Mapping[str, float | None]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Day:
        """Read a day from its row in `Ledger.rows("day")`."""
        answered, requests = _known(row, "answered") or 0, _known(row, "requests") or 0
        shares = {name: _known(row, name) for name in row if name.startswith(_SHARE)}
        return cls(
            day=str(row["day"]),
            requests=int(requests),
            tiers={
                name.removeprefix(_SHARE): round(part * answered)
                for name, part in shares.items()
                if part
            },
            escalated=round((_known(row, "escalation_rate") or 0) * requests),
            vouched={
                str(name): round(part * answered)
                for name, part in (row.get("vouched") or {}).items()
                if part
            },
            checks=dict(row.get("failed_checks") or {}),
            cost_usd=_known(row, "cost_usd"),
            frontier_cost_usd=_known(row, "frontier_cost_usd"),
            saved_usd=_known(row, "saved_usd"),
            unknown_cost=int(_known(row, "unknown_cost") or 0),
            models=dict(row.get("cost_by_model") or {}),
        )


@dataclass(frozen=True, repr=False)
class Report(Displayed):
    """A ledger's requests, day by day; displayed as tier shares, costs and rejections by check.

    Attributes:
        days: The days with requests, oldest first.
    """

    days: tuple[Day, ...]

    @classmethod
    def of(cls, source: Any, since: Moment = None, until: Moment = None) -> Report:
        """Read the report of a ledger, or of rows by day that were read already.

        Args:
            source: A `Ledger`; or the result of its `rows("day")` or `report(by="day")`.
            since: Start of the period (inclusive), for a ledger; see `Ledger.rows`.
            until: End of the period (exclusive), likewise.

        Raises:
            ConfigurationError: It is none of these, or its rows are not by day.
            LedgerError: The ledger can't be read.
        """
        if isinstance(source, Report):
            return source
        return cls(tuple(map(Day.of, _rows(source, since, until))))

    @property
    def requests(self) -> int:
        """Number of requests."""
        return sum(day.requests for day in self.days)

    @property
    def tiers(self) -> dict[str, int]:
        """Requests answered by tier name, the largest number first."""
        return _added(day.tiers for day in self.days)

    @property
    def vouched(self) -> dict[str, int]:
        """For what answers were vouched for by, how many, the most frequent first."""
        return _added(day.vouched for day in self.days)

    @property
    def checks(self) -> dict[str, int]:
        """Answers rejected by check name, the largest number first."""
        return _added(day.checks for day in self.days)

    @property
    def escalated(self) -> float | None:
        """Share of the requests that escalated, in [0, 1]; `None` without requests."""
        return sum(day.escalated for day in self.days) / self.requests if self.requests else None

    @property
    def cost_usd(self) -> float | None:
        """Cost in USD of the requests with a known cost; `None` where there are none."""
        return _sum(day.cost_usd for day in self.days)

    @property
    def frontier_cost_usd(self) -> float | None:
        """Estimated cost in USD of the frontier alone, likewise."""
        return _sum(day.frontier_cost_usd for day in self.days)

    @property
    def saved_usd(self) -> float | None:
        """Saving in USD over the requests for which both are known."""
        return _sum(day.saved_usd for day in self.days)

    @property
    def unknown_cost(self) -> int:
        """Requests whose cost is unknown, which the sums leave out."""
        return sum(day.unknown_cost for day in self.days)

    def __repr__(self) -> str:
        """The totals in one line, then one line per day."""
        days = (
            f"  {day.day}: {day.requests} requests, {usd(day.cost_usd)}; the frontier alone about "
            f"{usd(day.frontier_cost_usd)}"
            for day in self.days
        )
        head = (
            f"{self.requests} requests, {share(self.escalated)} escalated, cost "
            f"{usd(self.cost_usd)}, saved {usd(self.saved_usd)}"
        )
        return "\n".join([head, *days])


def _rows(source: Any, since: Moment, until: Moment) -> Sequence[Mapping[str, Any]]:
    """Return the rows by day.

    Raises:
        ConfigurationError: There are none.
    """
    if hasattr(source, "on_router_record"):
        ledger: Ledger = source
        return ledger.rows("day", since, until)
    if hasattr(source, "reset_index"):
        source = source.reset_index().to_dict("records")
    rows = source if isinstance(source, Sequence) else None
    if rows is None or not all(isinstance(row, Mapping) and "day" in row for row in rows):
        raise ConfigurationError(
            "A report is of a Ledger, or of its rows by day: ledger.rows('day') or "
            "ledger.report(by='day')."
        )
    return rows


def _known(row: Mapping[str, Any], name: str) -> float | None:
    """Return a row's number; pandas has NaN where there is none."""
    value = row.get(name)
    return None if value is None or math.isnan(value) else float(value)


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if known else None


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    whole: Counter[str] = Counter()
    for each in counts:
        whole.update(each)
    return dict(whole.most_common())
