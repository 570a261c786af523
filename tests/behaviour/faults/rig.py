"""Servers that fail, a router before them, and what must be true afterwards."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from langchain_core.messages import AIMessage, AIMessageChunk

from lc_asym_router import AsymRouter, Breaker, Retry, Tier, TiersFailedError
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE
from tests.servers import OllamaServer, OpenAIServer, Server
from tests.servers.clients import model_for
from tests.servers.faults import DRAFT, Fault

WAYS = ["invoke", "ainvoke", "stream", "astream"]
TIGHT = 0.2
"""Seconds that a tier has which is not going to answer."""
QUICK = Retry(attempts=2, initial=0.005, max_wait=0.05)
ONCE = Retry(attempts=1)
PRICES = {"small": SMALL_PRICE, "frontier": FRONTIER_PRICE, "spare": FRONTIER_PRICE}
SECRETS = re.compile(rf"[{DRAFT[0]}-Ᏼ]|MARKED|sk-not-a-key")
"""What no error, and no record of one, may hold: a draft, the prompt, the key."""


class Rig:
    """Three servers: the small tier's, the frontier's, and that of a fall-back beside it."""

    def __init__(self) -> None:
        self.servers: dict[str, Server] = {
            "small": OllamaServer(default="a small answer"),
            "frontier": OpenAIServer(default="a frontier answer"),
            "spare": OpenAIServer(default="a spare answer"),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for server in self.servers.values():
            server.close()

    def breaks(self, name: str, fault: Fault) -> None:
        """From now on a server fails."""
        reply = fault.reply("ollama" if name == "small" else "openai")
        if reply is None:
            self.servers[name].stop()
        else:
            self.servers[name].default = reply

    def tier(self, name: str, *, patience: float = 10, **settings: Any) -> Tier:
        """A tier over one of the servers; its breaker is its own.

        Args:
            name: Whose.
            patience: Seconds that the model's own client waits for each byte.
            **settings: Of the tier.
        """
        own = {} if name == "small" else {"api_key": "sk-not-a-key", "model": f"{name}-model"}
        model = model_for(self.servers[name], timeout=patience, **own)
        given = {"retry": QUICK, "breaker": Breaker(failures=2, cooldown=60), **settings}
        return Tier(model, name, price=PRICES[name], **given)

    def router(self, *, tiers: dict[str, dict[str, Any]] | None = None, **settings: Any) -> Any:
        """A router over them, whose keyword is plain to see; `tiers` sets single tiers."""
        per = tiers or {}
        return AsymRouter(
            small=self.tier("small", **per.get("small", {})),
            frontier=self.tier("frontier", **per.get("frontier", {})),
            **{"classify": "keyword", **settings},
        )

    def idle(self, timeout: float = 5.0) -> None:
        """Nothing is under way any more: no request at a server, no thread of the router's."""
        for name, server in self.servers.items():
            assert server.wait_idle(timeout), f"a request to {name} is still open"
        until = time.monotonic() + timeout
        while (left := own_threads()) and time.monotonic() < until:
            time.sleep(0.01)
        assert not left, f"threads are left: {left}"


@dataclass
class Seen:
    """What one caller got."""

    answer: AIMessage | None = None
    error: BaseException | None = None
    chunks: list[AIMessageChunk] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def record(self) -> dict[str, Any]:
        """The request's record, however it ended."""
        if self.answer is not None:
            return dict(self.answer.response_metadata["router"])
        assert isinstance(self.error, TiersFailedError), repr(self.error)
        return self.error.record

    @property
    def attempts(self) -> list[dict[str, Any]]:
        return list(self.record["attempts"])

    def attempts_of(self, tier: str) -> list[dict[str, Any]]:
        """The attempts at one tier."""
        return [attempt for attempt in self.attempts if attempt["tier"] == tier]

    @property
    def tiers(self) -> list[str]:
        """The tiers that were asked, in order."""
        return [attempt["tier"] for attempt in self.attempts]

    @property
    def text(self) -> str:
        """All the text that was seen."""
        if self.chunks:
            return "".join(chunk.text for chunk in self.chunks)
        return self.answer.text if self.answer is not None else ""

    def told(self) -> str:
        """All that is told of the request beside its answer's text."""
        parts = [json.dumps(self.record, ensure_ascii=False)]
        if self.error is not None:
            parts += [str(self.error), repr(self.error), *traceback.format_exception(self.error)]
        return "\n".join(parts)


async def ask(router: Any, way: str, prompt: str, config: Any = None) -> Seen:
    """Ask in one of the four ways; the sync ones in a thread of their own."""
    seen = Seen()
    began = time.monotonic()

    def whole() -> None:
        if way == "invoke":
            seen.answer = router.invoke(prompt, config)
        else:
            for chunk in router.stream(prompt, config):
                seen.chunks.append(chunk)

    try:
        if way == "ainvoke":
            seen.answer = await router.ainvoke(prompt, config)
        elif way == "astream":
            async for chunk in router.astream(prompt, config):
                seen.chunks.append(chunk)
        else:
            await asyncio.to_thread(whole)
        if seen.chunks:
            seen.answer = joined(seen.chunks)
    except TiersFailedError as error:
        seen.error = error
    seen.seconds = time.monotonic() - began
    return seen


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


def own_threads() -> list[threading.Thread]:
    """The router's own threads; the embedded server's, which other tests start, stays."""
    own = ("lc-asym-router-stream", "lc-asym-router-deadline")
    return [each for each in threading.enumerate() if each.name.startswith(own)]


async def no_tasks() -> None:
    """No task is left in this loop but the one that asks."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=2)
    alive = [task for task in left if not task.done()]
    assert not alive, f"tasks are left: {alive}"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def until(true: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109
    """Wait for a condition."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not come to that in time"
        await asyncio.sleep(0.005)


def in_all_ways(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A test of a rig and a way, as one test of all four ways at once: their waits don't add up."""

    async def all_ways(**given: Any) -> None:
        async def one(way: str) -> None:
            with Rig() as rig:
                try:
                    await test(rig=rig, way=way, **given)
                except AssertionError as error:
                    error.add_note(f"way: {way}")
                    raise

        ended = await asyncio.gather(*map(one, WAYS), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error
        await no_tasks()

    signature = inspect.signature(test)
    rest = [p for name, p in signature.parameters.items() if name not in ("rig", "way")]
    all_ways.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    all_ways.__name__, all_ways.__doc__ = test.__name__, test.__doc__
    all_ways.__module__ = test.__module__
    return all_ways
