"""`python -m tests.benchmarks.grounded [DATA]`: what `GroundedArguments` does on recorded tool calls.

DATA is the folder of the development data; by default the one that LC_ASYM_ROUTER_DATA names. An answer
that the check fails is replaced by the frontier's recorded one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from langchain_core.messages import HumanMessage

from lc_asym_router.evals import Answer, Row, load
from lc_asym_router.evals.recorded_votes import recorded_message
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import GroundedArguments
from lc_asym_router.verify.attempt import Attempt
from tests.benchmarks import DATA

FILES = ("bfcl", "bfcl_oss")


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table: for each model but the frontier how often it is failed, and what that does."""
    yield "| model | right | fails | of those wrong | of the right ones failed | right with it |"
    yield "| --- | --- | --- | --- | --- | --- |"
    check = GroundedArguments()
    models = sorted({name for row in rows for name in (row.weak.model, *row.other)})
    for model in models:
        known = [
            (row, answer)
            for row in rows
            if (answer := row.weak if model == row.weak.model else row.other.get(model))
            and answer.calls is not None
            and answer.score is not None
        ]
        if not known:
            continue
        failed = [not check(_attempt(row, answer)).passed for row, answer in known]
        scores = [answer.score or 0.0 for _, answer in known]
        right = sum(scores) / len(scores)
        lost = [score for score, up in zip(scores, failed, strict=True) if up]
        kept = [
            row.strong_score if up else score
            for (row, _), score, up in zip(known, scores, failed, strict=True)
        ]
        wrong = f"{1 - sum(lost) / len(lost):.2f}" if lost else "-"
        unjust = f"{sum(lost) / sum(scores):.3f}" if sum(scores) else "-"
        yield (
            f"| {model} | {right:.3f} | {len(lost) / len(known):.3f} | {wrong} | {unjust} "
            f"| {sum(kept) / len(kept):.3f} |"
        )


def _attempt(row: Row, answer: Answer) -> Attempt:
    tools = ToolBinding(tuple(row.tools)) if row.tools else None
    request = Request(messages=(HumanMessage(row.asked),), tools=tools)
    return Attempt("small", answer.model, recorded_message(answer), request=request)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA, help="the folder of the data")
    folder = parser.parse_args().data
    for name in FILES:
        print(f"\n{name}\n", *lines(load(folder / f"{name}.jsonl.gz")), sep="\n", flush=True)


if __name__ == "__main__":
    main()
