"""Rungs of strictness: the promise that they keep, the moves, and what the benchmark replays."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.audits.rungs import (
    Goal,
    Move,
    Observation,
    RungState,
    decide,
    observe,
)
from lc_asym_router.audits.tally import Tally, merged_tally
from tests.benchmarks.audit_rungs import BLOCK, Replays


def handled(goal, orders, accepted, lost, draw):
    """What is observed of a request where rejected answers are always compared."""
    if orders.rung == goal.strictest:
        return Observation(
            orders.rung, False, orders.explore, draw < orders.explore, accepted, lost
        )
    if accepted >= orders.rung:
        return Observation(orders.rung, True, orders.audit, draw < orders.audit, accepted, lost)
    return Observation(orders.rung, False, 1.0, True, accepted, lost)


def run(goal, requests, rng, *, block=1):
    """Handle requests; yields the state, the orders, the moves and the true losses so far."""
    state, losses, orders = RungState.begin(goal), 0, None
    for place, (accepted, lost) in enumerate(requests):
        moves: tuple[Move, ...] = ()
        if place % block == 0:
            state, orders, moves = decide(goal, state, under_way=block)
        seen = handled(goal, orders, accepted, lost, rng.random())
        losses += seen.handed_on and lost
        state = observe(goal, state, seen)
        yield state, orders, moves, losses


# the bounds -----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(st.sampled_from([0.02, 0.04, 0.3, 1.0]), st.integers(1, 60)),
        min_size=1,
        max_size=6,
    ),
)
def test_what_is_always_seen_is_known_and_nothing_is_less_than_it(seed, steps):
    rng = random.Random(seed)
    tally, lost = Tally(), 0
    for probability, count in steps:
        for _ in range(count):
            one = rng.random() < 0.3
            lost += one
            tally = tally.plus(probability, one and rng.random() < probability)
    assert tally.known <= tally.most(0.05) <= tally.count
    assert tally.seen <= tally.most(0.05)
    assert tally.count == sum(count for _, count in steps)
    if set(tally.requests) == {1.0}:
        assert tally.most(0.05) == lost == tally.estimate
    assert merged_tally([tally, tally]).seen == 2 * tally.seen
    # Smaller errors, wider bounds.
    assert tally.most(0.001) >= tally.most(0.05)


@pytest.mark.full
def test_the_bound_on_the_losses_is_wrong_no_oftener_than_its_error():
    """Losses that come when nobody looks: the draws are all that is random."""
    rng, wrong, replays = random.Random(5), 0, 400
    for _ in range(replays):
        tally, lost, failed = Tally(), 0, False
        probability = 0.5
        for place in range(300):
            # The adversary loses in runs, and the share falls after a quiet time.
            one = (place // 20) % 3 == 0
            lost += one
            tally = tally.plus(probability, one and rng.random() < probability)
            probability = 0.25 if tally.seen < 10 else 0.5
            failed |= tally.most(0.1) < lost
        wrong += failed
    assert wrong / replays <= 0.1


@pytest.mark.full
def test_evidence_is_wrong_no_oftener_than_its_error():
    rng, under, over, replays = random.Random(6), 0, 0, 300
    for _ in range(replays):
        tally, shown, passed = Tally(), False, False
        for _ in range(400):
            tally = tally.plus(0.5, rng.random() < 0.1 and rng.random() < 0.5)
            shown |= tally.shows(0.1, 0.1)
            passed |= tally.passes(0.1, 0.1)
        under, over = under + shown, over + passed
    assert under / replays <= 0.1
    assert over / replays <= 0.1


def test_a_request_that_could_not_be_audited_counts_as_lost():
    tally = Tally().plus(0.0, False).plus(1.0, False)
    assert tally.known == 1
    assert tally.most(0.05) == 1
    assert tally.rate == 0.5
    assert not Tally().plus(0.0, False, 500).shows(0.05, 0.05)


# the promise ----------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rates=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    rungs=st.integers(1, 3),
    first=st.integers(0, 50),
)
def test_with_every_answer_audited_the_target_is_never_passed(seed, rates, rungs, first):
    """Where nothing is left to chance, the promise is certain, whatever the requests are."""
    goal, rng = Goal(0.2, rungs, share=1.0, first=first), random.Random(seed)
    requests = [
        (rng.randint(-1, rungs - 1), rng.random() < rates[place * len(rates) // 400])
        for place in range(400)
    ]
    for count, (state, orders, _, losses) in enumerate(run(goal, requests, rng), 1):
        assert losses <= goal.target * count
        assert state.requests == count
        assert 0 <= orders.rung <= goal.strictest


@pytest.mark.full
@pytest.mark.parametrize("drifts", [False, True])
def test_the_target_is_kept_in_most_replays(drifts):
    goal = Goal(0.1, 2, share=0.05, first=50)
    broken, replays = 0, 60
    for seed in range(replays):
        rng = random.Random(seed)
        rates = (0.05, 0.4) if drifts else (0.09, 0.09)
        requests = [
            (rng.choice((0, 1, 1)), rng.random() < rates[place > 700]) for place in range(1500)
        ]
        kept = [
            losses <= 0.1 * n for n, (_, _, _, losses) in enumerate(run(goal, requests, rng), 1)
        ]
        broken += not all(kept)
    assert broken / replays <= 0.05


def test_it_begins_strict_loosens_by_evidence_and_tightens_when_the_traffic_turns():
    goal, rng = Goal(0.1, 2, first=50), random.Random(1)
    good = [(1, False)] * 600
    bad = [(0, True)] * 600
    found = list(run(goal, good + bad, rng))
    assert found[0][1].rung == goal.strictest
    moves = [move for _, _, moves, _ in found for move in moves]
    assert moves[0].why == "loosened"
    assert moves[0].before == goal.strictest
    assert moves[0].after == 0
    assert [move.number for move in moves] == list(range(1, len(moves) + 1))
    later = [move for move in moves if move.requests > 600]
    assert {"tightened", "closed"} & {move.why for move in later}
    # Rung 1 rejects what is bad now.
    assert found[-1][1].rung > 0
    assert found[-1][3] <= 0.1 * 1200


def test_a_bad_small_model_ends_at_all_frontier():
    goal, rng = Goal(0.05, 2, first=50), random.Random(2)
    state, orders, _, losses = list(run(goal, [(0, rng.random() < 0.5) for _ in range(800)], rng))[
        -1
    ]
    assert (state.rung, orders.rung, losses) == (2, 2, 0)
    # And explores no more than the share: it is not hopeful.
    assert orders.explore == goal.share


def test_a_rung_that_hands_on_next_to_nothing_is_useless():
    goal, rng = Goal(0.05, 1, first=50, costs=(0.2,)), random.Random(3)
    requests = [(0 if rng.random() < 0.1 else -1, False) for _ in range(600)]
    state, orders, _, _ = list(run(goal, requests, rng))[-1]
    assert orders.rung == goal.strictest
    begun = replace(goal, start=0)
    moves = [move.why for _, _, moves, _ in run(begun, requests, rng) for move in moves]
    assert "useless" in moves
    assert state.taken[0][0] >= 50


def test_a_rung_is_not_entered_while_its_audits_cost_what_it_saves():
    """A quarter is handed on, asking costs a fifth: it saves while fewer than a fifth are audited."""
    goal, rng = Goal(0.05, 1, first=50, costs=(0.2,)), random.Random(3)
    requests = [(0 if rng.random() < 0.26 else -1, False) for _ in range(2500)]
    found = list(run(goal, requests, rng))
    entered = [orders.audit for _, orders, moves, _ in found if "loosened" in map(why, moves)]
    assert entered
    assert entered[0] <= 0.2
    # With nothing to pay for asking it is entered as soon as it is shown.
    free = list(run(replace(goal, costs=()), requests, rng))
    early = [orders.audit for _, orders, moves, _ in free if "loosened" in map(why, moves)]
    assert early[0] > 0.2
    # Who audits every answer, whatever it costs, is not stopped by that.
    every = list(run(replace(goal, share=1.0), requests, rng))
    assert any("loosened" in map(why, moves) for _, _, moves, _ in every)


def why(move: Move) -> str:
    return move.why


def test_over_small_answers_it_enters_a_rung_only_once_it_is_shown():
    goal, rng = Goal(0.1, 1, over="small", first=100), random.Random(4)
    found = list(run(goal, [(rng.choice((-1, 0)), False) for _ in range(900)], rng))
    (move,) = [move for _, _, moves, _ in found for move in moves]
    assert (move.why, move.after) == ("loosened", 0)
    before = found[move.requests - 1][0]
    assert before.handed_on.count == 0
    assert before.evidence[0].seen == 0
    # Rejected answers are none of those that count.
    assert before.evidence[0].count < move.requests


# the benchmark's own --------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    target=st.sampled_from([0.05, 0.15, 0.3]),
    over=st.sampled_from(["requests", "small"]),
    turns=st.integers(0, 60),
    rates=st.tuples(st.floats(0, 0.3), st.floats(0, 0.8)),
    costs=st.sampled_from([(), (0.05, 0.1, 0.6)]),
)
def test_the_benchmark_decides_as_the_router_does(seed, target, over, turns, rates, costs):
    goal = Goal(target, 3, over=over, first=60, share=0.05, costs=costs)
    rng = np.random.default_rng(seed)
    state, replays = RungState.begin(goal), Replays([goal], 1)
    for block in range(60):
        state, orders, _ = decide(goal, state, under_way=BLOCK)
        rung, audit, explore = replays.decide()
        assert (orders.rung, orders.audit, orders.explore) == (rung[0], audit[0], explore[0])
        accepted = rng.integers(-1, 3, size=(BLOCK, 1))
        lost = rng.random((BLOCK, 1)) < rates[block > turns]
        draws = rng.random((BLOCK, 1))
        replays.observe((rung, audit, explore), accepted, lost, draws)
        for each in range(BLOCK):
            seen = handled(goal, orders, accepted[each, 0], bool(lost[each, 0]), draws[each, 0])
            state = observe(goal, state, seen)
    assert math.isclose(replays.most()[0], state.handed_on.most(goal.error))
    assert replays.rung[0] == state.rung
