"""The most that a call can take is never too little."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import Tier
from lc_asym_router.money.budgets.amounts import (
    MEDIA_TOKENS,
    model_limit,
    most_input_tokens,
    most_output_tokens,
)
from lc_asym_router.records.bindings import SchemaBinding, ToolBinding
from lc_asym_router.records.request import Request


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return city


@given(st.lists(st.text(max_size=50), min_size=1, max_size=5))
def test_no_text_has_more_tokens_than_bytes(texts):
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    assert most_input_tokens([HumanMessage(text) for text in texts]) > size
    blocks = [{"type": "text", "text": text} for text in texts]
    assert most_input_tokens([HumanMessage(content=blocks)]) > size


def test_tools_schemas_and_calls_count():
    plain = most_input_tokens([HumanMessage("hi")], Request())
    tools = Request(tools=ToolBinding((weather,)))
    schema = Request(schema=SchemaBinding({"title": "T", "type": "object", "properties": {}}))
    formatted = Request(kwargs={"response_format": {"type": "json_object"}})
    assert all(
        most_input_tokens([HumanMessage("hi")], r) > plain for r in (tools, schema, formatted)
    )
    call = {"name": "weather", "args": {"city": "Paris" * 50}, "id": "1", "type": "tool_call"}
    said = [
        SystemMessage("s"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("x" * 99, tool_call_id="1"),
    ]
    assert most_input_tokens(said) > 250 + 99


def test_an_image_counts_as_much_as_any():
    data = base64.b64encode(b"x" * 1_000_000).decode()
    image = {"type": "image", "base64": data, "mime_type": "image/png"}
    tokens = most_input_tokens([HumanMessage(content=[image, {"type": "text", "text": "what?"}])])
    assert MEDIA_TOKENS < tokens < MEDIA_TOKENS + 1000


@pytest.mark.parametrize(
    ("kwargs", "most"),
    [
        ({}, 70),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 9}, 9),
        ({"options": {"num_predict": 9}}, 9),
        ({"num_predict": -1}, None),
        ({"max_tokens": None}, None),
        ({"n": 3}, 210),
    ],
)
def test_the_most_that_a_model_may_say(kwargs, most):
    tier = Tier(ChatOpenAI(model="m", api_key="sk-no", max_tokens=70), "t")
    assert most_output_tokens(tier.model, Request(kwargs=kwargs)) == most


def test_what_limits_a_model():
    assert model_limit(ChatOllama(model="m")) is None
    assert model_limit(ChatOllama(model="m", num_predict=-1)) is None
    assert model_limit(ChatOllama(model="m", num_predict=3)) == 3
