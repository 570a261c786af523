"""Every parameter of the SDKs' types: it changes what the router is asked, or is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols import ParsedRequest
from lc_asym_router.gateway.protocols.messages import Messages
from lc_asym_router.gateway.protocols.openai_chat import OpenAIChat
from lc_asym_router.gateway.protocols.responses import Responses
from tests.gateway.serving import Served

pytestmark = pytest.mark.full

USER = {"role": "user", "content": "hi"}
ANOTHER = {"role": "user", "content": "another"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"name": "look", "parameters": SCHEMA}
FORMAT = {"type": "json_schema", "name": "x", "schema": SCHEMA}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"model": "auto", "messages": [USER]},
    "responses": {"model": "auto", "input": [USER]},
    "messages": {"model": "auto", "max_tokens": 9, "messages": [USER]},
    "count": {"model": "auto", "messages": [USER]},
}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": FUNCTION}],
    "responses": [{"type": "function", **FUNCTION}],
    "messages": [{"name": "look", "input_schema": SCHEMA}],
    "count": [{"name": "look", "input_schema": SCHEMA}],
}
PARSERS: dict[str, Any] = {
    "chat": OpenAIChat().parse,
    "responses": Responses().parse,
    "messages": Messages().parse,
    "count": Messages().parse_count,
}
TYPES: dict[str, Any] = {
    "chat": completion_create_params.CompletionCreateParamsStreaming,
    "responses": response_create_params.ResponseCreateParamsStreaming,
    "messages": message_create_params.MessageCreateParamsStreaming,
    "count": message_count_tokens_params.MessageCountTokensParams,
}
COMMON: dict[str, Any] = {
    "model": "small",
    "stream": True,
    "temperature": 0.5,
    "top_p": 0.5,
    "metadata": {"team": "a"},
    "user": "somebody",
    "safety_identifier": "somebody",
    "prompt_cache_key": "key",
    "parallel_tool_calls": False,
}
ANTHROPIC: dict[str, Any] = {
    "messages": [ANOTHER],
    "system": "Be brief.",
    "tool_choice": {"type": "any"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low"},
    "cache_control": {"type": "ephemeral"},
}
SERVED: dict[str, dict[str, Any]] = {
    "chat": {
        **COMMON,
        "messages": [ANOTHER],
        "max_tokens": 9,
        "max_completion_tokens": 9,
        "stop": ["END"],
        "seed": 3,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "logit_bias": {"50256": -100},
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "service_tier": "flex",
        "stream_options": {"include_usage": True},
        "tool_choice": "required",
        "verbosity": "low",
    },
    "responses": {
        **COMMON,
        "input": "another",
        "instructions": "Be brief.",
        "max_output_tokens": 9,
        "reasoning": {"effort": "low"},
        "text": {"format": FORMAT},
        "tool_choice": "required",
    },
    "messages": {
        **ANTHROPIC,
        "model": "small",
        "max_tokens": 10,
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "somebody"},
    },
    "count": {**ANTHROPIC, "model": "small"},
}
"""Values of the parameters that are served, each other than what goes without it."""
REFUSED: dict[str, Any] = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "modalities": ["text", "audio"],
    "store": True,
    "background": True,
    "include": ["message.output_text.logprobs"],
    "truncation": "auto",
    "service_tier": "priority",
    "stream_options": {"include_obfuscation": True},
}
"""Values of others that ask for something, where the type allows values that ask for nothing."""


def fields() -> list[tuple[str, str]]:
    """Each protocol with each of its parameters."""
    return [
        (protocol, name)
        for protocol, described in TYPES.items()
        for name in sorted(described.__required_keys__ | described.__optional_keys__)
    ]


def parsed(protocol: str, body: dict[str, Any]) -> ParsedRequest:
    """What the router is asked: the body itself, which answers repeat, is no part of it."""
    return replace(PARSERS[protocol](body), body={})


@pytest.mark.parametrize(("protocol", "name"), fields())
def test_it_is_served_or_refused_by_name(protocol: str, name: str) -> None:
    body = BODIES[protocol]
    if name in ("tool_choice", "parallel_tool_calls"):
        body = {**body, "tools": TOOLS[protocol]}
    if name == "tools":
        served, value = True, TOOLS[protocol]
    else:
        served = name in SERVED[protocol]
        value = SERVED[protocol][name] if served else REFUSED.get(name, "something")
    asked = {**body, name: value}
    if served:
        assert parsed(protocol, asked) != parsed(protocol, body)
        return
    with pytest.raises(GatewayError) as raised:
        PARSERS[protocol](asked)
    assert raised.value.status == 400
    assert (raised.value.param or "").replace("[", ".").split(".")[0] == name


@pytest.mark.parametrize("protocol", sorted(TYPES))
def test_the_types_have_what_is_served(protocol: str) -> None:
    """Else the test above would pass by finding no fields."""
    found = {name for kind, name in fields() if kind == protocol}
    # Anthropic's newest types have no temperature any more; older clients send it.
    assert found >= {*SERVED[protocol], "tools"} - {"temperature", "top_p", "top_k"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"stream_options": {"other": 1}}, "stream_options.other"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
    ],
)
def test_no_part_of_a_parameter_is_ignored(more: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        PARSERS["chat"]({**BODIES["chat"], **more})
    assert raised.value.param == param


def test_what_is_served_reaches_the_model(gateway: Served, small: Any, frontier: Any) -> None:
    given = {
        name: value
        for name, value in SERVED["chat"].items()
        if name not in ("model", "messages", "stream", "stream_options", "max_tokens", "metadata")
    }
    gateway.client().chat.completions.create(
        model="frontier", messages=[USER], tools=TOOLS["chat"], **given
    )
    sent = frontier.requests[-1].body
    assert {name: sent.get(name) for name in given} == given
    assert sent["tools"][0]["function"] == FUNCTION
