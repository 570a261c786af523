"""What only its maker can read goes back to its maker, and late system messages to every tier."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from lc_asym_router import AsymRouter
from lc_asym_router.tiers.providers import provider_of
from tests.servers import OllamaServer, Reply, Server
from tests.tiers.providers.clients import CLIENTS, WAYS, ask, gemini, ollama
from tests.tiers.providers.conftest import Rig

SIGNING: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    # a model with its settings, another one, and what only the first can read
    "anthropic": (
        {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"model": "claude-opus-4-1", "thinking": {"type": "enabled", "budget_tokens": 1024}},
        ("sig-of",),
    ),
    "responses": (
        {"model": "gpt-5", "output_version": "responses/v1"},
        {"model": "gpt-5-mini", "output_version": "responses/v1"},
        ("enc-of", "rs_", "msg_"),
    ),
}


@pytest.mark.parametrize("name", sorted(SIGNING))
@pytest.mark.parametrize("way", WAYS)
async def test_back_to_the_maker_alone(name: str, way: str) -> None:
    first, second, signs = SIGNING[name]
    client, thought = CLIENTS[name], Reply("done", reasoning="hm")
    with (
        client.server(default=thought) as here,
        client.server(default=thought) as there,
        OllamaServer() as small,
    ):

        def router(server: Server, own: dict[str, Any]) -> AsymRouter:
            return AsymRouter(small=ollama(small), frontier=client.make(server, **own), threshold=0)

        said = await ask(router(here, first), way, "one")
        again: list[Any] = [HumanMessage("one"), said, HumanMessage("two")]
        for server, own, made_it in (
            (here, first, True),
            (here, second, False),
            (there, first, False),
            (there, second, False),
        ):
            assert (await ask(router(server, own), way, again)).text == "done"
            sent = json.dumps(server.requests[-1].body)
            assert "done" in sent
            assert any(sign in sent for sign in signs) is made_it, (own["model"], made_it)


@pytest.mark.parametrize("way", ["invoke", "astream"])
@pytest.mark.parametrize(("model", "made_it"), [("gemini-2.5-flash", True), ("gemini-9", False)])
async def test_geminis_signatures(way: str, model: str, made_it: bool) -> None:
    signed = AIMessage(
        "",
        tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "call_1"}],
        additional_kwargs={"__gemini_function_call_thought_signatures__": {"call_1": "c2VjcmV0"}},
        response_metadata={"model_provider": "google_genai", "model_name": "gemini-2.5-flash"},
    )
    from langchain_core.messages import ToolMessage

    history: list[Any] = [HumanMessage("look"), signed, ToolMessage("blue", tool_call_id="call_1")]
    with CLIENTS["gemini"].server(default="fine") as server, OllamaServer() as small:
        router = AsymRouter(small=ollama(small), frontier=gemini(server, model=model), threshold=0)
        assert (await ask(router, way, history)).text == "fine"
        assert ("c2VjcmV0" in json.dumps(server.requests[-1].body)) is made_it


LATE: list[list[Any]] = [
    [HumanMessage("one"), SystemMessage("Be kind.")],
    [SystemMessage("Be brief."), HumanMessage("one"), SystemMessage("Be kind.")],
    [SystemMessage("Be brief."), SystemMessage("Be kind."), HumanMessage("one")],
    [
        SystemMessage([{"type": "text", "text": "Be brief."}]),
        HumanMessage("one"),
        AIMessage("two"),
        SystemMessage("Be kind."),
        HumanMessage("three"),
        SystemMessage([{"type": "text", "text": "Be quick."}]),
        HumanMessage("four"),
    ],
]


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_late_system_messages_wherever_they_stand(rig: Rig, way: str) -> None:
    strict = not provider_of(rig.model()).late_system
    for history in LATE:
        for router in (rig.first(), rig.last(fallbacks=[])):
            assert (await ask(router, way, history)).text == "from the provider"
            body = rig.server.requests[-1].body
            sent = json.dumps(body)
            said = [m.text for m in history if isinstance(m, SystemMessage)]
            assert all(text in sent for text in said)
            roles = [m.get("role") for m in body.get("messages", [])]
            if strict and roles and "system" in roles:
                assert roles.index("system") == 0
                assert roles.count("system") == 1
    assert not rig.spare.requests
