"""Thinking that the prompt's template opens: what comes before the closing mark is not the answer,
for a check that looks while the answer arrives either."""

from __future__ import annotations

import pytest

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.graph.calls import early_stop
from lc_asym_router.verify import Looping, MaxLength, ParsesAsJSON, Refusal
from tests.servers import OllamaServer, OpenAIServer, Reply
from tests.servers.clients import WAYS, call, model_for

THOUGHTS = {
    "refusal": (Refusal(), "I'm sorry, but I can't help with that. Or so it seems at first sight."),
    "loop": (Looping(), "Well. " + "I say it over and over again. " * 30),
    "prose": (ParsesAsJSON(), "They want JSON, so let me think about which one. "),
    "length": (MaxLength(60), "A long time of words and more words that differ. " * 5),
}
ANSWER = '{"answer": 4}'


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_stop, "_OPENED", {})


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of an answer that is sent at once is read, however busy the machine is."""
    monkeypatch.setattr(early_stop, "GRACE", 30.0)


def router(small: object, up: OpenAIServer, **more: object) -> AsymRouter:
    given = {"small": small, "frontier": model_for(up), "classify": lambda messages: 0.0}
    return AsymRouter(**{**given, **more})


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("kind", sorted(THOUGHTS))
@pytest.mark.parametrize("way", WAYS)
async def test_what_is_thought_fails_no_answer(kind: str, way: str) -> None:
    check, thought = THOUGHTS[kind]
    with OllamaServer(default=f"{thought}\n</think>\n\n{ANSWER}") as small, OpenAIServer() as up:
        answer = await call(router(model_for(small), up, verify=check), way)
        assert answer.text == ANSWER
        assert not up.requests
        blocks = [each["type"] for each in answer.content_blocks]
        assert blocks == ["reasoning", "text"]


@pytest.mark.parametrize("kind", sorted(THOUGHTS))
@pytest.mark.parametrize("known", ["by its name", "by an answer before"])
async def test_a_slow_stream_of_a_model_that_thinks_so_is_read_to_its_end(
    kind: str, known: str
) -> None:
    check, thought = THOUGHTS[kind]
    text = f"{thought}\n</think>\n\n{ANSWER}"
    parts = [text[at : at + 24] for at in range(0, len(text), 24)]
    slow = Reply(text, chunks=parts, chunk_delay=max(0.01, 0.3 / len(parts)))
    with OllamaServer() as small, OpenAIServer(default="up") as up:
        more = {"model": "deepseek-r1:8b"} if known == "by its name" else {}
        model = model_for(small).model_copy(update=more)
        asked = router(model, up, verify=check)
        if not more:
            small.script(f"Sure.\n</think>\n\n{ANSWER}")
            assert (await asked.ainvoke("hi")).text == ANSWER
        small.script(slow)
        assert (await asked.ainvoke("hi")).text == ANSWER
        assert not up.requests


async def test_a_bad_answer_behind_the_thinking_is_ended_early_all_the_same() -> None:
    words = "I'm sorry, but I can't help with that, " + "for this or that reason, " * 80
    text = f"Let me see.\n</think>\n\n{words}"
    parts = [text[at : at + 16] for at in range(0, len(text), 16)]
    with OllamaServer() as small, OpenAIServer(default="up") as up:
        small.script(Reply(text, chunks=parts, chunk_delay=0.01))
        model = model_for(small).model_copy(update={"model": "qwq:32b"})
        answer = await router(Tier(model, breaker=False), up, verify=Refusal()).ainvoke("hi")
        assert answer.text == "up"
        assert small.wait_idle()
        assert small.requests[0].closed_by_client


@pytest.mark.parametrize("way", WAYS)
async def test_a_mark_that_is_only_spoken_of_saves_no_refusal(way: str) -> None:
    text = "I'm sorry, but I can't help with that. The mark `</think>` is one that I know."
    with OllamaServer(default=text) as small, OpenAIServer(default="up") as up:
        answer = await call(router(model_for(small), up, verify=Refusal()), way)
        assert answer.text == "up"
