"""What goes wrong: errors in OpenAI's form, streams that break off, clients that leave."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from contextlib import ExitStack

import anthropic
import httpx
import openai
import pytest
from langchain_core.messages import AIMessageChunk

from lc_asym_router import AsymRouter, Budget, Tier
from lc_asym_router.embedded.request_limits import Limits
from lc_asym_router.gateway.access import LoopbackAccess
from lc_asym_router.gateway.answering import event_stream
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols import Heading
from lc_asym_router.gateway.protocols.openai_chat import OpenAIChatStream
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.gateway.serving import Served
from tests.servers import Reply


def ask(**more):
    return {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], **more}


def pair(small, frontier, **settings) -> AsymRouter:
    return AsymRouter(
        small=Tier(small_model(small), price=SMALL_PRICE, breaker=False),
        frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE, breaker=False),
        **{"verify": "form", "classify": "keyword", **settings},
    )


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_is_busy(gateway: Served, small, frontier, stream):
    frontier.script(Reply(status=429, headers={"Retry-After": "17"}))
    with pytest.raises(openai.RateLimitError) as caught:
        gateway.client().chat.completions.create(**ask(model="frontier", stream=stream))
    assert caught.value.response.headers["retry-after"] == "17"
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=401), Reply(drop_after=-1)])
def test_nobody_answered(gateway: Served, small, frontier, stream, reply):
    frontier.script(reply)
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.client().chat.completions.create(**ask(model="frontier", stream=stream))
    assert caught.value.status_code == 502
    assert "Hello" not in str(caught.value)


def test_past_the_deadline(small, frontier):
    frontier.script(Reply(hang="before"))
    with (
        Served(gateway_app(pair(small, frontier, deadline=0.3))) as served,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        served.client().chat.completions.create(**ask(model="frontier"))
    assert caught.value.status_code == 504


def test_an_upstream_that_refuses_the_request(gateway: Served, small, frontier):
    frontier.script(Reply(status=400, error="temperature is too high"))
    with pytest.raises(openai.BadRequestError):
        gateway.client().chat.completions.create(**ask(model="frontier"))


def test_a_stream_that_breaks_off(gateway: Served, small, frontier):
    frontier.script(Reply("some words and more", truncate_after=2))
    stream = gateway.client().chat.completions.create(**ask(model="frontier", stream=True))
    seen = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            seen += chunk.choices[0].delta.content or ""
    assert seen.startswith("some words")
    assert not isinstance(caught.value, openai.APIStatusError)  # an event, after status 200
    assert caught.value.body["code"] == "upstream_error"


async def written(*pieces):
    """What a stream of pieces is written as; an exception is raised in its place."""

    async def chunks():
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    writer = OpenAIChatStream(Heading("1", "auto", 0), include_usage=False)
    return [each async for each in event_stream(chunks(), writer, 0.01)]


async def test_a_stream_whose_call_is_cancelled_below_it_ends():
    async with asyncio.timeout(20):
        *_, sent, error = await written(AIMessageChunk("some words"), asyncio.CancelledError())
    assert b'"upstream_error"' in sent
    assert error.status == 502
    async with asyncio.timeout(20):
        with pytest.raises(GatewayError):  # nothing was sent: it has a status of its own
            await written(asyncio.CancelledError())


async def test_what_fails_within_a_stream_is_in_the_log_too(caplog):
    with caplog.at_level(logging.ERROR):
        *_, error = await written(AIMessageChunk("some words"), RuntimeError("Hello"))
    assert (error.status, "its log says more" in error.message) == (500, True)
    assert "RuntimeError: raised in gateway/test_faults.py" in caplog.text
    assert "Hello" not in caplog.text


class Counting(LoopbackAccess):
    """Notes what it is told of requests that it let in."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[int | None] = []

    async def settle(self, caller, estimated_tokens, tokens) -> None:
        self.settled.append(tokens)


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_let_in_is_settled_once(small, frontier, stream):
    access = Counting()
    with Served(gateway_app(pair(small, frontier), access)) as served:
        url = f"{served.url}/v1/chat/completions"
        asked = [ask(model=model, stream=stream) for model in ("nowhere", "small")]
        assert [httpx.post(url, json=each).status_code for each in asked] == [404, 200]
    assert access.settled == [None, sum(small.tokens)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["small", "frontier"])
async def test_a_client_that_leaves_ends_the_call(gateway: Served, small, frontier, stream, model):
    server = small if model == "small" else frontier
    server.script(Reply("some words", hang="middle"))
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(
                "/v1/chat/completions", json=ask(model=model, stream=stream), timeout=0.5
            )
    assert server.wait_idle()
    assert server.requests[-1].closed_by_client


def test_comments_while_a_draft_is_held(small, frontier):
    release = threading.Event()
    small.script(Reply("a small answer", hold=release))
    with Served(gateway_app(pair(small, frontier), comment_seconds=0.05)) as served:
        asked = ask(model="small", stream=True)
        with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=asked) as response:
            lines = response.iter_lines()
            first = next(lines)
            release.set()
            rest = [line for line in lines if line.startswith("data: ")]
    assert first.startswith(": ")
    assert response.headers["x-router-request-id"]
    text = [json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in rest[:-1]]
    assert "".join(text) == "a small answer"
    assert rest[-1] == "data: [DONE]"


def streamed_text(served: Served, protocol: str) -> str:
    """A streamed answer, as the protocol's own client reads it."""
    messages = ask()["messages"]
    if protocol == "messages":
        client = anthropic.Anthropic(base_url=served.url, api_key="any", max_retries=0)
        with client.messages.stream(model="small", max_tokens=50, messages=messages) as stream:
            return stream.get_final_text()
    if protocol == "responses":
        with served.client().responses.stream(model="small", input="Hello") as stream:
            return [*stream][-1].response.output_text
    stream = served.client().chat.completions.create(**ask(model="small", stream=True))
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


@pytest.mark.parametrize("protocol", ["chat", "responses", "messages"])
def test_clients_read_over_comments(small, frontier, protocol):
    release = threading.Event()
    small.script(Reply("a small answer", hold=release))
    later = threading.Timer(0.3, release.set)
    with Served(gateway_app(pair(small, frontier), comment_seconds=0.05)) as served:
        later.start()
        assert streamed_text(served, protocol) == "a small answer"
    later.join()


def test_a_budget_that_is_used_up(small, frontier):
    budget = Budget(calls=1, per="day")
    with Served(gateway_app(pair(small, frontier), budgets=[budget])) as served:
        client = served.client(max_retries=3)
        client.chat.completions.create(**ask())
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(**ask())
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(small.requests) == 1


def test_a_body_that_is_too_large(small, frontier):
    limits = Limits(body_bytes=1000)
    with Served(gateway_app(pair(small, frontier), limits=limits)) as served:
        url = f"{served.url}/v1/chat/completions"
        assert httpx.post(url, content=b"x" * 1001).status_code == 413
        pieces = (b"x" * 500 for _ in range(3))
        assert httpx.post(url, content=pieces).status_code == 413
        assert httpx.post(url, content=b"[1]").status_code == 400
        assert httpx.post(url, content=b"{").json()["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_without_keys_this_machine_alone(gateway: Served, small, headers):
    response = httpx.post(f"{gateway.url}/v1/chat/completions", json=ask(), headers=headers)
    assert response.status_code == 403
    assert httpx.get(f"{gateway.url}/v1/models", headers=headers).status_code == 403
    assert not small.requests


@pytest.mark.parametrize("size", [20_000, 90_000])  # whole at once, and more than is read at once
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/v1/chat/completions", None), ("/v1/messages", "error"), ("/v1/messages/x?y=/v1", "error")],
)
def test_a_head_that_is_too_large(gateway: Served, small, path, kind, size):
    headers = {"x-padding": "x" * size}
    response = httpx.post(f"{gateway.url}{path}", json=ask(), headers=headers)
    assert response.status_code == 431
    assert response.json().get("type") == kind
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert not small.requests


def test_more_requests_than_are_served_at_once(small, frontier):
    release = threading.Event()
    small.default = Reply("a small answer", hold=release)
    limits = Limits(connections=4)
    assert limits.requests == 3
    try:
        with Served(gateway_app(pair(small, frontier), limits=limits)) as served:
            url = f"{served.url}/v1/chat/completions"
            threads = [
                threading.Thread(target=httpx.post, args=[url], kwargs={"json": ask()})
                for _ in range(3)
            ]
            for each in threads:
                each.start()
            assert small.wait_requests(3, 60)
            refused = httpx.post(url, json=ask())
            others = [
                httpx.post(f"{served.url}/v1/messages", json=ask()),
                httpx.get(f"{served.url}/v1/models", headers={"anthropic-version": "2023-06-01"}),
            ]
            release.set()
            for each in threads:
                each.join()
    finally:
        small.default = "a small answer"
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["type"] == "server_error"
    for each in others:
        assert (each.status_code, each.headers["retry-after"]) == (503, "1")
        assert (each.json()["type"], each.json()["error"]["type"]) == ("error", "overloaded_error")


@pytest.mark.parametrize(
    ("path", "form"),
    [("/v1/chat/completions", b'{"error":'), ("/v1/messages", b'{"type": "error"')],
)
def test_a_slow_client_is_dropped(router, path, form):
    with (
        Served(gateway_app(router), Limits(head_seconds=0.2)) as served,
        socket.create_connection(("127.0.0.1", served.port)) as slow,
    ):
        slow.sendall(f"POST {path} HTTP/1.1\r\n".encode())
        slow.settimeout(60)
        got = b"".join(iter(lambda: slow.recv(10_000), b""))
    assert got.startswith(b"HTTP/1.1 408")
    assert got.partition(b"\r\n\r\n")[2].startswith(form)


def test_a_connection_too_many_is_told_when_to_come_again(router):
    with ExitStack() as stack:
        served = stack.enter_context(Served(gateway_app(router), Limits(connections=4)))

        def begin() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))

        begun = [begin() for _ in range(4)]
        for each in begun:
            each.sendall(b"POST /v1/messages HTTP/1.1\r\n")
        guard = served.server.config.guard  # type: ignore[attr-defined]
        for _ in range(6000):  # until the server has read them
            if sum(bool(each._start) for each in guard._open) == 4:
                break
            time.sleep(0.01)
        begin()
        begun[0].settimeout(60)
        got = b"".join(iter(lambda: begun[0].recv(10_000), b""))
    assert got.startswith(b"HTTP/1.1 503")
    assert b"\r\nretry-after: 1\r\n" in got
    assert b'"overloaded_error"' in got


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/v1/feedback/", None),
        ("POST", "/v1/chat/completions/", None),
        ("POST", "/v1/messages/", "error"),
        ("GET", "/ready/", None),
    ],
)
def test_a_slash_at_the_end_sends_nobody_elsewhere(gateway: Served, method, path, kind):
    headers = {"Host": "evil.example"}
    response = httpx.request(method, f"{gateway.url}{path}", headers=headers)
    assert (response.status_code, response.headers.get("location")) == (404, None)
    assert response.json().get("type") == kind
    assert "none has a slash at its end" in response.json()["error"]["message"]
