"""Two answers: the same, different, or not to be compared, which is never agreement."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import ConfigurationError
from lc_asym_router.audits.comparison import PairJudge, compare_pair
from lc_asym_router.records.bindings import SchemaBinding, ToolBinding
from lc_asym_router.records.request import Request

PROSE = "One can walk along the river at night, and the bread is good in every street there."
OTHER = "The mountains are quiet, the air is clear, and hardly anybody shouts at the buses."


def weather(city: str, days: int = 1) -> str:
    """Forecast."""
    return city


def asked(question: str = "What is it?", **bound: object) -> Request:
    return Request(messages=(HumanMessage(question),), **bound)


def calling(*calls: tuple[str, dict[str, object]]) -> AIMessage:
    return AIMessage(
        "", tool_calls=[{"name": n, "args": a, "id": str(i)} for i, (n, a) in enumerate(calls)]
    )


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ("It comes to 12.", "#### 12", "same"),
        ("It comes to 12.", "#### 13", "differs"),
        ("Paris", "The answer is Paris.", "same"),
        ("Paris", "London", "differs"),
        ("yes", "no", "differs"),
        (PROSE, PROSE, "same"),
        (PROSE, OTHER, "incomparable"),
        ("12", OTHER, "incomparable"),
    ],
)
def test_texts(one, other, outcome):
    found = compare_pair(asked(), AIMessage(one), AIMessage(other))
    assert (found.outcome, found.by) == (outcome, "answer")
    assert found.worse is (False if outcome == "same" else None)


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        (calling(("weather", {"city": "Rome"})), calling(("weather", {"city": "rome "})), "same"),
        (
            calling(("weather", {"city": "Rome", "days": 1})),
            calling(("weather", {"city": "Rome"})),
            "same",
        ),
        (calling(("weather", {"city": "Rome"})), calling(("weather", {"city": "Oslo"})), "differs"),
        (calling(("weather", {"city": "Rome"})), AIMessage("It rains."), "differs"),
    ],
)
def test_tool_calls(one, other, outcome):
    request = asked(tools=ToolBinding((weather,)))
    assert compare_pair(request, one, other).outcome == outcome
    assert compare_pair(request, other, one).outcome == outcome


def test_without_a_call_texts_are_compared_though_tools_are_bound():
    request = asked(tools=ToolBinding((weather,)))
    assert compare_pair(request, AIMessage(PROSE), AIMessage(OTHER)).outcome == "incomparable"
    assert compare_pair(request, AIMessage("12"), AIMessage("13")).outcome == "differs"


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ({"n": 5, "who": "Ann"}, {"who": "ann", "n": 5.0}, "same"),
        ({"n": 5, "who": "Ann"}, {"n": 6, "who": "Ann"}, "differs"),
        ({"n": 5, "why": PROSE}, {"n": 5, "why": OTHER}, "incomparable"),
        ({"n": 5, "why": PROSE}, {"n": 6, "why": OTHER}, "differs"),
        ({"n": 5}, {"n": 5, "m": 1}, "differs"),
        ([1, 2], [1, 2.0], "same"),
        ([1, 2], [2, 1], "differs"),
    ],
)
def test_structured_outputs_field_by_field(one, other, outcome):
    request = asked(schema=SchemaBinding({"type": "object"}))
    ours, theirs = AIMessage(json.dumps(one)), AIMessage(f"```json\n{json.dumps(other)}\n```")
    found = compare_pair(request, ours, theirs)
    assert found.by == "fields"
    assert found.outcome == outcome


def test_an_output_that_is_no_json_can_not_be_compared():
    request = asked(schema=SchemaBinding({"type": "object"}))
    assert compare_pair(request, AIMessage("{"), AIMessage("{}")).outcome == "incomparable"


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_order_does_not_matter_and_no_text_is_kept(one, other):
    ours, theirs = AIMessage(one), AIMessage(other)
    found = compare_pair(asked(), ours, theirs)
    assert found.outcome == compare_pair(asked(), theirs, ours).outcome
    if len(one) > 30:
        assert one not in repr(found)


def test_a_judge_is_a_model():
    with pytest.raises(ConfigurationError, match="chat model"):
        PairJudge("gpt-4o")
