"""Given up half-way: a stream that its caller breaks off, a call that is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import TiersFailedError
from tests.behaviour.properties.cases import COMMON, Batch, Case, Setting, batches
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.faces import bound_kwargs, f_ainvoke, f_astream, f_events
from tests.behaviour.properties.judging import foresee, no_leak
from tests.behaviour.properties.parents import fit_parents, node_parent, p_astream
from tests.behaviour.properties.running import run_batch
from tests.behaviour.properties.seen import Counter, Seen
from tests.behaviour.properties.world import World

pytestmark = QUIET


def x_stream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    with closing(world.bound(setting).stream(case.prompt, seen.config)) as stream:
        for at, chunk in enumerate(stream):
            if at >= case.extra["after"]:
                break
            seen.everything.append(chunk)
            seen.take("stream", chunk)


async def x_astream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    async with aclosing(world.bound(setting).astream(case.prompt, seen.config)) as stream:
        at = 0
        async for chunk in stream:
            if at >= case.extra["after"]:
                break
            at += 1
            seen.everything.append(chunk)
            seen.take("stream", chunk)


async def x_events(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    events = world.bound(setting).astream_events(case.prompt, seen.config, version="v2")
    async with aclosing(events) as stream:
        at = 0
        async for event in stream:
            if at >= case.extra["after"] + 2:
                break
            at += 1
            seen.everything.append(event)
            if event["event"] == "on_chat_model_stream":
                seen.take("events", event["data"]["chunk"])


async def x_av3(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    stream = await world.router(setting).astream_events(
        case.prompt, seen.config, version="v3", **bound_kwargs(world, setting)
    )
    async with stream:
        at = 0
        async for event in stream:
            if at >= case.extra["after"]:
                break
            at += 1
            seen.everything.append(event)


def x_parent(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph = node_parent(world.bound(setting), [], None)
    inputs = {"messages": [HumanMessage(case.prompt)]}
    with closing(graph.stream(inputs, seen.config, stream_mode="messages")) as stream:
        for at, item in enumerate(stream):
            if at >= case.extra["after"]:
                break
            seen.everything.append(item)
            if isinstance(item[0], AIMessage):
                seen.take("messages", item[0])


async def x_aparent(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    graph = node_parent(world.bound(setting), [], None)
    inputs = {"messages": [HumanMessage(case.prompt)]}
    async with aclosing(graph.astream(inputs, seen.config, stream_mode="messages")) as stream:
        at = 0
        async for item in stream:
            if at >= case.extra["after"]:
                break
            at += 1
            seen.everything.append(item)
            if isinstance(item[0], AIMessage):
                seen.take("messages", item[0])


def _cancelled(face: Callable[..., Any]) -> Callable[..., Any]:
    """A face, cancelled at some moment."""

    async def run(world: World, setting: Setting, case: Case, seen: Seen) -> None:
        task = asyncio.create_task(face(world, setting, case, seen))
        await asyncio.sleep(case.extra["moment"])
        if not task.done():
            task.cancel()
            seen.left = True
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, asyncio.CancelledError):
            assert seen.left
        elif isinstance(outcome, BaseException):
            raise outcome

    return run


SYNC_EXITS = {"x_stream": x_stream, "x_parent": x_parent}
ASYNC_EXITS = {
    "x_astream": x_astream,
    "x_events": x_events,
    "x_av3": x_av3,
    "x_aparent": x_aparent,
    "c_ainvoke": _cancelled(f_ainvoke),
    "c_astream": _cancelled(f_astream),
    "c_events": _cancelled(f_events),
    "c_parent": _cancelled(p_astream),
}

UNTOLD = {"c_ainvoke", "c_parent", "x_aparent"}
"""Where a cancelled bare ChatOpenAI tells its handlers nothing either: `BaseChatModel.agenerate` has
no `on_llm_error` for a `CancelledError`. (A stream has one, but for the moment in which its handlers
still hear of the start; no server has seen the request then.)"""

UNWATCHED = ["x_stream", "x_astream", "c_ainvoke", "c_astream"]
"""What nobody else follows: the others bring a graph around it, or a handler of their own."""

exits = st.fixed_dictionaries(
    {
        "after": st.integers(0, 6),
        "moment": st.floats(0, 0.12),
        "version": st.just("v2"),
        "parent": st.sampled_from(["node", "subgraph"]),
        "modes": st.just(("messages",)),
        "subgraphs": st.booleans(),
        "saver": st.booleans(),
    }
)


@pytest.mark.full
@given(
    batch=batches([*SYNC_EXITS, *ASYNC_EXITS], exits, ["plain", "tools"])
    | batches(UNWATCHED, exits, ["plain", "tools"], watched=False)
)
@settings(max_examples=120, **COMMON)
def test_given_up_half_way(world: World, batch: Batch) -> None:
    fit_parents(batch)
    seen = run_batch(world, batch, SYNC_EXITS, ASYNC_EXITS)
    for case, what in zip(batch.cases, seen, strict=True):
        expected = foresee(case, batch.setting, case.face != "c_ainvoke")
        text = what.text()
        if not expected.drafts_pass:
            no_leak(text)
        assert what.error is None or isinstance(what.error, TiersFailedError), repr(what.error)
        assert (what.error is None) or expected.answer is None
        if what.watched:
            _judge_ends(case, what.counter)
        asked = [tier for tier, _ in case.asked]
        assert asked == [tier for tier, _, _ in expected.attempts][: len(asked)]
        whole = expected.answer.text if expected.answer else expected.partial
        for channel, parts in what.channels.items():
            shown = "".join(part.text for part in parts)
            assert whole.startswith(shown), f"{channel}: {shown!r} does not begin {whole!r}"


def _judge_ends(case: Case, counter: Counter) -> None:
    if case.face in SYNC_EXITS:
        assert counter.settled(), "a model call has no end, or two"
    elif case.face not in UNTOLD:
        assert counter.settled(len(case.asked)), "a call that a server saw has no end"
    assert len(set(counter.ended)) == len(counter.ended)
    assert set(counter.ended) <= set(counter.started)
    assert len(counter.started) >= len(case.asked)  # one may not have got to its server
