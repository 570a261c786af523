"""Checks of an answer's text: loops in any script, all sums, calls as text, JSON of any depth."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import Attempt
from lc_asym_router._internal.schemas import (
    DEEPEST,
    SchemaError,
    could_be_json,
    parse_json,
    validate_json,
)
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Arithmetic, Looping, MatchesSchema, ValidToolCalls
from lc_asym_router.verify import form as arithmetic
from lc_asym_router.verify import text_checks as loops_module
from lc_asym_router.verify.attempt import Prefix
from lc_asym_router.verify.text_checks import loops

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"name": "f", "arguments": {}}


def attempt(text: str) -> Attempt:
    request = Request((HumanMessage("What is it?"),), tools=ToolBinding((TOOL,)))
    return Attempt("small", "m", AIMessage(text), request)


SENTENCES = [
    "今天天气很好，我们去公园散步。",
    "今日は天気がいいので公園を散歩しましょう。",
    "วันนี้อากาศดีมากเราไปเดินเล่นในสวนกันเถอะ",
    "ມື້ນີ້ອາກາດດີຫຼາຍ",
    "ថ្ងៃនេះអាកាសធាតុល្អណាស់",
    "오늘은 날씨가 좋네요. ",
    "The answer is that it is so. ",
    "我觉得answer是正确的，",
    "ဒီနေ့ရာသီဥတုကောင်းတယ်။",
    "El tiempo es bueno y vamos al parque. ",
    "आज मौसम अच्छा है और हम पार्क जाते हैं। ",
    "الجو جميل اليوم ونذهب إلى الحديقة. ",
    "O tempo está bom e vamos ao parque. ",
    "আজ আবহাওয়া ভালো, আমরা পার্কে যাই। ",
    "Сегодня хорошая погода, идём в парк. ",
    "Das Wetter ist gut, wir gehen in den Park. ",
    "Il fait beau, nous allons au parc. ",
    "Bugün hava güzel, parka gidiyoruz. ",
    "Hôm nay trời đẹp, chúng ta đi công viên. ",
    "Il tempo è bello, andiamo al parco. ",
    "Dziś jest ładna pogoda, idziemy do parku. ",
    "Сьогодні гарна погода, йдемо в парк. ",
    "Het weer is goed, we gaan naar het park. ",
    "Cuaca hari ini bagus, kita ke taman. ",
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("before", ["", "First of all: ", "好的，"])
def test_a_sentence_over_and_over_is_a_loop(sentence, before):
    for times in (6, 30, 31):
        assert not Looping()(attempt(before + sentence * times)).passed
    assert Looping()(attempt(before + sentence * 2)).passed
    prefix = Prefix(Request((HumanMessage("?"),)), text=before + sentence * 30)
    assert Looping().early(prefix)


@pytest.mark.parametrize(
    "text",
    [
        "哈哈哈哈哈哈",
        "好的好的好的",
        "0 " * 1_000,
        "| 1 | 2 |\n" * 500,
        "東京、大阪、京都、名古屋、札幌、福岡、神戸、横浜。",
        "-" * 10_000,
        "1000000" * 50,
        "۞ " * 500,
    ],
)
def test_what_repeats_itself_for_good_reasons_is_none(text):
    assert not loops(text)


@given(
    st.lists(st.sampled_from(["one", "two", "three", "4", "五", "六"]), min_size=1, max_size=12),
    st.lists(st.sampled_from(["one", "seven", "八"]), max_size=9),
    st.integers(1, 40),
)
def test_runs_are_found_as_by_looking_at_each_place(passage, before, times):
    words = [*before, *passage * times, "end"]
    tokens = [word for each in words for word in loops_module._TOKEN.findall(each)]
    assert loops(" ".join(words)) is by_each_place(tokens)


def by_each_place(tokens: list[str], repeats: int = 4, longest: int = 60) -> bool:
    """The rule, written down without any shortcut."""
    for period in range(1, min(longest, len(tokens) // 2) + 1):
        for end in range(2 * period, len(tokens) + 1):
            passage = tokens[end - period : end]
            words = sum(1 if token.isascii() else 0.5 for token in passage)
            copies = repeats if words >= 3 else 4 * repeats
            letters = sum(char.isalpha() for token in passage for char in token)
            run = period * (copies - 1)
            begin = end - run
            if (
                letters >= 3
                and begin >= period
                and all(tokens[at] == tokens[at - period] for at in range(begin, end))
            ):
                return True
    return False


@pytest.mark.parametrize("check", [Looping(), Arithmetic()])
def test_what_is_too_long_to_judge_does_not_pass(check):
    longest = max(loops_module.LONGEST, arithmetic.LONGEST)
    words = (f"w{n} = {n}" for n in range(longest // 6))
    verdict = check(attempt(" ".join(words)))
    assert not verdict.passed
    assert "too long to judge" in verdict.reason


@pytest.mark.parametrize("true", [0, 1, 39, 40, 41, 300])
@pytest.mark.parametrize("false", [1, 20])
def test_false_sums_behind_any_number_of_true_ones_fail(true, false):
    sums = [f"{n} + {n} = {2 * n}." for n in range(1, true + 1)]
    wrong = [f"{n} * 3 = {3 * n + 2 * n}." for n in range(10, 10 + false)]
    verdict = Arithmetic()(attempt("\n".join(sums + wrong)))
    assert not verdict.passed
    assert verdict.reason.startswith(f"{false} of {true + false} sums")
    assert Arithmetic()(attempt("\n".join(sums))).passed


def test_more_sums_than_are_worked_out_do_not_pass():
    sums = " ".join(f"{n} + 1 = {n + 1}." for n in range(arithmetic.MOST + 1))
    assert "too long to judge" in Arithmetic()(attempt(sums)).reason


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        [CALL],
        {"type": "function", "function": CALL},
        {"type": "function", "function": {"name": "f", "parameters": {}}},
        {"function": "f", "args": {}},
        {"function": {"name": "g", "arguments": {}}},
    ],
)
def test_a_call_as_text_fails(call):
    assert not ValidToolCalls()(attempt(json.dumps(call))).passed


@pytest.mark.parametrize(
    "data",
    [
        {"name": {"a": 1}, "arguments": {}},
        {"function": ["f"], "arguments": {}},
        {"function": {"name": ["f"], "parameters": {}}},
        {"function": {"function": {"function": {}}}},
        [{"x": 1}, {"function": CALL}],
        {"name": "f"},
        [[CALL]],
        5,
    ],
)
def test_other_json_is_no_call(data):
    assert ValidToolCalls()(attempt(json.dumps(data))).passed


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("```json\n[1]\n```", [1]),
        ("```\n\n\n[1]```", [1]),
        ("```json5  \n[1]\n\n```", [1]),
        (" [1] ", [1]),
        ('"```"', "```"),
        ('{"a": "' + "[" * 300 + '"}', {"a": "[" * 300}),
        ('{"a": "\\"' + "[" * 300 + '"}', {"a": '"' + "[" * 300}),
        ("[" + "[1]," * 300 + "1]", [*([[1]] * 300), 1]),
        ("[" * DEEPEST + "]" * DEEPEST, None),
    ],
)
def test_json_is_parsed(text, data):
    assert data is None or parse_json(text) == data
    parse_json(text)
    assert could_be_json(text)


@pytest.mark.parametrize("text", ["```json\n[1]", "```json [1]```", "[1", "", "```", "9" * 5_000])
def test_what_is_no_json_is_told_so(text):
    with pytest.raises(SchemaError):
        parse_json(text)


@pytest.mark.parametrize("depth", [DEEPEST + 1, 800, 3_000, 100_000])
def test_json_that_is_too_deep_is_told_so(depth):
    text = "[" * depth + "]" * depth
    with pytest.raises(SchemaError, match="nested"):
        parse_json(text)
    verdict = MatchesSchema({"type": "array"})(attempt(text))
    assert not verdict.passed
    assert "nested" in verdict.reason


def test_data_too_deep_to_be_validated_do_not_fit():
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(SchemaError, match="deep"):
        validate_json(deep, {"type": "object", "properties": {"a": {"$ref": "#"}}})
