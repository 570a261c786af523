"""What a tier declares, and what its client counts, by provider: windows, tokens, usage in streams."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, trim_messages

from lc_asym_router import AsymRouter, Budget, Price, Tier
from lc_asym_router.tiers.providers import provider_of
from tests.servers import OllamaServer, Reply
from tests.tiers.providers.clients import CLIENTS, ask, ollama
from tests.tiers.providers.conftest import Rig

STREAMS = ("stream", "astream")


@pytest.mark.parametrize("window", [8_192, 64_000, 1_000_000])
def test_a_tiers_own_window_is_in_the_profile(rig: Rig, window: int) -> None:
    for small in (4_096, 200_000):
        router = AsymRouter(
            small=Tier(ollama(rig.other), context_window=small),
            frontier=Tier(rig.model(), context_window=window),
        )
        assert router.profile is not None
        assert router.profile["max_input_tokens"] == window


def test_tokens_without_transformers(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    for router in (rig.first(), rig.last()):
        assert 0 < router.get_num_tokens("one two three") < 20
        history = [HumanMessage("word " * 100), AIMessage("word " * 100), HumanMessage("last")]
        assert router.get_num_tokens_from_messages(history) > 150
        kept = trim_messages(history, max_tokens=60, token_counter=router, strategy="last")
        assert [message.text for message in kept] == ["last"]


@pytest.mark.parametrize("way", STREAMS)
async def test_a_checked_stream_brings_its_tokens(rig: Rig, way: str) -> None:
    if rig.name in ("groq", "mistral"):
        return  # in a form of their own: below
    priced = Tier(rig.model(), breaker=False, price=Price(1.0, 2.0))
    answer = await ask(rig.first(small=priced), way)
    assert answer.text == "from the provider"
    assert answer.response_metadata["router"]["attempts"][0]["cost_usd"] > 0


@pytest.mark.parametrize("way", STREAMS)
async def test_a_budget_of_tokens_counts_a_stream_without_a_price(rig: Rig, way: str) -> None:
    if rig.name in ("groq", "mistral"):
        return
    limit = Budget(tokens=1_000_000, per="day", name="tokens")
    answer = await ask(rig.last(budgets=[limit], max_tokens=100), way)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.mark.parametrize("name", ["groq", "mistral"])
@pytest.mark.parametrize("way", STREAMS)
async def test_tokens_that_come_without_being_asked_for(name: str, way: str) -> None:
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    delta = {"role": "assistant", "content": "well"}
    first = {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    last = {**chunk, "choices": [choice], "usage": USAGE, "x_groq": {"id": "r", "usage": USAGE}}
    events = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (first, last))
    client = CLIENTS[name]
    with client.server(default=Reply(body=events + b"data: [DONE]\n\n")) as server:
        with OllamaServer() as small:
            up = Tier(client.make(server), price=Price(1.0, 2.0))
            router = AsymRouter(small=ollama(small), frontier=up, threshold=0)
            answer = await ask(router, way)
        assert answer.usage_metadata is not None
        assert answer.usage_metadata["total_tokens"] == 10
        assert answer.response_metadata["router"]["attempts"][-1]["cost_usd"] > 0
        assert "stream_options" not in server.requests[-1].body


REFUSALS = [
    (400, "Unrecognized request argument supplied: stream_options"),
    (422, "body.stream_options: Extra inputs are not permitted"),
    (400, "Unknown parameter: 'stream_options.include_usage'."),
    (500, "json: unknown field stream_options"),
]


@pytest.mark.parametrize(("status", "message"), REFUSALS)
@pytest.mark.parametrize("way", STREAMS)
async def test_any_client_falls_back_where_stream_options_are_refused(
    rig: Rig, way: str, status: int, message: str
) -> None:
    if not provider_of(rig.model()).asks_for_usage:
        return

    def old(body: dict[str, Any]) -> Any:
        refused = "stream_options" in body
        return Reply(status=status, error=message) if refused else "well"

    rig.server.default = old
    priced = Tier(rig.model(), breaker=False, retry=1, price=Price(1.0, 2.0))
    for router in (rig.first(small=priced), rig.last(frontier=priced)):
        assert (await ask(router, way)).text == "well"
    assert not rig.spare.requests
    assert sum("stream_options" in each.body for each in rig.server.requests) == (
        0 if rig.name == "responses" else 1
    )


@pytest.mark.parametrize("name", ["azure", "openai", "deepseek"])
@pytest.mark.parametrize("way", STREAMS)
async def test_a_client_that_asks_by_itself_falls_back_without_a_price_too(
    name: str, way: str
) -> None:
    def old(body: dict[str, Any]) -> Any:
        refused = "stream_options" in body
        return Reply(status=400, error="Unknown parameter: stream_options") if refused else "well"

    client = CLIENTS[name]
    more = {"azure_deployment": "unlisted"} if name == "azure" else {"model": "unlisted"}
    with client.server(default=old) as server, OllamaServer() as small:
        model = client.make(server, **more, **({} if name == "azure" else {"stream_usage": True}))
        for router in (
            AsymRouter(small=ollama(small), frontier=model, classify=lambda messages: 1.0),
            AsymRouter(
                small=Tier(model, retry=1),
                frontier=ollama(small),
                classify=lambda messages: 0.0,
                verify="form",
            ),
        ):
            assert (await ask(router, way)).text == "well"
        assert not small.requests
        assert sum("stream_options" in each.body for each in server.requests) == 1
