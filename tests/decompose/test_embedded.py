"""On real models: three questions of different difficulty, answered in parts by both of the pair."""

from __future__ import annotations

import pytest

from lc_asym_router import AsymRouter, Decomposer
from lc_asym_router.decompose import ascii_drawing
from tests.conftest import record
from tests.router.test_from_env import nothing  # noqa: F401

pytestmark = pytest.mark.full

ASKED = """\
1. What is the capital of France?
2. What is 17 times 23?
3. Analyze the complexity of binary search in one sentence."""


@pytest.fixture
def decomposer(nothing) -> Decomposer:  # noqa: F811
    """What `make ask ARGS=--decompose` uses on a machine with no Ollama and no key."""
    return Decomposer(router=AsymRouter.from_env())


def test_three_questions_in_parts(decomposer: Decomposer) -> None:
    answer = decomposer.invoke(ASKED)
    assert all(word in answer.text for word in ("Paris", "391", "log"))
    found = record(answer)["decomposition"]
    tiers = [step["record"]["tier"] for step in found["steps"]]
    assert tiers == ["small", "frontier", "frontier"]
    assert found["join"]["by"] == "template"
    assert "[small > frontier] What is 17 times 23?" in ascii_drawing(record(answer))


def test_the_frontier_plans_and_whatever_comes_of_it_is_answered(decomposer: Decomposer) -> None:
    """A 1.5B model's plan may be a bad one: then the request goes whole, and the record says so."""
    asked = "Tell me the capital of Japan and translate the word 'water' into French."
    answer = decomposer.model_copy(update={"planner": "chat", "gate": None}).invoke(asked)
    assert answer.text.strip()
    found = record(answer)
    assert found["side_calls"][0]["purpose"] == "plan"
    assert found["side_calls"][0]["model"] == "qwen2.5-coder:1.5b"
    print(ascii_drawing(found))
    print(answer.text)
