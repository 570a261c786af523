"""Values in tool calls that stand in the conversation, and those that a model made up."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Attempt, GroundedArguments

TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "description": "Books a table, at the Adler if nothing else is said.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["metric", "imperial"]},
                "days": {"type": "integer", "default": 17},
                "list": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
        },
    },
}


def passes(asked, before=(), **args):
    messages = (*before, HumanMessage(asked))
    made = AIMessage("", tool_calls=[{"name": "f", "args": args, "id": "1"}])
    request = Request(messages, tools=ToolBinding((TOOL,)))
    return GroundedArguments()(Attempt("small", "m", made, request)).passed


@pytest.mark.parametrize(
    ("asked", "args"),
    [
        ("Weather in Bonn?", {"city": "Bonn"}),
        ("Weather in Bonn?", {"city": "bonn, Germany"}),
        ("WEATHER IN BONN?", {"city": "Bonn"}),
        ("How are things in the Münsterland?", {"city": "Münsterland"}),
        ("A table for five", {"n": 5}),
        ("A table for twenty-one", {"n": 21}),
        ("I have $1,500.", {"usd": 1500}),
        ("I have 1.5 million", {"usd": 1500000}),
        ("at 3% a year", {"rate": 0.03}),
        ("at 3% a year", {"rate": 3}),
        ("a song of 3 minutes", {"seconds": 180}),
        ("for the next week", {"days": 7}),
        ("compounded quarterly", {"n": 4}),
        ("at 7 pm", {"hour": 19}),
        ("on February 15th, 2022", {"day": 15, "month": 2, "year": 2022}),
        ("at -74.006", {"longitude": -74.006}),
        ("the roots for -11", {"b": -11}),
        ("Convert euros to dollars", {"of": "EUR", "to": "USD"}),
        ("Stock price of Apple", {"symbol": "AAPL"}),
        ("Anything", {"unit": "metric", "days": 17, "flag": True, "none": None, "n": 1, "m": 0}),
        ("Book it", {"city": "Adler"}),
        ("北京的天气怎么样？", {"city": "Beijing"}),
        (
            "Say that to them",
            {"text": "Dear all, the meeting of this afternoon is moved to the hall"},
        ),
        ("Sedans, please", {"list": ["sedan"]}),
        ("I am Anna", {"inner": {"name": "Anna"}}),
    ],
)
def test_what_stands_there(asked, args):
    assert passes(asked, **args)


@pytest.mark.parametrize(
    ("asked", "args"),
    [
        ("Weather in Bonn?", {"city": "Paris"}),
        ("Weather, please", {"city": "New York"}),
        ("A table for five", {"n": 6}),
        ("I have $1,500.", {"usd": 1600}),
        ("at 3% a year", {"rate": 0.04}),
        ("for the next week", {"days": 9}),
        ("at 7 pm", {"hour": 20}),
        ("Sedans, please", {"list": ["sedan", "truck"]}),
        ("I am Anna", {"inner": {"name": "Berta"}}),
        ("Weather in Bonn tomorrow?", {"city": "Bonn", "date": "2023-10-14"}),
        ("Mail Anna", {"to": "john.doe@example.com"}),
    ],
)
def test_what_is_made_up(asked, args):
    assert not passes(asked, **args)


def test_history_system_prompt_and_tool_results_count():
    before = (
        SystemMessage("Today is 2025-11-15. The user lives in Bonn."),
        HumanMessage("Who am I?"),
        AIMessage("", tool_calls=[{"name": "g", "args": {}, "id": "0"}]),
        ToolMessage('{"customer": 48213}', tool_call_id="0"),
    )
    assert passes("And the weather?", before, city="Bonn", customer=48213, date="2025-11-15")
    assert not passes("And the weather?", before, city="Rome")


def test_the_reason_holds_no_value():
    made = AIMessage("", tool_calls=[{"name": "f", "args": {"city": "Sesame"}, "id": "1"}])
    request = Request((HumanMessage("hi"),), tools=ToolBinding((TOOL,)))
    verdict = GroundedArguments()(Attempt("small", "m", made, request))
    assert (verdict.passed, "Sesame" in verdict.reason) == (False, False)
    assert "stands nowhere in the conversation" in verdict.reason


def test_long_conversations_and_wild_arguments_pass_in_bounded_time():
    assert passes("word " * 50_000, city="Paris")
    deep: dict[str, object] = {"name": "Anna"}
    for _ in range(100):
        deep = {"inner": deep}
    assert passes("hi", **deep)
    assert passes("hi", n=float("nan"), m=10**400)
