"""Cards that say what trained weights can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lc_asym_router.classify.text_features import FEATURES_VERSION

if TYPE_CHECKING:
    from lc_asym_router.evals.training.train_classifier import TrainedClassifier
    from lc_asym_router.evals.training.train_kinds import TrainedKinds


def kind_lines(trained: TrainedKinds) -> Iterator[str]:
    """Yield what was trained, and how it was measured."""
    blend = trained.weights.blend
    learned, tested = trained.own
    simple, hard = trained.up
    yield (
        "A logistic regression on hashed words, on groups of words chosen by hand (with the sources' "
        "kinds in view, which flatters the figures) and on a few signs of code and maths. A second "
        "one tells requests like those on which the gain was measured from others: among these the "
        "expected gain orders, else the kind does; a request of a clearly simple kind stays simple. "
        "A third part names the kind. The shares of both were chosen on the figures below."
    )
    yield ""
    yield (
        f"Trained on {sum(sum(each.values()) for each in trained.rows.values())} requests of "
        f"{len(trained.rows)} sources, every source alike, and on {learned} of the package's own "
        f"(`evals/training/requests.jsonl`, five languages; {tested} more are kept for the test). "
        "Of the sources' texts nothing is kept but weights of hashed words."
    )
    yield ""
    yield (
        f"Over the threshold that is shipped, {blend.threshold:.4f}, are {hard:.3f} of the complex and "
        f"{simple:.3f} of the simple requests, one threshold for all pairs of left-out sources. The "
        f"kind is named right (among those of its side) in {trained.named:.2f} of the own test rows."
    )


def kind_results(trained: TrainedKinds) -> Iterator[str]:
    """Yield the results on left-out sources as a Markdown table."""
    report = trained.report
    yield (
        "Means over pairs of a simple and a complex source, by trainings without either; matched: "
        "only requests whose lengths differ by at most a quarter."
    )
    yield ""
    yield "| what | figure |"
    yield "| --- | --- |"
    yield f"| AUROC of complex against simple | **{report.auroc:.3f}** |"
    if report.auroc_matched is not None:
        yield f"| the same, lengths matched | **{report.auroc_matched:.3f}** |"
    yield f"| complex requests up where 5 % of the pair's simple ones are | {report.up_at_5:.3f} |"
    yield f"| AUROC of the worst pair | {report.by_pair_min:.3f} |"
    for name, found in trained.own_test.items():
        yield f"| own test rows ({name}) against the simple sources | {found:.3f} |"
    for name, found in report.by_language.items():
        yield f"| AUROC within language {name} | {found:.3f} |"
    known = [found for found in trained.apgr.values() if found is not None]
    for name, value in trained.apgr.items():
        yield f"| APGR of kind and gain together, {name} | {_number(value)} |"
    if known:
        yield f"| APGR, mean | **{sum(known) / len(known):.4f}** |"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


_LIMITS = """\
## What it can't do
- It sees the latest human turn alone: no history, no tools, no images.
- It predicts from the question, and most of what decides whether a small model fails is not in the
  question. Checking the small model's answer tells far more; use this to rank, not to be certain.
- The gains are those of the pairs above. For other models the order may hold, the level will not:
  find your threshold with `lc-asym-router calibrate`.
- The gain was trained on English benchmark questions. Other languages are scored by how long
  they are and how many different words they have.
- The shape, and the few features of `sturdy`, were chosen on the same sources that are reported,
  which flatters them a little. An interval that holds 0.5 says: maybe no better than chance.
"""


def provenance(paths: Sequence[str | PathLike[str]], of: Iterable[str]) -> list[str]:
    """Return the lines about the sources in a table of the data's own README.md; may be empty.

    Args:
        paths: The data's files and folders.
        of: The sources' names.
    """
    folders = {path if (path := Path(given)).is_dir() else path.parent for given in paths}
    sources = set(of)
    lines: list[str] = []
    for folder in sorted(folders):
        readme = folder / "README.md"
        table = readme.read_text("utf-8").splitlines() if readme.is_file() else []
        cells = [[cell.strip() for cell in line.split("|")] for line in table]
        about = [line for line, cell in zip(table, cells, strict=True) if sources & set(cell[1:2])]
        if about:
            start = table.index(about[0])
            heading = table[max(0, start - 2) : start]  # the table's own head and its rule
            lines += [*(heading if all(line.startswith("|") for line in heading) else []), *about]
    return lines


def classifier_card(
    trained: TrainedClassifier, origins: Sequence[str], kinds: Sequence[str] = ()
) -> str:
    """Return the card in Markdown; the command prints every figure in it too.

    Args:
        trained: The training's result.
        origins: `provenance` of the rows.
        kinds: `provenance` of the rows of labelled kinds.
    """
    return "\n".join(_lines(trained, origins, kinds))


def classifier_lines(trained: TrainedClassifier) -> Iterator[str]:
    """Return the results as a Markdown table."""
    shapes = list(trained.sources[0].shapes)
    yield (
        "| source | rows | trained on | small | frontier | APGR | 95 % | length | "
        + " | ".join(shapes)
        + " |"
    )
    yield "|" + " --- |" * (8 + len(shapes))
    for one in trained.sources:
        low, high = one.apgr_ci95 or (None, None)
        yield (
            f"| {one.source} | {one.rows} | {one.trained_on} | {_number(one.weak)} | "
            f"{_number(one.strong)} | **{_number(one.apgr)}** | {_number(low)} to {_number(high)} | "
            f"{_number(one.length)} | "
            + " | ".join(_number(one.shapes[shape]) for shape in shapes)
            + " |"
        )
    means = trained.means
    low, high = trained.mean_ci95 or (None, None)
    yield (
        f"| mean | {trained.rows} | | | | **{_number(means[trained.shape])}** | "
        f"{_number(low)} to {_number(high)} | "
        f"{_number(means['query_length'])} | "
        + " | ".join(_number(means[shape]) for shape in shapes)
        + " |"
    )


def operating_line(trained: TrainedClassifier) -> str:
    """Describe the threshold of the expected gain alone; kinds of work have another."""
    point = trained.operating
    return (
        f"Of the expected gain alone the threshold that training found, {point.threshold:.4f}, sends "
        f"{point.share:.3f} of the requests of a left-out source straight to the frontier and recovers "
        f"{point.pgr:.3f} of the gap by that, {point.lift:.2f} times what as many requests at random "
        "would (means over the sources)."
    )


def _lines(
    trained: TrainedClassifier, origins: Sequence[str], kinds: Sequence[str]
) -> Iterator[str]:
    low, high = trained.gains
    yield "# The learned classifier"
    yield ""
    yield "A question in, how much the frontier model is expected to gain over the small one out."
    yield "Made by `lc-asym-router train`; the same rows give the same bytes."
    yield ""
    yield "## What it is"
    yield (
        f"A linear model of the shape `{trained.shape}` on features of the question (version "
        f"{FEATURES_VERSION}), scored in plain Python. Its target is the frontier's gain, the half "
        "of it that of the source's own pair, the half the mean over all pairs of models like these. "
        "Every category of a source is centred by itself. A rising line (isotonic regression on the "
        f"left-out scores) turns the score into an expected gain of {_number(low)} to "
        f"{_number(high)} between the line's ends."
    )
    yield ""
    yield "## What it was trained on"
    yield f"{trained.rows} rows of {len(trained.sources)} sources. Their texts are not part of it."
    yield ""
    if origins:
        yield from origins
        yield ""
    yield "Further models in the targets (like the small one; like the frontier):"
    for one in trained.sources:
        pools = f"{', '.join(one.small_pool) or 'none'}; {', '.join(one.frontier_pool) or 'none'}"
        yield f"- {one.source}: {pools}"
    yield ""
    yield "## What it reaches on what it has not seen"
    if trained.split == "source":
        yield (
            "Each source was left out in turn, and with it every row of another source that asks a "
            "question of it. APGR as RouteLLM defines it (arXiv 2406.18665): 0.5 is random. `length` "
            "is the query's length alone; the last columns are the shapes that were tried."
        )
    else:
        yield (
            "One source, in five parts by question: each part was left out in turn. **This says "
            "nothing about other sources.** APGR as RouteLLM defines it (arXiv 2406.18665): 0.5 is "
            "random. `length` is the query's length alone; the last columns are the shapes tried."
        )
    yield ""
    yield from classifier_lines(trained)
    yield ""
    if trained.over_length_ci95:
        low, high = trained.over_length_ci95
        yield f"The mean against that of the length alone: {low:+.3f} to {high:+.3f} (95 %)."
        yield ""
    yield operating_line(trained)
    yield ""
    if trained.kinds:
        yield "## Kinds of work"
        yield from kind_lines(trained.kinds)
        yield ""
        yield from kind_results(trained.kinds)
        yield ""
        yield from kinds
        yield ""
    yield _LIMITS


def verifier_card(
    table: Sequence[str],
    alone: Mapping[str, int],
    pairs: Mapping[str, int],
    thresholds: tuple[float, float],
    origins: Sequence[str],
) -> str:
    """Return the card's text, in Markdown.

    Args:
        table: The table of left-out sources, as lines.
        alone: Number of answers of each source.
        pairs: Number of pairs of answers of each source.
        thresholds: The shipped thresholds: for the answer alone, and with a second one.
        origins: Where the data are from, one line each.
    """
    data = [f"| {name} | {count} | {pairs.get(name, 0)} |" for name, count in sorted(alone.items())]
    return "\n".join(
        [
            "# The learned verifier",
            "",
            "Question and small answer, and a second small model's answer where there is one, to the "
            "probability that the small answer is right. Written by "
            "`lc-asym-router train --what verifier`, with the weights beside it.",
            "",
            "## Learned from",
            "",
            "| source | answers | pairs |",
            "| --- | --- | --- |",
            *data,
            "",
            *origins,
            *([""] if origins else []),
            "The weights hold no text of these sources: bounds and weights of the features in "
            "`lc_asym_router/verify/answer_features.py` only.",
            "",
            "## On sources left out",
            "",
            "Each source as a whole, with those that share questions with it, was left out of the "
            "trees, of the calibration and of the choice of the threshold. Escalated is the part of "
            "the answers under the threshold; PGR the part of the gap to the frontier model that this "
            "recovers.",
            "",
            *table,
            "",
            "## How to read it",
            "",
            f"- Shipped operating points: alone, an answer passes from {thresholds[0]:.3f} on; where a "
            f"second model has answered, from {thresholds[1]:.3f} on. The first is where escalating "
            "gains most over chance; the second the least that recovers as much of the gap as any, "
            "but for one hundredth.",
            "- The features, the shape and the rules for both thresholds were chosen on the sources "
            "that are reported, with these figures in view: that flatters them a little.",
            "- With a second model it gains little over plain agreement (`Agreement`); what it adds is "
            "a grade, and so a threshold.",
            "- From the answer alone it tells little on a source unlike those above. A second model "
            "is what pays.",
            "- It has learned from English questions with one right answer: sums, maths, multiple "
            "choice, what code gives. Of open questions, tool calls and schemas it knows nothing.",
            "- The probability is calibrated over all these sources together; on one of them alone it "
            "may be too high or too low. `lc-asym-router calibrate` finds a threshold for yours.",
            "",
        ]
    )
