"""The world: two servers, and a router for each setting."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
from typing import Any

from pydantic import BaseModel, ConfigDict

from lc_asym_router import AsymRouter, Breaker, Price, Tier
from tests.behaviour.properties.cases import Batch, Case, Setting
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

PRICES = {"small": Price(0.05, 0.08), "frontier": Price(2.5, 10.0)}
MODELS = {"small": "small-model", "frontier": "frontier-model"}
PATIENT = Breaker(failures=1_000_000)


class Facts(BaseModel):
    """Facts about a city."""

    model_config = ConfigDict(extra="forbid")

    city: str
    count: int


def lookup(city: str, days: int = 1) -> str:
    """Look up the weather of a city."""
    return f"{city} {days}"


class World:
    """Both servers, answering each request from the script of its case."""

    numbers = itertools.count(1)

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.lock = threading.Lock()
        self.small = OllamaServer(default=lambda body: self.reply("small", body))
        self.frontier = OpenAIServer(default=lambda body: self.reply("frontier", body))
        self.models = {
            "small": small_model(self.small),
            "frontier": frontier_model(self.frontier),
        }
        self.routers: dict[tuple[Any, ...], AsymRouter] = {}
        self.runner = asyncio.Runner()
        self.strays: list[str] = []
        self.left: set[str] = set()
        self.others = set(threading.enumerate())  # of tests before, whose calls may never end

    def router(self, setting: Setting) -> AsymRouter:
        key = (setting.checked, setting.attempts, setting.escalate_with)
        if key not in self.routers:
            self.routers[key] = AsymRouter(
                # Each case says what it expects of its own calls, so no breaker may open; it is
                # asked all the same. tests/behaviour/faults is about the ones that do.
                small=Tier(self.models["small"], price=PRICES["small"], breaker=PATIENT),
                frontier=Tier(self.models["frontier"], price=PRICES["frontier"], breaker=PATIENT),
                verify="form" if setting.checked else None,
                small_attempts=setting.attempts,
                escalate_with=setting.escalate_with,
            )
        return self.routers[key]

    def bound(self, setting: Setting) -> Any:
        router = self.router(setting)
        if setting.bound == "tools":
            return router.bind_tools([lookup])
        if setting.bound == "schema":
            return router.with_structured_output(Facts, include_raw=True)
        return router

    def reply(self, tier: str, body: dict[str, Any]) -> Reply:
        found = re.search(r"req-\d+-end", str(body["messages"]))
        case = self.cases.get(found[0]) if found else None
        if found and found[0] in self.left:
            # Sent before its caller left; a busy server has only now read it.
            return Reply(status=500, error="nobody waits for it")
        if case is None:
            self.strays.append(f"{tier}: {body}")
            return Reply(status=500, error="a stray request")
        done = sum(name == tier for name, _ in case.asked)
        script = case.small if tier == "small" else (case.frontier,)
        if done >= len(script):
            self.strays.append(f"{tier}, one call too many: {case}")
            return Reply(status=500, error="one call too many")
        case.asked.append((tier, script[done]))
        return script[done].reply

    def begin(self, batch: Batch) -> None:
        """Give each case its own name, and forget the last batch."""
        self.small.reset()
        self.frontier.reset()
        self.left |= {name for name, case in self.cases.items() if case.face[:2] in ("x_", "c_")}
        self.cases.clear()
        self.strays.clear()
        for case in batch.cases:
            case.name = f"req-{next(self.numbers)}-end"
            case.asked = []
            self.cases[case.name] = case

    def idle(self) -> None:
        """Every request at both servers is closed, and nothing of the router's still runs."""
        assert self.small.wait_idle(), "a request to the small tier is still open"
        assert self.frontier.wait_idle(), "a request to the frontier is still open"
        until = time.monotonic() + 5
        while (left := self._threads()) and time.monotonic() < until:
            time.sleep(0.01)
        assert not left, f"threads are left: {left}"
        assert not self.strays, self.strays

    def _threads(self) -> list[threading.Thread]:
        """The router's own; the embedded server's thread, which other tests start, stays."""
        own = ("lc-asym-router-stream", "lc-asym-router-deadline")
        new = (each for each in threading.enumerate() if each not in self.others)
        return [each for each in new if each.name.startswith(own)]

    def close(self) -> None:
        self.runner.close()
        self.small.close()
        self.frontier.close()
