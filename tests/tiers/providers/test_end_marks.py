"""Wherever an answer breaks off, and whatever its server calls that, it is not passed off as one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from lc_asym_router.errors import TiersFailedError
from lc_asym_router.tiers.provider import failed_end
from tests.servers import Reply, ToolCall
from tests.tiers.providers.clients import WAYS, ask
from tests.tiers.providers.conftest import Rig, entries

STREAMS = ("stream", "astream")
LIKE_OPENAI = ("openai", "azure", "deepseek", "groq", "mistral", "xai")
"""Whose wire format is that of chat completions."""


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return city


@pytest.mark.parametrize("way", STREAMS)
async def test_a_stream_may_break_off_anywhere(rig: Rig, way: str) -> None:
    for pieces in (0, 1, 3):  # before the first, behind it, and with the end mark alone missing
        rig.server.default = Reply("one two three", truncate_after=pieces)
        answer = await ask(rig.first(), way)
        assert answer.text == "from the spare", pieces
        assert entries(answer)[0]["error"], pieces
        rig.spare.reset()
        if pieces == 0:  # nothing was seen
            assert (await ask(rig.last(), way)).text == "from the spare"
            continue
        with pytest.raises(TiersFailedError, match="CutStreamError"):
            await ask(rig.last(), way)
        assert not rig.spare.requests


@pytest.mark.parametrize("way", STREAMS)
async def test_half_a_tool_call_is_not_made(rig: Rig, way: str) -> None:
    call = ToolCall("weather", {"city": "Paris"})
    rig.server.default = Reply(tool_calls=[call], truncate_after=1)
    answer = await ask(rig.first(verify="form").bind_tools([weather]), way)
    assert (answer.text, answer.tool_calls) == ("from the spare", [])
    with pytest.raises(TiersFailedError, match="CutStreamError"):
        await ask(rig.last().bind_tools([weather]), way)


@pytest.mark.parametrize("way", STREAMS)
async def test_done_without_a_reason_is_no_end(rig: Rig, way: str) -> None:
    if rig.name not in LIKE_OPENAI:
        return  # the others have no such line
    choice = {"index": 0, "delta": {"role": "assistant", "content": "one "}, "finish_reason": None}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    event = b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n"
    rig.server.default = Reply(body=event + b"data: [DONE]\n\n")
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert "CutStreamError" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_whole_body_without_a_reason_is_no_answer(rig: Rig, way: str) -> None:
    rig.server.default = Reply("one two", finish=None)  # type: ignore[arg-type]
    answer = await ask(rig.first(verify="form"), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["passed"] is not True
    answer = await ask(rig.last(), way)
    if rig.name == "responses":  # its status says that it is incomplete, and the record says so
        assert entries(answer)[0]["cut_off"] == "incomplete"
    else:
        assert answer.text == "from the spare"


@pytest.mark.parametrize("word", ["error", "ERROR", "abort", "cancelled", "timeout", "failed"])
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_each_word_for_an_error_fails_live(rig: Rig, way: str, word: str) -> None:
    word = "failed" if rig.name == "responses" else word  # the one word that its API has
    rig.server.default = Reply("one two", finish=word)
    if way == "invoke":
        answer = await ask(rig.last(), way)
        assert answer.text == "from the spare"
        assert entries(answer)[0]["error"]
    else:
        with pytest.raises(TiersFailedError):
            await ask(rig.last(), way)
    rig.server.default = Reply("", chunks=[], finish=word)
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"


@pytest.mark.parametrize("way", STREAMS)
async def test_an_error_in_the_last_chunk_beside_its_reason(rig: Rig, way: str) -> None:
    """OpenRouter's form of an error behind half an answer."""
    if rig.name not in LIKE_OPENAI:
        return
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "content": "one "}}
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    error = {"code": "server_error", "message": "Provider disconnected"}
    events = [
        {**chunk, "choices": [{**said, "finish_reason": None}]},
        {**chunk, "choices": [last], "error": error},
    ]
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)
    rig.server.default = Reply(body=body + b"data: [DONE]\n\n")
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["error"]
    with pytest.raises(TiersFailedError):
        await ask(rig.last(), way)


WITHHELD = {"gemini": "SAFETY"}


@pytest.mark.parametrize("way", WAYS)
async def test_half_a_withheld_answer_of_the_last_tier(rig: Rig, way: str) -> None:
    finish = WITHHELD.get(rig.name, "content_filter")
    rig.server.default = Reply("one two", finish=finish)
    answer = await ask(rig.last(), way)
    entry = entries(answer)[0]
    if way in STREAMS:  # it has been seen: the record says what it is
        assert answer.text == "one two"
        assert (entry["passed"], "withheld" in entry["reason"]) == (False, True)
    else:
        assert answer.text == "from the spare"
        assert "withheld" in entry["error"] or "content filter" in entry["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_malformed_call(rig: Rig, way: str) -> None:
    if rig.name in ("ollama", "gemini") or (rig.name == "anthropic" and way not in STREAMS):
        return  # whose arguments are objects on the wire
    rig.server.default = Reply(tool_calls=[ToolCall("weather", '{"city": ')])
    answer = await ask(rig.first(verify="form").bind_tools([weather]), way)
    assert (answer.text, answer.tool_calls) == ("from the spare", [])
    answer = await ask(rig.last(fallbacks=[]).bind_tools([weather]), way)
    entry = entries(answer)[-1]
    assert entry["passed"] is False
    assert entry["reason"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_an_agent_does_not_end_in_silence(rig: Rig, way: str) -> None:
    from langchain.agents import create_agent

    rig.server.default = Reply("", chunks=[])
    agent = create_agent(rig.last(), [weather])
    asked: Any = {"messages": [("user", "Weather in Paris?")]}
    out = agent.invoke(asked) if way == "invoke" else await agent.ainvoke(asked)
    assert out["messages"][-1].text == "from the spare"


@pytest.mark.parametrize(
    ("word", "failed"),
    [
        ("engine_overloaded", True),
        ("server_error", True),
        ("insufficient_system_resource", True),
        ("RequestCancelled", True),
        ("upstream_timeout", True),
        ("preempted", True),
        ("repetition", True),
        ("stop", False),
        ("eos", False),
        ("STOP", False),
        ("length", False),
        ("tool_calls", False),
        ("end_turn", False),
        ("stop_sequence", False),
        ("model_context_window_exceeded", False),
        ("content_filter", False),
        ("done", False),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "groq", "ollama", ""])
def test_words_for_an_end_that_nobody_has_listed(provider: str, word: str, failed: bool) -> None:
    message = AIMessage("half", response_metadata={"finish_reason": word})
    assert (failed_end(message, provider) == word.lower()) is failed
