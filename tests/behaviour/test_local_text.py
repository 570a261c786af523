"""What local models write into their text: thinking, tool calls and JSON among prose, by the router."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from lc_asym_router.errors import UnreadableOutputError
from tests.conftest import record
from tests.servers import Reply

CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
THOUGHT = "<think>Is it Paris? It is.</think>\n\n"


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return city


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def called(message):
    return [(call["name"], call["args"]) for call in message.tool_calls]


async def test_thinking_stands_apart_and_the_checks_see_the_answer(make, small, ask):
    small.script(Reply(f"{THOUGHT}42"))
    seen = []

    def check(attempt):
        seen.append(attempt.text)
        return True

    answer = await ask(make(verify=check), "hi")
    assert (answer.text, seen) == ("42", ["42"])
    assert record(answer)["tier"] == "small"
    assert "Is it Paris?" in json.dumps(answer.content)


@pytest.mark.parametrize("text", ["<think>Is it?</think>", "<think>Is it Paris or"])
async def test_thinking_alone_is_no_answer(make, small, ask, text):
    small.script(Reply(text))
    answer = await ask(make(), "hi")
    assert answer.text == "a frontier answer"
    assert record(answer)["attempts"][0]["check"] in ("NotEmpty", "CutOff")


async def test_a_call_at_the_end_of_unclosed_thinking_is_made(make, small, ask):
    small.script(Reply("<think>Which city? Paris.\n" + CALL))
    answer = await ask(make().bind_tools([weather]), "Weather in Paris?")
    (attempt,) = record(answer)["attempts"]
    assert called(answer) == [("weather", {"city": "Paris"})]
    assert (attempt["repaired"], attempt["passed"], answer.text) == (True, True, "")


async def test_a_repaired_call_is_checked_like_any_other(make, small):
    small.script(Reply('<tool_call>{"name": "weather", "arguments": {"town": 1}}</tool_call>'))
    answer = await make().bind_tools([weather]).ainvoke("Weather in Paris?")
    attempt = record(answer)["attempts"][0]
    assert (attempt["check"], attempt["repaired"]) == ("ValidToolCalls", True)
    assert "don't validate" in attempt["reason"]


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_a_call_is_read_over_the_borders_of_chunks(make, small, size):
    text = THOUGHT + "Let me see.\n" + CALL
    small.script(Reply(text, chunks=[text[at : at + size] for at in range(0, len(text), size)]))
    chunks = [each async for each in make().bind_tools([weather]).astream("Weather in Paris?")]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert called(whole) == [("weather", {"city": "Paris"})]
    assert "tool_call>" not in whole.text
    assert "Is it Paris?" not in whole.text


@pytest.mark.parametrize("before", ["", THOUGHT])
async def test_a_call_written_as_text_is_made(make, small, ask, before):
    small.script(Reply(before + CALL))
    answer = await ask(make().bind_tools([weather]), "Weather in Paris?")
    (attempt,) = record(answer)["attempts"]
    assert called(answer) == [("weather", {"city": "Paris"})]
    assert attempt["repaired"] is True
    assert attempt["passed"] is True
    assert "tool_call>" not in answer.text


async def test_a_repaired_call_goes_on_in_the_conversation(make, small):
    small.script(Reply(THOUGHT + CALL), Reply("It is sunny."))
    router, asked = make().bind_tools([weather]), HumanMessage("Weather in Paris?")
    answer = await router.ainvoke([asked])
    result = await weather.ainvoke(answer.tool_calls[0])
    last = await router.ainvoke([asked, answer, result])
    assert last.text == "It is sunny."
    sent = small.requests[-1].body["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["function"]["name"] == "weather"


async def test_without_repair_such_a_call_fails_its_check(make, small, ask):
    small.script(Reply(CALL))
    answer = await ask(make(repair_tool_calls=False).bind_tools([weather]), "Weather in Paris?")
    attempt = record(answer)["attempts"][0]
    assert (attempt["check"], "repaired" in attempt) == ("ValidToolCalls", False)


async def test_no_call_is_made_where_none_may_be(make, small):
    small.script(Reply(CALL))
    router = make(verify=None).bind_tools([weather], tool_choice="none")
    answer = await router.ainvoke("Weather in Paris?")
    assert not answer.tool_calls
    assert "repaired" not in record(answer)["attempts"][0]


async def test_a_broken_call_fails_its_check(make, small):
    small.script(Reply('<tool_call>{"name": "weather", "arguments": {"city": </tool_call>'))
    answer = await make().bind_tools([weather]).ainvoke("Weather in Paris?")
    attempt = record(answer)["attempts"][0]
    assert attempt["check"] == "ValidToolCalls"
    assert "broken" in attempt["reason"]


async def test_a_live_answer_is_read_where_nobody_has_seen_it(make, frontier):
    frontier.script(Reply(THOUGHT + CALL))
    router = make().bind_tools([weather])
    answer = await router.ainvoke("Weather?", {"configurable": {"tier": "frontier"}})
    assert called(answer) == [("weather", {"city": "Paris"})]
    assert record(answer)["attempts"][0]["repaired"] is True


async def test_a_live_stream_stays_as_it_came(make, frontier):
    frontier.script(Reply(CALL))
    router = make().bind_tools([weather])
    config = {"configurable": {"tier": "frontier"}}
    chunks = [chunk async for chunk in router.astream("Weather?", config)]
    assert "".join(chunk.text for chunk in chunks) == CALL


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ann", "age": 3}',
        'Here it is:\n```json\n{"name": "Ann", "age": 3}\n```\nAnything else?',
        'The person is {"name": "Ann", "age": 3}, I think.',
        f'{THOUGHT}{{"name": "Ann", "age": 3}}',
    ],
)
def test_structured_output_is_read_out_of_prose(make, small, method, text):
    small.script(Reply(text))
    router = make().with_structured_output(Person, method=method, include_raw=True)
    out = router.invoke("Who?")
    assert out["parsed"] == Person(name="Ann", age=3)
    assert record(out["raw"])["tier"] == "small"


def test_data_that_was_cut_off_is_not_read_by_its_parts(make, small):
    small.script(Reply('{"name": "Ann", "age": 3, "friend": {"name": "Bob", "age": 4}'))
    router = make(verify=None).with_structured_output(Person)
    with pytest.raises(UnreadableOutputError):
        router.invoke("Who?")
