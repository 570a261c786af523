"""What went wrong is named, and a request that is too long is known in each server's own words."""

from __future__ import annotations

import json
import re

import pytest

from lc_asym_router import Breaker, Tier
from lc_asym_router._internal.provider_errors import is_context_overflow
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.tiers.faults.retry import Retry
from tests.servers import Reply
from tests.tiers.providers.clients import WAYS, ask
from tests.tiers.providers.conftest import Rig, entries

BARE = re.compile(r"\w+(?:Error|Exception|Overloaded\w*)?(?: \d+)?:?")
"""A class's name alone, with or without a status."""
FAILURES = {
    "unknown setting": Reply(status=400, error="unknown field 'foo'"),
    "no key": Reply(status=401, error="Invalid credentials"),
    "no model": Reply(status=404, error="the model 'm' does not exist"),
    "server": Reply(status=500, error="the runner has stopped"),
    "empty": Reply(status=502, body=b""),
    "page": Reply(status=503, body=b"<html>busy</html>"),
    "cut connection": Reply("one two", drop_after=0),
    "nonsense": Reply(body=b'{"choices": 5, "message": 5, "content": 5, "candidates": 5}'),
}


@pytest.mark.parametrize("failure", sorted(FAILURES))
@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_no_error_is_a_bare_class(rig: Rig, way: str, failure: str) -> None:
    reply = FAILURES[failure]
    rig.server.default = reply
    with pytest.raises(TiersFailedError) as caught:
        await ask(rig.last(fallbacks=[]), way)
    found = [entry["error"] for entry in caught.value.attempts]
    assert all(error and not BARE.fullmatch(error.strip()) for error in found), found
    if reply.error and reply.status == 400:
        assert reply.error in found[0]
        assert reply.error in str(caught.value)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_an_error_of_the_clients_own_says_what_it_is(rig: Rig, way: str) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise TypeError("generate() got an unexpected keyword argument 'foo'")

    model = rig.model()
    for name in ("_generate", "_stream", "_agenerate", "_astream"):
        object.__setattr__(model, name, broken)
    small = Tier(model, "small", breaker=False, retry=1)
    answer = await ask(rig.first(small=small), way)
    assert answer.text == "from the spare"
    assert "unexpected keyword argument 'foo'" in entries(answer)[0]["error"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_is_not_there(rig: Rig, way: str) -> None:
    first = rig.first()
    rig.server.stop()
    answer = await ask(first, way)
    assert answer.text == "from the spare"
    assert "can't be reached" in entries(answer)[0]["error"]


TOO_LONG = {
    "OpenAI": "This model's maximum context length is 8192 tokens. However, your messages resulted "
    "in 9000 tokens. Please reduce the length of the messages.",
    "OpenAI Responses": "Your input exceeds the context window of this model. Please adjust your "
    "input and try again.",
    "vLLM": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    "llama.cpp": "the request exceeds the available context size. try increasing the context size",
    "LM Studio": "Trying to keep the first 5000 tokens when context the overflows. However, the model "
    "is loaded with context length of only 4096 tokens, which is not enough.",
    "Anthropic": "prompt is too long: 201234 tokens > 200000 maximum",
    "Anthropic, with answer": "input length and `max_tokens` exceed context limit: 190000 + 20000 > "
    "200000, decrease input length or `max_tokens` and try again",
    "Gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
    "maximum context length",
    "Groq": "Please reduce the length of the messages or completion.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "DeepSeek": "This model's maximum context length is 65536 tokens. However, you requested 70000",
    "OpenRouter": "This endpoint's maximum context length is 32768 tokens. However, you requested "
    "about 40000 tokens",
    "SGLang": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
    "Together": "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
    "Bedrock": "Input is too long for requested model.",
    "Cohere": "too many tokens: total number of tokens in the prompt exceeds the limit of 4081",
}
NOT_TOO_LONG = {
    "a limit of requests": "Requested tokens exceed the rate limit of your organization",
    "an answer": "max_tokens is too large: 100000. This model supports at most 4096 completion tokens",
    "a name": "Invalid 'tools[0].function.name': string too long. Expected a maximum of 64",
    "an image": "image exceeds 5 MB maximum",
}


@pytest.mark.parametrize("server", sorted(TOO_LONG))
async def test_too_long_in_each_servers_own_words(rig: Rig, server: str) -> None:
    rig.server.default = Reply(status=400, error=TOO_LONG[server], error_code=code(rig))
    breaker = Breaker(failures=1, cooldown=60)
    first = Tier(rig.model(), "small", breaker=breaker, retry=Retry(3, initial=0))
    answer = await ask(rig.first(small=first), "ainvoke")
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 1
    assert breaker.state == "closed"
    assert "longer than the model's context window" in entries(answer)[0]["error"]


@pytest.mark.parametrize("what", sorted(NOT_TOO_LONG))
async def test_what_else_is_too_large_is_not_the_conversation(rig: Rig, what: str) -> None:
    rig.server.default = Reply(status=400, error=NOT_TOO_LONG[what], error_code=code(rig))
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await ask(rig.model(), "ainvoke")
    assert not is_context_overflow(caught.value)


def code(rig: Rig) -> str:
    """The code that goes with any request that a provider refuses."""
    return "400" if rig.name == "gemini" else "invalid_request_error"


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_too_long_behind_half_an_answer(rig: Rig, way: str) -> None:
    said = "This model's maximum context length is 8192 tokens."
    given = "400" if rig.name == "gemini" else "context_length_exceeded"
    rig.server.default = Reply("one two", error=said, error_code=given)
    breaker = Breaker(failures=1, cooldown=60)
    first = Tier(rig.model(), "small", breaker=breaker, retry=Retry(3, initial=0))
    answer = await ask(rig.first(small=first), way)
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 1
    assert breaker.state == "closed"
    assert json.dumps(entries(answer)[0]["error"]).count("context window") == 1
