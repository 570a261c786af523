"""Routers of three tiers, whose cheap ones vote."""

from __future__ import annotations

from typing import Any

import pytest

from lc_asym_router import AsymRouter, Tier
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model


@pytest.fixture
def three_tiers(small, middle, frontier):
    """Builds a router of a small, a middle and a frontier tier."""

    def build(middle_price: Any = SMALL_PRICE, **settings: Any) -> AsymRouter:
        model = frontier_model(middle, model="middle-model")
        return AsymRouter(
            tiers=[
                Tier(small_model(small), "small", price=SMALL_PRICE),
                Tier(model, "middle", price=middle_price, retry=1),
                Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
            ],
            **settings,
        )

    return build
