"""Evaluate a router live: ask it, grade its answers, and store everything that was paid for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lc_asym_router._internal.paths import AnyPath
from lc_asym_router.batch.run import Entry, Job, Run, message_of
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.evals.graders import Grader, graded
from lc_asym_router.evals.results import LiveEvaluation
from lc_asym_router.tiers.provider import finish_reason, tokens_of

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter


def evaluate(
    router: AsymRouter,
    dataset: Sequence[Row],
    grader: Grader,
    *,
    out: AnyPath | None = None,
    concurrency: int = 8,
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
        concurrency: How many requests run concurrently.
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
    concurrency: int = 8,
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
    concurrency: int = 8,
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
    concurrency: int = 8,
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
    dataset: Sequence[Row], names: Sequence[str], entries: dict[str, Entry]
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


def _recorded(entry: Entry) -> Answer | None:
    if entry["score"] is None:
        return None
    message = message_of(entry)
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
