"""Messages that one provider's client or server would refuse reach it in a form that it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from lc_asym_router import AsymRouter
from tests.servers import GeminiServer, OllamaServer
from tests.tiers.providers.clients import ask, gemini, ollama
from tests.tiers.providers.conftest import Rig

CALL = {"name": "look", "args": {"at": "sky"}, "id": "call_1"}


async def sent(rig: Rig, history: list[BaseMessage], way: str = "invoke") -> dict[str, Any]:
    """What goes over the wire."""
    assert (await ask(rig.last(fallbacks=[]), way, history)).text == "from the provider"
    return rig.server.requests[-1].body


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_result_in_blocks_that_a_client_does_not_know_is_json(rig: Rig, way: str) -> None:
    result = ToolMessage([{"type": "json", "json": {"degrees": 5}}], tool_call_id="call_1")
    history = [HumanMessage("look"), AIMessage("", tool_calls=[CALL]), result, HumanMessage("so?")]
    body = json.dumps(await sent(rig, history, way))
    assert "degrees" in body
    assert rig.name not in ("anthropic", "ollama") or '"type": "json", ' not in body


@pytest.mark.parametrize("said", ["", [], "  \n", [{"type": "text", "text": ""}]], ids=repr)
async def test_an_ai_message_that_says_nothing(rig: Rig, said: Any) -> None:
    body = await sent(rig, [HumanMessage("one"), AIMessage(said), HumanMessage("two")])
    messages = body.get("messages") or body.get("contents") or body["input"]
    by_model = [each for each in messages if each.get("role") in ("assistant", "model")]
    if rig.name in ("anthropic", "mistral"):
        assert by_model == []
    assert all(each.get("content", "") != [] for each in by_model)
    assert "one" in json.dumps(messages)
    assert "two" in json.dumps(messages)


async def test_an_empty_system_message_goes_where_it_would_be_refused(rig: Rig) -> None:
    empty = SystemMessage("")
    body = await sent(rig, [SystemMessage("be brief"), empty, HumanMessage("hi"), empty])
    assert "be brief" in json.dumps(body)
    assert "be brief\\n\\n" not in json.dumps(body)
    alone = await sent(rig, [empty, HumanMessage("hi")])
    if rig.name in ("anthropic", "gemini", "mistral", "ollama"):
        assert not alone.get("system")
        assert "systemInstruction" not in alone
        assert "system" not in [each.get("role") for each in alone.get("messages", ())]


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
async def test_a_message_that_names_its_role(rig: Rig, role: str) -> None:
    history = [ChatMessage("as ever", role=role), HumanMessage("hi")]
    assert "as ever" in json.dumps(await sent(rig, history))


async def test_a_name_with_spaces_is_one_that_openai_takes(rig: Rig) -> None:
    history = [
        HumanMessage("hi", name="Ann <Lee>"),
        AIMessage("hello", name="agent one"),
        HumanMessage("so?", name="ann"),
    ]
    body = await sent(rig, history)
    names = [each["name"] for each in body.get("messages", ()) if each.get("name")]
    assert names in ([], ["Ann_Lee", "agent_one", "ann"])
    assert history[0].name == "Ann <Lee>"


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_plain_text_document_is_read_by_every_tier(rig: Rig, way: str) -> None:
    document = {"type": "text-plain", "text": "The code is blue.", "mime_type": "text/plain"}
    history: list[BaseMessage] = [
        HumanMessage([{"type": "text", "text": "What is it?"}, document]),
        AIMessage("Blue."),
        HumanMessage([document, {"type": "text", "text": "Sure?"}]),
    ]
    assert json.dumps(await sent(rig, history, way)).count("The code is blue.") == 2


@pytest.mark.parametrize("kind", ["audio", "video"])
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_medium_that_ollama_can_not_read_does_not_reach_it(way: str, kind: str) -> None:
    sound = {"type": kind, "base64": "UklGRg==", "mime_type": f"{kind}/mp4"}
    with OllamaServer() as small, GeminiServer(default="heard") as up:
        router = AsymRouter(
            small=ollama(small), frontier=gemini(up), classify=lambda messages: 0.0, verify="form"
        )
        asked = [HumanMessage([{"type": "text", "text": "What is it?"}, sound])]
        assert (await ask(router, way, asked)).text == "heard"
        assert not small.requests
        assert "UklGRg==" in json.dumps(up.requests[-1].body)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_texts_in_a_list_are_texts(rig: Rig, way: str) -> None:
    history: list[BaseMessage] = [
        SystemMessage(["be brief"]),
        HumanMessage(["one", {"type": "text", "text": "two"}]),
    ]
    body = await sent(rig, history, way)
    last = (body.get("messages") or body.get("contents") or body["input"])[-1]
    blocks = last.get("content") or last.get("parts")
    assert isinstance(blocks, str) or all(isinstance(each, dict) for each in blocks)
    for text in ("be brief", "one", "two"):
        assert text in json.dumps(body)


@pytest.mark.parametrize("in_blocks", [True, False])
def test_a_refusal_is_heard_of_by_each_who_reads_it(rig: Rig, in_blocks: bool) -> None:
    made = {"response_metadata": {"model_provider": "openai"}}
    said = [{"type": "refusal", "refusal": "I won't."}] if in_blocks else ""
    beside = {} if in_blocks else {"refusal": "I won't."}
    history = [HumanMessage("a"), AIMessage(said, additional_kwargs=beside, **made)]
    assert rig.last(fallbacks=[]).invoke([*history, HumanMessage("b")]).text == "from the provider"
    assert "I won't." in json.dumps(rig.server.requests[-1].body)


def test_what_was_spoken_is_its_transcript() -> None:
    audio = {"audio": {"id": "audio_1", "data": "xx", "transcript": "Good day."}}
    by = {"model_provider": "openai"}
    spoken = AIMessage("", additional_kwargs=audio, response_metadata=by)
    with OllamaServer() as small, GeminiServer() as up:
        AsymRouter(small=ollama(small), frontier=gemini(up), threshold=0).invoke(
            [HumanMessage("a"), spoken, HumanMessage("b")]
        )
        assert "Good day." in json.dumps(up.requests[-1].body)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_call_that_could_not_be_read_has_its_result_behind_it(rig: Rig, way: str) -> None:
    bad = {"name": "look", "args": "{bad", "id": "call_1", "error": "no JSON"}
    failed = AIMessage("", invalid_tool_calls=[{**bad, "type": "invalid_tool_call"}])
    result = ToolMessage("no JSON", tool_call_id="call_1")
    body = await sent(rig, [HumanMessage("a"), failed, result, HumanMessage("b")], way)
    for message in body.get("messages", ()):
        for call in message.get("tool_calls") or ():
            arguments = call["function"]["arguments"]
            read = json.loads(arguments) if isinstance(arguments, str) else arguments
            assert read == {"unreadable_arguments": "{bad"}
    assert "{bad" in json.dumps(body)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_functions_call_and_result_are_a_tools(rig: Rig, way: str) -> None:
    called = {"function_call": {"name": "look", "arguments": '{"at": "sky"}'}}
    history: list[BaseMessage] = [
        HumanMessage("a"),
        AIMessage("", additional_kwargs=called),
        FunctionMessage(content="it is blue", name="look"),
        HumanMessage("b"),
    ]
    body = json.dumps(await sent(rig, history, way))
    assert "it is blue" in body
    assert "sky" in body


def test_a_tools_name_has_no_character_that_its_reader_refuses(rig: Rig) -> None:
    call = {**CALL, "name": "mcp.server/look up"}
    made = [{"type": "tool_use", "name": call["name"], "input": call["args"], "id": call["id"]}]
    by = {"model_provider": "anthropic"}
    said = AIMessage(made, tool_calls=[call], response_metadata=by)
    history = [HumanMessage("a"), said, ToolMessage("blue", tool_call_id="call_1")]
    assert rig.last(fallbacks=[]).invoke(history).text == "from the provider"
    body = json.dumps(rig.server.requests[-1].body)
    keeps = rig.name in ("ollama", "gemini", "openai", "responses")  # these two by their address
    assert ("mcp.server/look up" in body) == keeps
    assert ("mcp_server_look_up" in body) != keeps


@pytest.mark.parametrize("before", [[], [SystemMessage("be brief")]], ids=["bare", "system"])
def test_a_conversation_that_the_model_begins(rig: Rig, before: list[BaseMessage]) -> None:
    history = [*before, AIMessage("Welcome!"), HumanMessage("hi")]
    assert rig.last(fallbacks=[]).invoke(history).text == "from the provider"
    body = rig.server.requests[-1].body
    messages = body.get("messages") or body.get("contents") or body["input"]
    roles = [each["role"] for each in messages if each["role"] != "system"]
    inserted = rig.name in ("anthropic", "gemini")
    assert (roles[0] == "user") == inserted
    assert len(roles) == 2 + inserted
