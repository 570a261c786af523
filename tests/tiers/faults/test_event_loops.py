"""One router on many event loops, one after another and side by side, over connections kept alive."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lc_asym_router import AsymRouter, Judge, JudgeClassifier, SelfVerification, Vote
from lc_asym_router.tiers.faults.event_loops import PoolPerLoop
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply
from tests.tiers.providers.clients import CLIENTS, ollama

TIMES = 4
COUNTED = {name: made for name, made in CLIENTS.items() if name != "gemini"}


def asked(router: Any, way: str) -> str:
    async def ask() -> str:
        if way == "ainvoke":
            return str((await router.ainvoke("hi")).text)
        return "".join([str(chunk.text) async for chunk in router.astream("hi")])

    return asyncio.run(ask())


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_repeated_runs(name: str, way: str) -> None:
    with CLIENTS[name].server(default="fine") as server, OllamaServer(default="no") as small:
        router = AsymRouter(small=ollama(small), frontier=CLIENTS[name].make(server), threshold=0)
        assert [asked(router, way) for _ in range(TIMES)] == ["fine"] * TIMES
        assert len(server.requests) == TIMES
        assert not small.requests


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_threads_with_loops_of_their_own(name: str) -> None:
    """Many at once, each of which asks twice: the second time over the connection that it has."""
    together = threading.Barrier(TIMES)

    async def twice(router: AsymRouter) -> list[str]:
        together.wait(10)
        return [str((await router.ainvoke("hi")).text) for _ in range(2)]

    with CLIENTS[name].server(default="fine") as server, OllamaServer(default="no") as small:
        router = AsymRouter(small=ollama(small), frontier=CLIENTS[name].make(server), threshold=0)
        with ThreadPoolExecutor(TIMES) as threads:
            for _ in range(3):
                found = threads.map(lambda _: asyncio.run(twice(router)), range(TIMES))
                assert list(found) == [["fine"] * 2] * TIMES
        assert len(server.requests) == 3 * 2 * TIMES


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_connections_are_still_kept_alive(name: str) -> None:
    """Within one loop the calls share one connection: a pool for each loop, not for each call."""

    async def many(router: AsymRouter) -> None:
        for _ in range(TIMES):
            await router.ainvoke("hi")

    with CLIENTS[name].server(default="fine") as server, OllamaServer(default="no") as small:
        router = AsymRouter(small=ollama(small), frontier=CLIENTS[name].make(server), threshold=0)
        asyncio.run(many(router))
        assert server.connections == 1
        asyncio.run(many(router))
        assert server.connections == 2


def test_two_loops_in_turn_keep_their_connections() -> None:
    with OllamaServer(default="fine") as server, OpenAIServer() as frontier:
        router = AsymRouter(
            small=small_model(server), frontier=frontier_model(frontier), verify="form"
        )
        loops = [asyncio.new_event_loop() for _ in range(2)]
        for _ in range(3):
            for loop in loops:
                assert loop.run_until_complete(router.ainvoke("hi")).text == "fine"
        assert server.connections == 2
        for loop in loops:
            loop.close()


def test_what_was_a_closed_loops_goes() -> None:
    with OllamaServer(default="fine") as server, OpenAIServer() as frontier:
        model = small_model(server)
        router = AsymRouter(small=model, frontier=frontier_model(frontier), verify="form")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for _ in range(10):
                asked(router, "ainvoke")
            gc.collect()
        pool = model._async_client._client._transport._pool
        assert isinstance(pool, PoolPerLoop)
        assert len(pool._pools) == 1


@pytest.mark.parametrize("check", ["judge", "self", "classify", "vote"])
def test_judges_too(check: str) -> None:
    said = {"self": Reply("Verdict: correct"), "vote": Reply("fine")}.get(check)
    said = said or Reply('{"level": 1}')
    with (
        OllamaServer(default="fine") as small,
        OpenAIServer(default="no") as frontier,
        OllamaServer(default=said) as judge,
    ):
        model: Any = small_model(judge)
        settings: dict[str, Any] = {
            "judge": {"verify": Judge(model)},
            "self": {"verify": SelfVerification(1, model=model)},
            "classify": {"classify": JudgeClassifier(chat=model), "verify": "form"},
            "vote": {"verify": Vote([model])},
        }[check]
        router = AsymRouter(
            small=small_model(small), frontier=frontier_model(frontier), threshold=0.9, **settings
        )
        for _ in range(TIMES):
            answer = asyncio.run(router.ainvoke("hi"))
            assert (answer.text, record(answer)["tier"]) == ("fine", "small")
            assert "failed" not in record(answer)["decision"]["reason"]
        assert len(judge.requests) >= TIMES


async def test_a_client_closes_the_running_loops_connections() -> None:
    with OllamaServer(default="fine") as server, OpenAIServer() as frontier:
        model = small_model(server)
        router = AsymRouter(small=model, frontier=frontier_model(frontier), verify="form")
        await router.ainvoke("hi")
        pool = model._async_client._client._transport._pool
        assert len(pool.pool._connections) == 1
        await model._async_client._client.aclose()
        assert not pool.pool._connections
