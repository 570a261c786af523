"""What a router does unless told otherwise: as the measurements chose (`make bench-routing`)."""

from __future__ import annotations

import pytest

from lc_asym_router.classify import LearnedClassifier
from tests.conftest import record


def test_the_learned_classifier_decides_at_its_own_threshold(make):
    decision = make().decide("What is the capital of France?")
    assert (decision.tier, decision.classifier) == ("small", "learned")
    assert decision.threshold == LearnedClassifier().threshold
    assert 0 < decision.threshold < 1


def test_what_it_holds_for_hard_goes_straight_to_the_frontier(make, small):
    answer = make().invoke(
        "Our job queue stalls under load: two workers wait for each other's lock. Find the cause in "
        "the code below, then write a version that cannot deadlock, and explain the plan."
    )
    decision = record(answer)["decision"]
    assert (decision["tier"], decision["classifier"]) == ("frontier", "learned")
    assert not small.requests


@pytest.mark.parametrize("word", ["refactor", "optimize", "analyze", "debug"])
def test_the_articles_words_still_go_up(make, word):
    decision = make().decide(f"Please {word.upper()} this")
    assert (decision.tier, decision.classifier, decision.complexity) == ("frontier", "keyword", 1.0)


@pytest.mark.parametrize(
    ("name", "tier", "threshold"), [("keyword", "frontier", 0.5), ("learned", "small", None)]
)
def test_either_by_its_name(make, name, tier, threshold):
    decision = make(classify=name).decide("debug it")
    assert (decision.tier, decision.classifier) == (tier, name)
    assert decision.threshold == threshold or LearnedClassifier().threshold


def test_a_callable_is_compared_with_a_half(make):
    assert make(classify=lambda messages: 0.49).decide("hi").tier == "small"
    assert make(classify=lambda messages: 0.5).decide("hi").tier == "frontier"
    assert make(classify=lambda messages: 0.5, threshold=0.6).decide("hi").tier == "small"


@pytest.mark.parametrize("answer", ["42", "Paris.", "yes", "Haus", "billing", '{"a": 1}'])
def test_a_short_right_answer_passes_the_default_checks(make, small, answer):
    small.script(answer)
    assert record(make().invoke("hi"))["tier"] == "small"
