"""Whatever the text: nothing is raised; and calls that are written in a family's form are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.tiers.model_text import json_candidates, read_calls, split_thinking

Call = tuple[str, dict[str, Any]]
NAMES = ("get_weather", "add", "search_web")
TOOLS: dict[str, dict[str, Any]] = {name: {} for name in NAMES}

PIECES = (
    *("<tool_call>", "</tool_call>", "<function=add>", "<parameter=a>", "</parameter>"),
    *("</function>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "<｜tool▁calls▁begin｜>"),
    *(
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "```tool_code\n",
        "```json\n",
        "```",
        "`",
        "<|tool_call|>",
    ),
    *("<|channel|>", "<|message|>", "commentary to=functions.add", "analysis", "assistantfinal"),
    *(
        '{"name": "add"',
        '"arguments": {',
        '{"tool_calls": [',
        "[add(a=",
        "add(",
        ")",
        "]",
        "}",
        "{",
    ),
    *("<invoke name='add'>", "<think>", "</think>", "[THINK]", "\n", " ", '"', "'", "\\", ",", ":"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "1", "-", "for example", "print(", "<|end|>"),
)
texts = st.one_of(
    st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
plain_texts = st.text(st.characters(codec="utf-8", exclude_characters="<"), max_size=20)


def calls_with(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Call]]:
    one = st.tuples(st.sampled_from(NAMES), st.dictionaries(keys, arguments, max_size=3))
    return st.lists(one, min_size=1, max_size=3)


def dumped(call: Call, key: str = "arguments") -> str:
    return json.dumps({"name": call[0], key: call[1]}, ensure_ascii=False)


def python(call: Call) -> str:
    return f"{call[0]}({', '.join(f'{key}={value!r}' for key, value in call[1].items())})"


def listed(calls: list[Call]) -> str:
    return f"[{', '.join(map(dumped, calls))}]"


FAMILIES: dict[str, Callable[[list[Call]], str]] = {
    "hermes": lambda calls: "\n".join(f"<tool_call>\n{dumped(c)}\n</tool_call>" for c in calls),
    "mistral": lambda calls: f"[TOOL_CALLS]{listed(calls)}",
    "mistral-args": lambda calls: "".join(
        f"[TOOL_CALLS]{name}[ARGS]{json.dumps(arguments)}" for name, arguments in calls
    ),
    "llama": lambda calls: "<|python_tag|>" + "; ".join(dumped(c, "parameters") for c in calls),
    "llama-python": lambda calls: f"[{', '.join(map(python, calls))}]",
    "gemma": lambda calls: "```tool_code\n" + "\n".join(map(python, calls)) + "\n```",
    "deepseek": lambda calls: (
        "<｜tool▁calls▁begin｜>"
        + "".join(
            f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{json.dumps(arguments)}\n```"
            "<｜tool▁call▁end｜>"
            for name, arguments in calls
        )
        + "<｜tool▁calls▁end｜>"
    ),
    "phi": lambda calls: f"<|tool_call|>{listed(calls)}<|/tool_call|>",
    "granite": lambda calls: f"<tool_call>{listed(calls)}",
    "harmony": lambda calls: "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>"
        f"{json.dumps(arguments)}<|call|>"
        for name, arguments in calls
    ),
    "xlam": lambda calls: f'{{"tool_calls": {listed(calls)}}}',
    "openai": lambda calls: json.dumps(
        [
            {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for name, arguments in calls
        ]
    ),
    "fenced": lambda calls: "```json\n" + "\n".join(map(dumped, calls)) + "\n```",
    "bare": lambda calls: "\n".join(map(dumped, calls)),
}
TAGGED: dict[str, tuple[str, str, str, str]] = {
    "qwen-coder": ("<function={}>\n", "<parameter={}>\n{}\n</parameter>\n", "</function>", ""),
    "claude": ('<invoke name="{}">', '<parameter name="{}">{}</parameter>', "</invoke>", "\n"),
}


@settings(deadline=None)
@given(texts)
def test_no_text_makes_a_reader_raise(text):
    found = read_calls(text, TOOLS)
    assert all(call.name in TOOLS for call in found.calls)
    assert not (found.calls and found.broken)
    assert found.calls or found.rest_text == text
    split_thinking(text)
    json_candidates(text)


@settings(deadline=None)
@given(texts)
def test_an_answer_is_a_part_of_its_text(text):
    found = split_thinking(text)
    rest = iter(text)
    assert all(char in rest for char in found.answer if not char.isspace())


@pytest.mark.full
@settings(max_examples=300, deadline=None)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    calls=calls_with(values),
    lead=st.sampled_from(["", "I will look.\n\n", "<think>a</think>\n"]),
)
def test_calls_in_a_familys_form_are_read_back(family, calls, lead):
    found = read_calls(lead + FAMILIES[family](calls), TOOLS)
    assert found.broken is None
    assert [(call.name, call.arguments) for call in found.calls] == calls


@settings(deadline=None)
@given(family=st.sampled_from(sorted(TAGGED)), calls=calls_with(plain_texts))
def test_calls_in_tags_are_read_back(family, calls):
    opening, parameter, closing, between = TAGGED[family]
    text = between.join(
        opening.format(name)
        + "".join(parameter.format(key, value) for key, value in arguments.items())
        + closing
        for name, arguments in calls
    )
    tools = {
        name: {"properties": {key: {"type": "string"} for _, made in calls for key in made}}
        for name in NAMES
    }
    found = read_calls(text, tools)
    assert [call.name for call in found.calls] == [name for name, _ in calls]
    for call, (_, arguments) in zip(found.calls, calls, strict=True):
        # A line end right behind the tag and before the next is the form's, not the value's.
        assert {k: v.strip("\n") for k, v in call.arguments.items()} == {
            k: v.strip("\n") for k, v in arguments.items()
        }
