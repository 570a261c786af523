"""When a failed call is made again, how long the wait is, and that no retry is hidden."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.exceptions import ModelError
from tenacity import wait_fixed

from lc_asym_router import AsymRouter, Retry, Tier
from lc_asym_router.errors import (
    AttemptTimeoutError,
    CircuitOpenError,
    CutStreamError,
    QueueFullError,
    TiersFailedError,
)
from lc_asym_router.tiers.faults.error_kinds import indicates_outage, is_retryable, retry_after
from tests.behaviour.faults.rig import WAYS, Rig, ask
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

DOWN = Reply(status=503, error="down")


class Status(Exception):
    def __init__(self, status: int, code: str | None = None, **headers: str) -> None:
        self.status_code = status
        self.code = code
        self.response = SimpleNamespace(headers=headers)


class LangChains(Status, ModelError):
    """An error that langchain-core knows: what it says itself counts before its status."""

    def __init__(self, status: int, *, retryable: bool) -> None:
        super().__init__(status)
        self.is_retryable = retryable


@pytest.mark.parametrize(
    ("error", "again", "down"),
    [
        (Status(400), False, False),
        (Status(401), False, True),
        (Status(403), False, True),
        (Status(404), False, True),
        (Status(408), True, True),
        (Status(409), True, False),
        (Status(413), False, False),
        (Status(422), False, False),
        (Status(429), True, False),
        (Status(429, "insufficient_quota"), False, False),
        (Status(500), True, True),
        (Status(503), True, True),
        (LangChains(503, retryable=False), False, False),
        (LangChains(400, retryable=True), True, True),
        (ConnectionError(), True, True),
        (TimeoutError(), True, True),
        (CutStreamError(), True, True),
        (AttemptTimeoutError(1.0, own=True), True, True),
        (AttemptTimeoutError(1.0), False, False),  # one request's deadline
        (AttemptTimeoutError(0.0, asked=False), False, False),
        (CircuitOpenError(1.0), False, False),
        (QueueFullError(1, 1), False, False),
        (ValueError("no such argument"), False, False),
        (PermissionError(), False, False),
    ],
    ids=lambda value: getattr(value, "status_code", None) or type(value).__name__,
)
def test_what_an_error_says(error: Exception, again: bool, down: bool) -> None:
    assert is_retryable(error) is again
    assert indicates_outage(error) is down


def test_retry_after() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    date = format_datetime(now + timedelta(seconds=7), usegmt=True)
    assert retry_after(Status(429, **{"retry-after": "3"})) == 3
    assert retry_after(Status(429, **{"retry-after-ms": "250", "retry-after": "3"})) == 0.25
    assert retry_after(Status(429, **{"retry-after": date}), now.timestamp()) == 7
    assert retry_after(Status(429, **{"retry-after": date}), now.timestamp() + 60) == 0
    assert retry_after(Status(429, **{"retry-after": "soon"})) is None
    assert retry_after(Status(429)) is None
    with pytest.raises(RuntimeError) as caught:
        try:
            raise Status(503, **{"retry-after": "2"})
        except Status:
            raise RuntimeError("as Ollama's client does") from None
    assert retry_after(caught.value) == 2


@given(
    failed=st.integers(1, 40),
    initial=st.floats(0, 10),
    longest=st.floats(0, 60),
)
def test_the_wait_is_bounded(failed: int, initial: float, longest: float) -> None:
    retry = Retry(attempts=50, initial=initial, max_wait=longest)
    wait = retry.pause(failed, ConnectionError())
    assert wait is not None
    assert 0 <= wait <= min(longest, initial * 2**failed) + 1e-9


@given(attempts=st.integers(1, 5), failed=st.integers(1, 8))
def test_it_ends(attempts: int, failed: int) -> None:
    wait = Retry(attempts=attempts).pause(failed, ConnectionError())
    assert (wait is not None) == (failed < attempts)


@pytest.mark.parametrize("which", ["on", "wait"])
@pytest.mark.parametrize("raised", [KeyError("SECRET"), RecursionError(), OverflowError()])
async def test_own_code_that_raises_is_no_other_try(
    rig: Rig, which: str, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*given: Any) -> Any:
        raise raised

    rig.servers["small"].default = Reply(status=503)
    router = rig.router(tiers={"small": {"retry": Retry(3, **{which: fail}), "breaker": False}})
    for way in WAYS:
        assert (await ask(router, way, "say")).tiers == ["small", "frontier"]
    assert "Retry(on=..., wait=...) raised" in caplog.text
    assert "in fail" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("given", [10**400, float("inf"), float("nan"), "x", None, 1j])
def test_a_wait_that_is_none_is_not_begun_or_bounded(given: Any) -> None:
    pause = Retry(3, wait=lambda state: given).pause(1, TimeoutError())
    assert pause is None or 0 <= pause <= 86_400


def test_a_wait_of_ones_own() -> None:
    assert Retry(wait=wait_fixed(3)).pause(1, ConnectionError()) == 3
    assert Retry(wait=lambda state: state.attempt_number).pause(2, ConnectionError()) == 2
    assert Retry(on=lambda error: False).pause(1, ConnectionError()) is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"retry": 0}, "at least 1"),
        ({"retry": "often"}, "number of attempts"),
        ({"timeout": 0}, "over 0 seconds"),
        ({"breaker": True}, "Breaker"),
        ({"max_concurrency": 0}, "from 1 on"),
        ({"max_queue": 3}, "max_concurrency"),
        ({"max_concurrency": 1, "max_queue": -1}, "from 0 on"),
    ],
)
def test_bad_settings(small: OllamaServer, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Tier(small_model(small), "small", **settings)


# through the router -----------------------------------------------------------------------


def _router(small: OllamaServer, frontier: OpenAIServer, model: Any, **tier: Any) -> AsymRouter:
    return AsymRouter(
        small=small_model(small),
        frontier=Tier(model, **tier),
        classify=lambda messages: 1.0,
        verify="form",
    )


async def test_no_retry_is_hidden(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    """What ChatOpenAI's client would have done by itself stands in the record."""
    model = frontier_model(frontier, max_retries=1)
    router = _router(small, frontier, model)
    frontier.script(Reply(status=500, error="x", headers={"retry-after-ms": "20"}), "well again")
    answer = await ask(router, "hi")
    assert answer.text == "well again"
    first, second = record(answer)["attempts"]
    assert first["retry_in"] == pytest.approx(0.02)
    assert second["error"] is None
    assert len(frontier.requests) == 2
    assert model.root_client.max_retries == 1  # the caller's model is as it was


def test_as_often_as_the_client_would(small: OllamaServer, frontier: OpenAIServer) -> None:
    for given_retries, attempts in [(None, 3), (0, 1), (4, 5)]:
        tier = Tier(frontier_model(frontier, max_retries=given_retries))
        assert tier.retry.attempts == attempts
    assert Tier(small_model(small)).retry.attempts == 1
    router = _router(small, frontier, frontier_model(frontier, max_retries=4), retry=2)
    assert router.ladder[-1].retry.attempts == 2
    assert router.ladder[-1].model.root_client.max_retries == 0
    assert router.ladder[-1].model.root_async_client.max_retries == 0


async def test_a_longer_wait_than_allowed_is_not_begun(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = _router(small, frontier, frontier_model(frontier), retry=3)
    frontier.script(Reply(status=429, error="x", headers={"Retry-After": "3600"}))
    with pytest.raises(TiersFailedError):
        await ask(router, "hi")
    assert len(frontier.requests) == 1


async def test_a_stream_that_was_read_is_not_tried_again(
    small: OllamaServer, frontier: OpenAIServer
) -> None:
    router = _router(small, frontier, frontier_model(frontier), retry=Retry(3, initial=0.01))
    frontier.script(Reply("one two three", drop_after=2))
    seen = []
    with pytest.raises(TiersFailedError):
        seen += [chunk.text async for chunk in router.astream("hi")]
    assert len(frontier.requests) == 1


async def test_a_small_tier_is_retried_before_it_escalates(
    small: OllamaServer, frontier: OpenAIServer, ask: Callable[..., Any]
) -> None:
    router = AsymRouter(
        small=Tier(small_model(small), retry=Retry(2, initial=0.01)),
        frontier=frontier_model(frontier),
        classify=lambda messages: 0.0,
        verify="form",
    )
    small.script(DOWN)
    assert (await ask(router, "hi")).text == "a small answer"
    small.script(DOWN, DOWN)
    answer = await ask(router, "hi")
    assert [each["tier"] for each in record(answer)["attempts"]] == ["small", "small", "frontier"]
