"""Checks: what passes, what fails, and how they compose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from lc_asym_router import Attempt, Verdict, default_checks
from lc_asym_router.records.bindings import SchemaBinding, ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import (
    Check,
    CutOff,
    Looping,
    MatchesSchema,
    NotEmpty,
    ParsesAsJSON,
    Refusal,
    ValidStructure,
    ValidToolCalls,
    as_check,
)


def attempt(
    text: Any = "", *, tools=None, schema=None, tool_choice=None, **message: Any
) -> Attempt:
    kwargs = {} if tool_choice is None else {"tool_choice": tool_choice}
    return Attempt(
        tier="small",
        model="m",
        message=AIMessage(text, **message),
        request=Request(
            messages=(HumanMessage("q"),),
            tools=ToolBinding(tuple(tools), kwargs) if tools is not None else None,
            schema=SchemaBinding(schema) if schema is not None else None,
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "42",
        "Paris.",
        "no",
        "B",
        "{}",
        "0",
        "Yes",
        "-",
        "Sorry",
        "I can swim.",
        "No puedo nadar.",
        "I'm sorry for your loss.",
        "The error message is: I'm sorry, but I can't help with that.",
        "Unfortunately, the answer is 7.",
        "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |\n| 3 | 4 |",
        "ha ha ha",
        "def f(x):\n    return x[::-1]",
    ],
)
def test_a_right_answer_passes_whatever_its_length(text):
    assert default_checks()(attempt(text)).passed


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, but I can’t help with that.",
        "Sorry, I cannot provide that.",
        "As an AI language model, I don't have access to real-time data.",
        "I don't have access to your files.",
        "I am unable to open links.",
        "**I'm sorry, but I cannot** do it",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Je suis désolé, mais je ne peux pas répondre.",
        "很抱歉，我无法提供",
    ],
)
def test_refusals_fail(text):
    verdict = Refusal()(attempt(text))
    assert not verdict.passed
    assert verdict.check == "Refusal"


def test_refusals_by_the_provider():
    assert not Refusal()(attempt("", additional_kwargs={"refusal": "no"})).passed
    assert not Refusal()(attempt([{"type": "refusal", "refusal": "no"}])).passed
    assert not Refusal()(attempt("x", response_metadata={"finish_reason": "content_filter"})).passed
    assert not Refusal(["computer says no"])(attempt("Computer says no!")).passed


@pytest.mark.parametrize(
    "metadata",
    [
        {"done_reason": "length"},
        {"finish_reason": "length"},
        {"stop_reason": "max_tokens"},
        {"finish_reason": "MAX_TOKENS"},
        {"incomplete_details": {"reason": "max_output_tokens"}},
    ],
)
def test_cut_off(metadata):
    assert not CutOff()(attempt("half", response_metadata=metadata)).passed
    assert CutOff()(attempt("whole", response_metadata={"done_reason": "stop"})).passed


def test_empty():
    assert not NotEmpty()(attempt("  \n")).passed
    assert not NotEmpty()(attempt([])).passed
    assert not NotEmpty()(attempt([{"type": "text", "text": " "}])).passed
    call = {"name": "t", "args": {}, "id": "1"}
    assert NotEmpty()(attempt("", tool_calls=[call])).passed


@pytest.mark.parametrize(
    "text",
    [
        "I think that is it. " * 5,
        "the " * 40,
        "yes no " * 20,
        "Start. " + "and then we go on and on again, " * 6,
    ],
)
def test_loops_fail(text):
    assert not Looping()(attempt(text)).passed


@given(st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=6), max_size=60, unique=True))
def test_words_that_all_differ_never_loop(words):
    assert Looping()(attempt(" ".join(words))).passed


@given(
    st.lists(st.text(alphabet="abcdefgh", min_size=2, max_size=6), min_size=3, max_size=20),
    st.integers(4, 9),
    st.text(max_size=40),
)
def test_a_repeated_passage_always_loops(words, times, before):
    passage = " ".join(words) + " "
    assert not Looping()(attempt(before + " " + passage * times)).passed


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Place(TypedDict):
    name: str
    size: int


PERSON_JSON = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
}


@pytest.mark.parametrize("schema", [Person, PERSON_JSON])
def test_json_against_a_schema(schema):
    check = MatchesSchema(schema)
    assert check(attempt('{"name": "Ann", "age": 3}')).passed
    assert check(attempt('```json\n{"name": "Ann", "age": 3}\n```')).passed
    for bad in ['{"name": "SECRET"}', '{"name": "SECRET", "age": -1}', "SECRET", "[]"]:
        verdict = check(attempt(bad))
        assert not verdict.passed
        assert verdict.reason
        assert "SECRET" not in verdict.reason


def test_a_typed_dict():
    assert MatchesSchema(Place)(attempt('{"name": "x", "size": 1}')).passed
    assert not MatchesSchema(Place)(attempt('{"name": "x"}')).passed


def test_parses_as_json():
    assert ParsesAsJSON()(attempt("[1, 2]")).passed
    assert not ParsesAsJSON()(attempt("[1, 2")).passed


def test_structure_from_a_tool_call_or_from_text():
    call = {"name": "Person", "args": {"name": "Ann", "age": 3}, "id": "1"}
    assert ValidStructure()(attempt("", schema=Person, tool_calls=[call])).passed
    assert ValidStructure()(attempt('{"name": "Ann", "age": 3}', schema=Person)).passed
    assert not ValidStructure()(attempt("Ann is 3", schema=Person)).passed
    other = {"name": "Other", "args": {}, "id": "1"}
    assert not ValidStructure()(attempt("", schema=Person, tool_calls=[other])).passed
    assert ValidStructure()(attempt("no schema bound")).passed


@tool
def weather(city: str, days: int = 1) -> str:
    """The weather in a city."""
    return city


def plain_function(a: int) -> int:
    """A plain function.

    Args:
        a: A number.
    """
    return a


MCP_LIKE = {
    "name": "search",
    "description": "Search.",
    "parameters": {
        "type": "object",
        "properties": {"q": {"type": "string"}},
        "required": ["q"],
    },
}

TOOLS = [weather, plain_function, Person, MCP_LIKE]


@pytest.mark.parametrize(
    ("name", "args", "good"),
    [
        ("weather", {"city": "Bonn"}, True),
        ("weather", {"city": "Bonn", "days": 2}, True),
        ("weather", {}, False),
        ("weather", {"city": ["SECRET"]}, False),
        ("plain_function", {"a": 1}, True),
        ("plain_function", {"a": "SECRET"}, False),
        ("Person", {"name": "A", "age": 1}, True),
        ("Person", {"name": "A"}, False),
        ("search", {"q": "x"}, True),
        ("search", {"q": 7}, False),
        ("SECRET", {}, False),
    ],
)
def test_tool_calls(name, args, good):
    call = {"name": name, "args": args, "id": "1"}
    verdict = ValidToolCalls()(attempt("", tools=TOOLS, tool_calls=[call]))
    assert verdict.passed is good
    assert "SECRET" not in verdict.reason


def test_calls_that_are_none():
    check = ValidToolCalls()
    call = {"name": "weather", "args": {"city": "Bonn"}, "id": "1"}
    broken = {"name": "weather", "args": "{", "id": "1", "error": "x"}
    assert not check(attempt("", tools=TOOLS, invalid_tool_calls=[broken])).passed
    assert not check(attempt("", tool_calls=[call])).passed
    assert check(attempt("It rains.", tools=TOOLS)).passed
    text = '{"name": "weather", "arguments": {"city": "Bonn"}}'
    assert not check(attempt(text, tools=TOOLS)).passed
    assert not check(attempt('{"name": "nobody", "arguments": {}}', tools=TOOLS)).passed
    assert check(attempt('{"name": "Ann", "age": 7}', tools=TOOLS)).passed


@pytest.mark.parametrize("choice", ["any", "required", True, "weather"])
def test_a_wanted_call_must_be_made(choice):
    check = ValidToolCalls()
    call = {"name": "weather", "args": {"city": "Bonn"}, "id": "1"}
    assert not check(attempt("It rains.", tools=TOOLS, tool_choice=choice)).passed
    assert check(attempt("", tools=TOOLS, tool_choice=choice, tool_calls=[call])).passed
    if choice == "weather":
        other = {"name": "plain_function", "args": {"a": 1}, "id": "1"}
        assert not check(attempt("", tools=TOOLS, tool_choice=choice, tool_calls=[other])).passed


class Fixed(Check):
    def __init__(self, passed: bool, score: float | None = None) -> None:
        self.verdict = Verdict(passed, score, "because")
        self.asked = 0

    def check(self, attempt: Attempt) -> Verdict:
        self.asked += 1
        return self.verdict


@given(st.recursive(st.booleans(), lambda inner: st.tuples(st.sampled_from("&|~"), inner, inner)))
def test_operators_are_boolean_algebra(tree):
    def build(node: Any) -> tuple[Check, bool]:
        if isinstance(node, bool):
            return Fixed(node, 0.5), node
        operator, left, right = node
        (one, a), (two, b) = build(left), build(right)
        if operator == "&":
            return one & two, a and b
        if operator == "|":
            return one | two, a or b
        return ~one, not a

    check, expected = build(tree)
    assert check(attempt("x")).passed is expected


def test_operators_stop_early_and_name_what_decided():
    never = Fixed(True)
    verdict = (Fixed(False, 0.2) & never)(attempt("x"))
    assert (verdict.check, verdict.score, never.asked) == ("Fixed", 0.2, 0)
    assert (Fixed(True, 0.9) | never)(attempt("x")).score == 0.9
    assert never.asked == 0
    assert (~Fixed(True, 0.9))(attempt("x")).score == pytest.approx(0.1)
    assert repr(NotEmpty() & ~Refusal() | as_check(len)) == "((NotEmpty & ~Refusal) | len)"


async def test_async_twins_agree():
    async def later(attempt):
        return Verdict(True, 0.7)

    check = (NotEmpty() & later) | Refusal()
    assert (await check.acall(attempt("x"))) == check(attempt("x"))
    assert (await (~check).acall(attempt("x"))).passed is False
    assert (await default_checks().acall(attempt("42"))).passed
