"""What models write into their text is read alike through every provider's client."""

from __future__ import annotations

import json

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel

from tests.servers import Reply
from tests.tiers.providers.clients import WAYS, ask
from tests.tiers.providers.conftest import Rig, entries


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return city


DATA = {"name": "weather", "arguments": {"city": "Paris"}}
CALL = json.dumps(DATA)
CALLS = [
    f"<tool_call>\n{CALL}\n</tool_call>",
    f"I will look.\n<tool_call>{CALL}</tool_call>",
    f"<think>Paris, then.</think>\n<tool_call>{CALL}</tool_call>",
    "<function=weather>\n<parameter=city>\nParis\n</parameter>\n</function>",
    f"[TOOL_CALLS][{CALL}]",
    f"Here it is:\n\n```json\n{CALL}\n```",
    '<|python_tag|>{"name": "weather", "parameters": {"city": "Paris"}}',
    "[weather(city='Paris')]",
    '<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
    f'{{"tool_calls": [{CALL}]}}',
    json.dumps({"type": "function", "function": {**DATA, "arguments": '{"city": "Paris"}'}}),
    json.dumps(
        {"type": "function", "function": {"name": "weather", "parameters": {"city": "Paris"}}}
    ),
]
PROSE = [
    "A call looks like `<tool_call>{...}</tool_call>`, and you fill it in.",
    "In Hermes' form a model writes\n\n```\n<tool_call>\n"
    '{"name": "get_time", "arguments": {}}\n</tool_call>\n```\n\nand waits for the result.',
    "It is sunny in Paris.",
    '{"name": "Paris", "inhabitants": 2000000}',
]
BROKEN = [
    '<tool_call>{"name": "weather", "arguments": {"city": ',
    "<function=weather>\n<parameter=city>\nPar",
    '[TOOL_CALLS][{"name": "weather", "arguments"',
    '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>',
    '{"type":"function","function":{"name":"f","parameters":{}}}',
]
WHOLE = [
    ("<think>7 * 8 = 54, no: 56.</think>\nIt is 56.", "It is 56."),
    ("<think>" + "Let me look at it again. " * 30 + "</think>\nParis.", "Paris."),
    ("<thinking>I'm sorry, but I can't help with that. Or can I?</thinking>\nParis.", "Paris."),
    ("[THINK]2 + 2 = 5, no.[/THINK]4", "4"),
    (
        "<|channel|>analysis<|message|>2 + 2 = 5?<|end|><|start|>assistant"
        "<|channel|>final<|message|>4<|return|>",
        "4",
    ),
    ("2 + 2 = 5? No.\n</think>\n\n4", "4"),
]
FAILING = [
    ("<think>hm</think>\nI'm sorry, but I can't assist with that request.", "Refusal"),
    ("[THINK]hm[/THINK]I must decline.", "Refusal"),
    ("<think>hm</think>\n7 * 8 = 54, so it is 54.", "Arithmetic"),
    ("<thinking>hm</thinking>\n" + "I think that it is so. " * 30, "Looping"),
    ("<think>hm</think>\n" + "今天天气很好，我们去公园散步。" * 30, "Looping"),
    ("<think>hm</think>", "NotEmpty"),
    ("<think>It is Paris, or is it", ""),
    ("<|channel|>analysis<|message|>It is Paris, or", ""),
]


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_calls_as_text_are_made(rig: Rig, way: str) -> None:
    bound = rig.first(verify="form").bind_tools([weather])
    for text in CALLS:
        rig.server.default = Reply(text)
        answer = await ask(bound, way, "Weather in Paris?")
        made = [(call["name"], call["args"]) for call in answer.tool_calls]
        assert made == [("weather", {"city": "Paris"})], text
        assert entries(answer)[0]["repaired"] is True, text
        assert "weather" not in answer.text, text
    assert not rig.spare.requests


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_prose_stays_and_broken_calls_fail(rig: Rig, way: str) -> None:
    bound = rig.first(verify="form").bind_tools([weather])
    for text in PROSE:
        rig.server.default = Reply(text)
        answer = await ask(bound, way, "Weather in Paris?")
        assert (answer.text, answer.tool_calls) == (text, []), text
    assert not rig.spare.requests
    for text in BROKEN:
        rig.server.default = Reply(text)
        answer = await ask(bound, way, "Weather in Paris?")
        assert answer.text == "from the spare", text
        assert entries(answer)[0]["check"] == "ValidToolCalls", text


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_checks_look_behind_the_thinking(rig: Rig, way: str) -> None:
    router = rig.first(verify="form")
    for text, behind in WHOLE:
        rig.server.default = Reply(text)
        answer = await ask(router, way)
        assert answer.text.strip() == behind, text
        blocks = [each["type"] for each in answer.content_blocks]
        assert "reasoning" in blocks, text
    assert not rig.spare.requests
    for text, check in FAILING:
        rig.server.default = Reply(text)
        answer = await ask(router, way)
        assert answer.text == "from the spare", text
        assert not check or entries(answer)[0]["check"] == check, text


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("include_raw", [False, True])
async def test_data_behind_thinking_and_in_prose(rig: Rig, way: str, include_raw: bool) -> None:
    person = '{"name": "Ann", "age": 3}'
    rig.server.default = f'<think>{{"name": 1}}</think>\nHere:\n```json\n{person}\n```\nMore?'
    for router in (rig.first(verify="form"), rig.last(fallbacks=[])):
        asked = router.with_structured_output(Person, method="json_mode", include_raw=include_raw)
        if way == "invoke":
            out = asked.invoke("Who? Answer as JSON.")
        elif way == "ainvoke":
            out = await asked.ainvoke("Who? Answer as JSON.")
        elif way == "stream":
            out = list(asked.stream("Who? Answer as JSON."))[-1]
        else:
            out = [each async for each in asked.astream("Who? Answer as JSON.")][-1]
        assert (out["parsed"] if include_raw else out) == Person(name="Ann", age=3)
    assert not rig.spare.requests
