"""The model card of a learned classifier: its training data, its measurements, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lc_asym_router.classify.features import FEATURES_VERSION
from lc_asym_router.evals.training.kind_card import kind_lines, kind_table

if TYPE_CHECKING:
    from lc_asym_router.evals.training.train import Trained

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


def card(trained: Trained, origins: Sequence[str], kinds: Sequence[str] = ()) -> str:
    """Return the card in Markdown; the command prints every figure in it too.

    Args:
        trained: The training's result.
        origins: `provenance` of the rows.
        kinds: `provenance` of the rows of labelled kinds.
    """
    return "\n".join(_lines(trained, origins, kinds))


def table(trained: Trained) -> Iterator[str]:
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


def operating_line(trained: Trained) -> str:
    """Describe the shipped threshold."""
    point = trained.operating
    return (
        f"The threshold that is shipped, {point.threshold:.4f}, sends {point.share:.3f} of the "
        f"requests of a left-out source straight to the frontier and recovers {point.pgr:.3f} of the "
        f"gap by that, {point.lift:.2f} times what as many requests at random would (means over the "
        "sources)."
    )


def _lines(trained: Trained, origins: Sequence[str], kinds: Sequence[str]) -> Iterator[str]:
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
    yield from table(trained)
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
        yield from kind_table(trained.kinds)
        yield ""
        yield from kinds
        yield ""
    yield _LIMITS


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
