"""The faces of a chat model: its calls, and its events."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk

from tests.behaviour.properties.cases import Case, Setting
from tests.behaviour.properties.seen import Seen, joined, raw
from tests.behaviour.properties.world import World


def f_invoke(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    output = world.bound(setting).invoke(case.prompt, seen.config)
    seen.everything.append(output)
    seen.answer = raw(output)


async def f_ainvoke(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    output = await world.bound(setting).ainvoke(case.prompt, seen.config)
    seen.everything.append(output)
    seen.answer = raw(output)


def f_stream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    seen.streams = True
    for chunk in world.bound(setting).stream(case.prompt, seen.config):
        seen.everything.append(chunk)
        seen.take("stream", chunk)
    _finish_stream(seen)


async def f_astream(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    seen.streams = True
    async for chunk in world.bound(setting).astream(case.prompt, seen.config):
        seen.everything.append(chunk)
        seen.take("stream", chunk)
    _finish_stream(seen)


def _finish_stream(seen: Seen) -> None:
    parts = seen.channels["stream"]
    assert len({part.id for part in parts}) == 1, "chunks of one answer have one id"
    assert [part for part in parts if getattr(part, "chunk_position", None)] == parts[-1:]
    seen.answer = joined(parts)


def f_batch(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    (output,) = world.bound(setting).batch([case.prompt], [seen.config])
    seen.everything.append(output)
    seen.answer = raw(output)


async def f_abatch(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    (output,) = await world.bound(setting).abatch([case.prompt], [seen.config])
    seen.everything.append(output)
    seen.answer = raw(output)


SYNC_CALLS = {"invoke": f_invoke, "stream": f_stream, "batch": f_batch}
ASYNC_CALLS = {"ainvoke": f_ainvoke, "astream": f_astream, "abatch": f_abatch}


def has_output(event: dict[str, Any]) -> bool:
    """Version 1 shows the end of a run that failed too, with no generation."""
    output = event["data"]["output"]
    return not isinstance(output, dict) or any(output["generations"])


async def f_events(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    """`astream_events` v2 (or v1) of the model, and the answer from the root's end event."""
    seen.streams = True
    starts = ends = 0
    version = case.extra["version"]
    events = world.bound(setting).astream_events(case.prompt, seen.config, version=version)
    async for event in events:
        seen.everything.append(event)
        if event["event"] == "on_chat_model_stream":
            seen.take("on_chat_model_stream", event["data"]["chunk"])
        starts += event["event"] == "on_chat_model_start"
        ends += event["event"] == "on_chat_model_end" and has_output(event)
        if version == "v2" and event["event"] == "on_chain_stream" and not event["parent_ids"]:
            seen.take("on_chain_stream", event["data"]["chunk"])
        last = event
    assert last["event"] == "on_chain_end"
    assert ends == 1 or not setting.checked, "one answer, so one model's end is shown"
    assert starts == 1 or not setting.checked, "a held call is shown only once it has passed"
    seen.answer = raw(last["data"]["output"])


def f_v3(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    seen.streams = True
    stream = world.router(setting).stream_events(
        case.prompt, seen.config, version="v3", **bound_kwargs(world, setting)
    )
    try:
        for event in stream:
            v3_event(seen, event)
    finally:
        v3_whole(seen)
    seen.everything.append(stream.output)
    seen.answer = stream.output
    assert str(stream.text) == stream.output.text


async def f_av3(world: World, setting: Setting, case: Case, seen: Seen) -> None:
    seen.streams = True
    stream = await world.router(setting).astream_events(
        case.prompt, seen.config, version="v3", **bound_kwargs(world, setting)
    )
    try:
        async for event in stream:
            v3_event(seen, event)
    finally:
        v3_whole(seen)
    seen.answer = await stream
    seen.everything.append(seen.answer)


def bound_kwargs(world: World, setting: Setting) -> dict[str, Any]:
    return world.bound(setting).kwargs if setting.bound == "tools" else {}


def v3_event(seen: Seen, event: Any) -> None:
    seen.everything.append(event)
    if event.get("event") == "content-block-delta":
        delta = event["delta"]
        if delta["type"] == "text-delta":
            seen.channels.setdefault("v3", []).append(AIMessageChunk(delta["text"]))
    if event.get("event") == "message-finish":
        seen.channels.setdefault("v3 finish", []).append(event)


def v3_whole(seen: Seen, most: int = 1) -> None:
    """Deltas hold only text: what else there is stands on the answer. `most`: messages that end."""
    parts = seen.channels.pop("v3", [])
    ends = seen.channels.pop("v3 finish", [])
    seen.v3_text = "".join(part.text for part in parts)  # type: ignore[attr-defined]
    assert len(ends) <= most


SYNC_EVENTS = {"v3": f_v3}
ASYNC_EVENTS = {"astream_events": f_events, "av3": f_av3}
