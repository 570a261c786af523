"""Answers written in many ways: those that mean the same agree, and no others do."""

from __future__ import annotations

import ast
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import Attempt, default_checks
from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.comparing import agree, same
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.answers.formulas import equal
from tests.verify.answers.pairs import EVERY, MISSED

STYLES = (
    "{0}",
    "{0}.",
    "**{0}**",
    "${0}$",
    "{0:,}",
    "{0}.0",
    "#### {0}",
    "\\boxed{{{0}}}",
    "Answer: {0}",
    "The answer is {0}.",
    "The answer is {0}, since 5 of the 17 are gone.",
    "x = {0}",
    "{0} apples",
    '{{"reasoning": "3 + 4 = 7", "answer": "{0}"}}',
    '{{"reasoning": "3 + 4 = 7", "answer": {0}}}',
    '```json\n{{"reasoning": "x\ny", "answer": "{0}"}}\n```',
    "<think>Maybe 3? The answer is 3.</think>\n\n{0}",
    "答案是{0}。",
    "Die Antwort ist {0}.",
    "First we add them all up, and then we take away the rest, as we are told to: we get **{0}**.",
)


@pytest.mark.parametrize("group", sorted({group for group, *_ in EVERY}))
def test_meaning(group):
    wrong = [pair for pair in EVERY if pair[0] == group and not read_right(*pair[1:])]
    assert not wrong, "\n".join(map(repr, wrong))


def read_right(one, other, expected, question):
    first, second = final_answer(one), final_answer(other)
    agreed = agree(question, first, second), agree(question, second, first)
    due = expected and (one, other) not in MISSED
    return agreed == (due, due) and agree(question, first, first) is True


def test_no_pair_is_told_to_agree_wrongly():
    """What is missed costs a call of the frontier; a wrong agreement would cost the answer."""
    missed = {(one, other) for _, one, other, expected, _ in EVERY if expected} & MISSED
    assert missed == MISSED
    assert len(EVERY) > 500


@given(st.integers(-(10**7), 10**7), st.sampled_from(STYLES), st.sampled_from(STYLES))
@settings(max_examples=300, deadline=None)
def test_a_number_is_the_same_in_any_style_and_another_is_another(number, one, other):
    first, second = (final_answer(style.format(number)) for style in (one, other))
    assert same(first, second)
    assert not same(first, final_answer(other.format(number + 1)))


@given(st.sampled_from("ABCDEFGHIJ"), st.sampled_from("ABCDEFGHIJ"), st.data())
@settings(deadline=None)
def test_a_choice_is_the_same_in_any_style(letter, another, data):
    styles = st.sampled_from(
        [
            "{0}",
            "({0})",
            "**{0}**",
            "Answer: {0}",
            "The correct answer is ({0}).",
            "The answer is {0}, because the others are wrong.",
            "Option {0} is the correct answer.",
            '{{"reasoning": "r", "answer": "{0}"}}',
            "{0}. because it is what the text of the question says in the end",
        ]
    )
    one, other = data.draw(styles), data.draw(styles)
    assert same(final_answer(one.format(letter)), final_answer(other.format(letter)))
    agreed = same(final_answer(one.format(letter)), final_answer(other.format(another)))
    assert agreed is (letter == another)


GRIDS = st.dictionaries(
    st.sampled_from(["House 1", "House 2", "House 3"]),
    st.dictionaries(st.sampled_from(["Name", "Drink", "Pet"]), st.sampled_from("abcd"), min_size=1),
    min_size=1,
)


@given(GRIDS, GRIDS, st.text(alphabet='abc .\n\\("', max_size=20), st.randoms())
@settings(deadline=None)
def test_a_grid_is_the_same_in_any_order_of_its_keys(grid, another, reasoning, random):
    def turned(data):
        if not isinstance(data, dict):
            return data
        return dict(random.sample([(key, turned(held)) for key, held in data.items()], len(data)))

    one = json.dumps({"reasoning": reasoning, "solution": grid})
    other = json.dumps({"solution": turned(grid), "reasoning": "otherwise"}, indent=1)
    different = json.dumps({"reasoning": reasoning, "solution": another})
    assert same(final_answer(one), final_answer(f"```json\n{other}\n```"))
    assert same(final_answer(one), final_answer(different)) is (grid == another)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.integers(0, 3))
@settings(deadline=None)
def test_a_polynomial_is_the_same_with_its_terms_in_any_order(factors, by):
    terms = [f"({factor})x^{{{power}}}" for power, factor in enumerate(factors)]
    by %= len(terms)
    assert equal(" + ".join(terms), "+".join(terms[by:] + terms[:by]))
    assert not equal(" + ".join(terms), " + ".join([*terms, "x^{9}"]))


PROGRAM = "def {f}({a}, {b}):\n    {c} = {a} {sign} {b}\n    return {c}{comment}\n"


@given(st.permutations(["one", "two", "three", "four"]), st.sampled_from("+-*/%"))
def test_a_program_is_the_same_with_other_names(names, sign):
    first = PROGRAM.format(f="f", a="a", b="b", c="c", sign=sign, comment="")
    f, a, b, c = names
    second = PROGRAM.format(f=f, a=a, b=b, c=c, sign=sign, comment="  # done")
    turned = PROGRAM.format(f="f", a="a", b="b", c="c", sign="//", comment="")
    one, other, third = (
        final_answer(f"```python\n{ast.unparse(ast.parse(code)) if n else code}\n```")
        for n, code in enumerate((first, second, turned))
    )
    assert one.kind == "code"
    assert same(one, other)
    assert not same(one, third)


PIECES = [
    "boxed{",
    "**a",
    "<think>",
    "</think>",
    "[answer]",
    "<answer>",
    "the~answer~is~",
    "Answer:~A",
    '{"answer":~"',
    "```python\n",
    "```\n",
    "\\frac{",
    "$",
    "|",
    "A)~",
    "A~and~",
    "1.",
    "1~000~",
    "march~5~",
    "10:",
    "5~million~",
    "2~hours~and~",
    "x=1~or~",
    "Wait,~",
    "yes,~",
    "def~f(x):\n",
    "//",
    "#",
    '"\\',
    "答案是",
    "42个",
    "½",
    "####",
    "option~A~is~",
    "1/2~",
    "x^",
    "(",
    "[",
    "{",
    "-",
    "a.m.~",
    "The~output~is~",
    "not~",
    "\\pm",
    "'",
    "\\text{",
    "1,",
    ",",
]


@pytest.mark.full
@pytest.mark.parametrize("piece", [piece.replace("~", " ") for piece in PIECES])
@pytest.mark.parametrize("before", ["", "The answer is "])
def test_time_does_not_run_away_with_the_length(piece, before):
    text = before + (piece * (100_000 // len(piece) + 1))[:100_000]
    started = time.process_time()
    one, other = final_answer(text), final_answer(text[:-7])
    agree(text, one, other)
    assert time.process_time() - started < 8  # seconds; under 1 on an idle core


@given(
    st.lists(st.sampled_from(PIECES), max_size=30), st.lists(st.sampled_from(PIECES), max_size=30)
)
@settings(max_examples=300, deadline=None)
def test_any_answers_compare_alike_either_way(first, second):
    one, other = (final_answer("".join(side).replace("~", " ")) for side in (first, second))
    for question in ("", "Which?\nA) 1\nB) 2", "assert f(1) == ??"):
        assert agree(question, one, other) is agree(question, other, one)
        assert agree(question, one, one)
        assert agree(question, other, other)


def _passes(answer: str) -> bool:
    request = Request(messages=(HumanMessage("What is it?"),))
    return default_checks()(Attempt("small", "m", AIMessage(answer), request)).passed


@pytest.mark.parametrize(
    "answer",
    [
        "42",
        "B",
        "(C)",
        "No",
        "Yes.",
        "Paris",
        "-1",
        "0",
        "{}",
        "[]",
        "None",
        "True",
        "3/4",
        "東京",
        "½",
        "+",
        "'a'",
        "```python\nreturn 1\n```",
        "1 1 1 1 1 1 1 1",
        "| 1 | 2 |\n| --- | --- |\n| 3 | 4 |",
        "No idea is bad.",
        "Sorry is a word of five letters.",
        '{"answer": "C"}',
        "\\boxed{\\frac{3}{4}}",
        "ha ha ha",
    ],
)
def test_the_default_checks_pass_short_answers(answer):
    assert _passes(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "I'm sorry, but I can't help with that.",
        "I cannot answer that question.",
        "and so it is, " * 30,
        "Ich kann diese Anfrage nicht beantworten.",
        "抱歉，我无法回答。",
        "3 + 4 = 8, so it is 8.",
    ],
)
def test_the_default_checks_fail_what_is_no_answer(answer):
    assert not _passes(answer)
