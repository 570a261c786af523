"""Counts of audits, and what they say: rates and bounds by tier, check, tag and day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lc_asym_router.audits.bound import Stratum, audits_to_show, upper_bound
from lc_asym_router.records.call import share, usd

Phase = Literal["first", "rare", "share", "uncovered"]
"""Why an answer was drawn with its probability; "uncovered": it could not be audited at all."""

FIELDS = ("requests", "drawn", "compared", "differs", "judged", "worse", "cost_nano", "unpriced")
"""What is counted: answers; those drawn; those compared, and different; those of which it is known
whether they are worse, and worse; the cost in billionths of a USD, and calls of unknown price."""
MISSING = 0.1
"""Share of the error that is spent on what could not be compared."""
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row of counts is about.

    Attributes:
        by: "all", "tier", "check" or "tag".
        value: That tier's name, check's name or tag; "" for "all".
        day: The day (UTC), ISO 8601.
        phase: Why the answers were drawn with that probability.
        probability: With which probability each was drawn; 0 where none could be.
    """

    by: str
    value: str
    day: str
    phase: str
    probability: float


_ORDER = ("all", "tier", "check", "tag", "day")
"""What answers are counted by; the counts of a target's rungs stand beside them."""

Counts = dict[Cell, dict[str, int]]
Seen = Callable[[Mapping[str, int]], int]
"""What to count of a row."""


def add_counts(counts: Counts, cells: Iterable[Cell], more: Mapping[str, int]) -> None:
    """Add to the counts of some cells, in place."""
    for cell in cells:
        row = counts.setdefault(cell, dict.fromkeys(FIELDS, 0))
        for name, count in more.items():
            row[name] += count


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something was the case, and how often it is at most.

    Attributes:
        seen: How many of the audits found it.
        of: How many audits could say.
        estimate: The rate, weighted by the audits' probabilities; `None` where no audit could say.
        at_most: The upper bound, in [0, 1].
    """

    seen: int
    of: int
    estimate: float | None
    at_most: float

    def __str__(self) -> str:
        if self.estimate is None:
            return "unknown: no audit could say"
        bound = f"at most {share(self.at_most)}"
        return f"{share(self.estimate)} ({bound}; {self.seen} of {self.of} audits)"


@dataclass(frozen=True, slots=True)
class AuditGroup:
    """What audits of some answers have found.

    Attributes:
        by: "all", "tier", "check", "tag" or "day".
        value: That tier, check, tag or day; "" for "all".
        answers: Answers of lower tiers that could have been audited.
        audited: Audits that were begun.
        incomparable: Audits of which nothing came: the answers could not be compared, the last tier
            failed, or the audit has not ended. They are never counted as agreement.
        differs: Answers that differ from the last tier's.
        worse: Answers that are worse than the last tier's, as the judge says; those that differ and
            that nobody has judged count among them.
        unjudged: How many those are.
        uncovered: Further answers that could not be audited: the queue was full, the budget used up,
            or the last tier could not be asked. Nothing is said of them.
        cost_usd: What the audits cost, in USD, as far as it is known.
        unpriced: Calls of audits whose price is not known, those among them that are under way, or
            were when a process was killed.
    """

    by: str
    value: str
    answers: int
    audited: int
    incomparable: int
    differs: Rate
    worse: Rate
    unjudged: int
    uncovered: int
    cost_usd: float
    unpriced: int

    def __str__(self) -> str:
        name = "all answers of lower tiers" if self.by == "all" else f"{self.by} {self.value}"
        text = f"{name}: {self.answers:,} answers, {self.audited:,} audited"
        if self.incomparable:
            text += f", {self.incomparable:,} not comparable"
        if self.uncovered:
            text += f", {self.uncovered:,} could not be audited"
        text += f"; differ {self.differs}; worse {self.worse}"
        return f"{text}, {self.unjudged} of them not judged" if self.unjudged else text


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What audits have found, at one moment. Its repr is the report as text.

    Attributes:
        groups: All answers, then by tier, check, tag and day.
        confidence: The probability with which each bound, taken by itself, holds at all times.
        waiting: Audits that wait or are under way in this process.
        dropped: Audits of this process that were dropped after they had been drawn.
        reasons: Why audits of this process could not say something, the most frequent reasons first,
            with how often.
    """

    groups: tuple[AuditGroup, ...] = ()
    confidence: float = 0.95
    waiting: int = 0
    dropped: int = 0
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def all(self) -> AuditGroup | None:
        """All answers together; `None` before the first one."""
        return next((each for each in self.groups if each.by == "all"), None)

    def by(self, name: str) -> dict[str, AuditGroup]:
        """The groups by tier, check, tag or day.

        Args:
            name: "tier", "check", "tag" or "day".
        """
        return {each.value: each for each in self.groups if each.by == name}

    def audits_needed(self, target: float) -> int | None:
        """How many audits in all would show that at most so many answers differ, at the rate seen.

        Args:
            target: The rate to show, in (0, 1).

        Returns:
            `None` where the rate seen is no lower, or nothing was seen yet.
        """
        found = self.all.differs.estimate if self.all else None
        return None if found is None else audits_to_show(target, found, self.confidence)

    def __repr__(self) -> str:
        whole = self.all
        if whole is None:
            return "no answer of a lower tier yet"
        lines = [str(each) for each in self.groups]
        lines.append(f"audits cost {usd(whole.cost_usd)}")
        if whole.unpriced:
            known = f"at least {usd(whole.cost_usd)}" if whole.cost_usd else "nobody knows how much"
            lines[-1] = (
                f"audits cost {known}: {whole.unpriced} calls have no known price, are under way, or "
                "were when a process ended; Tier(model, price=Price(input, output)) declares one"
            )
        lines.append(
            f"each bound holds at all times with a probability of {self.confidence:.0%}; "
            f"{self.waiting} audits wait, {self.dropped} were dropped"
        )
        if self.reasons:
            why = "; ".join(f"{reason} ({count})" for reason, count in self.reasons)
            lines.append(f"why audits could not say, in this process: {why}")
        return "\n".join(lines)


@dataclass
class _Gathered:
    cells: list[tuple[Cell, Mapping[str, int]]] = field(default_factory=list)

    def total(self, name: str) -> int:
        return sum(row[name] for cell, row in self.cells if cell.probability)

    def strata(self, seen: Seen) -> list[Stratum]:
        """Strata by probability, with the counts of what was seen."""
        merged: dict[tuple[str, float], list[int]] = {}
        for cell, row in self.cells:
            if cell.probability:
                sums = merged.setdefault((cell.phase, cell.probability), [0, 0])
                sums[0] += row["requests"]
                sums[1] += seen(row)
        return [
            Stratum(requests, {1.0: hits} if hits else {}, probability)
            for (_, probability), (requests, hits) in merged.items()
        ]

    def rate(self, seen: Seen, confidence: float) -> Rate:
        """The rate of what is seen among what could be compared.

        Of the answers that can't be compared nothing is assumed: the rate among the others is at most
        the bound on what was seen among all, divided by the least share of the others.
        """
        strata = self.strata(seen)
        weighted = sum(each.estimate for each in strata)
        able = sum(each.estimate for each in self.strata(lambda row: row["compared"]))
        error = 1 - confidence
        found = upper_bound(strata, 1 - error * (1 - MISSING))
        missing = self.strata(lambda row: row["drawn"] - row["compared"])
        unable = upper_bound(missing, 1 - error * MISSING)
        return Rate(
            seen=sum(each.outcomes.get(1.0, 0) for each in strata),
            of=self.total("compared"),
            estimate=weighted / able if able else None,
            at_most=min(1.0, found / (1 - unable)) if unable < 1 else 1.0,
        )


def report_of(
    counts: Counts,
    confidence: float = 0.95,
    *,
    since: str = "",
    waiting: int = 0,
    dropped: int = 0,
    reasons: Iterable[tuple[str, int]] = (),
) -> AuditReport:
    """Work out the rates and bounds of some counts.

    Args:
        counts: The counts.
        confidence: As for `upper_bound`, of each group by itself.
        since: The first day (UTC, ISO 8601) that counts; "" for all. A bound since a day holds at all
            times where the day was not chosen after a look at the counts.
        waiting: Audits that have not ended.
        dropped: Audits that were dropped.
        reasons: Why audits could not say something, with how often.
    """
    gathered: dict[tuple[str, str], _Gathered] = {}
    for cell, row in counts.items():
        if cell.by not in _ORDER or cell.day < since:
            continue
        places = [(cell.by, cell.value)]
        if cell.by == "all":
            places.append(("day", cell.day))
        for place in places:
            gathered.setdefault(place, _Gathered()).cells.append((cell, row))
    ordered: Sequence[tuple[str, str]] = sorted(
        gathered, key=lambda place: (_ORDER.index(place[0]), place[1])
    )
    groups = tuple(_group(*place, gathered[place], confidence) for place in ordered)
    return AuditReport(groups, confidence, waiting, dropped, tuple(reasons))


def _group(by: str, value: str, found: _Gathered, confidence: float) -> AuditGroup:
    return AuditGroup(
        by=by,
        value=value,
        answers=found.total("requests"),
        audited=found.total("drawn"),
        incomparable=found.total("drawn") - found.total("compared"),
        differs=found.rate(lambda row: row["differs"], confidence),
        worse=found.rate(lambda row: row["worse"] + row["compared"] - row["judged"], confidence),
        unjudged=found.total("compared") - found.total("judged"),
        uncovered=sum(row["requests"] for cell, row in found.cells if not cell.probability),
        cost_usd=found.total("cost_nano") / NANO,
        unpriced=found.total("unpriced"),
    )
