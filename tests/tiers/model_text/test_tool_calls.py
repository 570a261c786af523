"""Tool calls in text: whole, broken, only shown; on texts and on messages."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from lc_asym_router.tiers.model_text import read_calls, repair_tool_calls, tools_of
from tests.tiers.model_text import forms
from tests.tiers.model_text.corpus import BROKEN, SHOWN, TOOLS, WHOLE

CALL = '{"name": "get_weather", "arguments": {"city": "Paris"}}'


@pytest.mark.parametrize(("text", "calls", "rest"), WHOLE)
def test_whole_calls_are_read(text, calls, rest):
    found = read_calls(text, TOOLS)
    assert [(call.name, call.arguments) for call in found.calls] == calls
    assert found.rest_text == rest
    assert found.broken is None


@pytest.mark.parametrize(("text", "reason"), BROKEN)
def test_broken_calls_are_said_to_be(text, reason):
    found = read_calls(text, TOOLS)
    assert reason in found.broken
    assert found.calls == ()
    assert found.rest_text == text


@pytest.mark.parametrize("text", SHOWN)
def test_calls_that_are_only_shown_stay_text(text):
    found = read_calls(text, TOOLS)
    assert (found.calls, found.rest_text, found.broken) == ((), text, None)


@pytest.mark.parametrize(("text", "calls", "rest"), forms.FORMS)
def test_each_familys_further_forms_are_read(text, calls, rest):
    found = read_calls(text, forms.TOOLS)
    assert [(call.name, call.arguments) for call in found.calls] == calls
    assert (found.rest_text, found.broken) == (rest, None)


@pytest.mark.parametrize(("text", "reason"), forms.BROKEN)
def test_each_familys_further_forms_broken_are_said_to_be(text, reason):
    found = read_calls(text, forms.TOOLS)
    assert reason in found.broken
    assert (found.calls, found.rest_text) == ((), text)


@pytest.mark.parametrize("text", forms.SHOWN)
def test_what_only_looks_like_a_further_form_stays_text(text):
    found = read_calls(text, forms.TOOLS)
    assert (found.calls, found.rest_text, found.broken) == ((), text, None)


@pytest.mark.parametrize("text", [text for text, *_ in WHOLE] + [text for text, _ in BROKEN])
def test_without_bound_tools_all_is_text(text):
    assert read_calls(text, {}).rest_text == text
    assert read_calls(text, {}).broken is None


def test_an_argument_may_hold_a_fence():
    text = '```json\n{"name": "get_weather", "arguments": {"city": "```py\\nx```"}}\n```'
    assert read_calls(text, TOOLS).calls[0].arguments == {"city": "```py\nx```"}


def test_a_name_is_found_with_dots_and_a_namespace():
    tools = {"math_hypot": {}, "functions_zero": {}}
    assert read_calls("[math.hypot(x=4)]", tools).calls[0].name == "math_hypot"
    assert read_calls("[functions.zero(x=4)]", tools).calls[0].name == "functions_zero"
    harmony = "commentary to=functions.math_hypot json{}"
    assert read_calls(harmony, tools).calls[0].name == "math_hypot"


def test_a_parameter_in_tags_has_its_schemas_type():
    text = "<function=f><parameter=a>5</parameter><parameter=b>5</parameter></function>"
    tools = {"f": {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}
    assert read_calls(text, tools).calls[0].arguments == {"a": "5", "b": 5}
    several = "<function=f><parameter=c>[1, {'x': None}]</parameter></function>"
    assert read_calls(several, tools).calls[0].arguments == {"c": [1, {"x": None}]}


def test_a_name_without_quotes_is_a_text_where_one_is_wanted():
    tools = {"f": {"properties": {"unit": {"type": "string"}, "n": {"type": "integer"}}}}
    assert read_calls("[f(unit=celsius)]", tools).calls[0].arguments == {"unit": "celsius"}
    assert read_calls("[f(n=celsius)]", tools).broken
    assert read_calls("[f(unit=g(x=1))]", tools).broken


@pytest.mark.parametrize("argument", ["__import__('os')", "1+1", "x.y", "[x for x in y]", "f'{x}'"])
def test_nothing_is_evaluated(argument):
    found = read_calls(f"[add(a={argument})]", TOOLS)
    assert found.broken
    assert not found.calls


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 30_000,
        "[add(a=" + "[" * 100_000,
        "[add(a=" + "-" * 100_000 + "1)]",
        '<tool_call>{"name": "add", "arguments": ' + '{"a":' * 3000 + "1" + "}" * 3002,
        "<tool_call>" * 10_000,
        " " * 150_000 + "x",
        "\t" * 150_000,
        "```json" + "\n" * 150_000 + "x",
        '"<tool_call>' * 10_000,
        "a" + "</s>" * 40_000,
        "<|channel|>" * 15_000,
    ],
    ids=range(12),
)
def test_long_and_deep_texts_come_to_an_end(text):
    assert not read_calls(text, TOOLS).calls


def test_a_text_that_is_too_long_is_not_read():
    long = f"<tool_call>{CALL}</tool_call>" + "x" * 200_000
    assert "too long" in read_calls(long, TOOLS).broken
    assert read_calls("x" * 200_001 + long, TOOLS).broken is None


def test_more_calls_than_any_provider_makes_are_broken():
    assert len(read_calls(f"<tool_call>{CALL}</tool_call>" * 128, TOOLS).calls) == 128
    assert read_calls(f"<tool_call>{CALL}</tool_call>" * 129, TOOLS).broken


def test_no_repr_holds_the_models_words():
    found = read_calls(f"Secret.\n<tool_call>{CALL}</tool_call>", TOOLS)
    assert "Paris" not in repr(found)
    assert "Secret" not in repr(found)
    assert "Paris" not in repr(found.calls[0])


def get_weather(city: str) -> str:
    """Weather of a city."""
    return city


def test_tools_in_openais_form():
    tools = tools_of([convert_to_openai_tool(get_weather), {"type": "web_search"}])
    assert list(tools) == ["get_weather"]
    assert tools["get_weather"]["properties"]["city"]["type"] == "string"


def test_a_message_is_repaired():
    message = AIMessage(
        f"Let me see.\n<tool_call>{CALL}</tool_call>",
        id="m",
        response_metadata={"model_name": "x"},
    )
    repaired = repair_tool_calls(message, TOOLS)
    assert repaired.message.content == "Let me see."
    [call] = repaired.message.tool_calls
    assert (call["name"], call["args"], call["type"]) == (
        "get_weather",
        {"city": "Paris"},
        "tool_call",
    )
    assert call["id"]
    assert (repaired.calls, repaired.broken) == (1, None)
    assert repaired.message.id == "m"
    assert repaired.message.response_metadata == {"model_name": "x"}
    assert not message.tool_calls


def test_every_call_has_an_id_of_its_own():
    repaired = repair_tool_calls(AIMessage(f"[{CALL}, {CALL}]"), TOOLS)
    assert len({call["id"] for call in repaired.message.tool_calls}) == 2


def test_blocks_beside_the_text_stay():
    image = {"type": "image", "url": "http://127.0.0.1/x.png"}
    message = AIMessage([image, {"type": "text", "text": f"<tool_call>{CALL}</tool_call>"}])
    assert repair_tool_calls(message, TOOLS).message.content == [image]


def test_thinking_in_a_repaired_message_is_a_block():
    message = AIMessage(f"<think>hm</think>Well.\n<tool_call>{CALL}</tool_call>")
    repaired = repair_tool_calls(message, TOOLS).message
    assert repaired.text == "Well."
    assert repaired.content_blocks[0] == {"type": "reasoning", "reasoning": "hm"}


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("It is sunny."),
        AIMessage("<tool_call>{"),
        AIMessage(
            f"<tool_call>{CALL}</tool_call>",
            tool_calls=[{"name": "add", "args": {}, "id": "1", "type": "tool_call"}],
        ),
    ],
)
def test_a_message_without_whole_calls_in_its_text_is_the_same(message):
    repaired = repair_tool_calls(message, TOOLS)
    assert repaired.message is message
    assert repaired.calls == 0
    assert bool(repaired.broken) == (message.content == "<tool_call>{")
