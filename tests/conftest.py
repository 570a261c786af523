"""Real ChatOllama and ChatOpenAI against scripted loopback servers of both wire formats."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import settings
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import _client_utils

from lc_asym_router import AsymRouter, Price, Tier
from lc_asym_router._internal import fault_log
from lc_asym_router.tiers.faults.shared_breakers import forget_breakers
from tests.servers import OllamaServer, OpenAIServer

SMALL_PRICE = Price(0.05, 0.08)
FRONTIER_PRICE = Price(2.5, 10.0)


# No test goes by the wall clock: a machine that stalls is no failure.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

QUICK = {"ainvoke": "invoke", "batch": "invoke", "stream": "astream", "abatch": "astream"} | {
    "postgres": "sqlite"
}
"""A test's parameter, and the one that stands for it in `make test`; `make test-all` runs both. Twins
share all but the await, and both databases are asked by the same code."""
QUICK_PROVIDERS = {"astream": "invoke"} | dict.fromkeys(
    ("azure", "deepseek", "groq", "xai"), "openai"
)
"""The same for the conformance tests of providers' clients: who speaks OpenAI's protocol."""
FIRST = (
    "behaviour/properties",
    "notebooks",
    "embedded",
    "behaviour/faults",
    "behaviour",
    "money",
    "decompose",
    "classify",
    "evals",
    "docs",
)
"""Folders whose files take long: they begin first, so that no process is left with one at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test` leaves to `make test-all`, and put the long files first."""
    there = {item.nodeid for item in items}
    for item in items:
        quick = QUICK | QUICK_PROVIDERS if "/tiers/providers/" in item.nodeid else QUICK
        name, bracket, ids = item.nodeid.partition("[")
        parts = ids.removesuffix("]").split("-") if bracket else []
        for place, part in enumerate(parts):
            twin = [*parts[:place], quick.get(part, part), *parts[place + 1 :]]
            if part in quick and f"{name}[{'-'.join(twin)}]" in there:
                item.add_marker("full")
    items.sort(key=lambda item: _turn(item.nodeid))


def pytest_collection_finish() -> None:
    """What is there now stays: each full round of the collector would go through 12,000 tests anew."""
    gc.collect()
    gc.freeze()


def _turn(nodeid: str) -> int:
    folder = nodeid.removeprefix("tests/")
    return next((n for n, each in enumerate(FIRST) if folder.startswith(f"{each}/")), len(FIRST))


LOADING_MODELS = (
    "embedded/test_server.py",
    "test_embedded_router.py",
    "decompose/test_embedded.py",
)
"""Test files that load real models, gigabytes of them, and keep a core busy."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Which tests, in several processes, are left to one: a file's, which may share a module's
    fixtures; and all that load models, so that each is in memory once.

    (pytest-xdist 3.8 has marks for this, but does not heed them under pytest 9.2.)
    """
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "models" if file.endswith(LOADING_MODELS) else file

        # What follows is for a process that died: without it the run would never end.

        def remove_node(self, node: Any) -> str | None:
            # A file that it was done with is not handed out again: whoever got it would have nothing
            # to report, and be given nothing more.
            tests = self.assigned_work[node]
            for file in [file for file, done in tests.items() if all(done.values())]:
                del tests[file]
            return super().remove_node(node)

        def schedule(self) -> None:
            replaced = self.collection is not None
            super().schedule()
            if (
                replaced
            ):  # a process begins a test when it knows the one after it, or that there is none
                for node in self.nodes:
                    self._reschedule(node)

    return Files(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True, scope="session")
def certificates_read_once() -> Iterator[None]:
    """Each HTTP client would read all authorities' certificates anew, which takes 18 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def own_connections() -> None:
    """No test gets another's connections.

    langchain-openai shares one async client between models of one base_url. A port comes round
    again, and connections don't outlive the event loop of the test that opened them.
    """
    _client_utils._cached_async_httpx_client.cache_clear()


@pytest.fixture(autouse=True)
def own_breakers() -> None:
    """No test meets another's breaker: a port comes round again."""
    forget_breakers()


@pytest.fixture(autouse=True)
def own_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test has logged within a minute is said again."""
    monkeypatch.setattr(fault_log, "_faults", fault_log.Throttle())


@pytest.fixture
def small() -> Iterator[OllamaServer]:
    """What the small tier talks to."""
    with OllamaServer(default="a small answer") as server:
        yield server


@pytest.fixture
def frontier() -> Iterator[OpenAIServer]:
    """What the frontier tier talks to."""
    with OpenAIServer(default="a frontier answer") as server:
        yield server


def small_model(server: OllamaServer, **kwargs: Any) -> ChatOllama:
    settings = {"model": "small-model", "client_kwargs": {"timeout": 10}, **kwargs}
    return ChatOllama(base_url=server.url, **settings)


def frontier_model(server: OpenAIServer, **kwargs: Any) -> ChatOpenAI:
    known = {"model": "frontier-model", "stream_usage": True, "max_retries": 0, "timeout": 10}
    settings = known | kwargs
    return ChatOpenAI(base_url=server.base_url, api_key="sk-not-a-key", **settings)


@pytest.fixture
def middle() -> Iterator[OpenAIServer]:
    """The server of a middle tier."""
    with OpenAIServer(default="a middle answer") as server:
        yield server


@pytest.fixture
def third() -> Iterator[OllamaServer]:
    """The server of a cheap model that is no tier."""
    with OllamaServer(default="a third answer") as server:
        yield server


@pytest.fixture
def make(small: OllamaServer, frontier: OpenAIServer) -> Callable[..., AsymRouter]:
    """Builds a router over the two servers, priced, with any other setting."""

    def build(**settings: Any) -> AsymRouter:
        return AsymRouter(
            small=Tier(small_model(small), price=SMALL_PRICE),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
            # The servers are on this machine, so a sample more would be asked for by default.
            **{"verify": "form", **settings},
        )

    return build


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream", "batch", "abatch"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Every way to ask a chat model: an async function `(router, input, config) -> message`."""
    way = request.param

    async def run(router: Any, asked: Any, config: Any = None, **kwargs: Any) -> Any:
        if way == "invoke":
            return router.invoke(asked, config, **kwargs)
        if way == "ainvoke":
            return await router.ainvoke(asked, config, **kwargs)
        if way == "batch":
            return router.batch([asked], config, **kwargs)[0]
        if way == "abatch":
            return (await router.abatch([asked], config, **kwargs))[0]
        if way == "stream":
            chunks = list(router.stream(asked, config, **kwargs))
        else:
            chunks = [chunk async for chunk in router.astream(asked, config, **kwargs)]
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        return whole

    return run


def record(message: Any) -> dict[str, Any]:
    """The record on an answer."""
    return message.response_metadata["router"]
