"""What the displays are made of: routers and records over the scripted servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter
from tests.servers import OllamaServer, Reply

WRONG = "17 * 23 = 411"
"""A small answer that `Arithmetic` rejects."""


@pytest.fixture
def make(make: Callable[..., AsymRouter]) -> Callable[..., AsymRouter]:
    """As everywhere, with the classifier whose word is plain to see: "debug" goes up."""
    return lambda **settings: make(**{"classify": "keyword", **settings})


@pytest.fixture
async def escalated(make: Callable[..., AsymRouter], small: OllamaServer) -> AIMessage:
    """An answer whose first draft was rejected."""
    small.script(WRONG)
    answer = await make().ainvoke("What is 17 times 23?")
    assert answer.response_metadata["router"]["escalated"]
    return answer


@pytest.fixture
def failing() -> Reply:
    """A reply that is none."""
    return Reply(status=500, error="the server is on fire")


def judge(body: dict[str, Any]) -> str:
    """A judge's answer to a question of level."""
    return '{"level": 3}'
