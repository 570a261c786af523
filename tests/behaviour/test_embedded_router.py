"""The main job on real models: the embedded pair answers, routed, verified and escalated."""

from __future__ import annotations

import json

import pytest

from lc_asym_router import AsymRouter
from lc_asym_router.shell import main
from tests.conftest import record
from tests.router.test_from_env import nothing  # noqa: F401


@pytest.fixture
def router(nothing) -> AsymRouter:  # noqa: F811
    """What `make ask` uses on a machine with no Ollama and no key."""
    return AsymRouter.from_env()


@pytest.mark.parametrize("way", ["sync", "async", "stream", "astream"])
async def test_an_easy_question_stays_small_and_says_paris(router, way):
    asked = "What is the capital of France?"
    if way == "sync":
        answer = router.invoke(asked)
    elif way == "async":
        answer = await router.ainvoke(asked)
    else:
        chunks = (
            list(router.stream(asked))
            if way == "stream"
            else [chunk async for chunk in router.astream(asked)]
        )
        answer = chunks[0]
        for chunk in chunks[1:]:
            answer = answer + chunk
    assert "Paris" in answer.text
    assert record(answer)["tier"] == "small"
    assert record(answer)["attempts"][0]["passed"] is True
    assert answer.usage_metadata["output_tokens"] > 0


@pytest.mark.full
def test_a_keyword_goes_to_the_stand_in(router):
    answer = router.invoke("Analyze the complexity of binary search in one sentence.")
    assert record(answer)["tier"] == "frontier"
    assert not record(answer)["escalated"]
    assert "log" in answer.text


@pytest.mark.full
def test_a_wrong_small_answer_is_escalated(router):
    answer = router.invoke("What is 17 times 23?")
    assert record(answer)["escalated"]
    assert record(answer)["attempts"][0]["check"] == "Agreement"
    assert "391" in answer.text


@pytest.mark.full
def test_structured_output_on_real_models(router):
    schema = {
        "title": "City",
        "description": "A city.",
        "type": "object",
        "properties": {"name": {"type": "string"}, "country": {"type": "string"}},
        "required": ["name", "country"],
    }
    said = router.with_structured_output(schema).invoke("Which city is the Eiffel Tower in?")
    assert set(said) == {"name", "country"}
    assert said["country"] == "France"


@pytest.mark.full
def test_ask_from_the_shell(nothing, capsys):  # noqa: F811
    assert main(["ask", "--json", "What is the capital of France?"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert "Paris" in data["answer"]
    assert data["tiers"] == {
        "small": "qwen2.5-coder:0.5b (embedded)",
        "frontier": "qwen2.5-coder:1.5b (embedded stand-in, not a frontier model)",
    }


@pytest.mark.full
def test_the_light_model_judges_and_nothing_breaks(nothing):  # noqa: F811
    """The 135M as the small tier and as the judge: weak, but every part of the machine runs."""
    router = AsymRouter.from_env(small="embedded:smollm2:135m", classify="judge")
    answer = router.invoke("Say hello.")
    assert answer.text
    assert record(answer)["decision"]["classifier"].startswith("judge")
