"""Replay a router's decisions and checks on recorded answers; no tier is called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

from lc_asym_router._internal.imports import numpy
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals.cascade import (
    RecordedModel,
    answer_usage,
    answered,
    attempt_of,
    costs_of,
    none_of,
)
from lc_asym_router.evals.data import Row
from lc_asym_router.money.prices import Pricing
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.check import All, Check
from lc_asym_router.verify.form import CutOff
from lc_asym_router.verify.second import Joint
from lc_asym_router.verify.vote import Vote

if TYPE_CHECKING:
    from lc_asym_router.evals.metrics import Floats
    from lc_asym_router.router.router import AsymRouter


@dataclass(frozen=True)
class Replay:
    """Each row's grade and cost on either tier, and the classifier's and checks' scores.

    All arrays have one number per row.

    Attributes:
        complexity: The classifier's complexity, in [0, 1]; 1 where it gave none.
        sound: Whether the checks without a threshold passed the small answer.
        score: The small answer's score by the check with a threshold, in [0, 1]; 1 without such a
            check, and where a `Joint` was sure of the answer without it.
        check_score: The same, to compare with live scores; NaN where the check did not run.
        weak: The small tier's grade, in [0, 1].
        strong: The frontier's grade, in [0, 1].
        weak_usd: Cost of the small tier's call, in USD; `None` where its price is unknown.
        strong_usd: Cost in USD of a call of the frontier, likewise.
        ask_usd: Cost in USD of asking the second model, where it was asked; 0 elsewhere.
        tuned: Name of the check with a threshold, or `None`.
        threshold: That check's own threshold.
        notes: What could not be replayed, one line each.
    """

    complexity: Floats = field(repr=False)
    sound: Any = field(repr=False)
    score: Floats = field(repr=False)
    check_score: Floats = field(repr=False)
    weak: Floats = field(repr=False)
    strong: Floats = field(repr=False)
    weak_usd: Floats | None = field(repr=False)
    strong_usd: Floats | None = field(repr=False)
    ask_usd: Floats | None = field(repr=False)
    tuned: str | None
    threshold: float
    notes: tuple[str, ...] = ()

    def ups(self, threshold: float, least: float) -> tuple[Any, Any]:
        """Return which rows go straight to the frontier, and which reach it at all.

        Args:
            threshold: Complexity at or over which a request goes straight to the frontier.
            least: Score at or over which a small answer passes.
        """
        straight = self.complexity >= threshold
        return straight, straight | ~self.sound | (self.score < least)

    def costs(self, straight: Any, up: Any) -> Floats | None:
        """Return the cost in USD of each row's calls; `None` where a price is unknown."""
        if self.weak_usd is None or self.strong_usd is None or self.ask_usd is None:
            return None
        bill: Floats = (self.weak_usd + self.ask_usd) * ~straight + self.strong_usd * up
        return bill

    def qualities(self, up: Any) -> Floats:
        """Return the grade of each row's answer."""
        graded: Floats = self.weak * ~up + self.strong * up
        return graded

    def part(self, rows: Any) -> Replay:
        """Return the replay of some of the rows (an index or a mask)."""
        changed: Any = {name: getattr(self, name) for name in _ARRAYS}
        for name, each in changed.items():
            changed[name] = None if each is None else each[rows]
        return replace(self, **changed)


_COSTS = ("weak_usd", "strong_usd", "ask_usd")
_ARRAYS = ("complexity", "sound", "score", "check_score", "weak", "strong", *_COSTS)


def replay(
    rows: Sequence[Row],
    scorer: Scorer,
    check: Check | None,
    weak_price: Pricing | None,
    strong_price: Pricing | None,
    second: str | None = None,
    second_price: Pricing | None = None,
) -> Replay:
    """Run the classifier on every query and the checks on every recorded small answer.

    Args:
        rows: The rows.
        scorer: Calls the classifier.
        check: The router's check, or `None`. Parts of it that ask a model are left out, except
            those that ask a second model whose answers are in the rows.
        weak_price: The small tier's price, or `None` where it is unknown.
        strong_price: The frontier's price, likewise.
        second: Name of the second model in the rows' `other`.
        second_price: The second model's price, likewise.

    Raises:
        DataError: No row has an answer of the second model.
        ConfigurationError: No check asks a second model.
    """
    np = numpy()
    recorded = _recorded(rows, check, second)
    tuned, fixed, notes = _split(check, recorded)
    priced = bool(weak_price and strong_price)
    graded = [_graded(row, tuned, fixed, recorded) for row in rows]
    complexity = np.ones(len(rows))
    for place, row in enumerate(rows):
        score = scorer.score(Request(messages=(HumanMessage(row.asked),)), {}).complexity
        complexity[place] = 1.0 if score is None else score
    weak_usd, strong_usd = (
        costs_of(rows, weak_price, "weak"),
        costs_of(rows, strong_price, "strong"),
    )
    return Replay(
        complexity=complexity,
        sound=np.asarray([each.sound for each in graded], dtype=bool),
        score=np.asarray([each.score for each in graded]),
        check_score=np.asarray([each.check_score for each in graded]),
        weak=np.asarray([row.weak_score for row in rows]),
        strong=np.asarray([row.strong_score for row in rows]),
        weak_usd=weak_usd,
        strong_usd=strong_usd,
        ask_usd=_asked_usd(rows, [each.asked for each in graded], second, second_price),
        tuned=_graded_by(tuned).name if tuned else None,
        threshold=float(getattr(tuned and _graded_by(tuned), "threshold", 0.0)),
        notes=(
            *notes,
            *_unscored(tuned, graded),
            *_gaps(rows, second, priced),
            *_endless(rows, fixed),
        ),
    )


def replay_router(
    router: AsymRouter,
    rows: Sequence[Row],
    second: str | None = None,
    second_price: Pricing | None = None,
) -> Replay:
    """Replay a router's first and last tier: its classifier, its checks, its prices.

    Args:
        router: The router.
        rows: Rows with both tiers' grades: from `load`, or `record_tiers`.
        second: Name, in the rows' `other`, of the second model that its checks ask, if they ask
            one.
        second_price: That model's price; by default the list price of the check's own model.

    Raises:
        DataError: No row has an answer of the second model.
        ConfigurationError: A second model is named, and no check asks one.
    """
    policy, ladder = router.policy, router.ladder
    check = policy.check_on(ladder[0])
    price = second_price or _second_rate(check, ladder)
    rates = ladder[0].rate, ladder[-1].rate
    replayed = replay(rows, policy.decider.scorer, check, *rates, second, price)
    if between := ", ".join(tier.name for tier in ladder[1:-1]):
        note = (
            f"The tiers in between ({between}) are not replayed: what fails goes to the last one."
        )
        replayed = replace(replayed, notes=(*replayed.notes, note))
    return replayed


@dataclass(frozen=True, slots=True)
class _Graded:
    """The checks' results on a row's small answer."""

    sound: bool = True
    score: float = 1.0
    check_score: float = math.nan
    asked: bool = False


def _graded(
    row: Row, tuned: Check | None, fixed: Check | None, recorded: RecordedModel | None
) -> _Graded:
    if row.weak.response is None:
        return _Graded()
    if recorded:
        recorded.turn_to(row)
    attempt = attempt_of(row)
    if fixed is not None and not fixed(attempt).passed:
        return _Graded(sound=False, asked=recorded is not None and recorded.asked)
    if tuned is None:
        return _Graded(asked=recorded is not None and recorded.asked)
    decided = tuned.decided(tuned.cheap(attempt)) if isinstance(tuned, Joint) else None
    score = (decided or _graded_by(tuned)(attempt)).score
    check_score = math.nan if score is None else score
    asked = recorded is not None and recorded.asked
    if decided:
        return _Graded(sound=decided.passed, check_score=check_score, asked=asked)
    return _Graded(score=1.0 if score is None else score, check_score=check_score, asked=asked)


def _graded_by(tuned: Check) -> Check:
    """The check that the threshold applies to: of a `Joint`, the expensive one."""
    return tuned.ask if isinstance(tuned, Joint) else tuned


def _recorded(rows: Sequence[Row], check: Check | None, second: str | None) -> RecordedModel | None:
    if second is None:
        return None
    _no_vote(check)
    if not any(
        getattr(part, "second", None) is not None for part in (check.parts if check else ())
    ):
        raise ConfigurationError(
            f"second={second!r}: no check of the router asks a second model. Give it one, such as "
            "verify=default_checks() & LearnedVerifier(second=model)."
        )
    if not any(answered(row, second) for row in rows):
        raise none_of(rows, second)
    return RecordedModel(second=second)


def _split(
    check: Check | None, recorded: RecordedModel | None
) -> tuple[Check | None, Check | None, list[str]]:
    """The check with a threshold to find, the others, and what was left out.

    Raises:
        ConfigurationError: A vote is among them, which hands on other models' answers too.
    """
    _no_vote(check)
    parts: list[Check] = list(check.checks) if isinstance(check, All) else [check] if check else []
    silent: list[Check] = []
    notes: list[str] = []
    for part in parts:
        can = part.with_second(recorded) if recorded else part
        if can is None or (recorded is None and any(each.asks for each in part.parts)):
            notes.append(
                f"{part.name} asks a model, so it was left out: live, it sends more to the frontier."
                if recorded is None or getattr(part, "second", None) is not None
                else f"{part.name} asks for samples of its own, which are not recorded, so it was "
                "left out: live, it sends more to the frontier."
            )
        else:
            silent.append(can)
    tuned = next((part for part in silent if hasattr(_graded_by(part), "threshold")), None)
    fixed = [part for part in silent if part is not tuned]
    return tuned, All(*fixed) if fixed else None, notes


def _no_vote(check: Check | None) -> None:
    """Refuse a vote.

    Raises:
        ConfigurationError: There is one among the checks.
    """
    if any(isinstance(each, Vote) for each in (check.parts if check else ())):
        raise ConfigurationError(
            "A Vote hands on other models' answers, which a replay of two tiers can't. For its figures "
            "on recorded answers: vote_report(rows, [names]) or `lc-asym-router evaluate --vote`; to "
            "calibrate the decision, give a router with verify='form'."
        )


def _unscored(tuned: Check | None, graded: Sequence[_Graded]) -> list[str]:
    """Return a note on rows that the check with a threshold did not score."""
    silent = sum(each.sound and math.isnan(each.check_score) for each in graded)
    if tuned is None or not silent:
        return []
    name = _graded_by(tuned).name
    return [f"{name} gives {silent} of {len(graded)} rows no score: taken as passed."]


def _gaps(rows: Sequence[Row], second: str | None, priced: bool) -> list[str]:
    """Return notes on what the rows lack."""
    notes = []
    if unanswered := sum(row.weak.response is None for row in rows):
        notes.append(f"{unanswered} of {len(rows)} rows have no small answer: taken as passed.")
    estimated = sum(row.weak.output_tokens is None for row in rows)
    if estimated and priced:
        notes.append(f"{estimated} of {len(rows)} rows have no token counts: 4 characters a token.")
    if second and (silent := sum(not answered(row, second) for row in rows)):
        notes.append(
            f"{silent} of {len(rows)} rows have no answer of {second}: taken as a call that failed."
        )
    return notes


def _endless(rows: Sequence[Row], fixed: Check | None) -> list[str]:
    """What is not known of how the small answers ended, where a check looks at that."""
    silent = sum(row.weak.response is not None and not row.weak.end for row in rows)
    looks = fixed is not None and any(isinstance(part, CutOff) for part in fixed.parts)
    if not silent or not looks:
        return []
    return [
        f"{silent} of {len(rows)} rows don't say how their small answer ended (weak_end): taken as "
        "whole. Live, what is cut off at a token limit goes up."
    ]


def _second_rate(check: Check | None, ladder: Ladder) -> Pricing | None:
    """Return the price of the second model that a check asks: a tier's own, if it is one."""
    seconds = (getattr(part, "second", None) for part in (check.parts if check else ()))
    second = next((each for each in seconds if each is not None), None)
    if second is None:
        return None
    tier = ladder.named(second) if isinstance(second, str) else Tier(second, "second")
    return tier.rate if tier else None


def _asked_usd(
    rows: Sequence[Row], asked: Sequence[bool], second: str | None, price: Pricing | None
) -> Floats | None:
    np = numpy()
    nothing: Floats = np.zeros(len(rows))
    if second is None:
        return nothing
    if price is None:
        return None
    costs: list[Any] = [
        price.of(answer_usage(row, row.other[second])) if was and answered(row, second) else 0.0
        for row, was in zip(rows, asked, strict=True)
    ]
    known: Floats = np.asarray(costs)
    return None if None in costs else known
