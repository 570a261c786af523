"""The bound beside the authors' own sequence, and beside a plain one of our own.

`confseq`, the package of Waudby-Smith and Ramdas, could not be built for this Python, so no test can
ask it. `RECORDED` is what its `diversified_betting_mart` and `cs_from_martingale` (betting.py at
0275a66, numpy alone; transcribed and run once, apart from the tests) give for these outcomes with our
bets and weights, untruncated. `capital` below is an implementation of the paper's sequence of its own,
outcome by outcome, which knows nothing of counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.audits.bound import (
    _DOWNWARD,
    _UPWARD,
    Bets,
    Stratum,
    log_evidence,
    lower_bound,
    upper_bound,
)

STEPS = 1000
OUTCOMES = {
    "none": [0.0] * 400,
    "rare": [float(place % 50 == 7) for place in range(400)],
    "half": [0.5 * (place % 20 == 3) + (place % 40 == 11) for place in range(400)],
    "turns": [float(place % 100 == 5 if place < 200 else place % 4 == 1) for place in range(400)],
}
RECORDED = {
    ("none", "upper"): [(50, 1.598472, 0.087), (200, 7.558296, 0.023), (400, 16.210891, 0.012)],
    ("none", "lower"): [(50, -1.191305, 0.0), (200, -1.687182, 0.0), (400, -1.952598, 0.0)],
    ("rare", "upper"): [(50, 0.424849, 0.124), (200, 1.880361, 0.059), (400, 4.083487, 0.046)],
    ("rare", "lower"): [(50, -1.067431, 0.0), (200, -1.512189, 0.002), (400, -1.769855, 0.005)],
    ("half", "upper"): [(50, -0.486259, 0.158), (200, -1.210716, 0.096), (400, -1.548886, 0.082)],
    ("half", "lower"): [(50, -0.757568, 0.006), (200, -1.003973, 0.019), (400, -1.120147, 0.026)],
    ("turns", "upper"): [(50, 0.424849, 0.124), (200, 4.246524, 0.042), (400, -3.274697, 0.187)],
    ("turns", "lower"): [(50, -1.067431, 0.0), (200, -1.60772, 0.0), (400, 16.782216, 0.082)],
}
"""After so many outcomes: the logarithm of the capital against a mean of 0.05, and the bound, to a
thousandth and a thousandth too wide, as their grid has it."""
CASES = [(kind, side, *row) for (kind, side), rows in RECORDED.items() for row in rows]


def capital(outcomes: Sequence[float], mean: float, bets: Bets) -> float:
    """The logarithm of the mixture's capital: each bet's grows by 1 + bet * (outcome - mean)."""
    logs = []
    for bet, weight in bets:
        own = bet / (1 + bet * mean) if 1 + bet * mean else math.inf
        log = math.log(weight)
        for outcome in outcomes:
            factor = 1 + own * (outcome - mean)
            log += math.log(factor) if factor > 0 else -math.inf
        logs.append(log)
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs))


def stratum(outcomes: Sequence[float]) -> Stratum:
    values = {each for each in outcomes if each}
    return Stratum(len(outcomes), {value: outcomes.count(value) for value in values})


@pytest.mark.parametrize(("kind", "side", "count", "log", "bound"), CASES)
def test_it_is_what_the_authors_package_gives(kind, side, count, log, bound):
    seen, upper = stratum(OUTCOMES[kind][:count]), side == "upper"
    assert log_evidence(seen, 0.05, above=not upper) == pytest.approx(log, abs=2e-6)
    found = upper_bound([seen]) if upper else lower_bound([seen])
    # Their grid is of thousandths, and they go one further.
    assert abs(found - bound) <= 2 / STEPS
    assert found <= bound if upper else found >= bound


@pytest.mark.parametrize("kind", OUTCOMES)
@pytest.mark.parametrize(("side", "bets"), [("upper", _DOWNWARD), ("lower", _UPWARD)])
def test_the_plain_sequence_gives_the_same(kind, side, bets):
    count, log, bound = RECORDED[kind, side][0]
    outcomes = OUTCOMES[kind][:count]
    assert capital(outcomes, 0.05, bets) == pytest.approx(log, abs=2e-6)
    # The recorded bound is one step beyond the last mean of the grid that is not ruled out.
    step = 1 / STEPS if side == "upper" else -1 / STEPS
    assert capital(outcomes, max(bound - step, 0.0), bets) <= math.log(20)
    if bound:
        assert capital(outcomes, bound, bets) > math.log(20)


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.25, 1.0]), min_size=1, max_size=60),
    st.floats(0.001, 0.999),
)
def test_in_whatever_order_outcomes_come_the_counts_say_what_the_plain_sequence_says(
    outcomes, mean
):
    for above, bets in ((False, _DOWNWARD), (True, _UPWARD)):
        found = log_evidence(stratum(outcomes), mean, above=above)
        assert found == pytest.approx(capital(outcomes, mean, bets), abs=1e-7)
        # The bound is where that passes the limit.
        bound = upper_bound([stratum(outcomes)]) if not above else lower_bound([stratum(outcomes)])
        outside = mean > bound + 1e-5 if not above else mean < bound - 1e-5
        inside = mean < bound - 1e-5 if not above else mean > bound + 1e-5
        assert not (outside and found < math.log(20) - 1e-6)
        assert not (inside and found > math.log(20) + 1e-6)
