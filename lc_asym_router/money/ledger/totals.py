"""Totals of a group of requests, as they are summed up, kept and shown."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
_COUNTERS = ("outcomes", "tiers", "vouched", "checks", "errors", "tokens")
_COUNTS = ("escalated", "calls", "uncounted", "estimated")
_AMOUNTS = ("costs", "frontier", "saved", "audits", "scores")


@dataclass(slots=True)
class Amount:
    """A sum, with how many values are in it, and how many are unknown and are not."""

    total: float = 0.0
    known: int = 0
    unknown: int = 0

    def add(self, total: float | None, known: int, of: int) -> None:
        """Add a sum.

        Args:
            total: The sum of the known values; `None` where there are none.
            known: How many they are.
            of: How many values there are, unknown ones too.
        """
        self.total += total or 0.0
        self.known += known
        self.unknown += of - known

    def merge(self, other: Amount) -> None:
        """Add another sum."""
        self.add(other.total, other.known, other.count)

    @property
    def count(self) -> int:
        """How many values there are, unknown ones too."""
        return self.known + self.unknown

    @property
    def shown(self) -> float | None:
        """The sum of what is known; `None` where nothing is, and something should be."""
        return self.total if self.known or not self.unknown else None


class Totals:
    """Totals of a group of requests."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        self.escalated = 0
        self.vouched: Counter[str] = Counter()
        self.costs, self.frontier, self.saved = Amount(), Amount(), Amount()
        self.seconds: Counter[float] = Counter()
        # Latencies of days' totals, as the texts that they are kept as.
        self.rounded: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.calls = 0
        self.uncounted = 0
        self.estimated = 0
        self.tokens: Counter[str] = Counter()
        self.audits, self.scores = Amount(), Amount()
        self.bills: dict[str, Amount] = defaultdict(Amount)

    def add(self, row: Any) -> None:
        """Count requests that have all but their amounts in common: a row of the first query."""
        count = row["count"]
        self.outcomes[row["outcome"]] += count
        if row["tier"] is not None:
            self.tiers[row["tier"]] += count
        self.escalated += count if row["escalated"] else 0
        if row["outcome"] == "answered":
            self.vouched[row["vouched"] or "unknown"] += count
        for amount, name in (
            (self.costs, "cost_usd"),
            (self.frontier, "frontier_cost_usd"),
            (self.saved, "saved_usd"),
        ):
            amount.add(row[name], row[f"known_{name}"], count)

    def add_calls(self, row: Any) -> None:
        """Count calls that have all but their amounts in common."""
        count = row["count"]
        self.calls += count
        if row["audit"]:
            self.audits.add(row["cost_usd"], row["known_cost_usd"], count)
        if row["error"]:
            self.errors[row["error"]] += count
        elif row["passed"] is not None and not row["passed"]:
            self.checks[row["check"] or "unnamed"] += count
        self.uncounted += count if row["uncounted"] else 0
        self.estimated += count if row["usage_estimated"] else 0
        self.bills[row["model"] or "unknown"].add(row["cost_usd"], row["known_cost_usd"], count)
        for name in TOKENS:
            self.tokens[name] += int(row[name] or 0)

    def packed(self) -> dict[str, Any]:
        """Return them as plain JSON, without each request's own numbers: seconds to 3 digits."""
        seconds = Counter(self.rounded)
        for value, count in self.seconds.items():
            seconds[f"{value:.3g}"] += count
        return {
            **{name: dict(getattr(self, name)) for name in _COUNTERS},
            **{name: getattr(self, name) for name in _COUNTS},
            **{name: _packed(getattr(self, name)) for name in _AMOUNTS},
            "bills": {model: _packed(bill) for model, bill in self.bills.items()},
            "seconds": seconds,
        }

    def add_packed(self, packed: Mapping[str, Any]) -> None:
        """Add what `packed` returned."""
        for name in _COUNTERS:
            getattr(self, name).update(packed[name])
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + packed[name])
        for name in _AMOUNTS:
            getattr(self, name).merge(Amount(*packed[name]))
        for model, bill in packed["bills"].items():
            self.bills[model].merge(Amount(*bill))
        self.rounded.update(packed["seconds"])

    def add_totals(self, other: Totals) -> None:
        """Add another group's."""
        for name in (*_COUNTERS, "seconds", "rounded"):
            getattr(self, name).update(getattr(other, name))
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _AMOUNTS:
            getattr(self, name).merge(getattr(other, name))
        for model, bill in other.bills.items():
            self.bills[model].merge(bill)

    def row(self, tiers: Iterable[str]) -> dict[str, Any]:
        """Return the report's row.

        Args:
            tiers: The tiers whose shares it has.
        """
        requests, answered = self.costs.count, self.outcomes["answered"]
        latencies = Counter(self.seconds)
        for text, count in self.rounded.items():
            latencies[float(text)] += count
        p50, p95, p99 = percentiles(latencies, (50, 95, 99))
        return {
            "requests": requests,
            "answered": answered,
            "failed": self.outcomes["failed"],
            "left": self.outcomes["left"],
            **{f"share_{tier}": _share(self.tiers[tier], answered) for tier in tiers},
            "escalation_rate": _share(self.escalated, requests),
            # Of the answers: "unknown" for those that were written before this was kept.
            "vouched": {
                name: count / answered for name, count in _ordered(self.vouched) if answered
            },
            "failed_checks": dict(_ordered(self.checks)),
            "errors": dict(_ordered(self.errors)),
            "calls": self.calls,
            **{name: self.tokens[name] for name in TOKENS},
            "calls_without_usage": self.uncounted,
            "calls_with_estimated_usage": self.estimated,
            "cost_usd": self.costs.shown,
            "unknown_cost": self.costs.unknown,
            # By the model that was called, as its provider bills it; discarded drafts included.
            "cost_by_model": {model: bill.shown for model, bill in sorted(self.bills.items())},
            "unknown_calls": sum(bill.unknown for bill in self.bills.values()),
            # Made after the requests had ended, so in no request's cost.
            "audit_calls": self.audits.count,
            "audit_cost_usd": self.audits.shown,
            # Users' own scores, from 0 to 1; no audit takes notice of them.
            "feedback": self.scores.count,
            "feedback_score": self.scores.total / self.scores.count if self.scores.count else None,
            "frontier_cost_usd": self.frontier.shown,
            "saved_usd": self.saved.shown,
            "unknown_saving": self.saved.unknown,
            "p50_seconds": p50,
            "p95_seconds": p95,
            "p99_seconds": p99,
        }


def _packed(amount: Amount) -> list[float]:
    return [amount.total, amount.known, amount.unknown]


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; equally frequent ones by name, in whatever order they came."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def percentiles(values: Mapping[float, int], percents: Iterable[float]) -> list[float] | list[None]:
    """Return percentiles, each between the two values next to it; `None`s where there is no value.

    Args:
        values: How often each value is there.
        percents: The percentiles, from 0 to 100.
    """
    percents = list(percents)
    if not values:
        return [None] * len(percents)
    ordered = sorted(values)
    ends = list(accumulate(values[value] for value in ordered))
    found = []
    for percent in percents:
        place = (ends[-1] - 1) * percent / 100
        rank = math.floor(place)
        low = ordered[bisect_right(ends, rank)]
        high = ordered[bisect_right(ends, min(rank + 1, ends[-1] - 1))]
        found.append(low + (high - low) * (place - rank))
    return found
