"""Where cases run: their servers, models and databases, and all that comes of a case on one way."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from contextlib import aclosing, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Breaker,
    Budget,
    BudgetStore,
    Ledger,
    Price,
    Retry,
    Tier,
)
from lc_asym_router.graph.calls import early_stop
from lc_asym_router.tiers.faults.shared_breakers import forget_breakers
from tests.conftest import frontier_model, small_model
from tests.graph.both_ways import SEEN, LangGraphCheck, Records, Runs, forced, plain
from tests.graph.cases import PIECES, REPLIES, SILENT, TIERS, Call, Case, Facts, lookup
from tests.servers import OllamaServer, OpenAIServer, Reply

PRICES = {"small": Price(1, 1), "middle": Price(2, 2), "frontier": Price(4, 4)}
LONG = 60.0
"""Seconds that no wait takes, however busy the machine is."""
CALLS_QUERY = """
    SELECT c.number, c.purpose, c.tier, c.model, c.passed, c."check", c.score, c.input_tokens,
        c.output_tokens, c.usage_estimated, c.cost_usd, c.error
    FROM asym_calls c JOIN asym_requests r ON r.id = c.request_id
    JOIN asym_tags t ON t.request_id = r.id
    WHERE t.tag = ? ORDER BY r.time, c.number"""


class World:
    """Servers, models and databases that all cases share."""

    def __init__(self, folder: Path) -> None:
        self.servers: dict[str, Any] = {
            "small": OllamaServer(default=partial(self._reply, "small")),
            "middle": OpenAIServer(default=partial(self._reply, "middle")),
            "frontier": OpenAIServer(default=partial(self._reply, "frontier")),
        }
        self.runs = Runs()
        self.models: dict[str, Any] = {
            name: frontier_model(server, model=f"{name}-model", timeout=LONG, callbacks=[self.runs])
            for name, server in self.servers.items()
            if name != "small"
        }
        self.models["small"] = small_model(
            self.servers["small"], client_kwargs={"timeout": LONG}, callbacks=[self.runs]
        )
        self.file = folder / "ledger.sqlite3"
        self.ledger = Ledger(self.file, flush_seconds=0)
        self.store = BudgetStore(folder / "budgets.sqlite3")
        self.runner = asyncio.Runner()
        self._numbers = itertools.count(0x1000)
        self._asked: list[str] = []
        self._case: Case
        self._call: Call
        self._cancel: Any = None
        self._go_on = threading.Event()

    def close(self) -> None:
        self.runner.close()
        self.ledger.close()
        for server in self.servers.values():
            server.close()

    def outcome(self, case: Case, walks: bool) -> Any:
        """What comes of a case on one of both ways."""
        forget_breakers()
        SEEN.set("nothing")  # what leaked on one way is not seen on the other
        self._case = case
        for server in self.servers.values():
            server.reset()
        self.runs.seen.clear()
        name, records = f"0x{next(self._numbers):x}", Records()
        check, budget = LangGraphCheck(case.does), self._budget(case, name)
        router = AsymRouter(
            tiers=[
                Tier(
                    self.models[tier],
                    tier,
                    price=PRICES[tier],
                    retry=Retry(1),
                    breaker=Breaker(case.failures, 60.0, clock=lambda: 0.0),
                )
                for tier in case.tiers
            ],
            verify=_verify(case, check),
            budgets=[budget] if budget else [],
            callbacks=[records, self.ledger],
            **case.settings,
        )
        model = _bound(router, case.bound)
        with forced(walks), pytest.MonkeyPatch.context() as patch:
            patch.setattr(early_stop, "GRACE", case.grace)
            found = [self._outcome(model, call, name) for call in case.calls]
        self.ledger.flush()
        return plain(
            {
                "calls": found,
                "found": check.found,
                "runs": self.runs.seen,
                "records": records.seen,
                "ledger": [self.ledger.recent(9, tag=name), self._rows(name)],
                "breakers": {tier: each.state for tier, each in router.breakers.items()},
                "budget": _balances(budget),
                "asked": {
                    tier: [request.body for request in server.requests]
                    for tier, server in self.servers.items()
                },
            }
        )

    def _outcome(self, model: Any, call: Call, name: str) -> dict[str, Any]:
        self._call, self._asked, self._cancel, self._go_on = call, [], None, threading.Event()
        asked = "debug this" if call.direct else "hi there"
        config: Any = {"tags": ["mine", name], "metadata": {"who": "me"}}
        config["configurable"] = dict(call.configurable or {})
        parts: list[Any] = []
        error, leaks = None, "nothing"
        if call.face[0] == "a":
            error, leaks = self.runner.run(self._acall(model, asked, config, parts))
        else:
            try:
                self._read(model, asked, config, parts)
            except Exception as raised:
                error = raised
            leaks = SEEN.get()
        self._go_on.set()
        for thread in threading.enumerate():
            if thread.name.startswith("lc-asym-router-stream"):
                thread.join(LONG)
        return {
            "answer": parts,
            "error": error,
            "record": getattr(error, "record", None),
            "leaks": leaks,
            "asked": sorted(self._asked),
            "idle": [server.wait_idle(LONG) for server in self.servers.values()],
        }

    def _read(self, model: Any, asked: str, config: Any, parts: list[Any]) -> None:
        if self._call.face == "invoke":
            parts.append(model.invoke(asked, config))
            return
        with closing(model.stream(asked, config)) as stream:
            for chunk in stream:
                parts.append(chunk)
                if self._is_enough(parts):
                    break

    async def _aread(self, model: Any, asked: str, config: Any, parts: list[Any]) -> None:
        if self._call.face == "ainvoke":
            parts.append(await model.ainvoke(asked, config))
            return
        async with aclosing(model.astream(asked, config)) as stream:
            async for chunk in stream:
                parts.append(chunk)
                if self._is_enough(parts):
                    break

    async def _acall(
        self, model: Any, asked: str, config: Any, parts: list[Any]
    ) -> tuple[BaseException | None, str]:
        """Ask in a task that the servers may cancel; nothing of it runs on."""
        leaks: list[str] = []

        async def ask() -> None:
            try:
                await self._aread(model, asked, config, parts)
            finally:
                leaks.append(SEEN.get())

        task = asyncio.create_task(ask())
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        (error,) = await asyncio.gather(task, return_exceptions=True)
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            _, running = await asyncio.wait(others, timeout=LONG)
            assert not running
        return error, leaks[0]

    def _is_enough(self, parts: list[Any]) -> bool:
        """Whether a reader leaves here: all pieces have come that its server sends till then."""
        texts = [part for part in parts if getattr(part, "text", "")]
        return "paused" in self._asked and len(texts) == (self._call.ending or ("", 0))[1]

    def _reply(self, tier: str, body: Any) -> Reply:
        """The reply of a tier's server, in its thread."""
        script, call = self._case.replies[tier], self._call
        at = len(self.servers[tier].requests) - 1
        if script == ["silent"]:
            self._go_on.set()
            return SILENT
        reply = REPLIES[script[at] if at < len(script) else "good"]
        number = sum(each in TIERS for each in self._asked)
        self._asked.append(tier)
        what, when = call.ending or ("", 0)
        if what == "cancel" and number == when:
            self._cancel()
            return replace(reply, hang="before")
        if what == "close" and self._case.is_live(tier, call):
            self._asked.append("paused")
            return replace(PIECES, hold=self._go_on, pieces_first=when)
        late = self._case.replies["small"] == ["silent"]
        return replace(reply, hold=self._go_on) if late else reply

    def _budget(self, case: Case, name: str) -> Budget | None:
        if (given := case.budget) is None:
            return None
        return Budget(
            name=name,
            per=given["per"],
            on_exhausted=given["then"],
            store=self.store if given["in_file"] else None,
            max_output_tokens=50,
            **given["limit"],
        )

    def _rows(self, name: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(CALLS_QUERY, (name,)).fetchall()


def _verify(case: Case, check: LangGraphCheck) -> Any:
    if case.verify == "nothing":
        return None
    if case.verify == "opinion":
        return dict.fromkeys(case.tiers[1:-1], "form") | {"small": Agreement(second=case.tiers[1])}
    if case.verify == "some":
        return dict.fromkeys(case.tiers[1:-1]) | {"small": check}
    return check if case.verify == "check" else "form"


def _bound(router: AsymRouter, bound: str) -> Any:
    if bound == "tools":
        return router.bind_tools([lookup])
    if bound in ("raw", "parsed"):
        return router.with_structured_output(Facts, include_raw=bound == "raw")
    return router


def _balances(budget: Budget | None) -> list[Any]:
    if budget is None or budget.per == "request":
        return []
    return [budget.balance(scope) for scope in (None, "t", "mine")]
