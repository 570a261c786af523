"""Chat completions through OpenAI's own client."""

from __future__ import annotations

import pytest

from tests.gateway.serving import Served
from tests.servers import Reply

HARD = "Refactor and debug this distributed architecture step by step."


def ask(**more):
    return {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], **more}


def test_a_whole_answer(gateway: Served, small, frontier):
    small.script(Reply("a small answer", input_tokens=10, output_tokens=5))
    raw = gateway.client().chat.completions.with_raw_response.create(**ask())
    answer = raw.parse()
    assert answer.choices[0].message.content == "a small answer"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "small-model"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 5)
    assert answer.router["tier"] == raw.headers["x-router-tier"] == "small"
    assert raw.headers["x-router-request-id"] == answer.router["request_id"]
    assert float(raw.headers["x-router-cost-usd"]) == pytest.approx(answer.router["cost_usd"])


def test_a_stream(gateway: Served, small, frontier):
    stream = gateway.client().chat.completions.create(
        **ask(model="frontier", stream=True, stream_options={"include_usage": True})
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "a frontier answer"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    last = chunks[-1]
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == frontier.tokens
    assert last.router["tier"] == "frontier"


def test_models_are_listed(gateway: Served):
    assert [each.id for each in gateway.client().models.list()] == ["auto", "small", "frontier"]
