"""A soak: very many requests, 64 at once, on servers where every fifth call goes wrong."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from lc_asym_router import AsymRouter, Breaker, Ledger, Retry, Tier, TiersFailedError
from lc_asym_router.money.usage import MOST_TOKENS
from tests.behaviour.faults.rig import joined
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE
from tests.servers import OllamaServer, OpenAIServer, Reply, Server, ToolCall
from tests.servers.clients import model_for
from tests.servers.serving import Recorded

SHARE = 0.2
TASKS, THREADS = 56, 8
KEPT_OUT = {"CircuitOpenError", "QueueFullError"}
LIMIT = 20.0
"""Seconds that a call may take: far more than a good one does, on a machine however busy."""

DEGENERATE = (
    *("[" * 3_000, '{"a": ' * 500, "0 " * 1_500, "```json" + "\n" * 3_000, "\u0301" * 2_000),
    "\\boxed{\\binom{2000000}{1000000}} = " + "9" * 5_000,
)
"""Texts that are hard to read, and that no check ends before they have come."""
ABSURD = ((2**63, 5), (-(10**9), 10**30), (20, 2**70), (10**12, -1))
"""Counts that are not believed: the ledger has them cut to their bounds."""
TIERS = ("small", "frontier", "spare")
Count = tuple[str, int, int, int]
"""Tier, number of the request, input tokens, output tokens."""


def faults(tier: str, text: str, tokens: dict[str, int]) -> list[Reply]:
    """What goes wrong; no server counts tokens of it that a client who waits does not hear of."""
    garbage = b"{not json\n" if tier == "small" else b"data: {not json\n\n"
    unfit = [  # what no check passes
        Reply("", **tokens),
        Reply(text, finish="length", **tokens),
        *(Reply(each, finish="length", **tokens) for each in DEGENERATE),
        Reply(tool_calls=[ToolCall("no_such_tool", {"a": 10**20})], **tokens),
        Reply(tool_calls=[ToolCall("no_such_tool", {"a": [[[[[[{"b": 1e308}]]]]]]})], **tokens),
    ]
    return [
        *(unfit if tier == "small" else ()),
        *(Reply(text, input_tokens=came, output_tokens=went) for came, went in ABSURD),
        Reply(status=500, error="down"),
        Reply(status=503, headers={"retry-after-ms": "3"}),
        Reply(status=429, headers={"Retry-After": "30"}),
        Reply(status=400, error="no"),
        Reply(status=404, error="no such model"),
        Reply(text, drop_after=-1),
        Reply(text, drop_after=-1, reset=True),
        Reply(text, drop_after=1),
        Reply(text, drop_after_bytes=60),
        Reply(text, truncate_after=1),
        Reply(text, truncate_after=0),
        Reply(text, garbage=garbage, truncate_after=1),
        Reply(text, error="boom"),
        Reply(body=b""),
        Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
    ]


@dataclass
class Soaking:
    """Servers, a router, a ledger, and what came of each request so far."""

    router: AsymRouter
    servers: dict[str, Server]
    ledger: Ledger
    count: int
    seed: int
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Calls that a server has seen, by tier and number of the request."""
    faulty: int = 0
    absurd: set[str] = field(default_factory=set)
    """Tiers whose servers have given counts that nobody can believe."""
    unmatched: dict[Count, int] = field(default_factory=dict)
    """How often servers have counted a call, as far as that is believed, less how often records say
    so; what comes to 0 is taken out, so that this stays small."""
    booked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Input and output tokens in the records of calls that were read to their end, by tier."""
    given_up: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Calls that a check or a time-out has ended, by tier and number of the request: whether their
    servers had counted them by then, the router can't know."""
    stopped: Counter[str] = field(default_factory=Counter)
    """Those of them that a check has ended, by tier."""
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Calls that the records tell of."""
    ended: Counter[int] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    memory: list[tuple[int, int, int]] = field(default_factory=list)
    """Requests that had ended, bytes in memory, objects: half-way, and at the end."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reply(self, tier: str, body: dict[str, Any]) -> Reply:
        """What a server says: by the seed, the request's number, and which try it is."""
        number = number_of(body)
        nth = self.calls[tier, number]
        self.calls[tier, number] += 1
        dice = random.Random(f"{self.seed} {tier} {number} {nth}")
        text = said(tier, number)
        tokens = counts(number)
        if dice.random() >= SHARE:
            return Reply(text, **tokens)
        self.faulty += 1
        return dice.choice(faults(tier, text, tokens))

    def counted(self, tier: str, request: Recorded) -> None:
        """A server has counted a call."""
        assert request.usage is not None
        came, went = request.usage
        self.match((tier, number_of(request.body), believed(came), believed(went)), 1)
        if request.usage in ABSURD:
            self.absurd.add(tier)

    def match(self, count: Count, times: int) -> None:
        with self.lock:
            if after := self.unmatched.pop(count, 0) + times:
                self.unmatched[count] = after

    async def run(self) -> None:
        """All of them: most in tasks, some in threads."""
        numbers = itertools.count()
        half = threading.Event()

        def following() -> Iterator[int]:
            while (number := next(numbers)) < self.count:
                if number >= self.count // 2 and not half.is_set():
                    half.set()
                    self.weigh()
                yield number

        async def tasks() -> None:
            for number in following():
                await self.one(number)

        with ThreadPoolExecutor(THREADS) as pool:
            loop = asyncio.get_running_loop()
            threads = [
                loop.run_in_executor(pool, self.in_thread, following) for _ in range(THREADS)
            ]
            await asyncio.gather(*(tasks() for _ in range(TASKS)), *threads)
        self.weigh()

    def in_thread(self, following: Callable[[], Iterator[int]]) -> None:
        for number in following():
            chunks: list[AIMessageChunk] = []
            try:
                if number % 2:
                    answer = self.router.invoke(prompt(number))
                else:
                    chunks.extend(self.router.stream(prompt(number)))
                    answer = joined(chunks)
            except TiersFailedError as error:
                self.fail(number, error.record, chunks)
            else:
                self.take(number, answer)

    async def one(self, number: int) -> None:
        chunks: list[AIMessageChunk] = []
        try:
            if number % 2:
                answer = await self.router.ainvoke(prompt(number))
            else:
                async for chunk in self.router.astream(prompt(number)):
                    chunks.append(chunk)  # noqa: PERF401  what came before an error counts
                answer = joined(chunks)
        except TiersFailedError as error:
            self.fail(number, error.record, chunks)
        else:
            self.take(number, answer)

    def take(self, number: int, answer: AIMessage) -> None:
        """A request was answered: with its own answer, once, by the last tier that was asked."""
        record = answer.response_metadata["router"]
        self.note(number, record)
        with self.lock:
            self.answered[record["tier"]] += 1
        assert all(failed(each) for each in record["attempts"][:-1]), record
        assert not failed(record["attempts"][-1]), record
        assert answer.text == said(record["tier"], number), record

    def fail(self, number: int, record: dict[str, Any], chunks: list[AIMessageChunk]) -> None:
        """A request failed: all its tiers did, or one in an answer that was seen already."""
        self.note(number, record)
        with self.lock:
            self.failed += 1
        asked = {attempt["tier"] for attempt in record["attempts"]}
        assert all(failed(each) for each in record["attempts"]), record
        if text := "".join(chunk.text for chunk in chunks):
            last = record["attempts"][-1]["tier"]
            assert last != "small"
            assert said(last, number).startswith(text)
        else:
            assert asked == set(TIERS), record

    def note(self, number: int, record: dict[str, Any]) -> None:
        with self.lock:
            self.ended[number] += 1
            self.ids.add(record["id"])
            for attempt in record["attempts"]:
                tier, error = attempt["tier"], (attempt["error"] or "").partition(":")[0]
                if error not in KEPT_OUT:
                    self.asked[tier, number] += 1
                if "stopped_early" in attempt or "Timeout" in error:
                    self.given_up[tier, number] += 1
                    self.stopped[tier] += "stopped_early" in attempt
                elif (usage := attempt["usage"]) and "usage_estimated" not in attempt:
                    came, went = usage["input_tokens"], usage["output_tokens"]
                    self.booked[tier, "input"] += came
                    self.booked[tier, "output"] += went
                    self.match((tier, number, came, went), -1)

    def weigh(self) -> None:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # else what was freed counts, too, as far as it is kept
        self.memory.append((sum(self.ended.values()), resident(), len(gc.get_objects())))


def number_of(body: dict[str, Any]) -> int:
    """The number of the request that a call was made for."""
    return int(body["messages"][-1]["content"].split()[-1])


def believed(tokens: int) -> int:
    return min(max(0, tokens), MOST_TOKENS)


def failed(attempt: dict[str, Any]) -> bool:
    return bool(attempt["error"]) or attempt["passed"] is False


def said(tier: str, number: int) -> str:
    return f"{tier} answers number {number} with these words"


def counts(number: int) -> dict[str, int]:
    return {"input_tokens": 20 + number % 7, "output_tokens": 1 + number % 13}


def prompt(number: int) -> str:
    return f"{'debug' if number % 5 == 0 else 'say'} number {number}"


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@contextmanager
def soaking(path: Path, count: int, seed: int) -> Iterator[Soaking]:
    """A world to soak."""
    servers: dict[str, Server] = {
        "small": OllamaServer(keep=64),
        "frontier": OpenAIServer(keep=64),
        "spare": OpenAIServer(keep=64),
    }
    prices = {"small": SMALL_PRICE, "frontier": FRONTIER_PRICE, "spare": FRONTIER_PRICE}

    def tier(name: str) -> Tier:
        named = {} if name == "small" else {"model": f"{name}-model"}
        return Tier(
            model_for(servers[name], timeout=LIMIT, **named),
            name,
            price=prices[name],
            retry=Retry(attempts=2, initial=0.005, max_wait=0.05),
            breaker=Breaker(failures=5, cooldown=0.1),
            max_concurrency=48,
        )

    with Ledger(path, flush_seconds=0.1) as ledger:
        router = AsymRouter(
            small=tier("small"),
            frontier=tier("frontier"),
            fallbacks=[tier("spare")],
            degrade=True,
            classify="keyword",
            deadline=6 * LIMIT,
            callbacks=[ledger],
            verify="form",
        )
        made = Soaking(router, servers, ledger, count, seed)
        for name, server in servers.items():
            server.default = lambda body, name=name: made.reply(name, body)
            server.on_usage = lambda request, name=name: made.counted(name, request)
        try:
            yield made
        finally:
            for server in servers.values():
                server.close()
