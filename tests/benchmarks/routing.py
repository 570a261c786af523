"""`make bench-routing`: what guessing from the question gains, and what checking the answer gains.

On the shared development data where it is there (the folder that
LC_ASYM_ROUTER_DATA names), else on made-up example rows, without the bars of votes and kinds. Each
source is measured with everything learned from the *other* sources: the classifier, the verifier, and
its thresholds. With `--figure FILE` the cost-quality curves are drawn too.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lc_asym_router import KeywordClassifier
from lc_asym_router.classify.classifier_weights import load_weights
from lc_asym_router.evals import Row, evaluate_offline, load
from lc_asym_router.evals.cascade import Cascade, CascadePrices, simulate
from lc_asym_router.evals.data import by_source
from lc_asym_router.evals.example import write_example
from lc_asym_router.evals.kind_metrics import load_kinds
from lc_asym_router.evals.offline import of_scores
from lc_asym_router.evals.three_tiers import ladder_report
from lc_asym_router.evals.training.cards import operating_line
from lc_asym_router.evals.training.train_classifier import TrainedClassifier, train
from lc_asym_router.evals.training.train_verifier import train_verifier
from lc_asym_router.money.prices import Price
from lc_asym_router.verify.learned_check import load_scorer
from tests.benchmarks import DATA, SCORED
from tests.benchmarks.bars import bars

BARS = {
    "zeroeval_gsm": (0.95, 0.25),
    "zeroeval_crux": (0.90, 0.60),
    "zeroeval_math-l5": (0.90, 0.75),
}
"""Part of the gain that is to be kept, and share of frontier calls that it may take (issue 5)."""
ALONE = ("form", "arithmetic", "default", "marked", "learned")
"""Checks that read the small answer alone; "default" is `default_checks()`."""
SECONDS = {
    "Meta-Llama-3-8B-Instruct": Price(0.05, 0.08),
    "gemma-2-9b-it": Price(0.05, 0.08),
    "Qwen2.5-7B-Instruct": Price(0.05, 0.08),
    "gpt-4o-mini-2024-07-18": Price(0.15, 0.60),
    "second": Price(0.05, 0.08),
}
"""Cheap models that may be asked as the second one, where their answers were recorded: USD per million
tokens. The open ones at the price of Llama-3.1-8B, as issue 5 has it; OpenAI's at its list price."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", metavar="FILE", help="draw the cost-quality curves (PNG)")
    options = parser.parse_args()
    started = time.monotonic()
    rows = _rows()
    kinds = load_kinds(DATA / "kinds") if DATA.is_dir() else []
    trained = train(rows, kinds=kinds)
    print("\n".join(classifier_table(rows, trained)))
    print(f"\n{operating_line(trained)}", flush=True)
    if trained.kinds:
        for line in bars(DATA, trained.kinds, kinds):
            print(line, flush=True)
    cascades = dict(left_out_cascades(rows))
    print("\n".join(cascade_table(cascades)))
    print("\n".join(check_table(cascades)))
    print("\n".join(ladder_table(rows)))
    if options.figure and cascades:
        from tests.benchmarks.curves import draw

        draw(options.figure, cascades)
        print(f"\ndrawn: {options.figure}")
    print(f"\n{speed(rows)}")
    print(f"\n{time.monotonic() - started:.0f} s in all")


def _rows() -> list[Row]:
    if DATA.is_dir():
        return load(*(DATA / f"{name}.jsonl.gz" for name in SCORED))
    print(f"{DATA.resolve()} is not there: made-up example rows are used. They are no evidence.\n")
    with tempfile.TemporaryDirectory() as folder:
        return load(
            *(write_example(Path(folder) / f"example{n}.jsonl", seed=n) for n in range(1, 5))
        )


def classifier_table(rows: Sequence[Row], trained: TrainedClassifier) -> Iterator[str]:
    """APGR of each classifier on each source; the learned one has not seen the source."""
    keyword = evaluate_offline(rows, KeywordClassifier())
    yield "\nGuessing from the question: APGR (0.5 is random)\n"
    yield (
        "| source | rows | small | frontier | keyword | length | learned | 95 % | its categories "
        "| oracle |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for result in trained.sources:
        part = keyword.sources[result.source]
        gains = of_scores(part.rows, [row.gain for row in part.rows])
        low, high = result.apgr_ci95 or (None, None)
        yield (
            f"| {result.source} | {result.rows} | {result.weak:.3f} | {result.strong:.3f} "
            f"| {_n(part.apgr)} | {_n(result.length)} | **{_n(result.apgr)}** "
            f"| {_n(low)} to {_n(high)} | {_categories(part.rows)} | {_n(gains.apgr)} |"
        )
    means = trained.means
    yield (
        f"| mean | {trained.rows} | | | | {_n(means['query_length'])} "
        f"| **{_n(means[trained.shape])}** | | | |"
    )


def _categories(rows: Sequence[Row]) -> str:
    """What knowing each category's mean gain would reach, from the source's own labels; "" for one."""
    gains: dict[str, list[float]] = {}
    for row in rows:
        gains.setdefault(row.category, []).append(row.gain)
    if len(gains) < 2:
        return ""
    means = {name: sum(each) / len(each) for name, each in gains.items()}
    return _n(of_scores(rows, [means[row.category] for row in rows]).apgr)


def left_out_cascades(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str | None], Cascade]]:
    """Each source's cascades, alone and with each second model, by a verifier that has not seen it."""
    answered = [row for row in rows if row.weak.response is not None]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "verifier.model"
        trained = train_verifier(answered, out, write_line=lambda line: None, keep_left_out=True)
        for source, part in by_source(answered).items():
            path = trained.left_out[source]
            for second in (None, *SECONDS):
                known = part if second is None else [row for row in part if _has(row, second)]
                if second is None or known:
                    prices = CascadePrices(second=SECONDS[second]) if second else None
                    yield (source, second), simulate(part, second, prices, verifier=path)


def cascade_table(cascades: dict[tuple[str, str | None], Cascade]) -> Iterator[str]:
    """The default operating point of each cascade."""
    yield "\nChecking the small answer: the learned verifier, alone and with a second small model\n"
    yield (
        "| source | second model | rows | gain kept (PGR) | 95 % | to the frontier | quality "
        "| cost | cost at 95 % of the gain | bar |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for (source, second), cascade in cascades.items():
        found = cascade.report()["cascade"]
        low, high = found["pgr_ci95"] or (None, None)
        yield (
            f"| {source} | {second or 'none'} | {len(cascade.rows)} | **{_n(found['pgr'])}** "
            f"| {_n(low)} to {_n(high)} | {_n(found['frontier_share'])} | {_n(found['quality'])} "
            f"| {_n(found['cost_ratio'])} | {_n(found['cost_ratio_at_95'])} "
            f"| {_bar(source, second, found)} |"
        )
    yield "\nCosts are parts of what the frontier alone would cost. The second model's calls are in."


def check_table(cascades: dict[tuple[str, str | None], Cascade]) -> Iterator[str]:
    """Each check by itself."""
    yield "\nEach check alone: part of the gain kept at the share that it escalates, and its AUROC\n"
    yield "| source | second model | check | gain kept (PGR) | to the frontier | AUROC |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for (source, second), cascade in cascades.items():
        for name, found in cascade.report()["checks"].items():
            if (second is None) == (name in ALONE):
                yield (
                    f"| {source} | {second or 'none'} | {name} | {_n(found['pgr'])} "
                    f"| {_n(found['share'])} | {_n(found['auroc'])} |"
                )


def ladder_table(rows: Sequence[Row]) -> Iterator[str]:
    """Three tiers: each second model as the middle one, judged by each other one."""
    yield "\nThree tiers: where the middle one differs, its answer is taken if a third model agrees\n"
    yield (
        "| source | middle tier | arbiter | rows | gain kept (PGR) | 95 % | by the middle "
        "| to the frontier | quality | cost | bar |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for source, part in by_source(rows).items():
        for middle, arbiter in itertools.permutations(SECONDS, 2):
            known = [row for row in part if _has(row, middle) and _has(row, arbiter)]
            if not known:
                continue
            prices = CascadePrices(second=SECONDS[middle], arbiter=SECONDS[arbiter])
            found = ladder_report(known, middle, arbiter, prices)
            low, high = found["pgr_ci95"] or (None, None)
            yield (
                f"| {source} | {middle} | {arbiter} | {len(known)} | **{_n(found['pgr'])}** "
                f"| {_n(low)} to {_n(high)} | {_n(found['middle_share'])} "
                f"| {_n(found['frontier_share'])} | {_n(found['quality'])} "
                f"| {_n(found['cost_ratio'])} | {_bar(source, middle, found)} |"
            )
    yield "\nEvery call is in the cost: the middle model answers every request, the arbiter some."


def _has(row: Row, name: str) -> bool:
    return row.weak.response is not None and name in row.other and bool(row.other[name].response)


def speed(rows: Sequence[Row], most: int = 2000) -> str:
    """What loading and scoring take on this machine, one core."""
    begun = time.perf_counter()
    weights = load_weights()
    loaded = time.perf_counter()
    for row in rows[:most]:
        weights.judge(row.query)
    judged = time.perf_counter()
    scorer = load_scorer()
    answers = [row for row in rows if row.weak.response is not None][:most]
    opened = time.perf_counter()
    for row in answers:
        scorer.single(row.query, row.weak.response or "")
    ended = time.perf_counter()
    per = 1000 / max(1, len(rows[:most])), 1000 / max(1, len(answers))
    return (
        f"Speed: the classifier loads in {(loaded - begun) * 1000:.1f} ms and scores a question in "
        f"{(judged - loaded) * per[0]:.2f} ms; the verifier loads in {(opened - judged) * 1000:.1f} ms "
        f"and scores an answer in {(ended - opened) * per[1]:.2f} ms (means)."
    )


def _bar(source: str, second: str | None, found: dict[str, Any]) -> str:
    if source not in BARS or second is None:
        return ""
    kept, share = BARS[source]
    reached = found["pgr"] >= kept and found["frontier_share"] <= share
    return f"{'reached' if reached else 'missed'} ({kept:g} at {share:g})"


def _n(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
