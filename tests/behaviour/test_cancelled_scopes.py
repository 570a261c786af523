"""A reader that an anyio scope cancels, as Starlette's streaming does: the call below is closed."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from langchain_core.messages import HumanMessage
from starlette.responses import StreamingResponse

from lc_asym_router import Decomposer, SelfVerification
from tests.servers import Reply

DRAFT = Reply("one two three four", hang="middle")


async def read(stream: Any) -> None:
    async for _ in stream:
        pass


READERS = {
    "astream": lambda router: read(router.astream("hi")),
    "ainvoke": lambda router: router.ainvoke("hi"),
    "abatch": lambda router: router.abatch(["hi"]),
    "agenerate": lambda router: router.agenerate([[HumanMessage("hi")]]),
    "events": lambda router: read(router.astream_events("hi")),
    "decomposer": lambda router: read(Decomposer(router=router).astream("hi")),
}
ENDS = ["cancelled", "timed out", "shielded outside", "whole group"]


async def cancelled(reader: Any, server: Any, end: str) -> None:
    """Start the reader, and cancel its scope once the server has its request."""

    async def watch(scope: anyio.CancelScope) -> None:
        await asyncio.to_thread(server.wait_requests)
        if end == "timed out":
            scope.deadline = anyio.current_time()
        else:
            scope.cancel()

    async with anyio.create_task_group() as group:
        with anyio.CancelScope(shield=end == "shielded outside"), anyio.CancelScope() as scope:
            group.start_soon(watch, group.cancel_scope if end == "whole group" else scope)
            await reader


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("checked", [True, False], ids=["held", "live"])
@pytest.mark.parametrize("reader", READERS)
async def test_the_call_below_is_closed(make, small, frontier, reader, checked, end):
    small.script(DRAFT)
    router = make(verify="form" if checked else None)
    await cancelled(READERS[reader](router), small, end)
    assert await asyncio.to_thread(small.wait_idle), "the small model runs to its end"
    assert small.requests[0].closed_by_client
    assert len(small.requests) == 1
    assert not frontier.requests


async def test_a_checks_call_too(make, small):
    small.script("a draft", DRAFT)
    router = make(verify=SelfVerification(1))
    with anyio.move_on_after(0.5):
        await read(router.astream("hi"))
    assert await asyncio.to_thread(small.wait_idle)
    assert small.requests[1].closed_by_client


async def test_starlettes_streaming_response(make, small):
    """Its scope is cancelled when the client has gone, which the server says as a message."""
    small.script(DRAFT)
    router = make()

    async def texts() -> Any:
        async for chunk in router.astream("hi"):
            yield chunk.text

    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.to_thread(small.wait_requests)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    await StreamingResponse(texts())(scope, receive, send)
    assert sent[0]["type"] == "http.response.start"
    assert await asyncio.to_thread(small.wait_idle)
    assert small.requests[0].closed_by_client
