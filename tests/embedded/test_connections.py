"""No client, slow, silent or many, takes the embedded server's process from its owner."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from lc_asym_router.embedded import EmbeddedServer, Limits, embedded_frontier, embedded_small
from lc_asym_router.embedded.request_limits import process_limits

from .raw import Clock, answer, connect, head, receive, wait_until, words

LIGHT = "smollm2:135m"
ROOT = Path(__file__).parents[2]
PATHS = ["/api/tags", "/v1/models"]
FEW = Limits(connections=8, head_bytes=2000, head_seconds=10, body_seconds=30, stalled_seconds=120)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[EmbeddedServer]:
    with EmbeddedServer([LIGHT], limits=FEW, clock=clock) as running:
        yield running


def ask(server: EmbeddedServer) -> int:
    return httpx.get(f"{server.url}/api/tags", headers=server.headers, timeout=30).status_code


def is_open(peer: socket.socket) -> bool:
    """Whether the server has neither answered nor closed."""
    peer.setblocking(False)
    try:
        peer.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        peer.settimeout(30)
    return False


class TestSlowSenders:
    @pytest.mark.parametrize("path", PATHS)
    def test_head(self, server: EmbeddedServer, clock: Clock, path: str) -> None:
        whole = head(server, f"GET {path}")
        with connect(server) as slow, connect(server) as in_time:
            for peer in (slow, in_time):
                peer.sendall(whole[:-4])
                clock.wait_for_sweeps()
            clock.now += 9.9
            clock.wait_for_sweeps()
            in_time.sendall(whole[-4:])
            assert answer(in_time)[0] == 200
            slow.sendall(whole[-4:-3])  # a byte now and then buys no time
            clock.now += 0.2
            status, error = answer(slow)
            assert status == 408
            assert "10 s" in words(path, error)
            assert receive(slow) == b""

    def test_silence_is_closed_without_a_word(self, server: EmbeddedServer, clock: Clock) -> None:
        with connect(server) as peer:
            clock.wait_for_sweeps()
            assert is_open(peer)
            clock.now += 10.1
            assert receive(peer) == b""

    def test_head_behind_an_answered_request(self, server: EmbeddedServer, clock: Clock) -> None:
        with connect(server) as peer:
            peer.sendall(head(server, "GET /api/tags"))
            assert answer(peer)[0] == 200
            peer.sendall(b"GET /v1")
            clock.wait_for_sweeps()
            clock.now += 10.1
            assert answer(peer)[0] == 408
            assert receive(peer) == b""

    @pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
    def test_body(self, server: EmbeddedServer, clock: Clock, path: str) -> None:
        body = b'{"model": "nope"}'
        whole = head(server, f"POST {path}", f"Content-Length: {len(body)}")
        with connect(server) as slow, connect(server) as in_time:
            for peer in (slow, in_time):
                peer.sendall(whole + body[:-1])
                clock.wait_for_sweeps()
            clock.now += 29.9
            clock.wait_for_sweeps()
            in_time.sendall(body[-1:])
            assert answer(in_time)[0] == 404
            assert is_open(slow)
            clock.now += 0.2
            status, error = answer(slow)
            assert status == 408
            assert "30 s" in words(path, error)
            assert receive(slow) == b""
        assert ask(server) == 200

    def test_refused_without_a_token_before_the_body(self, server: EmbeddedServer) -> None:
        for length in (100_000, 400_000_000):
            with connect(server) as peer:
                line = "POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
                peer.sendall(f"{line}Content-Length: {length}\r\n\r\n".encode())
                assert answer(peer)[0] == 401
                assert receive(peer) == b""

    def test_reader_that_does_not_read(self, server: EmbeddedServer, clock: Clock) -> None:
        requests = head(server, "GET /api/tags") * 200_000

        def send(peer: socket.socket) -> None:
            with suppress(OSError):  # until the connection is cut
                peer.sendall(requests)

        with socket.socket() as peer, ThreadPoolExecutor(1) as threads:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
            sending = threads.submit(send, peer)
            assert wait_until(lambda: any(each._stalled_since for each in connections(server)))
            clock.now += 119
            clock.wait_for_sweeps()
            assert connections(server)
            clock.now += 2
            assert wait_until(lambda: not connections(server))
            sending.result(60)


def connections(server: EmbeddedServer) -> list[Any]:
    assert server._server is not None
    return list(server._server.config.guard._open)  # type: ignore[attr-defined]


class TestHeads:
    @pytest.mark.parametrize("path", PATHS)
    def test_size(self, server: EmbeddedServer, path: str) -> None:
        for field in ("X: " + "x" * 2000, "\r\n".join(f"X{n}: 1" for n in range(250))):
            with connect(server) as peer:
                peer.sendall(head(server, f"GET {path}", field))
                status, error = answer(peer)
                assert status == 431
                assert "2000 bytes" in words(path, error)
        with connect(server) as peer:
            peer.sendall(head(server, f"GET {path}", "X: " + "x" * 1500))
            assert answer(peer)[0] == 200

    @pytest.mark.parametrize(
        "nonsense",
        [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
         b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
         b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
         b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n"],
    )  # fmt: skip
    def test_nonsense(self, server: EmbeddedServer, nonsense: bytes) -> None:
        with connect(server) as peer:
            peer.sendall(nonsense)
            status, error = answer(peer)
            assert status == 400
            words("/", error)
            assert receive(peer) == b""

    def test_length_that_python_refuses_to_read(self, caplog: pytest.LogCaptureFixture) -> None:
        with EmbeddedServer([LIGHT]) as server, connect(server) as peer:
            peer.sendall(head(server, "POST /v1/x", "Content-Length: " + "9" * 5000))
            status, error = answer(peer)
            assert status == 400
            words("/v1/x", error)
        assert caplog.records == []

    def test_requests_in_a_row_are_each_looked_at(self, server: EmbeddedServer) -> None:
        with_token = head(server, "GET /api/tags")
        without = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with connect(server) as peer:
            peer.sendall(with_token * 3 + without + with_token)
            received = receive(peer)
        statuses = [part.split(b" ", 1)[0] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"200"] * 3 + [b"401"]

    def test_a_body_is_no_second_request(self, server: EmbeddedServer) -> None:
        inside = head(server, "GET /api/tags")
        with connect(server) as peer:
            line = f"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inside)}\r\n\r\n"
            peer.sendall(line.encode() + inside)
            received = receive(peer)
        assert received.count(b"HTTP/1.1 ") == 1


class TestNumbers:
    def test_half_sent_heads_make_room(self, server: EmbeddedServer) -> None:
        with ExitStack() as stack:
            peers = []
            for _ in range(FEW.connections):
                peers.append(stack.enter_context(connect(server)))
                peers[-1].sendall(b"GET /v1/models HTTP/1.1\r\n")
            assert wait_until(lambda: len(connections(server)) == FEW.connections)
            assert ask(server) == 200
            status, error = answer(peers[0])
            assert status == 503
            assert "too many" in words("/v1/models", error)
            for _ in range(20):
                stack.enter_context(connect(server)).sendall(b"GET / HT")
            assert ask(server) == 200
            assert len([each for each in connections(server) if not each.closing]) <= 8

    def test_who_was_served_stays_longest(self) -> None:
        patient = Limits(connections=8, head_seconds=3600)
        with EmbeddedServer([LIGHT], limits=patient) as own, ExitStack() as stack:
            good = stack.enter_context(connect(own))
            good.sendall(head(own, "GET /api/tags"))
            assert answer(good)[0] == 200
            peers = [stack.enter_context(connect(own)) for _ in range(20)]
            for peer in peers:
                peer.sendall(b"GET / HT")
            assert b" 200 " not in receive(peers[0])
            good.sendall(head(own, "GET /api/tags"))
            assert answer(good)[0] == 200

    def test_requests_at_once(self) -> None:
        few = Limits(connections=4)
        assert few.requests == 3
        message = {"role": "user", "content": "Count to a million."}
        body = {"model": LIGHT, "messages": [message], "max_tokens": 4000, "stream": True,
                "ignore_eos": True}  # fmt: skip
        with EmbeddedServer([LIGHT], limits=few) as own, ExitStack() as stack:
            url, headers = f"{own.url}/v1/chat/completions", own.headers
            embedded_small(own, model=LIGHT, num_predict=1).invoke("x")
            streams = []
            with ThreadPoolExecutor(2) as threads:
                for _ in range(2):
                    opened = httpx.stream("POST", url, json=body, headers=headers, timeout=60)
                    # Kept, because a stream that nobody reads any more closes its connection.
                    streams.append(stack.enter_context(opened).iter_lines())
                    next(streams[-1])
                # Two run; the third waits for one of them, and is in service all the same.
                third = threads.submit(httpx.post, url, json=body, headers=headers, timeout=60)
                assert wait_until(lambda: ask(own) == 503)
                refused = httpx.post(url, json=body, headers=headers, timeout=60)
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "1"
                assert "wait" in words("/v1/chat/completions", refused.json())
                stack.close()
                own.stop()
                third.exception(60)

    def test_our_own_clients_wait_for_one_another(self) -> None:
        with EmbeddedServer([LIGHT], limits=Limits(connections=8)) as own:
            for model in (
                embedded_small(own, model=LIGHT, num_predict=2),
                embedded_frontier(own, model=LIGHT, max_tokens=2),
            ):
                with ThreadPoolExecutor(20) as threads:
                    answers = list(threads.map(model.invoke, ["Say hello."] * 20))
                assert all(each.content for each in answers)

    def test_the_owner_keeps_its_files(self) -> None:
        """More half-sent heads than files, and the owner opens files and is answered."""
        program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
import httpx
from lc_asym_router.embedded import EmbeddedServer
with EmbeddedServer(["{LIGHT}"]) as server:
    print(server.url, flush=True)
    sys.stdin.readline()
    files = [open("/dev/null") for _ in range(100)]
    url = f"{{server.url}}/api/tags"
    print(httpx.get(url, headers=server.headers, timeout=30).status_code, flush=True)
    sys.stdin.readline()
"""
        owner = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert owner.stdin is not None
        assert owner.stdout is not None
        with owner, ExitStack() as stack:
            port = int(owner.stdout.readline().strip().rpartition(":")[2])
            for _ in range(400):
                address = ("127.0.0.1", port)
                peer = stack.enter_context(socket.create_connection(address, timeout=30))
                peer.sendall(b"GET /api/tags HTTP/1.1\r\nHost: loc")
            owner.stdin.write("\n")
            owner.stdin.flush()
            assert owner.stdout.readline() == "200\n"
            owner.stdin.write("\n")
            owner.stdin.flush()
            assert owner.wait(60) == 0


class TestLimits:
    @pytest.mark.parametrize(
        ("files", "connections"), [(256, 32), (1024, 128), (1048576, 128), (20, 4)]
    )
    def test_a_share_of_what_the_process_may_open(
        self, monkeypatch: pytest.MonkeyPatch, files: int, connections: int
    ) -> None:
        monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
        limits = process_limits()
        assert limits.connections == connections
        # Those open, those under acceptance, and those on to llama.cpp.
        if files >= 256:
            assert limits.connections + limits.backlog + limits.requests < files * 0.35

    def test_what_makes_no_sense(self) -> None:
        nan, inf = float("nan"), float("inf")
        for name, wrong in [("connections", 3), ("head_seconds", 0), ("body_bytes", nan),
                            ("body_seconds", inf), ("json_depth", -1)]:  # fmt: skip
            with pytest.raises(ValueError, match=name):
                Limits(**{name: wrong})  # type: ignore[arg-type]
