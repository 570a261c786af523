"""Final answers out of JSON, LaTeX, code and literals, compared by meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.verify.answers.arithmetic import arithmetic
from lc_asym_router.verify.answers.comparing import asks_for_output, same
from lc_asym_router.verify.answers.final_answer import final_answer


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ('{"reasoning": "2 + 1 = 3", "answer": "3"}', "number", "3"),
        ('Here it is:\n\n{"reasoning": "a", "answer": "$4.00"}', "number", "4"),
        ('```json\n{"reasoning": "a", "answer": 4}\n```', "number", "4"),
        ('{"reasoning": "two\nlines, \\( x \\)", "answer": "7"}', "number", "7"),
        ('{"reasoning": "cut", "answer": "12', "number", "12"),
        ('{"reasoning": "a", "answer": "\\frac{1}{2}"}', "number", "0.5"),
        ('{"reasoning": "a", "answer": "[1, 2]"}', "literal", "[1, 2]"),
        ('{"reasoning": "a", "answer": [1, 2]}', "literal", "[1, 2]"),
        ('{"answer": "B", "explanation": "as it is"}', "choice", "B"),
        ('{"answer": 4, "unit": "m"}', "json", '{"answer": 4, "unit": "m"}'),
        ("so \\boxed{\\frac{3}{4}}", "number", "0.75"),
        ("so \\boxed{\\dfrac{\\sqrt{9}}{2}}", "number", "1.5"),
        ("\\boxed{2x^2 + 3}", "formula", "2x^2+3"),
        ("work\nA: 10.5", "number", "10.5"),
        ("assert f([1]) == {'a': 1}", "literal", "{'a': 1}"),
        ("1.5e3", "number", "1500"),
        ("20%", "number", "20"),
        ("£1,200", "number", "1200"),
        ("x = 5", "number", "5"),
        ("[ANSWER]'ab'[/ANSWER]", "literal", "'ab'"),
        ("True", "literal", "True"),
    ],
)
def test_extraction(text, kind, value):
    found = final_answer(text)
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("\\boxed{\\frac{1}{2}}", "0.5", True),
        ("20%", "0.2", True),
        ("20%", "20", True),
        ("16.67", "16.6667", True),
        ("2.5", "2.49", False),
        ("'abc'", '"abc"', True),
        ("'abc'", "abc", True),
        ("'abc'", "abd", False),
        ("[1,2]", "[1, 2]", True),
        ("[1, 2]", "(1, 2)", False),
        ("{'a': 1, 'b': 2}", "{'a': 1, 'b': 3}", False),
        ("\\boxed{2(x+1)}", "\\boxed{2x+1}", False),
        ("\\boxed{3\\sqrt{2}}", "\\boxed{\\sqrt{18}}", True),
        ('{"reasoning": "a", "answer": "7"}', "The answer is 7.", True),
        ("!!!", "???", False),
    ],
)
def test_meaning(one, other, expected):
    assert same(final_answer(one), final_answer(other)) is expected
    assert same(final_answer(other), final_answer(one)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("'ab c'", '"ab c"', True),
        ("'ab c'", "ab c", True),
        ("Nuva", "Nuva?dlf", False),
        ("pAparA", "pApArA", False),
        ("8.50", "8.5", False),
        ("[1,2]", "[1, 2]", True),
        (f"It sorts {'the list ' * 8} in place.", f"It sorts {'the list ' * 8} in place!", True),
    ],
)
def test_what_code_gives_is_compared_to_the_letter(one, other, expected):
    assert same(final_answer(one), final_answer(other), exact=True) is expected


def test_questions_about_code():
    assert asks_for_output("def f(x):\n    return x\nassert f(1) == ??")
    assert asks_for_output("What does print('a' * 3) show?")
    assert not asks_for_output("How many eggs are in a box; and in two?")


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300),
    st.text(alphabet="\\{}[]()\"'0123456789^_+-*/=.,%$ boxedfracqrtanswer:#\n", max_size=300),
)
def test_any_two_texts_compare_alike_either_way(one, other):
    first, second = final_answer(one), final_answer(other)
    for exact in (False, True):
        assert same(first, second, exact=exact) is same(second, first, exact=exact)
        assert same(first, first, exact=exact)
        assert same(second, second, exact=exact)


JSON_LIKE = st.recursive(
    st.integers(-999, 999) | st.text(alphabet="abc ", max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(JSON_LIKE)
def test_a_literal_is_the_same_in_python_and_as_an_answer(value):
    answer = json.dumps({"reasoning": "because", "answer": repr(value)})
    assert same(final_answer(answer), final_answer(f"assert f() == {value!r}"))


@given(st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99))
def test_arithmetic(one, other, third):
    assert arithmetic(f"({one}) + ({other}) * {third}") == one + other * third
    assert arithmetic(f"\\frac{{{abs(one)}}}{{{third}}}") == abs(one) / third
    assert arithmetic("1/0") is arithmetic("9^9^9") is arithmetic("x + 1") is None
