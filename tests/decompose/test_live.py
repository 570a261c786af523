"""A join streams live to whoever listens: its reader has a part before the server has sent the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import HumanMessage
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from lc_asym_router import TiersFailedError
from tests.conftest import record
from tests.decompose.conftest import QUIET
from tests.decompose.test_faces import JOINED, PLAN, parent_of
from tests.decompose.world import WHOLE, World
from tests.servers import Reply

pytestmark = QUIET

GIVEN: Any = {"messages": [HumanMessage(WHOLE)]}
TAIL = [f"word{number} " for number in range(200)]
TEXT = "".join([f"{JOINED} ", *TAIL])


@dataclass(frozen=True)
class Gated(Reply):
    """A reply whose chunks leave one by one until it is released, and then at once.

    Unreleased they take 20 s, so that a test whose reader hears nothing before fails and ends.
    """

    released: Event = field(default_factory=Event)

    def __getattribute__(self, name: str) -> Any:
        if name == "chunk_delay":
            return 0.0 if super().__getattribute__("released").is_set() else 20 / len(TAIL)
        return super().__getattribute__(name)


def gated(world: World, **how: Any) -> Event:
    """Let the frontier's join come chunk by chunk."""
    reply = Gated(chunks=[f"{JOINED} ", *TAIL], **how)
    world.replies["frontier", "join"] = reply
    return reply.released


Texts = Callable[[World], Iterator[tuple[str, str]] | AsyncIterator[tuple[str, str]]]
"""The face's texts as they come, each with its message's id."""


def _said(message: Any) -> Iterator[tuple[str, str]]:
    if message.type != "human" and message.text:
        yield message.text, message.id


def _agent(world: World) -> Any:
    return create_agent(model=world.decomposer(PLAN, join="frontier"), tools=[])


def _stream(world: World) -> Iterator[tuple[str, str]]:
    for chunk in world.decomposer(PLAN, join="frontier").stream(WHOLE):
        yield from _said(chunk)


async def _astream(world: World) -> AsyncIterator[tuple[str, str]]:
    async for chunk in world.decomposer(PLAN, join="frontier").astream(WHOLE):
        for each in _said(chunk):
            yield each


def _messages(make: Callable[[World], Any], subgraphs: bool = False) -> Texts:
    def texts(world: World) -> Iterator[tuple[str, str]]:
        for item in make(world).stream(GIVEN, stream_mode="messages", subgraphs=subgraphs):
            yield from _said(item[1][0] if subgraphs else item[0])

    return texts


def _amessages(make: Callable[[World], Any], subgraphs: bool = False) -> Texts:
    async def texts(world: World) -> AsyncIterator[tuple[str, str]]:
        stream = make(world).astream(GIVEN, stream_mode="messages", subgraphs=subgraphs)
        async for item in stream:
            for each in _said(item[1][0] if subgraphs else item[0]):
                yield each

    return texts


def _events(make: Callable[[World], Any], given: Any) -> Texts:
    async def texts(world: World) -> AsyncIterator[tuple[str, str]]:
        async for event in make(world).astream_events(given, version="v2"):
            if event["event"] == "on_chat_model_stream":
                for each in _said(event["data"]["chunk"]):
                    yield each

    return texts


def _protocol(world: World) -> Iterator[tuple[str, str]]:
    stream = world.decomposer(PLAN, join="frontier").stream_events(WHOLE, version="v3")
    for text in stream.text:
        yield text, ""


def _graph_protocol(world: World) -> Iterator[tuple[str, str]]:
    for message in _agent(world).stream_events(GIVEN, version="v3").messages:
        for text in message.text:
            yield text, ""


def _parent(kind: str) -> Callable[[World], Any]:
    return lambda world: parent_of(world, kind, join="frontier")


FACES: dict[str, Texts] = {
    "stream": _stream,
    "astream": _astream,
    "agent": _messages(_agent),
    "async agent": _amessages(_agent),
    "node": _messages(_parent("node")),
    "async node": _amessages(_parent("node")),
    "subgraph": _messages(_parent("subgraph"), subgraphs=True),
    "async subgraph": _amessages(_parent("subgraph"), subgraphs=True),
    "own graph": _messages(lambda world: world.decomposer(PLAN, join="frontier").graph),
    "events": _events(lambda world: world.decomposer(PLAN, join="frontier"), WHOLE),
    "agent's events": _events(_agent, GIVEN),
    "subgraph's events": _events(_parent("subgraph"), GIVEN),
    "protocol": _protocol,
    "agent's protocol": _graph_protocol,
}


async def texts_of(face: str, world: World) -> AsyncIterator[tuple[str, str]]:
    """The texts of any face; a sync one is read in this thread."""
    texts = FACES[face](world)
    if isinstance(texts, AsyncIterator):
        async for text in texts:
            yield text
        return
    for text in texts:
        yield text


@pytest.mark.parametrize("face", FACES)
async def test_a_part_is_heard_before_the_rest_was_sent(world: World, face: str) -> None:
    released = gated(world)
    heard: list[str] = []
    ids: set[str] = set()
    unsent: list[bool] = []
    async for text, name in texts_of(face, world):
        if not heard:
            (_, join) = world.asked("frontier")[-1]
            unsent.append(join.over is None)
            released.set()
        heard.append(text)
        ids.add(name)
    assert unsent == [True], "it came when all of it was there"
    assert "".join(heard) == TEXT, "all of it, and once"
    assert len(ids) == 1
    assert not [each.name for each in threading.enumerate() if "join" in each.name]


@pytest.mark.parametrize("face", FACES)
async def test_nothing_is_heard_before_every_part_is_used(world: World, face: str) -> None:
    """The join is rejected in the end, so its readers hear of the whole answer alone."""
    chunks = ["resultt0 valuet0 ", *TAIL, "resultt2 valuet2"]
    world.replies["frontier", "join"] = Reply(chunks=chunks, chunk_delay=0.0005)
    heard = [text async for text, _ in texts_of(face, world)]
    assert "".join(heard) == "the whole answer"


@pytest.mark.full
@pytest.mark.parametrize("face", FACES)
async def test_a_join_that_breaks_after_it_was_heard_is_an_error(world: World, face: str) -> None:
    released = gated(world, drop_after=150)
    heard = ""
    with pytest.raises(TiersFailedError) as raised:
        async for text, _ in texts_of(face, world):
            heard += text
            released.set()
    assert heard.startswith(JOINED)
    assert TEXT.startswith(heard)
    assert [task for task, _ in world.asked("frontier")] == ["join"]
    assert len(raised.value.record["attempts"]) == 4


class Listener(BaseCallbackHandler, _StreamingCallbackHandler):
    """Somebody who listens: what is told of models' runs, in order."""

    run_inline = True

    def __init__(self) -> None:
        self.told: list[tuple[str, Any, Any]] = []

    def tap_output_aiter(self, run_id: Any, output: Any) -> Any:
        return output

    def tap_output_iter(self, run_id: Any, output: Any) -> Any:
        return output

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """A model is asked."""
        self.told.append(("start", kwargs["run_id"], [each.text for each in messages[0]]))

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """It says something."""
        self.told.append(("token", kwargs["run_id"], kwargs["chunk"].message))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """It has said it."""
        self.told.append(("end", kwargs["run_id"], response.generations[0][0].message))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """It broke off."""
        self.told.append(("error", kwargs["run_id"], error))


async def asked_by(world: World, is_async: bool, listener: Listener) -> Any:
    decomposer = world.decomposer(PLAN, join="frontier")
    if is_async:
        return await decomposer.ainvoke(WHOLE, {"callbacks": [listener]})
    return await asyncio.to_thread(decomposer.invoke, WHOLE, {"callbacks": [listener]})


@pytest.mark.parametrize("is_async", [False, True])
async def test_those_who_listen_are_told_of_one_run(world: World, is_async: bool) -> None:
    gated(world).set()
    listener = Listener()
    with get_usage_metadata_callback() as counted:
        answer = await asked_by(world, is_async, listener)
    kinds = [kind for kind, _, _ in listener.told]
    assert kinds == ["start", *["token"] * (len(kinds) - 2), "end"]
    assert len({run for _, run, _ in listener.told}) == 1
    assert listener.told[0][2] == [WHOLE], "not what the tier was asked, which holds the parts"
    tokens = [message for kind, _, message in listener.told if kind == "token"]
    assert "".join(token.text for token in tokens) == answer.text == TEXT
    assert listener.told[-1][2].text == TEXT
    assert {token.id for token in tokens} == {listener.told[-1][2].id} == {answer.id}
    assert sum(token.usage_metadata is not None for token in tokens) == 1
    assert listener.told[-1][2].usage_metadata == answer.usage_metadata
    (dear,) = (used for name, used in counted.usage_metadata.items() if "small" not in name)
    assert dear["output_tokens"] == world.frontier.tokens[1]
    assert record(answer)["cost_usd"] == pytest.approx(world.spent())


@pytest.mark.parametrize("is_async", [False, True])
async def test_those_who_listen_are_told_that_it_broke_off(world: World, is_async: bool) -> None:
    gated(world, drop_after=150).set()
    listener = Listener()
    with pytest.raises(TiersFailedError):
        await asked_by(world, is_async, listener)
    kinds = [kind for kind, _, _ in listener.told]
    assert kinds == ["start", *["token"] * (len(kinds) - 2), "error"]
    assert isinstance(listener.told[-1][2], TiersFailedError)


async def test_those_who_listen_are_told_that_it_was_cancelled(world: World) -> None:
    begun = asyncio.Event()

    class Waiting(Listener):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            super().on_llm_new_token(token, **kwargs)
            begun.set()

    gated(world)
    listener = Waiting()
    task = asyncio.create_task(asked_by(world, True, listener))
    await asyncio.wait_for(begun.wait(), 15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listener.told[-1][0] == "error"
    assert world.frontier.wait_idle()
    assert world.asked("frontier")[-1][1].closed_by_client


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_handler_that_wants_its_errors_raised_ends_it(world: World, is_async: bool) -> None:
    class Strict(Listener):
        raise_error = True

        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            raise LookupError("no")

    gated(world).set()
    with pytest.raises(LookupError, match="no"):
        await asked_by(world, is_async, Strict())
