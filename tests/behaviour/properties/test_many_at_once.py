"""Many at once: a crowd of streams on one router."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from lc_asym_router import AsymRouter, Tier
from tests.behaviour.properties.cases import LEAD
from tests.behaviour.properties.conftest import QUIET
from tests.behaviour.properties.judging import no_leak
from tests.behaviour.properties.seen import Counter, joined
from tests.behaviour.properties.world import PRICES
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

pytestmark = QUIET


@pytest.fixture
def crowd() -> Iterator[tuple[AsymRouter, OllamaServer, OpenAIServer]]:
    """A router whose tiers answer with the mark of the request; odd ones fail their check."""

    def mark(body: dict[str, Any]) -> str:
        return re.findall(r"mark-(\d+)-", str(body["messages"]))[0]

    def small_says(body: dict[str, Any]) -> Reply:
        number = mark(body)
        if int(number) % 2:
            return Reply(f"{LEAD}ᎠᎡ {number}", chunk_delay=0.001, output_tokens=int(number) + 1)
        return Reply(_echo("s", number), chunk_delay=0.001, output_tokens=int(number) + 1)

    def frontier_says(body: dict[str, Any]) -> Reply:
        number = mark(body)
        return Reply(_echo("f", number), chunk_delay=0.001, output_tokens=int(number) + 1)

    small = OllamaServer(default=small_says)
    frontier = OpenAIServer(default=frontier_says)
    with small, frontier:
        yield (
            AsymRouter(
                small=Tier(small_model(small), price=PRICES["small"]),
                frontier=Tier(frontier_model(frontier, timeout=60), price=PRICES["frontier"]),
                verify="form",
            ),
            small,
            frontier,
        )


def _echo(tier: str, number: str) -> str:
    return " ".join(f"{tier}{number}x{at}" for at in range(12))


def _judge_crowd(answers: Sequence[list[AIMessageChunk]], counter: Counter, crowd: Any) -> None:
    _, small, frontier = crowd
    for number, chunks in enumerate(answers):
        tier = "f" if number % 2 else "s"
        no_leak(repr(chunks))
        whole = joined(chunks)
        assert whole.text == _echo(tier, str(number))
        assert whole.usage_metadata is not None
        assert whole.usage_metadata["output_tokens"] == number + 1
        record = whole.response_metadata["router"]
        assert [a["tier"] for a in record["attempts"]] == ["small", "frontier"][: 1 + number % 2]
    assert counter.settled()
    count = len(answers)
    assert (len(small.requests), len(frontier.requests)) == (count, count // 2)
    assert len(counter.started) == count + count // 2
    assert small.wait_idle()
    assert frontier.wait_idle()


@pytest.mark.full
async def test_200_astreams_on_one_router(crowd: Any) -> None:
    counter = Counter()

    async def one(number: int) -> list[AIMessageChunk]:
        stream = crowd[0].astream(f"hi mark-{number}-", {"callbacks": [counter]})
        return [chunk async for chunk in stream]

    answers = await asyncio.gather(*(one(number) for number in range(200)))
    _judge_crowd(answers, counter, crowd)


def test_64_threads_on_one_router(crowd: Any) -> None:
    counter = Counter()
    barrier = threading.Barrier(64)

    def one(number: int) -> list[AIMessageChunk]:
        barrier.wait()
        return list(crowd[0].stream(f"hi mark-{number}-", {"callbacks": [counter]}))

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(one, range(64)))
    _judge_crowd(answers, counter, crowd)
