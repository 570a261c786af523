"""The bars of votes, tool calls, representations and kinds of work, for `make bench-routing`.

Nothing is measured here that no command measures: `lc-asym-router evaluate --vote`, `--kinds
--leave-one-source-out`, `lc-asym-router train`, `tests.benchmarks.read_calls`, `...representations` and
`...own_rows` are called, and their figures put beside the bars.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lc_asym_router.evals import Row, load, vote_report
from lc_asym_router.evals.kind_metrics import KindRow
from lc_asym_router.evals.training.cards import kind_results
from lc_asym_router.evals.training.train_kinds import TrainedKinds
from lc_asym_router.money.prices import Price
from tests.benchmarks import own_rows, read_calls, representations, verify_table

HERMES = "NousResearch_Hermes-2-Pro-Llama-3-8B"
FUNCTIONARY = "meetkai_functionary-small-v3.2-FC"
NEMO = "open-mistral-nemo-2407-FC-Auto"
LLAMA = "meta-llama_Meta-Llama-3-8B-Instruct"
MINI = "gpt-4o-mini-2024-07-18-FC"
SMALL_PRICE, MINI_PRICE, FRONTIER_PRICE = Price(0.05, 0.08), Price(0.15, 0.60), Price(2.5, 10.0)
"""USD per million tokens: of models of 7 to 9 billion parameters, of gpt-4o-mini, of gpt-4o."""
CALL_PRICES = {NEMO: Price(0.15, 0.15), MINI: MINI_PRICE}

SECOND = "gpt-4o-mini-2024-07-18"
OPEN = ("Meta-Llama-3-8B-Instruct", "gemma-2-9b-it", "Qwen2.5-7B-Instruct")
"""Models of 7 to 9 billion parameters that may vote, beside Llama-3.1-8B, which answers first."""
THREE_TIERS = {
    "zeroeval_crux": (0.915, 0.522),
    "zeroeval_gsm": (0.956, 0.166),
    "zeroeval_math-l5": (1.004, 0.697),
}
"""Of the three tiers the least gain kept on a source, and the least cost (docs/measured)."""


@dataclass(frozen=True)
class CallVote:
    """A vote on tool calls and its bar.

    Attributes:
        voters: The models, in the order in which they are asked.
        accuracy: Part of the frontier's accuracy that is to be reached.
        share: Frontier calls that it may take, in [0, 1].
        cost: Bill that it may have, as a part of the frontier's; `None` for any.
    """

    voters: tuple[str, str, str]
    accuracy: float
    share: float
    cost: float | None = None


CALL_VOTES = (
    CallVote((HERMES, FUNCTIONARY, MINI), 1.00, 0.12, 0.20),
    CallVote((NEMO, FUNCTIONARY, MINI), 0.99, 0.16),
    CallVote((LLAMA, FUNCTIONARY, MINI), 0.99, 0.16),
    CallVote((FUNCTIONARY, HERMES, MINI), 0.99, 0.16),
    CallVote((HERMES, FUNCTIONARY, NEMO), 0.99, 0.16),
)


def bars(data: Path, trained: TrainedKinds, kinds: Sequence[KindRow]) -> Iterator[str]:
    """All of it, as lines of Markdown.

    Args:
        data: The folder of the development data.
        trained: What `lc-asym-router train --kinds` made of its rows.
        kinds: The rows of known kinds.
    """
    yield from call_votes(load(data / "bfcl.jsonl.gz"))
    yield from calls_read(data)
    for name in THREE_TIERS:
        yield from answer_votes(name, load(data / f"{name}.jsonl.gz"))
    yield from dates(data)
    yield from verify_table.lines(data)
    yield from kind_rows(trained)
    yield from own_rows.lines(kinds)


def call_votes(rows: Sequence[Row]) -> Iterator[str]:
    """Votes on the recorded tool calls, as `lc-asym-router evaluate --vote` measures them."""
    yield "\nTool calls (bfcl): the first call that any two of three cheap models share\n"
    yield (
        "| voters, in turn | rows | right | of gpt-4o's | to the frontier | cost | gain kept (PGR) "
        "| 95 % | bar |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for vote in CALL_VOTES:
        first, *others = vote.voters
        known = [answering_first(row, first) for row in rows]
        prices = {name: CALL_PRICES.get(name, SMALL_PRICE) for name in vote.voters}
        found = vote_report(known, others, {**prices, rows[0].strong.model: FRONTIER_PRICE})
        part = found["accuracy"] / found["frontier_accuracy"]
        reached = (
            part >= vote.accuracy
            and found["frontier_share"] <= vote.share
            and (vote.cost is None or found["cost_ratio"] <= vote.cost)
        )
        low, high = found["pgr_ci95"]
        cost = f", cost {vote.cost:g}" if vote.cost else ""
        yield (
            f"| {', '.join(vote.voters)} | {len(known)} | {found['accuracy']:.3f} | **{part:.3f}** "
            f"| {found['frontier_share']:.3f} | {found['cost_ratio']:.3f} | {found['pgr']:.3f} "
            f"| {low:.3f} to {high:.3f} "
            f"| {_verdict(reached)} ({vote.accuracy:g} at {vote.share:g}{cost}) |"
        )


def answering_first(row: Row, name: str) -> Row:
    """The row with another of its models as the small one."""
    if name == row.weak.model:
        return row
    others = {key: each for key, each in row.other.items() if key != name}
    return replace(row, weak=row.other[name], other={**others, row.weak.model: row.weak})


def calls_read(data: Path) -> Iterator[str]:
    """Calls read out of the texts in which models wrote them, as `read_calls` counts them."""
    yield "\nTool calls read from text (`python -m tests.benchmarks.read_calls DATA`)\n"
    columns = read_calls.COLUMNS
    yield f"| model | {' | '.join(columns)} | bar |"
    yield f"| {'--- | ' * (len(columns) + 2)}"
    paths = [data / f"{name}.jsonl.gz" for name in ("bfcl", "bfcl_oss")]
    for model, counted in sorted(read_calls.measure(paths).items()):
        wrong = counted["wrong"] + counted["crashes"]
        figures = " | ".join(str(counted[column]) for column in columns)
        yield f"| {model} | {figures} | {_verdict(wrong == 0)} (0 wrong) |"


def answer_votes(source: str, rows: Sequence[Row]) -> Iterator[str]:
    """Votes on recorded answers beside the three tiers' figures.

    With `gpt-4o-mini` needed and two more voters, the third one is asked where the first two said
    something else: that form was chosen on the half of the rows whose id has an even CRC-32.
    """
    opens = [name for name in OPEN if all(name in row.other for row in rows[:1])]
    votes = [([name, SECOND], None) for name in opens]
    votes += [([SECOND, name], SECOND) for name in opens]
    votes += [
        ([SECOND, one, other], SECOND)
        for place, one in enumerate(opens)
        for other in opens[place + 1 :]
    ]
    kept, cost = THREE_TIERS[source]
    yield f"\nVotes on {source}: Llama-3.1-8B first, then in turn\n"
    yield (
        "| voters behind it | none decides without | right | to the frontier | cost "
        "| gain kept (PGR) | 95 % | bar |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for voters, needs in votes:
        found = vote_report(rows, voters, {SECOND: MINI_PRICE}, needs)
        low, high = found["pgr_ci95"]
        reached = round(found["pgr"], 3) >= kept and found["cost_ratio"] < cost
        yield (
            f"| {', '.join(voters)} | {needs or ''} | {found['accuracy']:.3f} "
            f"| {found['frontier_share']:.3f} | {found['cost_ratio']:.3f} | **{found['pgr']:.3f}** "
            f"| {low:.3f} to {high:.3f} | {_verdict(reached)} ({kept:g} under {cost:g}) |"
        )


def dates(data: Path) -> Iterator[str]:
    """One sample in another representation, as `representations` measures it."""
    yield "\nSamples in another representation (`python -m tests.benchmarks.representations DATA`)\n"
    with gzip.open(data / "mot.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    yield from representations.cascades(rows)
    yield "\nBar: one varied sample keeps 1.0 at 0.25 to the frontier.\n"
    yield from representations.table(representations.read(rows))


def kind_rows(trained: TrainedKinds) -> Iterator[str]:
    """Kinds of work, as `lc-asym-router train --kinds` and `evaluate --kinds` measure them."""
    report = trained.report
    yield "\nKinds of work, each pair of sources by a training without both\n"
    yield from kind_results(trained)
    mean = sum(value or 0.0 for value in trained.apgr.values()) / len(trained.apgr)
    yield ""
    for what, found, least in (
        ("AUROC of complex against simple", report.auroc, 0.82),
        ("the same, lengths matched", report.auroc_matched or 0.0, 0.78),
        ("complex requests up at 5 % of the simple ones", report.up_at_5, 0.50),
        ("mean APGR on the sources with measured gain", mean, 0.56),
    ):
        yield f"Bar: {what}: {found:.4g}, {_verdict(found >= least)} ({least:g})"


def _verdict(reached: bool) -> str:
    return "reached" if reached else "missed"
