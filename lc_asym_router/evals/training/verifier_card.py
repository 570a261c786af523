"""The model card of the learned verifier's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def card(
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
            "`lc_asym_router/verify/features.py` only.",
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
