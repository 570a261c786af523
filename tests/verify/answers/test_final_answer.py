"""Final answers: extracted, and compared by meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("42", "number", "42"),
        ("42.0", "number", "42"),
        ("$1,200.50", "number", "1200.5"),
        ("The answer is 7.", "number", "7"),
        ("so \\boxed{3/4}", "number", "0.75"),
        ("work work\n#### 18", "number", "18"),
        ("First 3, then 4. So **Final answer: 12**", "number", "12"),
        ("B", "choice", "B"),
        ("(c)", "choice", "C"),
        ("The correct answer is (D).", "choice", "D"),
        ("Answer: B) Paris", "choice", "B"),
        ("Paris.", "text", "paris"),
        ("The Eiffel Tower", "text", "eiffel tower"),
        ('{"b": 1, "a": 2}', "json", '{"a": 2, "b": 1}'),
        ("```json\n[1, 2]\n```", "json", "[1, 2]"),
        ("2 + 3 = 5", "number", "5"),
        ("-3", "number", "-3"),
        (
            "She has 3 apples and buys 4 more, and then she eats one of them, so in the end "
            "there are 6 apples left.",
            "number",
            "6",
        ),
    ],
)
def test_extraction(text, kind, value):
    assert final_answer(text) == FinalAnswer(kind, value)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Paris", "The capital of France is Paris.", True),
        ("Paris", "paris!", True),
        ("Paris", "Lyon", False),
        ("Yes", "No", False),
        ("It is prime", "It is not prime", False),
        ("12", "The answer is 12.0", True),
        ("12", "13", False),
        ("positive", "The sentiment is positive.", True),
        ("positive", "negative", False),
        ("Guten Morgen", "Guten Abend", False),
        ("B", "b)", True),
        ("B", "C", False),
        ("", "", True),
        ("", "x", False),
        ('{"a": 1}', '{ "a":1 }', True),
        ('{"a": 1}', '{"a": 2}', False),
        ("1/2", "0.5", True),
    ],
)
def test_meaning(one, other, expected):
    assert same(final_answer(one), final_answer(other)) is expected
    assert same(final_answer(other), final_answer(one)) is expected


@given(st.text(max_size=300))
def test_any_text_has_an_answer_that_is_the_same_as_itself(text):
    answer = final_answer(text)
    assert same(answer, answer)


@given(
    st.integers(-(10**9), 10**9), st.sampled_from(["{}", "{}.0", "The answer is {}.", "#### {}"])
)
def test_a_number_is_the_same_in_any_dress(number, dress):
    assert same(final_answer(dress.format(number)), final_answer(f"{number:,}"))
