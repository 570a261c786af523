"""`make bench-decompose`: requests of 2 to 5 questions, whole against in parts.

Recorded: the shared data where they are there (LC_ASYM_ROUTER_DATA), else made-up rows. Each request
really goes through the decomposer, its planner, its router and its checks; only the models are recorded
ones, behind loopback servers. Answers were recorded for each question alone, so what a model says to
several at once is not known: "whole" is taken to say the same answers one after another, each as right
as alone. That is an upper bound for the whole's right answers. Tokens are of the texts by their length.

Embedded: 24 short questions of this project's own, joined, really asked of the embedded pair both ways.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter, Decomposer, Plan
from lc_asym_router.decompose import StructuralPlanner
from lc_asym_router.evals import Row, load
from lc_asym_router.evals.data import by_source, text_tokens
from lc_asym_router.evals.example import write_example
from lc_asym_router.evals.metrics import bootstrap
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer
from tests.benchmarks import DATA, SCORED
from tests.benchmarks.agreement import PROMPTS
from tests.benchmarks.replay import ANNOUNCED, SECOND, Compound, compounds, replayed
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE

SIZES = (3, 2, 4, 5, 3, 2, 5)
"""How many of the 24 short questions make each embedded request."""
HEAD = (
    "| {first} | way | right | 95 % | against the frontier | 95 % | frontier tokens | 95 % "
    "| cost | 95 % |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Came:
    """What came of one request.

    Attributes:
        right: Share of its questions that were answered right, in [0, 1].
        tokens: Tokens, in and out, of the frontier.
        usd: Cost in USD; 0 where there are no prices.
        seconds: How long it took.
        split: Whether it was answered in parts.
    """

    right: float
    tokens: float
    usd: float
    seconds: float = 0.0
    split: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=150, help="for each recorded source")
    parser.add_argument(
        "--minutes", type=float, default=6, help="for the embedded pair; 0 for none"
    )
    options = parser.parse_args()
    started = time.monotonic()
    sources = _sources()
    print("\n".join(recorded(sources, options.requests)))
    print("\n".join(splitting(sources, options.requests)), flush=True)
    if options.minutes:
        print("\n".join(embedded(options.minutes * 60)))
    print(f"\n{time.monotonic() - started:.0f} s in all")


# recorded ----------------------------------------------------------------------------------------


def _sources() -> dict[str, list[Row]]:
    if DATA.is_dir():
        rows = load(*(DATA / f"{name}.jsonl.gz" for name in SCORED))
    else:
        print(
            f"{DATA.resolve()} is not there: made-up example rows are used. They are no evidence.\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            rows = load(write_example(Path(folder) / "example.jsonl"))
    return by_source(rows)


def recorded(sources: dict[str, list[Row]], count: int) -> Iterator[str]:
    """Each source's requests, each way."""
    yield "Recorded answers, whole and in parts; tokens and costs are parts of the frontier alone's.\n"
    yield HEAD.format(first="source (requests)")
    for source, given in sources.items():
        rows = [row for row in given if row.weak.response and row.strong.response]
        if not rows:
            continue
        asked = compounds(rows, count)
        base = [_alone(each) for each in asked]
        ways = {"frontier, whole": base}
        with replayed(asked, second=False) as router:
            ways["router, whole"] = [_replay(router, each) for each in asked]
            ways["parts"] = [_replay(Decomposer(router=router), each) for each in asked]
        if any(SECOND in row.other for row in rows):
            with replayed(asked, second=True) as router:
                model = Decomposer(router=router)
                ways[f"parts, {SECOND} must agree"] = [_replay(model, each) for each in asked]
        for way, came in ways.items():
            yield row_of(f"{source} ({len(asked)})", way, came, base)
        whole = sum(not each.split for each in ways["parts"])
        if whole:
            yield f"| | {whole} of {len(asked)} were not split {'| ' * 8}|"


def splitting(sources: dict[str, list[Row]], count: int) -> Iterator[str]:
    """How the structural planner splits: joined questions of each source, and what is one question."""
    planner = StructuralPlanner()
    yield "\nHow the requests are split, and how often one question alone is\n"
    yield "| source | requests | as joined | with needs | left whole | otherwise | questions split |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for source, rows in sources.items():
        asked = compounds(rows, count)
        plans = [planner(each.text) for each in asked]
        pairs = [(plan, each) for plan, each in zip(plans, asked, strict=True) if plan]
        right = [plan for plan, each in pairs if _as_joined(plan, each)]
        needing = sum(not plan.independent for plan in right)
        single = sum(planner(row.query) is not None for row in rows)
        yield (
            f"| {source} | {len(asked)} | {len(right) - needing} | {needing} "
            f"| {len(asked) - len(pairs)} | {len(pairs) - len(right)} | {single} of {len(rows)} |"
        )


def _as_joined(plan: Plan, asked: Compound) -> bool:
    given = [row.query.strip() for row in asked.rows]
    return [step.instruction for step in plan.steps] == given


def _alone(asked: Compound) -> Came:
    """The frontier alone, on the whole request."""
    came = text_tokens(asked.text)
    went = sum(text_tokens(row.strong.response or "") for row in asked.rows)
    usage: Any = {"input_tokens": came, "output_tokens": went, "total_tokens": came + went}
    right = float(np.mean([row.strong_score for row in asked.rows]))
    return Came(right, came + went, FRONTIER_PRICE.of(usage) or 0.0)


def _replay(model: Any, asked: Compound) -> Came:
    found = model.invoke(asked.text).response_metadata["router"]
    parts = (found.get("decomposition") or {}).get("steps") or []
    if any(part["error"] for part in parts):
        parts = []  # a recorded answer is empty: the whole went to the frontier after all
    tiers = [part["record"]["tier"] for part in parts] or [found["tier"]] * len(asked.rows)
    assert len(tiers) == len(asked.rows)
    scores = [
        row.strong_score if tier == "frontier" else row.weak_score
        for row, tier in zip(asked.rows, tiers, strict=True)
    ]
    # The second model's calls have no tier's price; they are priced as the small one's.
    calls = [*found["attempts"], *found["side_calls"]]
    usd = sum(_priced(call) for call in calls)
    return Came(float(np.mean(scores)), _frontier_tokens(found), usd, split=bool(parts))


def _priced(call: dict[str, Any]) -> float:
    return float(call["cost_usd"] or SMALL_PRICE.of(call["usage"]) or 0.0)


def _frontier_tokens(found: dict[str, Any]) -> float:
    attempts = [a for a in found["attempts"] if a["tier"] == "frontier" and a["usage"]]
    return float(sum(attempt["usage"]["total_tokens"] for attempt in attempts))


def row_of(name: str, way: str, came: Sequence[Came], base: Sequence[Came]) -> str:
    """A line of a table: means over requests, with intervals from requests drawn again."""
    right, tokens, usd = (
        np.array([getattr(each, key) for each in came]) for key in ("right", "tokens", "usd")
    )
    right0, tokens0, usd0 = (
        np.array([getattr(each, key) for each in base]) for key in ("right", "tokens", "usd")
    )

    def ratio(one: Any, other: Any) -> float | None:
        return float(one.sum() / other.sum()) if other.sum() else None

    cells = [
        _both(lambda a: float(a.mean()), right),
        _both(lambda a, b: float((a - b).mean()), right, right0, sign="+"),
        _both(ratio, tokens, tokens0),
        _both(ratio, usd, usd0),
    ]
    return f"| {name} | {way} | {' | '.join(cells)} |"


def _both(statistic: Callable[..., float | None], *arrays: Any, sign: str = "") -> str:
    value = statistic(*arrays)
    if value is None:
        return "unknown | "
    low, high = bootstrap(statistic, *arrays) or (value, value)
    return f"**{value:{sign}.3f}** | {low:{sign}.3f} to {high:{sign}.3f}"


# embedded ----------------------------------------------------------------------------------------


def embedded(seconds: float) -> Iterator[str]:
    """The embedded pair, really asked both ways, while there is time."""
    from lc_asym_router.router.from_env import embedded as tier_of
    from lc_asym_router.router.from_env import tiers_from_env

    small, frontier = tiers_from_env(tier_of("small"), tier_of("frontier"))
    router = AsymRouter(small=small, frontier=frontier, verify="form")
    models: dict[str, tuple[Any, dict[str, Any]]] = {
        "frontier stand-in, whole": (router, {"configurable": {"tier": "frontier"}}),
        "router, whole": (router, {}),
        "parts": (Decomposer(router=router), {}),
    }
    ways: dict[str, list[Came]] = {way: [] for way in models}
    router.invoke("Say hello.", {"configurable": {"tier": "frontier"}})  # both models are up
    router.invoke("Say hello.")
    started, questions, done = time.monotonic(), list(PROMPTS), 0
    for size in SIZES:
        if time.monotonic() - started > seconds:
            break
        asked, questions = questions[:size], questions[size:]
        for way, (model, config) in models.items():
            ways[way].append(_ask(model, config, asked))
        done += size
    count = len(ways["parts"])
    yield f"\nEmbedded pair, really asked: {done} questions in {count} requests. No prices.\n"
    head, rule = HEAD.format(first="requests").split("\n")
    yield f"{head} seconds |\n{rule} --- |"
    base = ways["frontier stand-in, whole"]
    for way, came in ways.items():
        line = row_of(str(len(came)), way, came, base)
        yield f"{line} {np.mean([each.seconds for each in came]):.1f} |"


def _ask(model: Any, config: Any, asked: Sequence[str]) -> Came:
    lines = [f"{number}. {question}" for number, question in enumerate(asked, 1)]
    started = time.perf_counter()
    answer = model.invoke("\n".join([f"{ANNOUNCED}\n", *lines]), config)
    seconds = time.perf_counter() - started
    found = answer.response_metadata["router"]
    grades = [
        is_right(said, question)
        for said, question in zip(sections(answer, asked), asked, strict=True)
    ]
    return Came(float(np.mean(grades)), _frontier_tokens(found), 0.0, seconds)


def sections(answer: AIMessage, asked: Sequence[str]) -> list[str]:
    """What an answer says to each question: behind its number, else in its line; else all of it."""
    text = answer.text
    for question in asked:
        text = text.replace(question, "")
    at, marks = 0, []
    for number in range(1, len(asked) + 1):
        mark = re.compile(rf"^[ \t*#]*{number}[.)]", re.M).search(text, at)
        if mark is None:
            break
        at = mark.end()
        marks.append(mark)
    if len(marks) == len(asked):
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        return [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    lines = [line for line in text.splitlines() if line.strip()]
    return lines if len(lines) == len(asked) else [text] * len(asked)


def is_right(said: str, question: str) -> bool:
    """Whether it comes to the right answer; one that is a word may stand in a sentence."""
    gold = PROMPTS[question]
    if same(final_answer(said), final_answer(gold)):
        return True
    return not gold[0].isdigit() and re.search(rf"\b{re.escape(gold)}\b", said, re.I) is not None


if __name__ == "__main__":
    main()
