"""A conversation goes from any model of any provider to any other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from lc_asym_router import AsymRouter, NoTierError
from tests.servers import AnthropicServer, OllamaServer, Reply, ResponsesServer
from tests.tiers.providers.clients import CLIENTS, anthropic, ask, ollama, responses
from tests.tiers.providers.conftest import Rig

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SEES = {"groq": {"model": "meta-llama/llama-4-scout-17b-16e-instruct"}}
"""Models with eyes, where a client's usual one here has none."""
CALL = {"name": "look", "args": {"at": "sky"}, "id": "call_1"}
SIGNED = {
    "openai": AIMessage(
        [
            {"type": "reasoning", "id": "rs_secret", "encrypted_content": "enc", "summary": []},
            {"type": "text", "text": "By openai.", "id": "msg_secret", "annotations": []},
        ],
        id="msg_secret",
        tool_calls=[CALL],
        response_metadata={"model_provider": "openai", "model_name": "o9", "id": "resp_secret"},
    ),
    "anthropic": AIMessage(
        [
            {"type": "thinking", "thinking": "secret", "signature": "secret"},
            {"type": "text", "text": "By anthropic."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "sky"}},
        ],
        tool_calls=[CALL],
        response_metadata={"model_provider": "anthropic", "model_name": "claude-opus-4-1"},
    ),
    "google_genai": AIMessage(
        [{"type": "text", "text": "By google.", "extras": {"signature": "secret"}}],
        additional_kwargs={"__gemini_function_call_thought_signatures__": {"call_1": "secret"}},
        tool_calls=[CALL],
        response_metadata={"model_provider": "google_genai", "model_name": "gemini-9"},
    ),
    "mistralai": AIMessage(
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "secret"}]},
            {"type": "text", "text": "By mistral."},
        ],
        tool_calls=[CALL],
        response_metadata={"model_provider": "mistralai", "model_name": "magistral"},
    ),
}


@pytest.mark.parametrize("maker", sorted(SIGNED))
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_what_another_model_signed_is_left_out(rig: Rig, maker: str, way: str) -> None:
    history = [
        HumanMessage("look"),
        SIGNED[maker],
        ToolMessage("blue", tool_call_id="call_1"),
        HumanMessage("and now?"),
    ]
    before = copy.deepcopy(history)
    assert (await ask(rig.last(fallbacks=[]), way, history)).text == "from the provider"
    sent = json.dumps(rig.server.requests[-1].body)
    assert "secret" not in sent
    # ChatMistralAI itself sends the calls of a message with tool calls, and not its text.
    assert "By " in sent or rig.name == "mistral"
    assert "blue" in sent
    assert history == before


async def test_thinking_goes_back_to_the_model_that_made_it_and_to_no_other() -> None:
    thought = Reply("done", reasoning="hm")
    with AnthropicServer(default=thought) as server, OllamaServer() as small:

        def router(model: str) -> AsymRouter:
            thinking = {"type": "enabled", "budget_tokens": 1024}
            up = anthropic(server, model=model, thinking=thinking)
            return AsymRouter(small=ollama(small), frontier=up, threshold=0)

        first = router("claude-haiku-4-5").invoke("one")
        again: list[Any] = [HumanMessage("one"), first, HumanMessage("two")]
        router("claude-haiku-4-5").invoke(again)
        assert "sig-of-claude-haiku-4-5" in json.dumps(server.requests[-1].body)
        router("claude-opus-4-1").invoke(again)
        assert "sig-of" not in json.dumps(server.requests[-1].body)
        assert "done" in json.dumps(server.requests[-1].body)


async def test_items_go_back_to_the_address_that_made_them_and_to_no_other() -> None:
    thought = Reply("done", reasoning="hm")
    with (
        ResponsesServer(default=thought) as here,
        ResponsesServer(default=thought) as there,
        OllamaServer() as small,
    ):

        def router(server: ResponsesServer) -> AsymRouter:
            up = responses(server, model="gpt-5", output_version="responses/v1")
            return AsymRouter(small=ollama(small), frontier=up, threshold=0)

        first = router(here).invoke("one")
        again: list[Any] = [HumanMessage("one"), first, HumanMessage("two")]
        router(here).invoke(again)
        assert "enc-of-gpt-5" in json.dumps(here.requests[-1].body)
        router(there).invoke(again)
        sent = json.dumps(there.requests[-1].body)
        assert "enc-of" not in sent
        assert "rs_" not in sent
        assert "msg_" not in sent
        assert "done" in sent


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_late_system_message_is_heard_by_every_tier(rig: Rig, way: str) -> None:
    history = [
        SystemMessage("Be brief."),
        HumanMessage("one"),
        AIMessage("two"),
        SystemMessage("Be kind."),
        HumanMessage("three"),
    ]
    assert (await ask(rig.last(fallbacks=[]), way, history)).text == "from the provider"
    sent = json.dumps(rig.server.requests[-1].body)
    assert "Be brief." in sent
    assert "Be kind." in sent
    if rig.name in ("ollama", "mistral"):
        roles = [message["role"] for message in rig.server.requests[-1].body["messages"]]
        assert roles == ["system", "user", "assistant", "user"]


IMAGES = {
    "openai": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    "anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
    },
    "standard": {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
    "standard v0": {
        "type": "image",
        "source_type": "base64",
        "data": PIXEL,
        "mime_type": "image/png",
    },
    "gemini": {"type": "media", "mime_type": "image/png", "data": PIXEL},
    "responses": {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
}


@pytest.mark.parametrize("form", sorted(IMAGES))
def test_an_image_in_anybodys_form(rig: Rig, form: str) -> None:
    seen = [HumanMessage([{"type": "text", "text": "what is it?"}, IMAGES[form]])]
    assert (
        rig.last(fallbacks=[], model=SEES.get(rig.name, {})).invoke(seen).text
        == "from the provider"
    )
    sent = json.dumps(rig.server.requests[-1].body)
    assert PIXEL[:20] in sent
    assert '"media"' not in sent
    if rig.name not in ("anthropic", "gemini"):
        assert '"source"' not in sent


def test_an_image_in_a_tools_result(rig: Rig) -> None:
    history = [
        HumanMessage("look"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage(
            [{"type": "text", "text": "a pixel"}, IMAGES["standard"]], tool_call_id="call_1"
        ),
    ]
    assert (
        rig.last(fallbacks=[], model=SEES.get(rig.name, {})).invoke(history).text
        == "from the provider"
    )
    body = rig.server.requests[-1].body
    assert PIXEL[:20] in json.dumps(body)
    for message in body.get("messages", []):
        if message["role"] == "tool" and rig.name != "ollama":
            assert message["content"] == "a pixel"


def test_an_image_by_its_address_does_not_go_to_ollama() -> None:
    linked = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    seen = [HumanMessage([{"type": "text", "text": "what is it?"}, linked])]
    with OllamaServer() as one, OllamaServer() as two:
        router = AsymRouter(small=ollama(one), frontier=ollama(two))
        with pytest.raises(NoTierError, match="not by their address"):
            router.invoke(seen)
        assert not one.requests
        assert not two.requests


@pytest.mark.full
def test_every_pair_of_providers() -> None:
    """What one client's answer looks like, the next one takes."""
    for maker, made_by in CLIENTS.items():
        with made_by.server(default="said before") as server, OllamaServer() as small:
            up = made_by.make(server)
            said = AsymRouter(small=ollama(small), frontier=up, threshold=0).invoke("one")
        for reader, read_by in CLIENTS.items():
            with read_by.server(default="fine") as server, OllamaServer() as small:
                up = read_by.make(server)
                router = AsymRouter(small=ollama(small), frontier=up, threshold=0)
                answer = router.invoke([HumanMessage("one"), said, HumanMessage("two")])
                assert answer.text == "fine", (maker, reader)
                assert "said before" in json.dumps(server.requests[-1].body)
