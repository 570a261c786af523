"""Results of a live evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lc_asym_router._internal.imports import numpy
from lc_asym_router.evals.data import Row
from lc_asym_router.evals.metrics import bootstrap
from lc_asym_router.records.trail import total


@dataclass(frozen=True, slots=True)
class LiveResult:
    """The result of one request.

    Attributes:
        id: The row's id.
        dataset: The row's source.
        score: The grade in [0, 1]; 0 where no tier answered.
        tier: The tier that answered, or `None`.
        escalated: Whether another tier was asked before it.
        complexity: The classifier's complexity, in [0, 1], or `None`.
        failed_checks: The checks that rejected an answer.
        cost_usd: Cost of all its calls in USD, or `None` where a price is unknown.
        frontier_cost_usd: Estimated cost in USD of the frontier alone, by the answer's tokens, or
            `None`.
        seconds: Duration in seconds.
        error: Why no tier answered, or `None`.
    """

    id: str
    dataset: str
    score: float
    tier: str | None
    escalated: bool
    complexity: float | None
    failed_checks: tuple[str, ...]
    cost_usd: float | None
    frontier_cost_usd: float | None
    seconds: float
    error: str | None


@dataclass(frozen=True)
class LiveEvaluation:
    """The results of a router on a dataset.

    Attributes:
        results: One result per row, in the dataset's order.
    """

    results: Sequence[LiveResult] = field(repr=False)

    @classmethod
    def of(cls, dataset: Sequence[Row], entries: Mapping[str, dict[str, Any]]) -> LiveEvaluation:
        """Read the evaluation from a run's journal entries."""
        return cls([_result(row, entries[row.id]) for row in dataset])

    @property
    def quality(self) -> float:
        """Mean score, in [0, 1]; a request that no tier answered scores 0."""
        return sum(result.score for result in self.results) / len(self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures: shares in [0, 1], costs in USD, latencies in seconds."""
        np, results = numpy(), self.results
        scores = [result.score for result in results]
        answered = [result for result in results if result.error is None]
        tiers = Counter(result.tier for result in answered)
        checks = Counter(check for result in results for check in result.failed_checks)
        seconds = [result.seconds for result in answered] or [0.0]
        cost = total([result.cost_usd for result in answered])
        alone = total([result.frontier_cost_usd for result in answered])
        return {
            "n": len(results),
            "quality": self.quality,
            "quality_ci95": bootstrap(lambda drawn: float(drawn.mean()), scores),
            "share": {str(tier): count / len(results) for tier, count in tiers.items()},
            "escalated": sum(result.escalated for result in results) / len(results),
            "failed_checks": dict(checks),
            "errors": len(results) - len(answered),
            "cost_usd": cost,
            "frontier_cost_usd": alone,
            "saved_usd": None if cost is None or alone is None else alone - cost,
            "seconds_p50": float(np.quantile(seconds, 0.5)),
            "seconds_p95": float(np.quantile(seconds, 0.95)),
        }


def _result(row: Row, entry: dict[str, Any]) -> LiveResult:
    message = entry["message"]
    record = message["data"]["response_metadata"]["router"] if message else None
    decision = record["decision"] if record else {"complexity": None}
    return LiveResult(
        id=row.id,
        dataset=row.dataset,
        score=entry["score"] or 0.0,
        tier=record["tier"] if record else None,
        escalated=bool(record and record["escalated"]),
        complexity=decision["complexity"],
        failed_checks=tuple(
            attempt["check"]
            for attempt in (record["attempts"] if record else ())
            if attempt["passed"] is False and attempt["check"]
        ),
        cost_usd=record["cost_usd"] if record else None,
        frontier_cost_usd=record["frontier_cost_usd"] if record else None,
        seconds=entry["seconds"],
        error=entry["error"],
    )
