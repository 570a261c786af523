"""Cascades on recorded answers, with a second small model beside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from pydantic import PrivateAttr

from lc_asym_router._internal.imports import numpy
from lc_asym_router.errors import DataError
from lc_asym_router.evals.check_thresholds import GradesAndCosts, Point, joined, points
from lc_asym_router.evals.data import Answer, Row, need_scores, text_tokens
from lc_asym_router.evals.metrics import auroc, bootstrap, recovered
from lc_asym_router.money.prices import Price, Pricing
from lc_asym_router.records.request import Request
from lc_asym_router.verify.answer_features import AnswerText, read_answer
from lc_asym_router.verify.answers.comparing import agree
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.defaults import default_checks
from lc_asym_router.verify.form import Arithmetic, NotEmpty
from lc_asym_router.verify.learned_check import AnswerScorer, load_scorer
from lc_asym_router.verify.text_checks import Looping, Refusal

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats


def attempt_of(row: Row) -> Attempt:
    """A row's small answer as a check sees it; its mean logprob stands for its tokens'."""
    mean, end = row.weak.logprob, row.weak.end
    metadata: dict[str, Any] = {}
    if mean is not None:
        metadata["logprobs"] = {"content": [{"token": "", "logprob": mean}]}
    if end:
        metadata["finish_reason"] = end
    usage = answer_usage(row, row.weak)
    return Attempt(
        tier="small",
        model=row.weak.model,
        message=AIMessage(
            row.weak.response or "", usage_metadata=usage, response_metadata=metadata
        ),
        request=Request(messages=(HumanMessage(row.asked),)),
        usage=usage,
    )


def answer_usage(row: Row, answer: Answer, *, estimated: bool = False) -> UsageMetadata:
    """Return an answer's token counts: as recorded, or estimated from the texts' lengths.

    An answer without a text is assumed to be as long as the row's other one. Tools count as input,
    calls as output.

    Args:
        row: The row.
        answer: One of its answers.
        estimated: Whether to ignore recorded counts, so that answers with and without them compare.
    """
    text = _text_of(answer) or _text_of(row.weak) or _text_of(row.strong)
    given, taken = (None, None) if estimated else (answer.output_tokens, answer.input_tokens)
    output = text_tokens(text) if given is None else given
    tools = json.dumps(row.tools) if row.tools else ""
    asked = text_tokens(row.query + row.prompt_suffix + tools) if taken is None else taken
    return UsageMetadata(input_tokens=asked, output_tokens=output, total_tokens=asked + output)


def _text_of(answer: Answer) -> str:
    """Return an answer as a text: its content, and its calls as JSON."""
    calls = [json.dumps(call) for call in answer.calls or ()]
    return "\n".join(filter(None, (answer.response or "", *calls, *answer.invalid_calls)))


def bills(rows: Sequence[Row], price: Price, answers: Sequence[Answer]) -> Floats:
    """Return the cost in USD of each row's answer, at a price by tokens."""
    costs: Floats = numpy().asarray(
        [price.of(answer_usage(row, answer)) for row, answer in zip(rows, answers, strict=True)]
    )
    return costs


def costs_of(rows: Sequence[Row], price: Pricing | None, which: str) -> Floats | None:
    """Return the cost in USD of each row's answer; `None` where the price is unknown.

    Args:
        rows: The rows.
        price: The price, or `None` where it is unknown.
        which: Which answer: "weak" or "strong".
    """
    if price is None:
        return None
    each = [price.of(answer_usage(row, getattr(row, which))) for row in rows]
    # A price by the second says nothing of answers whose time was not recorded.
    return None if None in each else numpy().asarray(each)


class RecordedModel(SimpleChatModel):
    """A chat model that returns another model's recorded answer to the current row.

    Not thread-safe: the current row is part of its state.

    Args:
        second: The other model's name in the rows' `other`.
    """

    second: str

    _row: Row | None = PrivateAttr(default=None)
    _asked: bool = PrivateAttr(default=False)

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def turn_to(self, row: Row) -> None:
        """Make this the current row."""
        self._row, self._asked = row, False

    @property
    def asked(self) -> bool:
        """Whether the model was called for the current row."""
        return self._asked

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> str:
        self._asked = True
        if self._row is None or not answered(self._row, self.second):
            raise DataError(f"No answer of {self.second!r} is recorded for this row.")
        return self._row.other[self.second].response or ""


def answered(row: Row, second: str) -> bool:
    """Whether a row has an answer's text of this model."""
    return second in row.other and row.other[second].response is not None


def none_of(rows: Sequence[Row], second: str) -> DataError:
    """Return the error for rows without any answer of this model."""
    known = sorted({n for row in rows for n, a in row.other.items() if a.response is not None})
    return DataError(
        f"No row holds an answer of {second!r} under 'other'. "
        f"Models with answers: {', '.join(known) or 'none'}."
    )


SURE, HOPELESS = 0.95, 0.05
"""Probability, from the answer alone, from which and up to which no second model is asked."""


@dataclass(frozen=True, slots=True)
class CascadePrices:
    """USD per million tokens of each model; by default a Llama-3.1-8B-class model and GPT-4o."""

    small: Price = field(default_factory=lambda: Price(0.05, 0.08))
    second: Price = field(default_factory=lambda: Price(0.05, 0.08))
    frontier: Price = field(default_factory=lambda: Price(2.5, 10.0))
    arbiter: Price = field(default_factory=lambda: Price(0.05, 0.08))


@dataclass(frozen=True)
class Cascade:
    """The checks' scores on each row's small answer, and the grade and cost of each call.

    Attributes:
        rows: The rows that have a small answer (and one of the second model where it is named).
        scores: For each check its score of every row, in [0, 1]; higher is more likely right.
        thresholds: For each check the score at or over which an answer passes.
        policy: Name of the check that decides by default.
        asked: On which rows the second model is asked by default.
        results: Grades and costs.
    """

    rows: Sequence[Row] = field(repr=False)
    scores: dict[str, Floats] = field(repr=False)
    thresholds: dict[str, float]
    policy: str
    asked: Any = field(repr=False)
    results: GradesAndCosts = field(repr=False)

    def default(self) -> Point:
        """The operating point with the default thresholds."""
        return self.results.point(
            self.thresholds[self.policy], self.scores[self.policy], self.asked
        )

    def curve(self) -> list[Point]:
        """Return the policy's cost-quality curve: one point per threshold."""
        return list(points(self.results, self.scores[self.policy], self.asked))

    def cost_ratio(self, point: Point) -> float | None:
        """Return a point's cost relative to the frontier alone; `None` where that is 0."""
        alone = float(self.results.frontier_usd.mean())
        return point.cost_usd / alone if alone > 0 else None

    def report(self) -> dict[str, Any]:
        """Return the figures of `cascade_report`."""
        point = self.default()
        reach = [p for p in self.curve() if p.pgr is not None and p.pgr >= 0.95]
        cheapest = min(reach, key=lambda p: p.cost_usd, default=None)
        up = self.results.straight | (self.scores[self.policy] < self.thresholds[self.policy])
        weak, strong = self.results.weak, self.results.strong
        return {
            "cascade": {
                "pgr": point.pgr,
                "pgr_ci95": bootstrap(recovered, weak, strong, up * 1.0),
                "frontier_share": point.share,
                "quality": point.quality,
                "cost_ratio": self.cost_ratio(point),
                "cost_ratio_at_95": cheapest and self.cost_ratio(cheapest),
            },
            "checks": {name: self._single(name) for name in self.scores},
        }

    def _single(self, name: str) -> dict[str, float | None]:
        """One check alone, without the classifier."""
        weak, strong = self.results.weak, self.results.strong
        up = self.scores[name] < self.thresholds[name]
        return {
            "pgr": recovered(weak, strong, up),
            "share": float(up.mean()),
            "auroc": auroc(self.scores[name], weak),
        }


def cascade_report(
    rows: Sequence[Row],
    second: str | None = None,
    prices: CascadePrices | None = None,
    verifier: str | PathLike[str] | AnswerScorer | None = None,
    complexity: Sequence[float] | None = None,
    skip_from: float = 1.0,
) -> dict[str, Any]:
    """Simulate the cascade and each check alone; see `simulate` for the arguments.

    Returns:
        `{"cascade": {"pgr", "pgr_ci95", "frontier_share", "quality", "cost_ratio",
        "cost_ratio_at_95"}, "checks": {name: {"pgr", "share", "auroc"}}}`. `pgr` is the performance
        gap recovered, `None` without a gap; `cost_ratio` the cost relative to always asking the
        frontier, `None` where that is 0; `cost_ratio_at_95` the lowest on the curve with a PGR of at
        least 0.95, or `None`.
    """
    return simulate(rows, second, prices, verifier, complexity, skip_from).report()


def simulate(
    rows: Sequence[Row],
    second: str | None = None,
    prices: CascadePrices | None = None,
    verifier: str | PathLike[str] | AnswerScorer | None = None,
    complexity: Sequence[float] | None = None,
    skip_from: float = 1.0,
) -> Cascade:
    """Run the checks on the recorded answers.

    Args:
        rows: Rows from `load`; those without a small answer are left out.
        second: Name, in the rows' `other`, of the second small model; `None` for no second model.
        prices: Prices of tokens; the rows' token counts apply, else 4 characters per token.
        verifier: The learned verifier, or a file with its weights; the shipped one by default.
        complexity: A classifier's score of every row, in [0, 1].
        skip_from: A complexity over this skips the small model.

    Raises:
        DataError: No row has a small answer, or none has one of the second model; or one lacks a
            score.
    """
    np = numpy()
    prices = prices or CascadePrices()
    scorer = verifier if isinstance(verifier, AnswerScorer) else load_scorer(verifier)
    places = [place for place, row in enumerate(rows) if _usable(row, second)]
    if not places:
        raise _nothing(rows, second)
    used = [rows[place] for place in places]
    need_scores(used)
    skipped = np.zeros(len(used), dtype=bool)
    if complexity is not None:
        skipped = np.asarray(complexity, dtype=float)[places] > skip_from
    scores, thresholds = _alone(used, scorer)
    policy, asked = "learned", np.zeros(len(used), dtype=bool)
    if second is not None:
        pair = _paired(used, second, scorer)
        decides, asked = joined(
            scores["learned"], pair["learned_second"], sure=SURE, hopeless=HOPELESS
        )
        scores |= pair | {"joint": decides}
        thresholds |= {"agreement": 0.5, "learned_second": scorer.pair_threshold}
        thresholds["joint"] = scorer.pair_threshold
        policy = "joint"
    return Cascade(
        rows=used,
        scores=scores,
        thresholds=thresholds,
        policy=policy,
        asked=asked,
        results=_results(used, second, prices, skipped),
    )


def _usable(row: Row, second: str | None) -> bool:
    return row.weak.response is not None and (second is None or answered(row, second))


def _nothing(rows: Sequence[Row], second: str | None) -> DataError:
    if second is None or all(row.weak.response is None for row in rows):
        return DataError(
            "No row holds the small model's answer: a cascade can only be measured on rows with "
            "'weak_response'."
        )
    return none_of(rows, second)


def _alone(rows: Sequence[Row], scorer: AnswerScorer) -> tuple[dict[str, Floats], dict[str, float]]:
    """The scores of the checks that read the small answer alone."""
    np = numpy()
    form = NotEmpty() & Refusal() & Looping()
    checks = {"form": form, "arithmetic": Arithmetic(), "default": default_checks()}
    found: dict[str, list[float]] = {name: [] for name in (*checks, "marked", "learned")}
    for row in rows:
        reading, attempt = read_answer(row.weak.response or ""), attempt_of(row)
        for name, check in checks.items():
            found[name].append(float(check(attempt).passed))
        found["marked"].append(float(reading.final.marked))
        found["learned"].append(scorer.single(row.query, reading))
    thresholds = {**dict.fromkeys(found, 0.5), "learned": scorer.threshold}
    return {name: np.asarray(values) for name, values in found.items()}, thresholds


def _paired(rows: Sequence[Row], second: str, scorer: AnswerScorer) -> dict[str, Floats]:
    """The scores of the checks that also read a second model's answer."""
    np = numpy()
    agreement, learned = [], []
    for row in rows:
        mine, other = (
            read_answer(row.weak.response or ""),
            read_answer(row.other[second].response or ""),
        )
        agreement.append(_agree(row.query, mine, other))
        learned.append(scorer.paired(row.query, mine, other))
    return {"agreement": np.asarray(agreement), "learned_second": np.asarray(learned)}


def _agree(question: str, mine: AnswerText, other: AnswerText) -> float:
    return float(agree(question, mine.final, other.final))


def _results(
    rows: Sequence[Row], second: str | None, prices: CascadePrices, straight: Any
) -> GradesAndCosts:
    np = numpy()
    seconds = None if second is None else [row.other[second] for row in rows]
    return GradesAndCosts(
        weak=np.asarray([row.weak_score for row in rows]),
        strong=np.asarray([row.strong_score for row in rows]),
        small_usd=bills(rows, prices.small, [row.weak for row in rows]),
        frontier_usd=bills(rows, prices.frontier, [row.strong for row in rows]),
        ask_usd=np.zeros(len(rows)) if seconds is None else bills(rows, prices.second, seconds),
        straight=straight,
    )
