"""A gateway before the scripted servers, for OpenAI's own client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.gateway.app import gateway_app
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.gateway.serving import Served
from tests.servers import OllamaServer, OpenAIServer


@pytest.fixture(scope="module")
def upstream_small() -> Iterator[OllamaServer]:
    with OllamaServer(default="a small answer") as server:
        yield server


@pytest.fixture(scope="module")
def upstream_frontier() -> Iterator[OpenAIServer]:
    with OpenAIServer(default="a frontier answer") as server:
        yield server


@pytest.fixture
def small(upstream_small) -> OllamaServer:
    upstream_small.reset()
    return upstream_small


@pytest.fixture
def frontier(upstream_frontier) -> OpenAIServer:
    upstream_frontier.reset()
    return upstream_frontier


@pytest.fixture(scope="module")
def router(upstream_small, upstream_frontier) -> AsymRouter:
    return AsymRouter(
        small=Tier(small_model(upstream_small), price=SMALL_PRICE, breaker=False),
        frontier=Tier(frontier_model(upstream_frontier), price=FRONTIER_PRICE, breaker=False),
        verify="form",
        classify="keyword",
    )


@pytest.fixture(scope="module")
def gateway(router) -> Iterator[Served]:
    with Served(gateway_app(router)) as served:
        yield served
