"""The cascade on recorded answers: what it reaches, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.errors import ConfigurationError, DataError
from lc_asym_router.evals.cascade import CascadePrices, cascade_report, simulate
from lc_asym_router.evals.check_thresholds import GradesAndCosts, best, best_joint, joined, points
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.money.prices import Price
from tests.verify.test_learned import made_up

GRADES = st.floats(0, 1)
COSTS = st.floats(0, 0.01)


def outcomes(cells: list[tuple[float, ...]], straight: object = None) -> GradesAndCosts:
    weak, strong, small, frontier, ask = (np.asarray(column) for column in zip(*cells, strict=True))
    none = np.zeros(len(cells), dtype=bool)
    return GradesAndCosts(
        weak, strong, small, frontier, ask, none if straight is None else straight
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(GRADES, GRADES, COSTS, COSTS, COSTS, GRADES), min_size=1, max_size=30),
    GRADES,
)
def test_costs_add_up_and_the_ends_are_the_models(cells, threshold):
    made = outcomes([cell[:5] for cell in cells])
    score = np.asarray([cell[5] for cell in cells])
    all_asked = np.ones(len(cells), dtype=bool)
    point = made.point(threshold, score, all_asked)
    up = [cell[5] < threshold for cell in cells]
    bill = sum(c[2] + c[4] + (c[3] if go else 0) for c, go in zip(cells, up, strict=True))
    assert point.cost_usd == pytest.approx(bill / len(cells))
    assert point.share == pytest.approx(sum(up) / len(cells))
    curve = list(points(made, score, all_asked))
    assert curve[0].share == 0
    assert curve[0].quality == pytest.approx(made.weak.mean())
    assert curve[-1].share == 1
    assert curve[-1].quality == pytest.approx(made.strong.mean())
    assert [p.share for p in curve] == sorted(p.share for p in curve)


def test_what_the_classifier_skips_costs_no_small_call():
    made = outcomes([(0, 1, 1, 10, 2), (1, 1, 1, 10, 2)], np.asarray([True, False]))
    point = made.point(0.5, np.asarray([0.9, 0.9]), np.asarray([True, True]))
    assert point.cost_usd == (10 + 1 + 2) / 2
    assert point.share == 0.5
    assert point.quality == 1


def test_the_cheapest_policy_at_a_quality():
    made = outcomes([(0, 1, 1, 10, 2), (1, 1, 1, 10, 2), (0, 1, 1, 10, 2), (1, 1, 1, 10, 2)])
    cheap, dear = np.asarray([0.01, 0.99, 0.5, 0.6]), np.asarray([0.2, 0.8, 0.1, 0.9])
    found = best_joint(made, cheap, dear, recovered=1.0)
    assert found.pgr == 1
    assert found.share == 0.5
    assert found.asked <= 0.5
    alone = best(made, cheap, quality=1.0)
    assert alone.cost_usd <= found.cost_usd  # the cheap score ranks them as well
    with pytest.raises(ConfigurationError, match="exactly one of"):
        best(made, cheap)
    with pytest.raises(ConfigurationError, match="can't be reached"):
        best(outcomes([(0, 0.5, 1, 1, 1)]), np.asarray([0.5]), quality=0.9)
    with pytest.raises(ConfigurationError, match="no gap"):
        best(outcomes([(1, 0.5, 1, 1, 1)]), np.asarray([0.5]), recovered=0.9)


def test_joined_asks_only_in_between():
    score, asked = joined(
        np.asarray([0.01, 0.5, 0.99]), np.asarray([0.7, 0.7, 0.7]), sure=0.95, hopeless=0.05
    )
    assert score.tolist() == [0.0, 0.7, 1.0]
    assert asked.tolist() == [False, True, False]


def test_the_report():
    rows = made_up(1)
    alone, both = cascade_report(rows), cascade_report(rows, second="second")
    assert set(alone) == {"cascade", "checks"}
    assert set(alone["cascade"]) == {
        "pgr",
        "pgr_ci95",
        "frontier_share",
        "quality",
        "cost_ratio",
        "cost_ratio_at_95",
    }
    assert set(both["checks"]) - set(alone["checks"]) == {"agreement", "learned_second", "joint"}
    assert all(set(each) == {"pgr", "share", "auroc"} for each in both["checks"].values())
    assert both["checks"]["agreement"]["auroc"] > 0.8
    assert 0 < both["cascade"]["cost_ratio_at_95"] < 1
    assert both["checks"]["arithmetic"]["auroc"] > 0.9  # these sums are wrong where the answer is


def test_every_call_is_in_the_bill():
    rows = made_up(1)
    free = CascadePrices(Price(0, 0), Price(0, 0), Price(2.5, 10))
    dear = CascadePrices(Price(0, 0), Price(100, 100), Price(2.5, 10))
    made = simulate(rows, "second", free)
    assert made.default().cost_usd < simulate(rows, "second", dear).default().cost_usd
    assert made.cost_ratio(made.curve()[-1]) == pytest.approx(1.0)
    all_up = simulate(rows, "second", complexity=[1.0] * len(rows), skip_from=0.5)
    assert all_up.cost_ratio(all_up.default()) == pytest.approx(1.0)
    assert all_up.default().share == 1.0


def test_rows_without_answers():
    bare = [Row("1", "hi", Answer(0.0), Answer(1.0), "s")]
    with pytest.raises(DataError, match="weak_response"):
        cascade_report(bare)
    with pytest.raises(DataError, match="Models with answers: second"):
        cascade_report(made_up(1), second="nobody")


def test_a_frontier_that_costs_nothing_has_no_ratio():
    rows = [
        Row(
            id=str(number),
            query="How many?",
            weak=Answer(0.0, "1"),
            strong=Answer(1.0, "2", input_tokens=0, output_tokens=0),
            dataset="made up",
        )
        for number in range(3)
    ]
    found = cascade_report(rows)["cascade"]
    assert (found["cost_ratio"], found["cost_ratio_at_95"]) == (None, None)


def test_rows_that_nobody_graded_are_refused():
    row = Row("a", "How many?", Answer(None, "1"), Answer(1.0, "2"), "made up")
    with pytest.raises(DataError, match="The row 'a' lacks a score"):
        cascade_report([row])
