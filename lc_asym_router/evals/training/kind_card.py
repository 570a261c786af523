"""The part of a model card, and of the command's output, that is about kinds of work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lc_asym_router.evals.training.kinds import TrainedKinds


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


def kind_table(trained: TrainedKinds) -> Iterator[str]:
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
