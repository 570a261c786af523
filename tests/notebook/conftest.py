"""What the displays are made of: routers and records over the scripted servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter, LearnedClassifier
from lc_asym_router.evals import Evaluation, Row, evaluate_offline, load
from lc_asym_router.evals.example import write_example
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


def twins(name: str) -> Any:
    """A fixture: either twin of a router's method, as an async function of a router and its input."""

    @pytest.fixture(params=[name, f"a{name}"])
    def either(request: pytest.FixtureRequest) -> Callable[..., Any]:
        async def run(router: Any, *given: Any, **kwargs: Any) -> Any:
            said = getattr(router, request.param)(*given, **kwargs)
            return said if request.param == name else await said

        return run

    return either


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Made-up rows with both models' grades."""
    return load(write_example(tmp_path_factory.mktemp("rows") / "rows.jsonl", count=120))


@pytest.fixture(scope="session")
def evaluation(rows: list[Row]) -> Evaluation:
    """What the learned classifier says of them."""
    return evaluate_offline(rows, LearnedClassifier())


def judge(body: dict[str, Any]) -> str:
    """A judge's answer to a question of level."""
    return '{"level": 3}'
