"""Two servers whose models do tasks `t0`, `t1`, ... and join what was done; plans to give them."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from typing import Any

from langchain_openai.chat_models import _client_utils

from lc_asym_router import AsymRouter, Decomposer, Plan, Step, Tier, Verdict
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Recorded, Reply

BAD = "BADDRAFT"
"""What a small answer holds that fails its check."""
WHOLE = "please do all the tasks"
"""The whole request."""


def result(name: str) -> str:
    """The answer to a task."""
    return f"result{name} value{name}"


def task_of(body: Mapping[str, Any]) -> str:
    """What a request asks for: a task's name, "join", or "whole"."""
    text = body["messages"][-1]["content"]
    if "parts of this request" in text:
        return "join"
    found = re.search(r"task (t\d+)", text)
    return found.group(1) if found else "whole"


def checked(attempt: Any) -> Verdict:
    """The router's check: no bad draft passes."""
    return Verdict(BAD not in attempt.text, reason="it is bad")


@dataclass
class World:
    """The servers and what their models do.

    Attributes:
        bad: Tasks (or "join") that the small model fails.
        delays: Seconds that a task takes.
        left_out: Tasks that a join leaves out.
        replies: Whole replies for a tier and a task, over everything else.
        gates: Tasks whose answers wait for an event; see `held`.
    """

    small: OllamaServer = field(init=False)
    frontier: OpenAIServer = field(init=False)
    bad: set[str] = field(default_factory=set)
    delays: dict[str, float] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    replies: dict[tuple[str, str], Reply] = field(default_factory=dict)
    gates: dict[str, Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.small = OllamaServer(default=lambda body: self._says("small", body))
        self.frontier = OpenAIServer(default=lambda body: self._says("frontier", body))

    def _says(self, tier: str, body: dict[str, Any]) -> Reply:
        task = task_of(body)
        return replace(self._said(tier, task, body), hold=self.gates.get(task))

    def _said(self, tier: str, task: str, body: dict[str, Any]) -> Reply:
        if (tier, task) in self.replies:
            return self.replies[tier, task]
        delay = self.delays.get(task, 0.0)
        if tier == "small" and task in self.bad:
            return Reply(f"{BAD} {task}", delay=delay)
        if task == "whole":
            return Reply("the whole answer", delay=delay)
        if task == "join":
            names = re.findall(r"resultt\d+", str(body["messages"]))
            kept = [name[6:] for name in names if name[6:] not in self.left_out]
            return Reply(" and ".join(map(result, dict.fromkeys(kept))), delay=delay)
        return Reply(result(task), delay=delay, output_tokens=3 + int(task[1:]))

    @contextmanager
    def held(self, task: str, until: Collection[str] | None = None) -> Iterator[Event]:
        """Hold a task's answers back until others have been answered, or the event that it yields is
        set; after 20 s they go out all the same, and a test sees by their order that it was in vain.
        """
        gate = self.gates[task] = Event()

        def watch() -> None:
            deadline = time.monotonic() + 20
            while not gate.wait(0.01) and time.monotonic() < deadline:
                answered = {name for name, each in self.asked() if each.over is not None}
                if until is not None and answered.issuperset(until):
                    break
            gate.set()

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield gate
        finally:
            gate.set()
            watcher.join()

    def begin(self) -> None:
        """Forget everything, and the connections of an event loop that has ended."""
        _client_utils._cached_async_httpx_client.cache_clear()
        for server in (self.small, self.frontier):
            assert server.wait_idle()
            server.reset()
        self.bad, self.delays, self.left_out, self.replies = set(), {}, set(), {}
        self.gates = {}

    def router(self, **settings: Any) -> AsymRouter:
        """A router that asks the small model first."""
        given = {"classify": lambda messages: 0.0, "verify": checked, **settings}
        return AsymRouter(
            small=Tier(small_model(self.small), price=SMALL_PRICE),
            frontier=Tier(frontier_model(self.frontier), price=FRONTIER_PRICE),
            **{"verify": "form", **given},
        )

    def decomposer(
        self, plan: Any, router: AsymRouter | None = None, **settings: Any
    ) -> Decomposer:
        """A decomposer with that plan, whatever the request."""
        given = {"gate": None, "planner": lambda text: plan, **settings}
        return Decomposer(router=router or self.router(), **given)

    def asked(self, tier: str | None = None) -> list[tuple[str, Recorded]]:
        """Which tasks the servers were asked for, by when they came."""
        servers = {"small": self.small, "frontier": self.frontier}
        found = [
            (task_of(each.body), each)
            for name, server in servers.items()
            if tier in (None, name)
            for each in server.requests
        ]
        return sorted(found, key=lambda pair: pair[1].started)

    def spent(self) -> float:
        """What the servers' tokens cost, in USD."""
        (came, went), (dear_came, dear_went) = self.small.tokens, self.frontier.tokens
        small = came * SMALL_PRICE.input + went * SMALL_PRICE.output
        return (
            small + dear_came * FRONTIER_PRICE.input + dear_went * FRONTIER_PRICE.output
        ) / 1_000_000

    def close(self) -> None:
        """Stop both servers."""
        self.small.close()
        self.frontier.close()


def plan_of(needs: Sequence[Sequence[int]], tiers: Mapping[int, str] | None = None) -> Plan:
    """A plan of tasks: the places of those that each needs."""
    return Plan(
        Step(
            id=f"t{place}",
            instruction=f"Do task t{place}.",
            needs=tuple(f"t{need}" for need in each),
            tier=(tiers or {}).get(place),
        )
        for place, each in enumerate(needs)
    )
