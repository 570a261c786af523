"""JSON in answers that say more than JSON."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from lc_asym_router.records.bindings import SchemaBinding
from lc_asym_router.tiers.binding import structured
from lc_asym_router.tiers.model_text import json_candidates, json_in

DATA = {"a": [1, {"b": None}], "c": "x}"}
JSON = '{"a": [1, {"b": null}], "c": "x}"}'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"  {JSON}\n",
        f"```json\n{JSON}\n```",
        f"```\n{JSON}\n```",
        f"```json{JSON}```",
        f"Here it is:\n\n```json\n{JSON}\n```\n\nI hope this helps.",
        f"Here it is:\n```json\n{JSON}",
        f"The answer is {JSON}.",
        f"See [1]: {JSON} and {{that}} [2].",
        f"<think>first {{}} then</think>\n{JSON}",
        f'<think>```json\n{{"a": 0}}\n```</think>\n```json\n{JSON}\n```',
        f"hm\n</think>\n\n{JSON}",
        f'The schema was:\n```json\n{{"a": 0}}\n```\nand the data is\n```json\n{JSON}\n```',
        f"\\frac{{1}}{{2}} is the value: {JSON}",
        f"<|channel|>final<|message|>{JSON}<|return|>",
    ],
)
def test_the_data_are_found(text):
    assert json_in(text) == DATA


@pytest.mark.parametrize(("text", "value"), [("5", 5), ('"x"', "x"), ("null", None), ("[1]", [1])])
def test_any_json_that_is_the_whole_answer(text, value):
    assert json_in(text) == value
    assert json_in(f"```json\n{text}\n```") == value


def test_a_bare_line_end_in_a_string_passes():
    assert json_in('{"a": "x\ny"}') == {"a": "x\ny"}


def test_candidates_come_in_the_order_of_their_likelihood():
    text = '[1]\n{"a": 1}\n```json\n{"b": 1}\n```\n```json\n{"c": 1}\n```\n{"d": 1}'
    assert json_candidates(text) == ({"c": 1}, {"b": 1}, {"d": 1}, {"a": 1}, [1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi",
        "```json\nHi\n```",
        '{"a": ',
        "{a: 1}",
        f"<think>{JSON}",
        "[" * 100_000,
        '{"a":' * 3000 + "1" + "}" * 3000,
        "```json" + "\n" * 100_000 + "x",
        "{" * 50_000 + '"' * 50_000,
        "9" * 5000,
    ],
    ids=range(11),
)
def test_where_there_is_none_it_says_so_without_the_text(text):
    assert json_candidates(text) == ()
    with pytest.raises(ValueError, match=r"^it is no JSON$"):
        json_in(text)


class Person(BaseModel):
    """A person."""

    name: str
    age: int = 0


ANN = '{"name": "Ann", "age": 3}'
SCHEMA = Person.model_json_schema()


@pytest.mark.parametrize("schema", [Person, SCHEMA], ids=["class", "schema"])
@pytest.mark.parametrize(
    "text",
    [
        f'{{"name": "Person", "arguments": {ANN}}}',
        f'<tool_call>\n{{"name": "Person", "arguments": {ANN}}}\n</tool_call>',
        f'```json\n[{{"name": "Person", "parameters": {ANN}}}]\n```',
        f'{{"type": "function", "function": {{"name": "Person", "arguments": {ANN}}}}}',
        f'{{"name": "Person", "arguments": {json.dumps(ANN)}}}',
        f'Here it is: {{"Person": {ANN}}}',
    ],
)
def test_a_call_of_the_schemas_tool_as_text_is_what_it_holds(text, schema):
    read = structured(AIMessage(text), SchemaBinding(schema))
    assert read == (Person(name="Ann", age=3) if schema is Person else json.loads(ANN))


def test_a_name_that_is_the_schemas_own_stays():
    read = structured(AIMessage('{"name": "Person", "age": 4}'), SchemaBinding(Person))
    assert read == Person(name="Person", age=4)


class Plan(BaseModel):
    """A plan."""

    name: str
    arguments: dict[str, int]


def test_arguments_that_the_schema_asks_for_stay():
    text = '{"name": "Plan", "arguments": {"name": 1}}'
    assert structured(AIMessage(text), SchemaBinding(Plan)).arguments == {"name": 1}
