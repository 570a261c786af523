"""`make bench-checks`: what self-verification and token logprobs tell on the shared data's questions.

The shared data hold neither verdicts nor logprobs, so an embedded model was asked for them
(`check_recording.py` says how). The numbers that came of it stand in `recorded_checks.jsonl`, and the
tables are made from them in seconds; `make bench-checks ARGS=--record` asks anew, which takes most of
an hour, needs the shared data, and goes on where it was interrupted.

"own": the embedded 0.5B model's own answers, graded against the gold ones; a real small tier. What an
escalation gains is the recorded grade of GPT-4o on the same question. "recorded": the answers of
Llama-3.1-8B, verified by the embedded model. That is verification by *another*, much smaller model
than the one that answered; how Llama-3.1-8B would judge itself is not known here. Logprobs of recorded
answers can't be had: llama.cpp's server scores no text that it is handed (with `echo` too it gives
those of new tokens alone). Agreement is with another model's recorded answer. The first table takes no
threshold; each half's threshold in the second was found on the other half.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from numpy.typing import NDArray

from lc_asym_router.evals import DataError
from lc_asym_router.evals.metrics import auroc, bootstrap, recovered
from lc_asym_router.records.request import Request
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.judge_check import SelfVerification
from tests.benchmarks import DATA
from tests.benchmarks.check_recording import FIGURES, SAMPLES, FinishedRequest, kept, record

Floats = NDArray[np.float64]

SHARES = {"own": 0.5, "recorded": 0.25}
"""Share of the answers at which checks are compared: where the small model is mostly wrong half of
them, where it is mostly right a quarter (the bar of issue 5 on zeroeval_gsm)."""
LEAST = 20
"""Answers from which a check has a line: fewer say nothing."""
KEEP = 0.9
"""Part of the gain that the thresholds are to keep."""
REPLIES = {"c": "Verdict: correct", "i": "Verdict: incorrect", "-": ""}
_PLAINLY = (__doc__ or "").split("\n\n")[2].strip()
RIDGE = 1.0
"""Penalty on the slope of the calibrating line, so that few rows can't make it endless."""


@dataclass(frozen=True)
class Signal:
    """One check's scores of some answers.

    Attributes:
        name: The check.
        scores: One an answer; the higher, the more it trusts.
        passed: Whether it passes each as shipped; `None` where it has no bound of its own.
        weak: The answers' grades, in [0, 1].
        strong: The frontier's grades, in [0, 1].
        many: Whether its scores have more than the two values of pass and fail.
    """

    name: str
    scores: Floats = field(repr=False)
    passed: Any = field(repr=False)
    weak: Floats = field(repr=False)
    strong: Floats = field(repr=False)
    many: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What thresholds give that were found on the other half of the answers.

    Attributes:
        bounds: The threshold found on each half.
        up: Which answers go to the frontier.
        brier: Mean squared error of the calibrated chance that an answer is right.
        brier_flat: The same of one chance for all, the other half's share of right answers.
    """

    bounds: tuple[float, float]
    up: Any
    brier: float
    brier_flat: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help="ask the embedded model first")
    parser.add_argument(
        "--minutes", type=_minutes, default=45.0, help="for how long --record begins new rows"
    )
    options = parser.parse_args(arguments)
    try:
        told = record(options.minutes) if options.record and _there() else kept()
    except DataError as error:
        raise SystemExit(str(error)) from None
    print(f"Numbers of {FIGURES.name}; `make bench-checks ARGS=--record` asks the models anew.")
    if not told:
        print("No answer has been recorded yet.")
    kinds: dict[tuple[str, str, str], list[FinishedRequest]] = {}
    for each in told:
        kinds.setdefault((each.source, each.part, each.model), []).append(each)
    print("\n".join(report(kinds)))
    print(f"\n{_PLAINLY}")


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 <= minutes < math.inf:
        raise argparse.ArgumentTypeError(f"{text} must be a number of minutes, 0 or more")
    return minutes


def _there() -> bool:
    if DATA.is_dir():
        return True
    print(f"{DATA.resolve()} is not there: nothing can be asked. The committed numbers are used.\n")
    return False


# tables ------------------------------------------------------------------------------------------


def report(kinds: dict[tuple[str, str, str], list[FinishedRequest]]) -> Iterator[str]:
    """What each check is worth on each kind of answers: source, part and embedded model."""
    yield "\n| answers | embedded model | questions | right | GPT-4o right |"
    yield "| --- | --- | --- | --- | --- |"
    for (source, part, model), rows in kinds.items():
        right, strong = ([each.right for each in rows], [each.strong for each in rows])
        yield _joined(
            f"{source}, {part}",
            model,
            len(rows),
            _n(float(np.mean(right))),
            _n(float(np.mean(strong))),
        )
    told = [
        (f"{source}, {part}", SHARES[part], each)
        for (source, part, _), rows in kinds.items()
        for each in signals(rows)
        if len(each.scores) >= LEAST
    ]
    yield "\nThe least trusted answers go up: the gain that keeps (chance keeps as much as goes up)\n"
    yield (
        "| answers | check | asked | AUROC | 95 % | escalated | gain kept | 95 % "
        "| as shipped: escalated | gain kept |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, share, each in told:
        yield _line(name, share, each)
    yield f"\nThresholds for {KEEP:g} of the gain, found on one half, reported on the other\n"
    yield (
        "| answers | check | asked | thresholds | escalated | gain kept | 95 % "
        "| wrong among the escalated | Brier | Brier of one chance for all |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, _, each in told:
        if each.many:
            yield _found_line(name, each)


def _line(name: str, share: float, each: Signal) -> str:
    def at(scores: Floats, weak: Floats, strong: Floats) -> float | None:
        return kept_at(scores, weak, strong, share)

    shipped = ("", "")
    if each.passed is not None:
        part = recovered(each.weak, each.strong, ~each.passed)
        shipped = (_n(float(np.mean(~each.passed))), _n(part))
    return _joined(
        name,
        each.name,
        len(each.scores),
        f"**{_n(auroc(each.scores, each.weak))}**",
        _interval(auroc, each.scores, each.weak),
        f"{share:g}",
        _n(at(each.scores, each.weak, each.strong)),
        _interval(at, each.scores, each.weak, each.strong),
        *shipped,
    )


def _found_line(name: str, each: Signal) -> str:
    found = cross_found(each)
    return _joined(
        name,
        each.name,
        len(each.scores),
        ", ".join(f"{bound:.3g}" for bound in found.bounds),
        _n(float(found.up.mean())),
        f"**{_n(recovered(each.weak, each.strong, found.up))}**",
        _interval(recovered, each.weak, each.strong, found.up * 1.0),
        _n(float(np.mean(each.weak[found.up] <= 0.5)) if found.up.any() else None),
        _n(found.brier),
        _n(found.brier_flat),
    )


def _joined(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _interval(statistic: Callable[..., float | None], *arrays: Floats) -> str:
    ends = bootstrap(statistic, *arrays)
    return "none" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _n(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


# what the checks say -----------------------------------------------------------------------------


def signals(rows: Sequence[FinishedRequest]) -> list[Signal]:
    """Each check's scores, on those of the answers that it has a word on."""
    verified = [each for each in rows if each.verdicts]
    sure = [each for each in rows if each.mean is not None]
    found = []
    if verified:
        shares = [each.verdicts.count("c") / SAMPLES for each in verified]
        passed = np.asarray([shipped(each).passed for each in verified])
        found.append(_signal(f"SelfVerification({SAMPLES})", verified, shares, passed))
    if sure:
        found.append(_signal("MeanLogprob", sure, [each.mean for each in sure]))
        found.append(_signal("least logprob (no check)", sure, [each.least for each in sure]))
    for name in dict.fromkeys(name for each in rows for name in each.checks):
        known = [each for each in rows if name in each.checks]
        passes = [each.checks[name] for each in known]
        found.append(_signal(name, known, passes, np.asarray(passes) > 0.5, many=False))
    gains = [each.strong - each.right for each in rows]
    found.append(_signal("oracle (knows both grades)", rows, -np.asarray(gains), many=False))
    return found


def _signal(
    name: str,
    rows: Sequence[FinishedRequest],
    scores: Any,
    passed: Any = None,
    *,
    many: bool = True,
) -> Signal:
    return Signal(
        name,
        np.asarray(scores, dtype=np.float64),
        passed,
        np.asarray([each.right for each in rows]),
        np.asarray([each.strong for each in rows]),
        many,
    )


def shipped(told: FinishedRequest) -> Verdict:
    """The word of the shipped check, at its default threshold, where the model says what it said."""

    def again(temperature: float, seed: int) -> Any:
        return RunnableLambda(lambda _: AIMessage(REPLIES[told.verdicts[seed - 1]]))

    return SelfVerification(SAMPLES)(
        Attempt(
            tier="small",
            model=told.model,
            message=AIMessage("an answer"),
            request=Request(messages=(HumanMessage("a question"),)),
            again=again,
        )
    )


# what that is worth ------------------------------------------------------------------------------


def kept_at(scores: Floats, weak: Floats, strong: Floats, share: float) -> float | None:
    """Part of the gain that is kept where that share goes up, the least trusted first.

    Answers with equal scores count as drawn from at random, so a check that knows nothing keeps the
    share itself.

    Args:
        scores: One an answer; the higher, the more the check trusts.
        weak: The answers' grades, in [0, 1].
        strong: The frontier's, in [0, 1].
        share: Part of the answers that go up, in [0, 1].

    Returns:
        `None` where the frontier is not the better one.
    """
    gains = strong - weak
    if gains.sum() <= 0:
        return None
    _, place = np.unique(scores, return_inverse=True)
    counts = np.concatenate([[0.0], np.cumsum(np.bincount(place))])
    reached = np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=gains))])
    return float(np.interp(share * len(scores), counts, reached) / gains.sum())


def threshold(scores: Floats, weak: Floats, strong: Floats, keep: float) -> float:
    """The least threshold under which enough goes up to keep that part of the gain.

    Args:
        scores: One an answer.
        weak: The answers' grades, in [0, 1].
        strong: The frontier's, in [0, 1].
        keep: Part of the gain, in [0, 1].

    Returns:
        Answers that score under it go up; over every score where nothing less is enough.
    """
    for bound in np.unique(scores):
        part = recovered(weak, strong, scores < bound)
        if part is not None and part >= keep:
            return float(bound)
    return float(np.nextafter(scores.max(), math.inf))


def cross_found(each: Signal, keep: float = KEEP) -> Found:
    """Thresholds and calibrated chances of either half, found on the other one.

    Args:
        each: The check's scores, in the order in which the questions were drawn.
        keep: Part of the gain that is to be kept, in [0, 1].
    """
    half = np.arange(len(each.scores)) % 2
    up = np.zeros(len(half), dtype=bool)
    chance, flat, bounds = np.zeros(len(half)), np.zeros(len(half)), []
    for number in (0, 1):
        here, there = half == number, half != number
        weak = each.weak[there]
        bounds.append(threshold(each.scores[there], weak, each.strong[there], keep))
        up[here] = each.scores[here] < bounds[-1]
        chance[here] = calibrated(each.scores[there], weak, each.scores[here])
        flat[here] = weak.mean()
    return Found(
        (bounds[0], bounds[1]),
        up,
        float(((chance - each.weak) ** 2).mean()),
        float(((flat - each.weak) ** 2).mean()),
    )


def calibrated(scores: Floats, right: Floats, asked: Floats) -> Floats:
    """The chance that answers are right, by a logistic line through others' scores (Platt).

    Args:
        scores: Scores that the line is fitted to.
        right: Whether those answers are right, in [0, 1].
        asked: Scores to say the chance of.

    Returns:
        Chances in [0, 1], as many as `asked`.
    """
    middle, scale = scores.mean(), scores.std() or 1.0
    inputs = np.stack([np.ones(len(scores)), (scores - middle) / scale], axis=1)
    penalty = np.asarray([1e-6, RIDGE])
    weights = np.zeros(2)
    for _ in range(30):  # Newton's steps; it has settled long before
        said = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (right - said) - penalty * weights
        bend = (inputs * (said * (1 - said))[:, None]).T @ inputs + np.diag(penalty)
        weights = weights + np.linalg.solve(bend, slope)
    chances: Floats = 1 / (1 + np.exp(-(weights[0] + weights[1] * (asked - middle) / scale)))
    return chances


if __name__ == "__main__":
    main()
