"""Mistral's own wire format: typed chunks, ids of nine characters, errors in two forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.tiers.faults.retry import Retry
from tests.servers import MistralServer, OpenAIServer, Reply, ToolCall
from tests.tiers.providers.clients import WAYS, ask, mistral, openai
from tests.tiers.providers.conftest import entries

REFERENCE = {"type": "reference", "reference_ids": [1], "text": "cited"}
CHUNKS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "I'm sorry, I can't. Or can I?"}]},
    {"type": "text", "text": "It is "},
    REFERENCE,
    {"type": "text", "text": " so."},
]


def typed(way: str) -> Reply:
    """An answer in typed chunks, in the form of a stream where one is asked for."""
    if "stream" not in way:
        message = {"role": "assistant", "content": CHUNKS, "tool_calls": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply(body=json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": [each]} for each in CHUNKS] + [{"content": ""}]
    events = [
        {
            "id": "1",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": delta,
                    "finish_reason": "stop" if at == len(deltas) - 1 else None,
                }
            ],
        }
        for at, delta in enumerate(deltas)
    ]
    lines = [f"data: {json.dumps(each)}\n\n" for each in events]
    return Reply(body="".join([*lines, "data: [DONE]\n\n"]).encode())


def router(server: MistralServer, up: OpenAIServer, **more: Any) -> AsymRouter:
    given = {
        "small": Tier(mistral(server), breaker=False, retry=Retry(2, initial=0)),
        "frontier": openai(up, model="up"),
        "classify": lambda messages: 0.0,
        "threshold": 0.5,
        "verify": "form",
    }
    return AsymRouter(**{**given, **more})


@pytest.mark.parametrize("way", WAYS)
async def test_typed_chunks_are_thinking_and_text(way: str) -> None:
    with MistralServer() as server, OpenAIServer(default="up") as up:
        server.default = typed(way)
        answer = await ask(router(server, up), way)
        assert answer.text == "It is cited so."
        assert entries(answer)[-1]["tier"] == "small"
        again = [HumanMessage("hi"), answer, HumanMessage("sure?")]
        server.default = "yes"
        assert (await ask(router(server, up), way, again)).text == "yes"
        sent = json.dumps(server.requests[-1].body["messages"])
        assert "cited" in sent
        # and to another provider's model the text alone
        assert (await ask(router(server, up, verify=lambda a: False), way, again)).text == "up"
        sent = json.dumps(up.requests[-1].body["messages"])
        assert "It is cited so." in sent
        assert "can't" not in sent


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_goes_round_with_an_id_that_it_takes(way: str) -> None:
    def look(at: str) -> str:
        """Look somewhere."""
        return at

    call = ToolCall("look", {"at": "sky"}, id="aB3dE5gH9")
    with MistralServer(Reply(tool_calls=[call])) as server, OpenAIServer() as up:
        bound = router(server, up).bind_tools([look])
        answer = await ask(bound, way)
        assert [each["id"] for each in answer.tool_calls] == ["aB3dE5gH9"]
        server.default = "blue"
        others = {"name": "look", "args": {"at": "sea"}, "id": "call_of-another_provider_123"}
        history = [
            HumanMessage("look"),
            answer,
            ToolMessage("blue", tool_call_id="aB3dE5gH9"),
            AIMessage("", tool_calls=[others]),
            ToolMessage("grey", tool_call_id="call_of-another_provider_123"),
        ]
        assert (await ask(bound, way, history)).text == "blue"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("finish", ["model_length", "error"])
async def test_its_own_words_for_an_end_that_is_none(way: str, finish: str) -> None:
    with MistralServer(default=Reply("half an", finish=finish)) as server, OpenAIServer() as up:
        up.default = "up"
        answer = await ask(router(server, up), way)
        assert answer.text == "up"
        first = entries(answer)[0]
        said = {"model_length": "cut off at the token limit", "error": "('error')"}[finish]
        assert said in str(first["error"] or first["reason"])


REFUSALS = {
    "listed": {
        "detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]
    },
    "in a message": {
        "object": "error",
        "message": {"detail": [{"type": "t", "loc": ["body", "seed"], "msg": "Extra inputs"}]},
        "type": "invalid_request_error",
        "code": None,
    },
    "said": {
        "object": "error",
        "message": "body.seed: Extra inputs",
        "type": "invalid",
        "code": "1",
    },
    "a word": {"detail": "body.seed: Extra inputs"},
}


@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize("status", [422, 200])
@pytest.mark.parametrize("form", sorted(REFUSALS))
async def test_what_it_refuses_is_named(way: str, status: int, form: str) -> None:
    raw = json.dumps(REFUSALS[form]).encode()
    body = b"data: " + raw + b"\n\n" if status == 200 and "stream" in way else raw
    with MistralServer(default=Reply(status=status, body=body)) as server, OpenAIServer() as up:
        up.default = "up"
        answer = await ask(router(server, up), way)
        assert answer.text == "up"
        error = entries(answer)[0]["error"]
        assert 'it said "body.seed: Extra inputs"' in error
        assert "127.0.0.1" not in error


@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize("status", [429, 200])
async def test_no_capacity_left_is_a_rate_limit(way: str, status: int) -> None:
    said = "Service tier capacity exceeded for this model."
    kind = "service_tier_capacity_exceeded"
    busy = {"object": "error", "message": said, "type": kind, "code": "3505"}
    raw = json.dumps(busy).encode()
    body = b"data: " + raw + b"\n\n" if status == 200 and "stream" in way else raw
    with MistralServer(default=Reply(status=status, body=body)) as server, OpenAIServer() as up:
        up.default = "up"
        answer = await ask(router(server, up), way)
        assert " 429: rate or quota limit reached" in entries(answer)[0]["error"]
        assert len(server.requests) == 2


def test_the_server_is_as_strict_as_mistral() -> None:
    with MistralServer() as server:
        for extra in ({"top_k": 1}, {"stream_options": {}}, {"logprobs": True}):
            body = {"messages": [{"role": "user", "content": "hi"}], **extra}
            assert server.checked(body).status == 422
        for history in (
            [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
            [{"role": "assistant", "content": ""}],
            [{"role": "tool", "content": "a", "tool_call_id": "call_1"}],
            [{"role": "user", "content": [{"type": "image"}]}],
            [{"role": "assistant", "content": "so"}],
        ):
            assert server.checked({"messages": history}).status == 400
        assert server.checked({"messages": [{"role": "user", "content": "hi"}]}) is None
