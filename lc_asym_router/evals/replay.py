"""What a router would have done with recorded answers: no tier is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.classify.scoring import Scorer
from lc_asym_router.evals.data import Answer, Row, estimated_tokens
from lc_asym_router.evals.extra import numpy
from lc_asym_router.money.prices import Pricing
from lc_asym_router.request import Request
from lc_asym_router.state import Attempt
from lc_asym_router.verify.check import All, Check

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats
    from lc_asym_router.router import AsymRouter


@dataclass(frozen=True)
class Replay:
    """Each row's outcome on either tier, and what classifier and checks said.

    All arrays have one number a row.

    Attributes:
        complexity: The classifier's word, in [0, 1]; 1 where it gave none.
        sound: Whether the checks without a threshold passed the small answer.
        score: What the check with a threshold gave the small answer, in [0, 1]; 1 without one.
        weak: The small tier's grade, in [0, 1].
        strong: The frontier's, likewise.
        weak_usd: What the small tier's call cost, in USD; `None` where its price is not known.
        strong_usd: What the frontier's call cost, or would have.
        tuned: Name of the check with a threshold, or `None`.
        threshold: That check's own threshold.
        notes: What could not be replayed, one line each.
    """

    complexity: Floats = field(repr=False)
    sound: Any = field(repr=False)
    score: Floats = field(repr=False)
    weak: Floats = field(repr=False)
    strong: Floats = field(repr=False)
    weak_usd: Floats | None = field(repr=False)
    strong_usd: Floats | None = field(repr=False)
    tuned: str | None
    threshold: float
    notes: tuple[str, ...] = ()

    def ups(self, threshold: float, least: float) -> tuple[Any, Any]:
        """Which rows go straight to the frontier, and which reach it at all.

        Args:
            threshold: Complexity at or over which a request goes straight there.
            least: Score from which a small answer passes.
        """
        straight = self.complexity >= threshold
        return straight, straight | ~self.sound | (self.score < least)

    def costs(self, straight: Any, up: Any) -> Floats | None:
        """USD of each row's calls; `None` where a price is not known."""
        if self.weak_usd is None or self.strong_usd is None:
            return None
        bill: Floats = self.weak_usd * ~straight + self.strong_usd * up
        return bill

    def qualities(self, up: Any) -> Floats:
        """The grade of each row's answer."""
        graded: Floats = self.weak * ~up + self.strong * up
        return graded

    def part(self, rows: Any) -> Replay:
        """The replay of some of the rows (an index or a mask)."""
        weak_usd, strong_usd = self.weak_usd, self.strong_usd
        return replace(
            self,
            complexity=self.complexity[rows],
            sound=self.sound[rows],
            score=self.score[rows],
            weak=self.weak[rows],
            strong=self.strong[rows],
            weak_usd=None if weak_usd is None else weak_usd[rows],
            strong_usd=None if strong_usd is None else strong_usd[rows],
        )


def replay(
    rows: Sequence[Row],
    scorer: Scorer,
    check: Check | None,
    weak_price: Pricing | None,
    strong_price: Pricing | None,
) -> Replay:
    """Run the classifier on every query and the checks on every recorded small answer.

    Args:
        rows: The rows.
        scorer: Asks the classifier.
        check: The router's check, or `None`. Parts of it that ask a model are left out.
        weak_price: The small tier's, or `None` where it is not known.
        strong_price: The frontier's, likewise.
    """
    np = numpy()
    tuned, fixed, notes = _split(check)
    complexity, sound, score = (
        np.ones(len(rows)),
        np.ones(len(rows), dtype=bool),
        np.ones(len(rows)),
    )
    unanswered = 0
    for place, row in enumerate(rows):
        said = scorer.score(Request(messages=(HumanMessage(row.asked),)), {}).complexity
        complexity[place] = 1.0 if said is None else said
        if row.weak.response is None:
            unanswered += 1
            continue
        attempt = attempt_of(row)
        sound[place] = fixed is None or fixed(attempt).passed
        if tuned is not None:
            graded = tuned(attempt).score
            score[place] = 1.0 if graded is None else graded
    if unanswered:
        notes.append(f"{unanswered} of {len(rows)} rows have no small answer: taken as passed.")
    estimated = sum(row.weak.output_tokens is None for row in rows)
    if estimated and weak_price and strong_price:
        notes.append(f"{estimated} of {len(rows)} rows have no token counts: 4 characters a token.")
    return Replay(
        complexity=complexity,
        sound=sound,
        score=score,
        weak=np.asarray([row.weak_score for row in rows]),
        strong=np.asarray([row.strong_score for row in rows]),
        weak_usd=costs_of(rows, weak_price, "weak"),
        strong_usd=costs_of(rows, strong_price, "strong"),
        tuned=tuned.name if tuned else None,
        threshold=float(getattr(tuned, "threshold", 0.0)),
        notes=tuple(notes),
    )


def replay_router(router: AsymRouter, rows: Sequence[Row]) -> Replay:
    """`replay` of a router of two tiers: its classifier, its checks, its prices.

    Args:
        router: The router.
        rows: Rows with both tiers' grades: `load`, or `record_tiers`.
    """
    policy, ladder = router.policy, router.ladder
    scorer = policy.decider.scorer
    return replay(rows, scorer, policy.check, ladder[0].rate, ladder[-1].rate)


def _split(check: Check | None) -> tuple[Check | None, Check | None, list[str]]:
    """The check with a threshold to find, the others, and what was left out."""
    parts: list[Check] = list(check.checks) if isinstance(check, All) else [check] if check else []
    silent = [part for part in parts if not any(each.asks for each in part.parts)]
    notes = [
        f"{part.name} asks a model, so it was left out: live, it sends more to the frontier."
        for part in parts
        if part not in silent
    ]
    tuned = next((part for part in silent if hasattr(part, "threshold")), None)
    fixed = [part for part in silent if part is not tuned]
    return tuned, All(*fixed) if fixed else None, notes


def attempt_of(row: Row) -> Attempt:
    """A row's small answer as a check sees it."""
    return Attempt(
        tier="small",
        model=row.weak.model,
        message=AIMessage(row.weak.response or "", usage_metadata=usage_of(row, row.weak)),
        request=Request(messages=(HumanMessage(row.asked),)),
        usage=usage_of(row, row.weak),
    )


def usage_of(row: Row, answer: Answer) -> UsageMetadata:
    """An answer's token counts: as recorded, else by the texts' lengths.

    An answer without a text is taken to be as long as the row's other one.
    """
    text = answer.response or row.weak.response or row.strong.response or ""
    given, taken = answer.output_tokens, answer.input_tokens
    output = estimated_tokens(text) if given is None else given
    asked = estimated_tokens(row.query + row.prompt_suffix) if taken is None else taken
    return UsageMetadata(input_tokens=asked, output_tokens=output, total_tokens=asked + output)


def costs_of(rows: Sequence[Row], price: Pricing | None, which: str) -> Floats | None:
    """What each row's answer costs at a price, in USD; `None` where that is not known.

    Args:
        rows: The rows.
        price: The price, or `None` where it is not known.
        which: Whose answer: "weak" or "strong".
    """
    if price is None:
        return None
    each = [price.of(usage_of(row, getattr(row, which))) for row in rows]
    # A price by the second says nothing of answers whose time was not recorded.
    return None if None in each else numpy().asarray(each)
