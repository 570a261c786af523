"""An error under HTTP 200 is the same error, though several clients throw its body away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lc_asym_router import AsymRouter, Breaker, Tier
from lc_asym_router.tiers.faults.bodies import error_in
from lc_asym_router.tiers.faults.retry import Retry
from tests.servers import OllamaServer, OpenAIServer, Reply
from tests.tiers.providers.clients import WAYS, ask, ollama, openai
from tests.tiers.providers.conftest import Rig, entries

TOO_LONG = "This model's maximum context length is 8192 tokens, you asked for 9000."
LONG = {"error": {"message": TOO_LONG, "code": "context_length_exceeded"}}
BUSY = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}


def told(rig: Rig, way: str, body: Any) -> Reply:
    """A body under 200, in the form of a stream where one is asked for."""
    raw = json.dumps(body).encode()
    if "stream" not in way:
        return Reply(body=raw)
    if rig.name == "ollama":
        return Reply(body=raw + b"\n")
    event = b"event: error\n" if rig.name == "anthropic" else b""
    return Reply(body=event + b"data: " + raw + b"\n\n")


@pytest.mark.parametrize("way", WAYS)
async def test_too_long_under_200_is_one_call_and_nobodys_failure(rig: Rig, way: str) -> None:
    rig.server.default = told(rig, way, LONG)
    breaker = Breaker(failures=1, cooldown=60)
    tier = Tier(rig.model(), breaker=breaker, retry=Retry(3, initial=0))
    answer = await ask(rig.last(frontier=tier), way)
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 1
    assert breaker.state == "closed"
    assert "400: the request is longer than the model's context" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_rate_limit_under_200_is_a_429(rig: Rig, way: str) -> None:
    rig.server.default = told(rig, way, BUSY)
    tier = Tier(rig.model(), breaker=False, retry=Retry(2, initial=0))
    answer = await ask(rig.last(frontier=tier), way)
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 2
    assert " 429: " in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", [{}, {"id": "x"}, "<html>busy</html>"])
async def test_a_body_that_is_no_answer_is_a_failed_call(rig: Rig, way: str, body: Any) -> None:
    rig.server.default = told(rig, way, body)
    answer = await ask(rig.last(), way)
    assert answer.text == "from the spare"
    head, _, cause = entries(answer)[0]["error"].partition(": ")
    assert head
    assert cause


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_an_error_behind_half_an_answer_names_its_cause(rig: Rig, way: str) -> None:
    rig.server.default = Reply("one two", error="Rate limit reached", error_code="429")
    answer = await ask(rig.first(), way)
    assert answer.text == "from the spare"
    assert "Rate limit reached" in entries(answer)[0]["error"]


def test_what_a_failed_body_says_is_not_that_of_another_call() -> None:
    with OpenAIServer(default="fine") as up, OllamaServer() as small:
        up.script(Reply(body=json.dumps(BUSY).encode()))
        router = AsymRouter(
            small=ollama(small),
            frontier=Tier(openai(up), breaker=False, retry=Retry(2, initial=0)),
            threshold=0,
        )
        answer = router.invoke("hi")
        assert answer.text == "fine"
        assert entries(answer)[-1]["error"] is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"error": {"message": "m", "code": 429}}', {"message": "m", "code": 429}),
        ('{"error": "m"}', {"error": "m", "message": "m"}),
        ('{"object": "error", "message": "m"}', {"object": "error", "message": "m"}),
        ('{"detail": "m"}', {"detail": "m", "message": "m"}),
        ('[{"error": {"message": "m"}}]', {"message": "m"}),
        ('data: {"choices": []}\n\ndata: {"error": {"message": "m"}}\n\n', {"message": "m"}),
        ('data: {"type": "x", "response": {"error": {"message": "m"}}}', {"message": "m"}),
        ('{"choices": [], "message": "m"}', None),
        ('{"error": null, "choices": []}', None),
        ('{"message": {"content": "error"}}', None),
        ("error: no JSON", None),
        ("[" * 5000, None),
        ("", None),
    ],
)
def test_which_bodies_are_errors(text: str, found: Any) -> None:
    assert error_in(text) == found
