"""An answer without an end, or with an error for one, is no answer; nor is an empty one of the last."""

from __future__ import annotations

import json

import pytest

from lc_asym_router import Tier
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.records.call import Call, describe_call
from lc_asym_router.records.record import attempt_line
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall
from tests.tiers.providers.clients import CLIENTS, WAYS, ask
from tests.tiers.providers.conftest import Rig, entries

STREAMS = ("stream", "astream")
CUT = Reply("one two three", truncate_after=2)
ENDS = {"responses": "failed", "gemini": "OTHER", "ollama": "error"}
WITHHELD = {"gemini": "SAFETY"}


def failing(name: str) -> Reply:
    """Half an answer that ends with the provider's word for an error."""
    return Reply("one two", finish=ENDS.get(name, "error"))


@pytest.mark.parametrize("way", STREAMS)
async def test_a_stream_without_an_end_fails_live(rig: Rig, way: str) -> None:
    rig.server.default = CUT
    with pytest.raises(TiersFailedError) as caught:
        await ask(rig.last(), way)
    assert "CutStreamError" in caught.value.attempts[-1]["error"]
    assert not rig.spare.requests  # a part was seen, so nobody else may go on


@pytest.mark.parametrize("way", STREAMS)
async def test_a_stream_without_an_end_fails_before_a_check(rig: Rig, way: str) -> None:
    rig.server.default = CUT
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert "CutStreamError" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_an_end_that_is_an_error_fails_before_a_check(rig: Rig, way: str) -> None:
    rig.server.default = failing(rig.name)
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_an_end_that_is_an_error_fails_live(rig: Rig, way: str) -> None:
    rig.server.default = failing(rig.name)
    if way in STREAMS:
        with pytest.raises(TiersFailedError):
            await ask(rig.last(), way)
    else:
        answer = await ask(rig.last(), way)
        assert answer.text == "from the spare"
        assert entries(answer)[0]["error"]


def nothing(name: str) -> dict[str, Reply]:
    """Answers that are none."""
    found = {
        "empty": Reply("", chunks=[]),
        "withheld": Reply("", chunks=[], finish=WITHHELD.get(name, "content_filter")),
        "cut without text": Reply("", chunks=[], finish="length"),
    }
    if name not in ("ollama", "gemini", "anthropic"):  # whose arguments are objects on the wire
        found["malformed"] = Reply(tool_calls=[ToolCall("f", '{"a": ')])
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["empty", "withheld", "cut without text", "malformed"])
async def test_no_answer_of_the_last_tier_goes_to_the_fall_back(
    rig: Rig, way: str, kind: str
) -> None:
    reply = nothing(rig.name).get(kind)
    if reply is None or (kind == "malformed" and way in STREAMS):  # of a stream it is seen
        return
    rig.server.default = reply
    answer = await ask(rig.last(), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["error"]
    assert entries(answer)[0]["passed"] is False


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["empty", "withheld", "cut without text"])
async def test_no_answer_with_nobody_left_is_handed_on_and_said(
    rig: Rig, way: str, kind: str
) -> None:
    rig.server.default = nothing(rig.name)[kind]
    if (rig.name, kind) == ("azure", "withheld") and way not in STREAMS:
        with pytest.raises(TiersFailedError, match="content filter"):  # AzureChatOpenAI raises
            await ask(rig.last(fallbacks=[]), way)
        return
    answer = await ask(rig.last(fallbacks=[]), way)
    entry = entries(answer)[-1]
    assert answer.text == ""
    assert entry["passed"] is False
    assert entry["reason"]


@pytest.mark.parametrize("way", WAYS)
async def test_half_an_answer_of_the_last_tier_is_handed_on_and_said_to_be_cut(
    rig: Rig, way: str
) -> None:
    rig.server.default = Reply("one two", finish="length")
    answer = await ask(rig.last(), way)
    entry = entries(answer)[-1]
    assert answer.text == "one two"
    assert (entry["error"], entry["passed"]) == (None, None)
    assert "max" in entry["cut_off"] or "length" in entry["cut_off"]
    assert f"not checked, cut off ({entry['cut_off']})" in attempt_line(1, entry)
    assert entry["cut_off"] in describe_call(Call.of(entry), side=False)[0]
    rig.server.default = Reply("one two")
    assert "cut_off" not in entries(await ask(rig.last(), way))[-1]


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_half_an_answer_that_a_check_passes_is_said_to_be_cut(rig: Rig, way: str) -> None:
    rig.server.default = Reply("one two", finish="length")
    answer = await ask(rig.first(), way)
    assert (answer.text, entries(answer)[0]["passed"]) == ("one two", True)
    assert entries(answer)[0]["cut_off"]


def test_an_empty_answer_is_tried_again(rig: Rig) -> None:
    rig.server.script(Reply("", chunks=[]), "now")
    again = Tier(rig.model(), breaker=False, retry=2)
    answer = rig.last(frontier=again, fallbacks=[]).invoke("hi")
    assert answer.text == "now"
    assert len(entries(answer)) == 2


@pytest.mark.parametrize("way", WAYS)
async def test_a_whole_answer_passes(rig: Rig, way: str) -> None:
    rig.server.default = Reply("one two three")
    assert (await ask(rig.last(), way)).text == "one two three"
    assert (await ask(rig.first(), way)).text == "one two three"
    assert not rig.spare.requests


UNFINISHED = {
    "anthropic": "pause_turn",
    "responses": "a reason nobody knows",
}
GIVEN_UP = ("abort", "cancelled", "timeout")
BLOCKED = ("SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "LANGUAGE")


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_that_is_to_go_on_fails_its_check(rig: Rig, way: str) -> None:
    if rig.name not in UNFINISHED:
        return  # the others have no word for it
    rig.server.default = Reply("one two", finish=UNFINISHED[rig.name])
    answer = await ask(rig.first(verify="form"), way)
    assert answer.text == "from the spare"
    assert "not finished" in entries(answer)[0]["reason"]


@pytest.mark.parametrize("finish", GIVEN_UP)
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_server_that_gave_up_has_not_answered(rig: Rig, way: str, finish: str) -> None:
    finish = "failed" if rig.name == "responses" else finish  # the one word that its API has
    rig.server.default = Reply("one two", finish=finish)
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["error"]


@pytest.mark.parametrize("finish", BLOCKED)
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_each_of_geminis_blocked_ends(way: str, finish: str) -> None:
    client = CLIENTS["gemini"]
    with client.server() as server, OpenAIServer(default="spare") as spare, OllamaServer() as other:
        rig = Rig("gemini", client, server, spare, other)
        server.default = Reply("half of it", finish=finish)
        answer = await ask(rig.first(verify="form"), way)
        assert answer.text == "spare"
        server.default = Reply("", chunks=[], finish=finish)
        answer = await ask(rig.last(), way)
        assert answer.text == "spare"
        assert "withheld" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_prompt_that_gemini_blocks_is_not_sent_again(way: str) -> None:
    client = CLIENTS["gemini"]
    body = json.dumps({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "g"}).encode()
    body = b"data: " + body + b"\r\n\r\n" if way == "astream" else body
    with client.server() as server, OpenAIServer(default="spare") as spare, OllamaServer() as other:
        rig = Rig("gemini", client, server, spare, other)
        server.default = Reply(body=body)
        tier = Tier(rig.model(), breaker=False, retry=3)
        answer = await ask(rig.last(frontier=tier), way)
        assert answer.text == "spare"
        assert len(server.requests) == 1
        assert "withheld" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_that_is_announced_and_not_made_is_no_answer(way: str) -> None:
    client = CLIENTS["openai"]
    with client.server() as server, OpenAIServer(default="spare") as spare, OllamaServer() as other:
        rig = Rig("openai", client, server, spare, other)
        server.default = Reply("", chunks=[], finish="tool_calls")
        assert (await ask(rig.last(), way)).text == "spare"
        server.default = Reply("I will look it up.", finish="tool_calls")
        assert (await ask(rig.first(verify="form"), way)).text == "spare"


@pytest.mark.parametrize("way", WAYS)
async def test_no_answer_of_an_unchecked_tier_goes_up(rig: Rig, way: str) -> None:
    rig.server.default = Reply("", chunks=[])
    answer = await ask(rig.first(verify=None), way)
    assert answer.text == "from the spare"
    assert entries(answer)[0]["error"]
