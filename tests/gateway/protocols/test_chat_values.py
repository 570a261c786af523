"""Chat completions' values of a wrong kind are refused by their place, before a model is asked."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols.openai_chat import OpenAIChat

USER = {"role": "user", "content": "hi"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "look"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


def function(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "look", **more}}]


def schema(**more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"schema": {}, **more}}


def said(*parts: Any) -> list[dict[str, Any]]:
    return [USER, {"role": "user", "content": list(parts)}]


PART = "messages[1].content[0]"
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("temperature", {"temperature": "hot"}),
    ("temperature", {"temperature": -1}),
    ("top_p", {"top_p": 3}),
    ("seed", {"seed": 1.5}),
    ("frequency_penalty", {"frequency_penalty": "x"}),
    ("reasoning_effort", {"reasoning_effort": 5}),
    ("logit_bias", {"logit_bias": "x"}),
    ("parallel_tool_calls", {"parallel_tool_calls": "x"}),
    ("verbosity", {"verbosity": "silly"}),
    ("prompt_cache_key", {"prompt_cache_key": 5}),
    ("metadata", {"metadata": []}),
    ("stream_options.include_usage", {"stream_options": {"include_usage": "x"}}),
    ("tools[0].function.parameters", {"tools": function(parameters="x")}),
    ("tools[0].function.parameters", {"tools": function(parameters={"type": "no type"})}),
    ("tools[0].function.description", {"tools": function(description=5)}),
    ("tools[0].function.name", {"tools": function(name="")}),
    (
        "tool_choice.function.name",
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
    ),
    ("response_format.json_schema.name", {"response_format": schema(name=5)}),
    ("response_format.json_schema.strict", {"response_format": schema(name="x", strict="yes")}),
    (
        "response_format.json_schema.schema",
        {"response_format": schema(name="x", schema={"required": 5})},
    ),
    (PART, {"messages": said({"text": "a"})}),
    (PART, {"messages": said(5)}),
    (f"{PART}.text", {"messages": said({"type": "text", "text": 5})}),
    (f"{PART}.text", {"messages": said({"type": "text"})}),
    (f"{PART}.type", {"messages": said({"type": "picture"})}),
    (f"{PART}.image_url", {"messages": said({"type": "image_url"})}),
    (f"{PART}.image_url.url", {"messages": said({"type": "image_url", "image_url": {"url": 5}})}),
    ("messages[1]", {"messages": [USER, {"role": "tool", "content": "x"}]}),
]


@pytest.mark.parametrize(("param", "more"), WRONG)
def test_a_wrong_value_is_named(param: str, more: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as raised:
        OpenAIChat().parse({"messages": [USER], **more})
    assert (raised.value.status, raised.value.param) == (400, param)


def test_right_values_pass_as_they_are() -> None:
    given = {"temperature": 1, "seed": 3, "logit_bias": {"5": -100}, "response_format": FORMAT}
    choice = {"type": "function", "function": {"name": "look"}}
    image = {
        "type": "image_url",
        "image_url": {"url": "data:image/gif;base64,AA==", "detail": "low"},
    }
    asked = {**given, "tools": [TOOL], "tool_choice": choice, "messages": said(image)}
    found = OpenAIChat().parse(asked)
    assert found.kwargs == {**given, "tools": [TOOL], "tool_choice": "look"}
    assert found.messages[1].content == [image]


def test_no_path_no_method_and_compressed_bodies_answer_in_the_protocols_form(gateway) -> None:
    packed = gzip.compress(json.dumps({"messages": [USER]}).encode())
    with httpx.Client(base_url=gateway.url, timeout=60) as client:
        for path, kind in (("/v1/nowhere", None), ("/v1/messages/nowhere", "error")):
            missing = client.post(path, json={})
            assert (missing.status_code, missing.json().get("type")) == (404, kind)
            assert missing.json()["error"]["message"]
        wrong = client.get("/v1/chat/completions")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert "POST" in wrong.json()["error"]["message"]
        headers = {"content-encoding": "gzip"}
        for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
            refused = client.post(path, content=packed, headers=headers)
            assert refused.status_code == 415
            assert "Content-Encoding" in refused.json()["error"]["message"]
