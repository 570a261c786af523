"""A soak of the gateway: very many requests over HTTP, 64 at once, on faulty upstreams."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lc_asym_router.gateway.app import gateway_app
from tests.behaviour.faults.soak import KEPT_OUT, TIERS, Soaking, believed, prompt, said, soaking
from tests.gateway.serving import Served
from tests.servers.serving import Recorded

REFUSED = {400, 429, 502, 503, 504}
"""Statuses of a request that no tier has answered; 400 where the last upstream's answer was that."""


@dataclass
class GatewaySoak:
    """A gateway, the world behind it, and what its clients have got so far.

    Attributes:
        world: The upstreams, the router and the ledger.
        url: Where the gateway is.
        most: The most requests.
        seconds: After how many no further one begins, or `None`.
        ended: How often each request has come to an end, by its number.
        ids: The ids of the answers.
        answered: Answers by tier.
        failed: Requests that nobody answered.
        broken: Streams that broke off behind their beginning.
        counted: Token counts that left the upstreams, by tier.
        memory: Requests that had ended and bytes in memory.
    """

    world: Soaking
    url: str
    most: int
    seconds: float | None = None
    ended: Counter[int] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    broken: int = 0
    counted: dict[str, Counter[tuple[int, int]]] = field(
        default_factory=lambda: {tier: Counter() for tier in TIERS}
    )
    memory: list[tuple[int, int]] = field(default_factory=list)

    def count(self, tier: str, request: Recorded) -> None:
        """An upstream's counts of a call are about to leave."""
        assert request.usage is not None
        came, went = request.usage
        self.counted[tier][believed(came), believed(went)] += 1

    async def run(self, clients: int, every: int) -> None:
        """Ask everything.

        Args:
            clients: Requests at once.
            every: After how many requests memory is looked at.
        """
        numbers = itertools.count()
        until = time.monotonic() + self.seconds if self.seconds else None

        async def client(http: httpx.AsyncClient) -> None:
            while (number := next(numbers)) < self.most:
                if until is not None and time.monotonic() > until:
                    return
                await self.one(http, number)
                self.ended[number] += 1
                if self.ended.total() % every == 0:
                    self.weigh()

        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(base_url=self.url, timeout=300, limits=limits) as http:
            await asyncio.gather(*(client(http) for _ in range(clients)))
        self.weigh()

    async def one(self, http: httpx.AsyncClient, number: int) -> None:
        """Ask once, every other time as a stream, and look at what comes."""
        body = {"model": "auto", "messages": [{"role": "user", "content": prompt(number)}]}
        if number % 2:
            response = await http.post("/v1/chat/completions", json=body)
            answer = response.json()
            if response.status_code != 200:
                self.fail(response.status_code, answer, "")
                return
            self.take(number, answer["choices"][0]["message"]["content"], answer["router"])
            return
        asked = {**body, "stream": True}
        async with http.stream("POST", "/v1/chat/completions", json=asked) as response:
            if response.status_code != 200:
                self.fail(response.status_code, json.loads(await response.aread()), "")
                return
            text, events = "", [json.loads(each) async for each in _data(response)]
        for each in events:
            if "error" in each:
                assert each is events[-1]
                self.broken += 1
                self.fail(502, each, text)
                assert not text or any(said(tier, number).startswith(text) for tier in TIERS[1:])
                return
            text += "".join(choice["delta"].get("content") or "" for choice in each["choices"])
        self.take(number, text, events[-1]["router"])

    def take(self, number: int, text: str, router: dict[str, Any]) -> None:
        """A request was answered: by the last tier that was asked, and all its calls are listed."""
        tier, attempts = router["tier"], router["attempts"]
        assert text == said(tier, number), (number, text, router)
        assert attempts[-1]["tier"] == tier
        assert all(each["error"] or each["passed"] is False for each in attempts[:-1]), router
        made = Counter(
            each["tier"]
            for each in attempts
            if (each["error"] or "").partition(":")[0] not in KEPT_OUT
        )
        # Neither a call that nobody lists, nor one that nobody got.
        assert all(made[each] == self.world.calls[each, number] for each in TIERS), router
        assert router["request_id"] not in self.ids
        self.ids.add(router["request_id"])
        self.answered[tier] += 1

    def fail(self, status: int, body: dict[str, Any], text: str) -> None:
        """A request failed: in the protocol's form."""
        assert status in REFUSED, (status, body)
        assert body["error"]["message"], body
        self.failed += 1

    def weigh(self) -> None:
        """Print, and keep, how much memory there is in use."""
        self.world.weigh()
        _, bytes_, objects = self.world.memory[-1]
        self.memory.append((self.ended.total(), bytes_))
        print(
            f"{self.ended.total():8} requests: {bytes_ / 2**20:.0f} MiB, {objects} objects",
            flush=True,
        )


async def _data(response: httpx.Response) -> AsyncIterator[str]:
    """The data of a stream's events."""
    async for line in response.aiter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield line.removeprefix("data: ")


@contextmanager
def gateway_soak(
    path: Path, most: int, seconds: float | None = None, seed: int = 6
) -> Iterator[GatewaySoak]:
    """A gateway to soak, with a ledger.

    Args:
        path: The ledger's database.
        most: The most requests.
        seconds: After how many no further one begins, or `None`.
        seed: Of what goes wrong.
    """
    with (
        soaking(path, most, seed) as world,
        Served(gateway_app(world.router, ledger=world.ledger)) as served,
    ):
        soak = GatewaySoak(world, served.url, most, seconds)
        for name, server in world.servers.items():
            server.on_usage = lambda request, name=name: soak.count(name, request)
        yield soak
