"""A tier that can't carry a medium is ruled out before it is called, and the record says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from lc_asym_router import AsymRouter, NoTierError, Tier
from tests.servers import GeminiServer
from tests.tiers.providers.clients import CLIENTS, Client, ask, gemini

DATA = "UklGRg=="
BLOCKS: dict[str, dict[str, Any]] = {
    "audio": {"type": "audio", "base64": DATA, "mime_type": "audio/wav"},
    "video": {"type": "video", "base64": DATA, "mime_type": "video/mp4"},
    "pdf": {"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "a.pdf"},
    "file": {"type": "file", "base64": DATA, "mime_type": "text/csv", "filename": "a.csv"},
}
CARRIED = {
    "openai": {"audio", "pdf", "file"},
    "azure": {"audio", "pdf", "file"},
    "responses": {"pdf", "file"},
    "anthropic": {"pdf", "file"},
    "gemini": {"audio", "video", "pdf", "file"},
}
"""By clients whose model has no profile; by all others no kind but images."""


def asked(*blocks: dict[str, Any]) -> list[BaseMessage]:
    return [HumanMessage([{"type": "text", "text": "What is it?"}, *blocks])]


def unlisted(client: Client) -> dict[str, Any]:
    """Settings with which nothing is known of the model itself."""
    return {"model": "unlisted"} | ({"azure_deployment": "x"} if client.name == "azure" else {})


def pair(client: Client, server: Any, up: Any, **more: Any) -> AsymRouter:
    return AsymRouter(
        small=Tier(client.make(server, **unlisted(client)), breaker=False, retry=1, **more),
        frontier=gemini(up),
        classify=lambda messages: 0.0,
        verify=lambda attempt: True,
    )


@pytest.mark.parametrize("name", sorted(CLIENTS))
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_each_medium_goes_where_it_is_read(name: str, way: str) -> None:
    client = CLIENTS[name]
    with client.server(default="small") as server, GeminiServer(default="up") as up:
        router = pair(client, server, up)
        for kind, block in BLOCKS.items():
            before = len(server.requests)
            answer = await ask(router, way, asked(block))
            record = answer.response_metadata["router"]
            taken = kind in CARRIED.get(name, ())
            assert answer.text == ("small" if taken else "up"), kind
            assert len(server.requests) - before == taken
            assert len(record["attempts"]) == 1
            assert taken or f"no {kind} input" in record["decision"]["reason"]
            assert DATA in json.dumps((server if taken else up).requests[-1].body)


@pytest.mark.parametrize("name", ["mistral", "deepseek", "xai", "groq", "ollama"])
def test_with_nobody_left_the_error_names_each_tier_and_why(name: str) -> None:
    client = CLIENTS[name]
    with client.server() as server:
        model = client.make(server, **unlisted(client))
        router = AsymRouter(tiers=[Tier(model, "one"), Tier(model, "two")], verify="form")
        with pytest.raises(NoTierError, match="one: it takes no audio input") as raised:
            router.invoke(asked(BLOCKS["audio"]))
        assert "two: it takes no audio input" in str(raised.value)
        assert not server.requests


@pytest.mark.parametrize("name", ["openai", "azure", "anthropic", "gemini", "responses"])
def test_a_file_by_its_address_goes_to_those_who_fetch_it(name: str) -> None:
    client = CLIENTS[name]
    linked = {"type": "file", "url": "https://example.org/a.pdf", "mime_type": "application/pdf"}
    fetched = name in ("anthropic", "responses")
    with client.server(default="small") as server, CLIENTS["anthropic"].server(default="up") as up:
        router = AsymRouter(
            small=Tier(client.make(server, **unlisted(client)), retry=1),
            frontier=CLIENTS["anthropic"].make(up),
            classify=lambda messages: 0.0,
            verify=lambda attempt: True,
        )
        if name == "gemini":  # its client fetches the file itself: no call from this test
            assert router.decide(asked(linked)).tier == "small"
            return
        assert router.invoke(asked(linked)).text == ("small" if fetched else "up")
        assert len(server.requests) == fetched


def test_what_the_owner_declares_counts_before_what_is_known() -> None:
    client = CLIENTS["mistral"]
    with client.server(default="small") as server, GeminiServer(default="up") as up:
        sound = asked({"type": "input_audio", "input_audio": DATA})
        assert pair(client, server, up, inputs=["audio"]).invoke(sound).text == "small"
        assert pair(client, server, up).invoke(sound).text == "up"
        assert DATA in json.dumps(server.requests[-1].body)


FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai audio": (
        "audio",
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    ),
    "openai file": (
        "pdf",
        {
            "type": "file",
            "file": {"file_data": f"data:application/pdf;base64,{DATA}", "filename": "a.pdf"},
        },
    ),
    "responses file": (
        "pdf",
        {
            "type": "input_file",
            "file_data": f"data:application/pdf;base64,{DATA}",
            "filename": "a.pdf",
        },
    ),
    "anthropic document": (
        "pdf",
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": DATA},
        },
    ),
    "gemini media": ("pdf", {"type": "media", "mime_type": "application/pdf", "data": DATA}),
    "gemini sound": ("audio", {"type": "media", "mime_type": "audio/wav", "data": DATA}),
    "older standard": (
        "pdf",
        {
            "type": "file",
            "source_type": "base64",
            "data": DATA,
            "mime_type": "application/pdf",
            "filename": "a.pdf",
        },
    ),
}
READ_AS = {
    "openai": {"input_audio", "file"},
    "azure": {"input_audio", "file"},
    "responses": {"input_file"},
    "anthropic": {"document"},
}


@pytest.mark.parametrize("name", sorted({*CARRIED}))
@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_medium_in_any_providers_form_is_in_the_readers(name: str, form: str) -> None:
    kind, block = FORMS[form]
    if kind not in CARRIED[name]:
        return
    client = CLIENTS[name]
    with client.server(default="small") as server, GeminiServer(default="up") as up:
        answer = pair(client, server, up).invoke(asked(block))
        assert answer.text == "small"
        body = server.requests[-1].body
        assert DATA in json.dumps(body)
        if name in READ_AS:
            said = (body.get("messages") or body.get("input"))[-1]["content"]
            assert {each["type"] for each in said} - {"text", "input_text"} <= READ_AS[name]


def test_a_document_of_plain_text_is_its_text() -> None:
    client = CLIENTS["openai"]
    source = {"type": "text", "media_type": "text/plain", "data": "The code is blue."}
    with client.server(default="small") as server, GeminiServer() as up:
        made = pair(client, server, up).invoke(asked({"type": "document", "source": source}))
        assert made.text == "small"
        assert "The code is blue." in json.dumps(server.requests[-1].body)


def test_a_medium_in_a_tools_result_counts_and_one_that_a_model_made_does_not() -> None:
    client = CLIENTS["deepseek"]
    call = {"name": "record", "args": {}, "id": "call_1"}
    with client.server(default="small") as server, GeminiServer(default="up") as up:
        router = pair(client, server, up)
        heard = [
            HumanMessage("record it"),
            AIMessage("", tool_calls=[call]),
            ToolMessage([BLOCKS["audio"]], tool_call_id="call_1"),
        ]
        assert router.invoke(heard).text == "up"
        spoken = AIMessage([{"type": "text", "text": "Here."}, BLOCKS["audio"]])
        said = [HumanMessage("say it"), spoken, HumanMessage("thanks")]
        assert router.invoke(said).text == "small"
        assert DATA not in json.dumps(server.requests[-1].body)
