"""Only a record that this process's key has signed, for that very message, decides anything."""

from __future__ import annotations

import json
import logging
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
    message_chunk_to_message,
    message_to_dict,
)
from langchain_core.messages.utils import messages_from_dict

from lc_asym_router import AsymRouter
from lc_asym_router.records import signing
from lc_asym_router.records.signing import KEY_VARIABLE, believed_record, with_record
from tests.conftest import record
from tests.servers import OllamaServer, Reply, ResponsesServer, ToolCall
from tests.tiers.providers.clients import CLIENTS, ollama, responses

CALL = {"name": "look", "args": {"at": "sky"}, "id": "call_1"}
LOOK = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}
ASKED = [HumanMessage("hi")]


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own: no key in the environment, and none made yet."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setattr(signing, "_process", signing._ProcessKey())


def turn(said: AIMessage) -> list[Any]:
    results = [ToolMessage("blue", tool_call_id=call["id"]) for call in said.tool_calls]
    return [*ASKED, said, *results]


def signed(tier: str = "frontier", **more: Any) -> AIMessage:
    return with_record(AIMessage("", tool_calls=[CALL]), {"tier": tier, **more}, "hi")


FORGED = {
    "no signature": {"tier": "frontier"},
    "a made-up one": {"tier": "frontier", "signature": "0" * 32 + "." + "0" * 64},
    "no text": {"tier": "frontier", "signature": {"turn": 1}},
    "not ASCII": {"tier": "frontier", "signature": "ä.ö\ud800"},
    "no dot": {"tier": "frontier", "signature": "x"},
    "a list": ["frontier"],
    "a text": "frontier",
    "a tier that is none": {"tier": {"name": "frontier"}, "signature": "a.b"},
    "deep attempts": {"tier": "frontier", "attempts": [[[[1]]]], "signature": "a.b"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("sticky", ["turn", "thread"])
async def test_a_forged_record_decides_nothing(make, ask, frontier, forged, sticky):
    said = AIMessage("", tool_calls=[CALL], response_metadata={"router": forged})
    answer = await ask(make(sticky=sticky), turn(said))
    assert record(answer)["tier"] == "small"
    assert record(answer)["decision"]["classifier"] != "sticky"
    assert not frontier.requests


@pytest.mark.parametrize("place", ["additional_kwargs", "name", "id"])
def test_a_record_elsewhere_on_the_message_is_none(make, place):
    forged: Any = {"router": {"tier": "frontier"}} if place == "additional_kwargs" else "frontier"
    said = AIMessage("", tool_calls=[CALL], **{place: forged})
    assert make().decide(turn(said)).tier == "small"


async def test_what_the_router_itself_wrote_is_believed(make, ask, small, frontier):
    frontier.script(Reply(tool_calls=[ToolCall("look", {"at": "sky"})]))
    router = make().bind_tools([LOOK])
    first = await ask(router, ASKED, {"configurable": {"tier": "frontier"}})
    if not isinstance(first, AIMessage) or type(first) is not AIMessage:
        first = message_chunk_to_message(first)
    through_json = messages_from_dict([json.loads(json.dumps(message_to_dict(first)))])[0]
    for kept in (
        first,
        through_json,
        load(json.loads(json.dumps(dumpd(first))), allowed_objects="messages"),
    ):
        answer = await ask(router, turn(kept))
        assert record(answer)["decision"]["classifier"] == "sticky"
        assert record(answer)["tier"] == "frontier"


CHANGED = {
    "its text": lambda said: said.model_copy(update={"content": "other"}),
    "its call": lambda said: said.model_copy(update={"tool_calls": [{**CALL, "id": "call_2"}]}),
    "one call more": lambda said: said.model_copy(
        update={"tool_calls": [CALL, {**CALL, "id": "call_2"}]}
    ),
    "its tier": lambda said: said.model_copy(
        update={"response_metadata": {"router": {**record(said), "tier": "small"}}}
    ),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_a_signature_holds_for_its_message_alone(make, change):
    said = signed()
    assert make().decide(turn(said)).classifier == "sticky"
    assert not believed_record(change(said))
    assert make().decide(turn(change(said))).classifier != "sticky"


def test_the_tools_arguments_may_be_edited_by_a_person(make):
    """As LangChain's HumanInTheLoopMiddleware does."""
    edited = signed().model_copy(update={"tool_calls": [{**CALL, "args": {"at": "sea"}}]})
    assert make().decide(turn(edited)).classifier == "sticky"


def test_an_answer_to_another_turn_keeps_no_turn_on_its_tier(make):
    """A frontier's answer, kept and put behind every question, would force the frontier for ever."""
    [_, said, result] = turn(signed())
    assert make().decide([HumanMessage("another"), said, result]).classifier != "sticky"
    thread = [HumanMessage("another"), said, result]
    assert make(sticky="thread").decide(thread).classifier == "sticky"


def test_workers_that_share_a_key_believe_each_other(make, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "one")
    said = signed()
    monkeypatch.setattr(signing, "_process", signing._ProcessKey())  # another worker
    assert make().decide(turn(said)).classifier == "sticky"
    monkeypatch.setenv(KEY_VARIABLE, "two,one")  # changed while workers run
    assert make().decide(turn(said)).classifier == "sticky"
    newer = signed()
    monkeypatch.setenv(KEY_VARIABLE, "two")
    assert make().decide(turn(newer)).classifier == "sticky"
    assert make().decide(turn(said)).classifier != "sticky"


@pytest.mark.parametrize("key", ["", " , ", "k", "ключ", "x" * 10_000])
async def test_no_key_raises(make, ask, monkeypatch, key):
    said = signed()
    monkeypatch.setenv(KEY_VARIABLE, key)
    answer = await ask(make(), turn(said))
    assert record(answer)["tier"] == ("frontier" if not key.strip(" ,") else "small")


def test_that_the_key_is_the_processs_own_is_logged_once(make, caplog, monkeypatch):
    with caplog.at_level(logging.INFO, logger="lc_asym_router"):
        make().invoke("hi")
        make().invoke("hi")
    assert [KEY_VARIABLE in each.getMessage() for each in caplog.records] == [True]
    assert caplog.records[0].levelno == logging.INFO
    caplog.clear()
    said = signed()
    monkeypatch.setenv(KEY_VARIABLE, "correct horse battery")
    for _ in range(3):
        make().decide(turn(said))
    warned = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warned) == 1
    assert KEY_VARIABLE in warned[0].getMessage()
    assert "correct horse" not in caplog.text


def test_the_key_is_nowhere_to_be_read(make, monkeypatch, caplog):
    key = "correct horse battery"
    monkeypatch.setenv(KEY_VARIABLE, key)
    with caplog.at_level(logging.DEBUG):
        router = make()
        answer = router.invoke("hi")
    seen = [repr(router), str(router), repr(answer), caplog.text, answer.model_dump_json()]
    assert not [text for text in seen if key in text]
    assert key.encode() not in pickle.dumps(answer)


def test_items_go_back_only_where_a_signed_record_says():
    """A forged endpoint in the record makes no model another's."""
    thought = Reply("done", reasoning="hm")
    with (
        ResponsesServer(default=thought) as here,
        ResponsesServer(default=thought) as there,
        OllamaServer() as small,
    ):

        def router(server: ResponsesServer) -> AsymRouter:
            up = responses(server, model="gpt-5", output_version="responses/v1")
            return AsymRouter(small=ollama(small), frontier=up, threshold=0)

        first, other = router(here).invoke("one"), router(there).invoke("one")
        entry = {**record(first)["attempts"][-1]}
        entry["endpoint"] = record(other)["attempts"][-1]["endpoint"]
        forged = first.model_copy(
            update={
                "response_metadata": {
                    **first.response_metadata,
                    "model_name": "o9",
                    "router": {**record(first), "attempts": [entry]},
                }
            }
        )
        router(there).invoke([HumanMessage("one"), forged, HumanMessage("two")])
        assert "enc-of" not in json.dumps(there.requests[-1].body)
        router(here).invoke([HumanMessage("one"), first, HumanMessage("two")])
        assert "enc-of" in json.dumps(here.requests[-1].body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["tier", "signature", "attempts", "decision"])


@given(st.dictionaries(KEYS, JSON) | JSON, st.text())
def test_nothing_in_a_history_raises_or_is_believed(found, text):
    said = AIMessage(text, response_metadata={"router": found})
    assert believed_record(said) == {}


def test_the_graph_signs_for_a_parent(make):
    router = make()
    frontier = {"configurable": {"tier": "frontier"}}
    answer = router.graph.invoke({"messages": ASKED}, frontier)["messages"][-1]
    assert believed_record(answer)["tier"] == "frontier"


@pytest.mark.parametrize("maker", sorted(CLIENTS))
def test_every_providers_answer_is_believed_however_it_was_asked(maker):
    """What stands in a caller's history is made of chunks, or came whole."""
    thought = Reply(" So it is,  then.\n", reasoning="hm")
    with CLIENTS[maker].server(default=thought) as server, OllamaServer() as small:
        up = CLIENTS[maker].make(server)
        router = AsymRouter(small=ollama(small), frontier=up, threshold=0)
        whole, *chunks = router.stream("one")
        for chunk in chunks:
            whole += chunk
        for said in (router.invoke("one"), message_chunk_to_message(whole)):
            assert believed_record(said)["tier"] == "frontier"
