"""Sums in an answer: false ones fail it, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import Attempt, default_checks
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Arithmetic
from tests.conftest import record


def judged(answer: str, question: str = "How much is it?"):
    request = Request(messages=(HumanMessage(question),))
    return Arithmetic()(Attempt("small", "m", AIMessage(answer), request))


@pytest.mark.parametrize(
    "answer",
    [
        "17 * 23 = 391",
        "17 × 23 = 391, so the answer is 391.",
        "10 / 3 = 3.33",
        "10 / 3 ≈ 3",
        "It costs 3 + 4 = $7.",
        "1,200 + 300 = 1,500",
        "2 + 2 = 4 = 1 + 3",
        "60 cookies * 2 dollars/cookie = 120 dollars",
        "x + 3 = 7, so x = 4",
        "f(3) = 10",
        "Paris.",
        "42",
        "",
        "On 2020-10-11 it was 3-2.",
        "```python\nassert 2 + 2 = 5\n```",
        "a == 3 + 1",
        "25% of 80 = 20",
    ],
)
def test_what_holds_or_is_no_sum_passes(answer):
    assert judged(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("17 * 23 = 411", "1 of 1 sums"),
        ("First 2 + 2 = 4, then 4 * 3 = 13.", "1 of 2 sums"),
        (r"\(12 \times 4 = 46\)", "1 of 1 sums"),
        ("It is 100 - 37 = 73 dollars.", "1 of 1 sums"),
    ],
)
def test_a_false_sum_fails(answer, reason):
    verdict = judged(answer)
    assert not verdict.passed
    assert reason in verdict.reason


def test_a_false_sum_of_the_request_is_not_the_answers():
    assert judged("No: 2 + 2 = 5 is false, 2 + 2 = 4.", "Is 2 + 2 = 5 true?").passed


@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from("+*"), st.floats(0.02, 0.9))
def test_it_can_count(one, other, sign, off):
    came = one + other if sign == "+" else one * other
    assert judged(f"{one} {sign} {other} = {came}").passed
    said = came + max(1, round(came * off))
    assert not judged(f"{one} {sign} {other} = {said}").passed


@given(st.text(max_size=300))
def test_any_text_gets_a_verdict(text):
    judged(text)


def test_it_is_a_default(make, small):
    assert "Arithmetic" in repr(default_checks())
    small.script("17 * 23 = 411")
    answer = make().invoke("How much is 17 times 23?")
    assert record(answer)["escalated"]
    assert record(answer)["attempts"][0]["check"] == "Arithmetic"
