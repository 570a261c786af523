"""Routers under budgets, for the tests."""

from __future__ import annotations

from typing import Any

import pytest

from lc_asym_router import AsymRouter, PerCall, Tier
from tests.conftest import FRONTIER_PRICE, frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer

UP = "debug this"
"""What the keyword rule sends to the frontier."""
ANSWER = 100
"""The most output tokens of the frontier."""

few = pytest.mark.parametrize("ask", ["invoke", "astream"], indirect=True)
"""Two ways to ask, where the others would show no more."""


def router(small: OllamaServer, frontier: OpenAIServer, *budgets: Any, **settings: Any):
    """A router whose small tier is free and whose frontier says 100 tokens at most."""
    return AsymRouter(
        small=Tier(small_model(small, num_predict=50), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier, max_tokens=ANSWER), price=FRONTIER_PRICE),
        budgets=list(budgets),
        **{"classify": "keyword", **settings},
    )


def priced(server: OpenAIServer) -> float:
    """What the frontier's server counted, at the frontier's price, in USD."""
    came, went = server.tokens
    return (came * FRONTIER_PRICE.input + went * FRONTIER_PRICE.output) / 1_000_000
