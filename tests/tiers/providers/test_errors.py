"""One error told as a status, inside a stream or under HTTP 200 is one error."""

from __future__ import annotations

import pytest

from lc_asym_router import Breaker, Tier
from lc_asym_router._internal.provider_errors import is_context_overflow, status_of
from lc_asym_router._internal.redaction import redacted
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.tiers.faults.error_kinds import indicates_outage, is_retryable
from lc_asym_router.tiers.faults.retry import Retry
from tests.servers import Reply
from tests.tiers.providers.clients import ask
from tests.tiers.providers.conftest import Rig, entries

TOO_LONG = "This model's maximum context length is 8192 tokens, you asked for 9000 tokens."
LOSES_BODIES = {"mistral", "groq", "anthropic", "gemini"}
"""Whose clients throw the body of an error under 200 away where the answer is not streamed."""


def errors(rig: Rig, text: str, code: str, status: int) -> dict[str, Reply]:
    """The same error in the ways in which a server may tell it."""
    given = str(status) if rig.name == "gemini" else code
    return {
        "status": Reply(status=status, error=text, error_code=given),
        "stream": Reply("", chunks=[], error=text, error_code=given),
    }


async def raised(rig: Rig, reply: Reply, way: str) -> Exception:
    rig.server.default = reply
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await ask(rig.model(), way)
    return caught.value


def ways(rig: Rig) -> list[tuple[str, str]]:
    """How an error is told, and to whom."""
    found = [("status", "invoke"), ("status", "astream"), ("stream", "astream")]
    found += [] if rig.name in LOSES_BODIES else [("stream", "invoke")]
    return [each for each in found if rig.name != "mistral" or each[0] == "status"]


async def test_a_request_that_is_too_long_is_nobodys_failure(rig: Rig) -> None:
    told = errors(rig, TOO_LONG, "context_length_exceeded", 400)
    for kind, way in ways(rig):
        error = await raised(rig, told[kind], way)
        assert is_context_overflow(error), (kind, way)
        assert not is_retryable(error), (kind, way)
        assert not indicates_outage(error), (kind, way)


async def test_a_rate_limit_is_one(rig: Rig) -> None:
    told = errors(rig, "Rate limit reached for requests", "rate_limit_error", 429)
    for kind, way in ways(rig):
        error = await raised(rig, told[kind], way)
        assert status_of(error) == 429, (kind, way)
        assert is_retryable(error), (kind, way)
        assert not indicates_outage(error), (kind, way)


async def test_a_used_up_quota_is_not_tried_again(rig: Rig) -> None:
    if rig.name in ("gemini", "ollama", "anthropic", "mistral"):
        return  # they have no word of their own for it
    told = errors(rig, "You exceeded your current quota", "insufficient_quota", 429)
    for kind, way in ways(rig):
        assert not is_retryable(await raised(rig, told[kind], way)), (kind, way)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_too_long_is_one_call_and_goes_where_there_is_room(rig: Rig, way: str) -> None:
    told = errors(rig, TOO_LONG, "context_length_exceeded", 400)
    kind = "status" if rig.name in LOSES_BODIES else "stream"
    rig.server.default = told[kind]
    breaker = Breaker(failures=1, cooldown=60)
    first = Tier(rig.model(), "small", breaker=breaker, retry=Retry(3, initial=0))
    answer = await ask(rig.first(small=first), way)
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 1
    assert breaker.state == "closed"
    assert "longer than the model's context window" in entries(answer)[0]["error"]


async def test_the_cause_is_told_without_the_request(rig: Rig) -> None:
    prompt = "My neighbour Ferdinand hides 4711 gold coins under the veranda"
    said = f"schema of tool 'lookup' is not supported: {prompt} (key sk-abcdefgh12345678)"
    rig.server.default = Reply(status=400, error=said)
    rig.spare.default = Reply(status=400, error="no")
    with pytest.raises(TiersFailedError) as caught:
        await ask(rig.last(fallbacks=[]), "invoke", prompt)
    (entry,) = caught.value.attempts
    assert "schema of tool 'lookup' is not supported" in entry["error"]
    for secret in ("Ferdinand", "4711", "veranda", "sk-abc", "hides", "coins"):
        assert secret not in entry["error"]


@pytest.mark.parametrize(
    ("message", "texts", "says"),
    [
        ("unknown field 'foo'", ["hi"], "unknown field 'foo'"),
        ("Incorrect API key provided: sk-proj-abc123", [], "Incorrect API key provided: …"),
        ("can't parse: the red fox runs", ["the red fox runs"], "can't parse: …"),
        ("bad \\nsecretword here", ["a secretword"], "bad  … here"),
        ("无法处理 我的密码", ["我的密码是什么"], "无法处理 …"),
        ("model is not found", ["which model is not found"], "…"),
        ("x" * 500, [], "x" * 199 + "…"),
    ],
)
def test_what_is_kept_of_a_servers_message(message: str, texts: list[str], says: str) -> None:
    assert redacted(message, texts) == says


@pytest.mark.parametrize(
    ("secret", "message", "says"),
    [
        ("x", "unexpected keyword, key x", "unexpected keyword, key …"),
        ("none", "nonetheless key=none", "nonetheless key=…"),
        ("hunter2hunter2", "ahunter2hunter2b is wrong", "a…b is wrong"),
        ("", "all of it", "all of it"),
    ],
)
def test_a_key_is_masked_and_not_each_word_with_its_letters(
    secret: str, message: str, says: str
) -> None:
    assert redacted(message, [], [secret]) == says


RETRIES = {"max_retries": 3}


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_a_clients_own_retries_are_in_the_record(rig: Rig, way: str) -> None:
    if rig.name == "ollama":
        return  # ChatOllama makes none
    rig.server.default = Reply(status=503, error="down")
    tier = Tier(rig.model(**RETRIES), breaker=False)
    tries = 3 if rig.name in ("gemini", "mistral") else 4  # some count the first try among them
    assert tier.retry.attempts == tries
    quick = Tier(rig.model(**RETRIES), breaker=False, retry=Retry(2, initial=0))
    answer = await ask(rig.last(frontier=quick), way)
    assert answer.text == "from the spare"
    assert len(rig.server.requests) == 2
    assert [entry["tier"] for entry in entries(answer)] == ["frontier", "frontier", "fallback1"]
