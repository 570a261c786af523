"""Numbers that would take for ever are not worked out, and those that are lose no digit."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router.verify.answers import exact
from lc_asym_router.verify.answers.algebra import NoFormula, value_at
from lc_asym_router.verify.answers.arithmetic import arithmetic, worked_out
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.answers.formulas import equal
from lc_asym_router.verify.answers.numerals import number_text

HUGE = [
    "\\binom{2000000}{1000000}",
    "\\binom{2000}{1000}",
    "9^9^9",
    "9^{9^9}",
    "2^(10^9)",
    "10**400**2",
    "99999999!",
    "9!!!!",
    "(((9^9)^9)^9)^9",
    "1e999999",
    "1e999999/1e-999999",
    "1" * 10**6,
    "1/" + "3" * 3_000,
    "0." + "0" * 5_000 + "1",
    "1e" + "9" * 40,
    "x^{10^{10}}",
    "\\sqrt{10^{9^9}}",
    "\\sin(10^{400})",
    "one " + "hundred " * 3_000,
    "0x" + "f" * 6_000,
    "[0x" + "f" * 3_900 + "]",
    "{'answer': 0X" + "F" * 3_900 + "}",
    '{"answer": ' + "9" * 6_000 + "}",
    "```python\nx = 0x" + "f" * 19_000 + "\n```",
]


@pytest.mark.full
@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("form", ["{}", "\\boxed{{{}}}", "Answer: {}", "3 + 4 = {}"])
def test_a_huge_number_takes_no_time_and_is_itself(number, form):
    text = form.format(number)
    started = time.process_time()
    answer = final_answer(text)
    assert same(answer, final_answer(text))
    assert not same(answer, final_answer("5"))
    arithmetic(number)
    assert time.process_time() - started < 5  # seconds of computing: without bounds it never ends


@pytest.mark.parametrize("text", ["\\binom{2000000}{1000000}", "9^{9^9}", "99999!", "10^{5000}"])
def test_a_formula_that_is_too_large_is_none(text):
    with pytest.raises(NoFormula):
        value_at(text, {})


@given(st.integers(0, 400), st.integers(0, 400))
def test_what_is_worked_out_is_exact(above, below):
    try:
        assert exact.binomial(Fraction(above), Fraction(below)) == math.comb(above, below)
    except exact.TooLarge:
        assert math.comb(above, below).bit_length() > exact.BITS // 4
    assert worked_out(f"{above}^3 * {below} + 1") == above**3 * below + 1


@given(st.integers(-99, 99), st.integers(-(10**4), 10**4))
def test_a_power_is_exact_or_too_large(base, exponent):
    try:
        assert exact.exact_power(Fraction(base), Fraction(exponent)) == Fraction(base) ** exponent
    except exact.TooLarge:
        assert abs(base) > 1
        assert abs(exponent) * math.log2(abs(base)) > exact.BITS // 8
    except ZeroDivisionError:
        assert base == 0
        assert exponent < 0


@given(st.integers(10**16, 10**300))
def test_no_digit_of_a_large_number_is_lost(number):
    assert number_text(f"{number:,}") == str(number)
    assert same(final_answer(f"It is {number}."), final_answer(f"{number:,}"))
    assert not same(final_answer(str(number)), final_answer(str(number + 1)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("5!", "120", True),
        ("5!", "5", False),
        ("\\frac{6!}{3!}", "120", True),
        ("n!", "n", False),
        ("30!", "265252859812191058636308480000000", True),
        ("30!", "265252859812191058636308480000001", False),
        ("\\binom{10}{5}", "252", True),
        ("\\binom{10}{5}", "253", False),
        ("\\binom{n}{2}", "\\frac{n(n-1)}{2}", False),
        ("\\sqrt[3]{-8}", "-2", True),
        ("\\frac{1}{3}", "0.333333333333", True),
        ("|{-3}|", "3", True),
    ],
)
def test_formulas_of_whole_numbers(one, other, expected):
    assert equal(one, other) is expected
    assert equal(other, one) is expected
