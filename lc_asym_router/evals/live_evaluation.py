"""Evaluating a router live, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import AnyPath, numpy
from lc_asym_router.batch.jobs import Job, JournalEntry, Run, entry_message
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.evals.example import Grader, graded
from lc_asym_router.evals.metrics import bootstrap
from lc_asym_router.records.trail import total
from lc_asym_router.tiers.provider import finish_reason, tokens_of

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter


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


def evaluate(
    router: AsymRouter,
    dataset: Sequence[Row],
    grader: Grader,
    *,
    out: AnyPath | None = None,
    concurrency: int | None = 8,
    progress: bool | None = None,
) -> LiveEvaluation:
    """Ask a router every row's query, grade the answers, and sum up the results.

    With `out`, each answer is on disk before it is graded: the same call resumes an interrupted
    run, and repeats requests that failed. When the run is interrupted (`KeyboardInterrupt`, or the
    task's cancellation), it waits for the running requests, which are being paid for; a cancelled
    task waits for a minute at most.

    Args:
        router: The router.
        dataset: Rows, as `load` returns them (`scored=False` for rows without scores).
        grader: A callable from a row and an answer to a grade in [0, 1]; sync or async.
        out: The run's journal file; it contains the answers' text.
        concurrency: How many requests run concurrently; `None` finds the level, as `batch.run` does,
            and then the latencies are those of a level that changes.
        progress: Whether to show a progress bar on stderr; `None` shows it on a terminal only.

    Raises:
        DataError: `out` has a run with another setting, or with other queries under the same ids.
        ConfigurationError: `concurrency` is not positive, or there is no row.
        GradingError: The grader returned no grade. The answers stay stored.
    """
    jobs = _jobs(dataset, [None])
    run = Run(router, jobs, graded(dataset, grader), f"{router!r}", out, concurrency, progress)
    return LiveEvaluation.of(dataset, run.all())


async def aevaluate(
    router: AsymRouter,
    dataset: Sequence[Row],
    grader: Grader,
    *,
    out: AnyPath | None = None,
    concurrency: int | None = 8,
    progress: bool | None = None,
) -> LiveEvaluation:
    """The async twin of `evaluate`."""
    jobs = _jobs(dataset, [None])
    run = Run(router, jobs, graded(dataset, grader), f"{router!r}", out, concurrency, progress)
    return LiveEvaluation.of(dataset, await run.aall())


def record_tiers(
    router: AsymRouter,
    dataset: Sequence[Row],
    grader: Grader,
    *,
    out: AnyPath | None = None,
    concurrency: int | None = 8,
    progress: bool | None = None,
) -> list[Row]:
    """Ask every tier every query, unchecked, and return the rows that `calibrate` and `train` need.

    Takes the arguments of `evaluate` and raises the same errors. Rows on which a tier failed are
    left out.
    """
    names = [tier.name for tier in router.ladder]
    jobs = _jobs(dataset, names)
    run = Run(
        router, jobs, graded(dataset, grader), f"{router!r}, each tier", out, concurrency, progress
    )
    return _graded_rows(dataset, names, run.all())


async def arecord_tiers(
    router: AsymRouter,
    dataset: Sequence[Row],
    grader: Grader,
    *,
    out: AnyPath | None = None,
    concurrency: int | None = 8,
    progress: bool | None = None,
) -> list[Row]:
    """The async twin of `record_tiers`."""
    names = [tier.name for tier in router.ladder]
    jobs = _jobs(dataset, names)
    run = Run(
        router, jobs, graded(dataset, grader), f"{router!r}, each tier", out, concurrency, progress
    )
    return _graded_rows(dataset, names, await run.aall())


def _jobs(dataset: Sequence[Row], tiers: Sequence[str | None]) -> list[Job]:
    if not dataset:
        raise ConfigurationError("The dataset holds no row, so there is nothing to ask.")
    return [Job(row.id, row.asked, tier) for row in dataset for tier in tiers]


def _graded_rows(
    dataset: Sequence[Row], names: Sequence[str], entries: dict[str, JournalEntry]
) -> list[Row]:
    rows = []
    for row in dataset:
        answers = [_recorded(entries[f"{row.id} {name}"]) for name in names]
        if any(answer is None for answer in answers):
            continue
        weak, *between, strong = [answer for answer in answers if answer is not None]
        rows.append(
            Row(
                id=row.id,
                query=row.query,
                weak=weak,
                strong=strong,
                dataset=row.dataset,
                category=row.category,
                other=dict(zip(names[1:-1], between, strict=True)),
                prompt_suffix=row.prompt_suffix,
                gold=row.gold,
            )
        )
    return rows


def _recorded(entry: JournalEntry) -> Answer | None:
    if entry["score"] is None:
        return None
    message = entry_message(entry)
    usage = message.usage_metadata
    attempt = message.response_metadata["router"]["attempts"][-1]
    logprobs = [token["logprob"] for token in tokens_of(message.response_metadata)]
    return Answer(
        score=entry["score"],
        response=message.text,
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
        model=attempt["model"],
        logprob=min(0.0, sum(logprobs) / len(logprobs)) if logprobs else None,
        end=finish_reason(message),
    )
