"""Simulate a vote of cheap models on recorded answers and tool calls: any two that agree decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router._internal.imports import numpy
from lc_asym_router.errors import DataError
from lc_asym_router.evals.cascade import answer_usage
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.evals.metrics import bootstrap, pgr
from lc_asym_router.money.prices import Price
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.vote import Vote

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats

SMALL = Price(0.05, 0.08)
FRONTIER = Price(2.5, 10.0)


@dataclass(frozen=True)
class _RecordedVoters:
    """The other voters as tiers above the small one; they return their recorded answers.

    Attributes:
        row: The current row.
        asked: The models that were called, in order.
    """

    row: Row
    asked: list[str] = field(default_factory=list)

    def ask(self, name: str) -> AIMessage:
        """Return a model's recorded answer."""
        self.asked.append(name)
        return recorded_message(self.row.other[name])

    async def aask(self, name: str) -> AIMessage:
        """The async twin of `ask`."""
        return self.ask(name)

    def calls(self, calls: Mapping[str | None, dict[str, Any]]) -> dict[str, tuple[AIMessage, Any]]:
        """Return no calls: none was made."""
        return {}


def vote_report(
    rows: Sequence[Row],
    voters: Sequence[str],
    prices: Mapping[str, Price] | None = None,
    needs: str | None = None,
) -> dict[str, Any]:
    """Measure `Vote` on recorded answers: the rows' small model votes first, then the others in turn.

    No model is called; the form checks, the comparison and the order are the router's own.

    Args:
        rows: Rows from `load`, with tools and calls where tool calls were recorded; those without
            an answer of each voter are left out.
        voters: Names, in the rows' `other`, of the second voter and the following ones.
        prices: Prices by model name; by default those of an 8B model for voters, and of gpt-4o for
            the frontier.
        needs: Name of the voter that must be part of every agreement, or `None`.

    Returns:
        `{"accuracy", "frontier_share", "cost_ratio", "pgr", "pgr_ci95", "frontier_accuracy"}`: the
        mean grade; the part of the requests that the frontier answers, in [0, 1]; the bill, every
        call in it, over that of the frontier alone (`None` where that cost nothing); the part of the
        gap between the small model and the frontier that is recovered (`None` without a gap), with
        its 95 % interval; and the frontier's own mean grade.

    Raises:
        DataError: No row has an answer of each voter, a grade is missing, or a price is of a model
            that no row knows.
    """
    np = numpy()
    used = _usable(rows, voters)
    _known(rows, prices or {})
    rule = Vote(of=["small", *voters], needs=needs)
    graded, up, cost, alone = [], [], [], []
    estimate = {name: _uncounted(used, name) for name in (None, *voters, "")}
    for row in used:
        voters_above = _RecordedVoters(row)
        verdict = rule(_attempt(row, voters_above))
        winner = _winner(row, verdict.answer, voters_above) if verdict.passed else row.strong
        graded.append(winner.score or 0.0)
        up.append(not verdict.passed)
        rates = _rates(row, voters, prices or {})
        bill = {name: _cost(row, name, rates, estimate) for name in (None, *voters_above.asked, "")}
        cost.append(sum(bill.values()) - (bill[""] if verdict.passed else 0.0))
        alone.append(bill[""])
    grades, weak, strong = (
        np.asarray(each)
        for each in (graded, [r.weak_score for r in used], [r.strong_score for r in used])
    )
    return {
        "accuracy": float(grades.mean()),
        "frontier_share": float(np.mean(up)),
        "cost_ratio": float(np.sum(cost) / np.sum(alone)) if np.sum(alone) else None,
        "pgr": _recovered(grades, weak, strong),
        "pgr_ci95": bootstrap(_recovered, grades, weak, strong),
        "frontier_accuracy": float(strong.mean()),
    }


def recorded_message(answer: Answer) -> AIMessage:
    """Return a recorded answer as the model's message."""
    return AIMessage(
        answer.response or "",
        tool_calls=[
            {"name": call["name"], "args": call["args"], "id": str(place), "type": "tool_call"}
            for place, call in enumerate(answer.calls or ())
        ],
        invalid_tool_calls=[
            {"name": None, "args": text, "id": None, "error": None, "type": "invalid_tool_call"}
            for text in answer.invalid_calls
        ],
    )


def _attempt(row: Row, voters_above: _RecordedVoters) -> Attempt:
    tools = ToolBinding(tuple(row.tools)) if row.tools else None
    return Attempt(
        tier="small",
        model=row.weak.model,
        message=recorded_message(row.weak),
        request=Request(messages=(HumanMessage(row.asked),), tools=tools),
        tiers_above=voters_above,
    )


def _winner(row: Row, answer: AIMessage | None, voters_above: _RecordedVoters) -> Answer:
    """Return the recorded answer that the router would return."""
    if answer is None:
        return row.weak
    return next(
        row.other[name]
        for name in voters_above.asked
        if recorded_message(row.other[name]) == answer
    )


def _usable(rows: Sequence[Row], voters: Sequence[str]) -> list[Row]:
    used = [
        row
        for row in rows
        if row.weak.recorded
        and all(name in row.other and row.other[name].recorded for name in voters)
    ]
    if not used:
        raise _nothing(rows, voters)
    for row in used:
        ungraded = [name for name in voters if row.other[name].score is None]
        if ungraded or row.strong.score is None or row.weak.score is None:
            raise DataError(
                f"The row {row.id!r} lacks a score of {', '.join(ungraded) or 'its models'}: what has "
                "won is handed on, so every voter's answer must be graded."
            )
    return used


def _nothing(rows: Sequence[Row], voters: Sequence[str]) -> DataError:
    """Why no row can be voted on."""
    small = sorted({row.weak.model for row in rows if row.weak.model})
    if mine := [name for name in voters if name in small]:
        return DataError(
            f"{mine[0]} is the small model of the rows, and so the first voter: leave it out of the "
            "others."
        )
    known = sorted({n for row in rows for n, each in row.other.items() if each.recorded})
    missing = [name for name in voters if name not in known]
    if not any(row.weak.recorded for row in rows):
        missing.insert(0, "the small model (weak_response or weak_calls)")
    return DataError(
        f"No row holds an answer of {', '.join(missing) if missing else 'all voters together'}. Other "
        f"models with answers: {', '.join(known) or 'none'}."
    )


def _known(rows: Sequence[Row], prices: Mapping[str, Price]) -> None:
    """Refuse prices of models that no row knows: a misspelt name would be passed over in silence."""
    names = {
        name for row in rows for name in (row.weak.model, row.strong.model, *row.other) if name
    }
    if unknown := sorted(set(prices) - names):
        raise DataError(
            f"No row holds a model {', '.join(unknown)}, whose price was given. Models of the rows: "
            f"{', '.join(sorted(names)) or 'none has a name'}."
        )


def _rates(row: Row, voters: Sequence[str], prices: Mapping[str, Price]) -> dict[str | None, Price]:
    """Return each model's price: the small model's under `None`, the frontier's under ""."""
    rates: dict[str | None, Price] = {name: prices.get(name, SMALL) for name in voters}
    rates[None] = prices.get(row.weak.model, SMALL)
    rates[""] = prices.get(row.strong.model, FRONTIER)
    return rates


def _answer(row: Row, name: str | None) -> Answer:
    return row.weak if name is None else row.strong if name == "" else row.other[name]


def _uncounted(rows: Sequence[Row], name: str | None) -> bool:
    """Whether a model's tokens are missing in any row: then they are estimated in all rows."""
    return any(_answer(row, name).input_tokens is None for row in rows)


def _cost(
    row: Row,
    name: str | None,
    rates: Mapping[str | None, Price],
    estimate: Mapping[str | None, bool],
) -> float:
    """Return the cost of a model's call in USD."""
    return rates[name].of(answer_usage(row, _answer(row, name), estimated=estimate[name])) or 0.0


def _recovered(graded: Floats, weak: Floats, strong: Floats) -> float | None:
    return pgr(float(graded.mean()), float(weak.mean()), float(strong.mean()))
