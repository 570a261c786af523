"""The metrics against what their definitions say, and against properties that must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.evals import apgr, auroc, bootstrap, curve, pgr

unit = st.floats(0, 1, width=32)
table = st.lists(st.tuples(unit, st.sampled_from([0.0, 1.0]), unit), min_size=2, max_size=60)


def test_a_perfect_order_and_its_reverse():
    gain = np.repeat([1.0, 0.0], 50)
    weak, strong = np.zeros(100), gain
    assert apgr(gain + np.linspace(0, 0.1, 100), weak, strong) == pytest.approx(0.75)
    assert apgr(-gain + np.linspace(0, 0.1, 100), weak, strong) == pytest.approx(0.25)


def test_call_performance_thresholds_of_a_straight_line():
    line = curve(np.arange(1000), np.zeros(1000), np.ones(1000))
    assert line.apgr == pytest.approx(0.5)
    assert (line.cpt(0.5), line.cpt(0.8)) == (pytest.approx(0.5), pytest.approx(0.8))


def test_the_published_thresholds_are_the_edges_of_the_deciles():
    line = curve(np.arange(100), np.zeros(100), np.ones(100))
    assert list(line.share) == pytest.approx([0, 0.01, *np.arange(0.1, 1.01, 0.1)])


def test_a_score_that_says_nothing_is_chance():
    assert apgr(np.zeros(9), [0, 1, 0] * 3, [1, 1, 0] * 3) == pytest.approx(0.5)


def test_without_a_gap_there_is_nothing_to_recover():
    flat = curve([0.1, 0.9], [1, 0], [0, 1])
    assert flat.apgr is None
    assert flat.cpt(0.5) is None
    assert pgr(0.5, 0.5, 0.5) is None


def test_a_threshold_is_the_least_share_even_where_quality_falls_again():
    # The strong model is better on the upper half of the scores and worse on the lower.
    scores, weak = np.arange(100), np.r_[np.full(50, 0.2), np.zeros(50)]
    line = curve(scores, weak, np.r_[np.zeros(50), np.ones(50)])
    assert line.cpt(1.0) < 0.5


@given(table)
def test_a_curve_starts_weak_and_ends_strong(rows):
    score, weak, strong = map(np.array, zip(*rows, strict=True))
    line = curve(score, weak, strong)
    assert line.quality[0] == pytest.approx(line.weak)
    assert line.quality[-1] == pytest.approx(line.strong)
    assert (np.diff(line.share) >= 0).all()
    for share, quality in zip(line.share, line.quality, strict=True):
        up = np.argsort(score, kind="stable")[::-1][: round(share * len(score))]
        mixed = weak.copy()
        mixed[up] = strong[up]
        if len(set(score)) == len(score):
            assert quality == pytest.approx(mixed.mean())


@given(table)
def test_only_the_order_of_scores_counts(rows):
    score, weak, strong = map(np.array, zip(*rows, strict=True))
    order = np.unique(score, return_inverse=True)[1]
    scaled = apgr(order * 8.0 + 3, weak, strong)
    same = apgr(order, weak, strong)
    assert scaled == (None if same is None else pytest.approx(same))


@given(table)
def test_auroc_is_the_chance_of_the_right_order(rows):
    score, good = [row[0] for row in rows], [row[1] for row in rows]
    pairs = [
        (s > t) + (s == t) / 2
        for s, one in zip(score, good, strict=True)
        for t, other in zip(score, good, strict=True)
        if one > other
    ]
    assert auroc(score, good) == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_an_interval_is_the_same_each_time_and_holds_the_mean():
    values = np.random.default_rng(1).random(300)
    low, high = bootstrap(lambda drawn: float(drawn.mean()), values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 300**0.5, rel=0.2)
    assert (low, high) == bootstrap(lambda drawn: float(drawn.mean()), values)
    assert bootstrap(lambda drawn: None, values) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30))
def test_an_interval_covers_a_statistic_without_spread(size):
    assert bootstrap(lambda drawn: float(drawn.mean()), np.ones(size), resamples=50) == (1.0, 1.0)
