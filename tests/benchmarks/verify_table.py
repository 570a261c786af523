"""`python -m tests.benchmarks.verify_table DATA`: what each `verify=` keeps and costs on each source.

DATA is the folder of the development data. Recorded answers alone: where the samples or the voters that
a rule asks for were not recorded, its cell is empty.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, HumanMessage
from langchain_ollama import ChatOllama

from lc_asym_router import AsymRouter
from lc_asym_router.evals import Row, load, vote_report
from lc_asym_router.evals.cascade import bills
from lc_asym_router.evals.metrics import recovered
from lc_asym_router.evals.recorded_votes import recorded_message
from lc_asym_router.money.prices import Price
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.defaults import default_checks
from tests.benchmarks import representations

SMALL_PRICE, MINI_PRICE, FRONTIER_PRICE = Price(0.05, 0.08), Price(0.15, 0.60), Price(2.5, 10.0)
VOTERS = {
    "bfcl": ("meetkai_functionary-small-v3.2-FC", "gpt-4o-mini-2024-07-18-FC"),
    "zeroeval_gsm": ("gemma-2-9b-it", "gpt-4o-mini-2024-07-18"),
    "zeroeval_crux": ("gemma-2-9b-it", "gpt-4o-mini-2024-07-18"),
    "zeroeval_math-l5": ("gemma-2-9b-it", "gpt-4o-mini-2024-07-18"),
}
"""A model of 7 to 9 billion parameters and `gpt-4o-mini`, which vote beside the small model; strict
asks the second of them alone."""
ANSWERS = ("mmlupro", "openai_gsm", "routellm_gsm8k")


def lines(data: Path) -> Iterator[str]:
    """The table: gain kept (PGR), share of frontier calls, and the bill as a part of the frontier's."""
    yield "\nWhat each verify= keeps: gain (PGR) at frontier calls, cost of the frontier's bill\n"
    yield '| source | "form" | "default" | "vote" | "strict" |'
    yield "| --- | --- | --- | --- | --- |"
    for source, voters in VOTERS.items():
        rows = load(data / f"{source}.jsonl.gz")
        prices = {voters[1]: MINI_PRICE}
        vote = _voted(vote_report(rows, voters, prices))
        strict = _voted(vote_report(rows, voters[1:], prices))
        yield f"| {source} | {form(rows)} | | {vote} | {strict} |"
    with gzip.open(data / "mot.jsonl.gz", "rt", encoding="utf-8") as file:
        dates = [row for row in map(json.loads, file) if row["category"] == "date"]
    yield f"| mot, dates | {_dates(dates, form_of_text)} | {_dates(dates, one_program)} | | |"
    for source in ANSWERS:
        yield f"| {source} | {form(load(data / f'{source}.jsonl.gz'))} | | | |"
    yield from straight_up(data)


def straight_up(data: Path) -> Iterator[str]:
    """The table: what share of each source `classify="default"` sends up without a small call."""
    yield '\nOf what the table asks of the small model, classify="default" sends straight up\n'
    yield "| source | share |"
    yield "| --- | --- |"
    for source in (*VOTERS, *ANSWERS):
        if source != "bfcl":  # with tools bound the first tier is asked, whatever the question
            texts = [row.query for row in load(data / f"{source}.jsonl.gz")]
            yield f"| {source} | {_up(texts):.3f} |"


def _up(texts: Sequence[str]) -> float:
    tiers = {"small": ChatOllama(model="small"), "frontier": ChatOllama(model="frontier")}
    router = AsymRouter(**tiers, verify="form")
    return sum(router.decide(text).tier == "frontier" for text in texts) / len(texts)


def form(rows: Sequence[Row]) -> str:
    """What `default_checks()` keeps."""
    known = [row for row in rows if row.weak.recorded]
    check = default_checks()
    up = np.asarray([not check(_attempt(row)).passed for row in known])
    kept = recovered([row.weak_score for row in known], [row.strong_score for row in known], up)
    frontier = bills(known, FRONTIER_PRICE, [row.strong for row in known])
    small = bills(known, SMALL_PRICE, [row.weak for row in known])
    return _cell(kept, float(up.mean()), float((small.sum() + frontier[up].sum()) / frontier.sum()))


def _attempt(row: Row) -> Attempt:
    tools = ToolBinding(tuple(row.tools)) if row.tools else None
    request = Request(messages=(HumanMessage(row.asked),), tools=tools)
    return Attempt("small", row.weak.model, recorded_message(row.weak), request=request)


def form_of_text(row: dict[str, Any]) -> bool:
    """Whether the small model's recorded answer passes for its form and its sums."""
    request = Request(messages=(HumanMessage(row["query"]),))
    said = AIMessage(row["weak_response"])
    return default_checks()(Attempt("small", row["weak_model"], said, request=request)).passed


def one_program(row: dict[str, Any]) -> bool:
    """Whether one further sample, as a program, comes to the same."""
    return form_of_text(row) and representations.agreed(row, "pot1", 1, 1)


def _dates(rows: Sequence[dict[str, Any]], rule: Any) -> str:
    up = np.asarray([not rule(row) for row in rows])
    weak, strong = ([row[f"{which}_score"] for row in rows] for which in ("weak", "strong"))
    return _cell(recovered(weak, strong, up), float(up.mean()), None)


def _voted(found: dict[str, Any]) -> str:
    return _cell(found["pgr"], found["frontier_share"], found["cost_ratio"])


def _cell(kept: float | None, up: float, cost: float | None) -> str:
    bill = "" if cost is None else f", {cost:.3f}"
    return f"{'none' if kept is None else format(kept, '.3f')} at {up:.3f}{bill}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of the development data")
    for line in lines(parser.parse_args().data):
        print(line, flush=True)


if __name__ == "__main__":
    main()
