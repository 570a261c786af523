"""What the servers do wrong on command, as the real ChatOllama and ChatOpenAI see it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import httpx
import pytest

from tests.servers import BlackHole, OllamaServer, OpenAIServer, Reply, Server
from tests.servers.clients import KINDS, WAYS, call, finish, model_for
from tests.servers.faults import FAULTS, Fault, at

TEXT = "one two three four"
TIMEOUT = 0.4
SENT_WHOLE = "malformed in the middle", "bad UTF-8", "wrong type", "wrong charset", "wrong encoding"


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_every_fault_raises(server: Server, fault: Fault) -> None:
    """But for those that the clients don't notice, or can do with."""
    kind = "openai" if isinstance(server, OpenAIServer) else "ollama"
    reply = fault.reply(kind)
    if reply is None:
        server.stop()
    else:
        server.default = reply
    began = time.monotonic()
    model = model_for(server, timeout=TIMEOUT)
    stopper = threading.Timer(1.5 * TIMEOUT, server.stop)
    if fault.waits == "trickle":  # nothing at the client ends these
        stopper.start()

    async def one(how: str) -> None:
        if at(fault.silent | fault.answers, kind, how):
            assert bool(finish(await call(model, how))) == at(fault.answers, kind, how)
            return
        with pytest.raises(Exception) as caught:  # noqa: PT011  each library has its own
            await call(model, how)
        assert not isinstance(caught.value, AssertionError)

    await asyncio.gather(*(one(how) for how in WAYS))
    assert time.monotonic() - began < 3 * TIMEOUT + 20  # else it never ends
    assert server.wait_idle()
    if reply is not None and fault.name != "redirects":
        assert len(server.requests) == 4
    if fault.waits != "trickle":
        gone = fault.waits == "silence"
        assert all(record.closed_by_client == gone for record in server.requests)
    assert (server.tokens == (0, 0)) != (fault.name in SENT_WHOLE)
    stopper.cancel()


async def test_a_callable_that_fails_is_a_status(server: Server) -> None:
    server.default = lambda body: body["nothing"]
    with pytest.raises(Exception, match="nothing"):
        await call(model_for(server), "invoke")


def ask(server: Server, stream: bool = True, timeout: float = 5) -> httpx.Response:
    body = {"model": "m", "stream": stream}
    return httpx.post(server.url + server.chat_path, json=body, timeout=timeout)


def raw(server: Server) -> bytes:
    """All that comes over the wire for one request."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        body = b'{"stream": true}'
        head = f"POST {server.chat_path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        came = b""
        while data := client.recv(65536):
            came += data
        return came


@pytest.mark.parametrize("count", [0, 1, 40, 200])
def test_dropped_after_so_many_bytes(server: Server, count: int) -> None:
    server.default = Reply(TEXT, drop_after_bytes=count)
    assert len(raw(server)) == count
    assert server.wait_idle()
    (record,) = server.requests
    assert not record.done
    assert not record.closed_by_client
    assert server.tokens == (0, 0)


def test_an_allowance_that_suffices_changes_nothing(server: Server) -> None:
    server.script(Reply(TEXT, drop_after_bytes=100_000), Reply(TEXT))
    with httpx.Client() as client:
        for _ in range(2):
            path = server.url + server.chat_path
            assert client.post(path, json={"stream": True}).is_success
    assert server.connections == 1


def test_a_reset_is_no_orderly_end(server: Server) -> None:
    server.default = Reply(TEXT, drop_after=-1, reset=True)
    with pytest.raises(httpx.ReadError, match="reset"):
        ask(server)
    server.default = Reply(TEXT, drop_after=-1)
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        ask(server)


def test_a_drip_is_whole_in_the_end(server: Server) -> None:
    whole = ask(server).content
    server.script(Reply("ok", drip=(40, 0.01)))
    began = time.monotonic()
    dripped = ask(server).content
    assert time.monotonic() - began >= 0.01 * (len(whole) // 40 - 1)
    assert len(dripped) == len(whole)


def test_an_endless_body_ends_with_its_client(server: Server) -> None:
    server.default = Reply(endless=b"x" * 1000)
    url = server.url + server.chat_path
    with httpx.stream("POST", url, json={"stream": True}) as answer:
        came = 0
        for data in answer.iter_raw():
            came += len(data)
            if came > 20_000:
                break
    assert server.wait_idle()
    assert server.requests[0].closed_by_client


def test_head_and_silence(server: Server) -> None:
    server.default = Reply(TEXT, hang="head")
    with (
        pytest.raises(httpx.ReadTimeout),
        httpx.stream(
            "POST", server.url + server.chat_path, json={"stream": True}, timeout=0.1
        ) as answer,
    ):
        assert answer.status_code == 200
        answer.read()
    assert server.wait_idle()


def test_raw_bytes(server: Server) -> None:
    server.script(Reply(raw=b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi"))
    answer = ask(server)
    assert (answer.status_code, answer.text) == (299, "hi")


def test_redirects(server: Server) -> None:
    server.script(Reply(status=307, body=b"", headers={"Location": server.chat_path}))
    answer = httpx.post(
        server.url + server.chat_path, json={"stream": False}, follow_redirects=True
    )
    assert "ok" in answer.text
    assert len(server.requests) == 2


async def test_the_peak(server: Server) -> None:
    server.default = Reply(TEXT, delay=0.3)
    await asyncio.gather(*(asyncio.to_thread(ask, server) for _ in range(5)))
    assert server.peak == 5
    server.wait_idle()
    server.reset()
    server.default = "ok"
    ask(server)
    assert server.peak == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_black_hole_takes_no_connection(kind: str) -> None:
    """Nor refuses one: the client's own time-out ends each try."""
    with BlackHole() as hole:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(httpx.ConnectTimeout):
                await httpx.AsyncClient(timeout=0.2).get(hole.url)
            assert time.monotonic() - began >= 0.15
        with KINDS[kind]() as server:
            server.stop()
            with pytest.raises(httpx.ConnectError):
                await asyncio.to_thread(httpx.get, server.url)


def test_error_bodies() -> None:
    failing = Reply(status=429, error="slow down", headers={"Retry-After": "3"})
    with OllamaServer(default=failing) as ollama, OpenAIServer(default=failing) as openai:
        answer = httpx.post(f"{ollama.url}/api/chat", json={})
        assert (answer.status_code, answer.json()) == (429, {"error": "slow down"})
        assert answer.headers["retry-after"] == "3"
        answer = httpx.post(f"{openai.base_url}/chat/completions", json={})
        assert answer.json()["error"]["message"] == "slow down"
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
