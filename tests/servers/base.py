"""The server under both protocols: its thread, its script, its records, its faults."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Self

from .http import LIMIT, Connection, Request
from .reply import Reply, ReplyLike, as_reply

MODELS = ("small-model", "frontier-model")


@dataclass
class Recorded:
    """One chat request and what became of it; times are ``time.monotonic()``."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    started: float
    finished: float | None = None
    closed_by_client: bool = False
    chunks_sent: int = 0
    done: bool = False
    """The answer was given whole, an error answer too; set just before its last bytes leave."""
    usage: tuple[int, int] | None = None
    """The input and output tokens reported to the client."""


class Answer(ABC):
    """A reply in one protocol's wire format, for one request's body."""

    stream_type: ClassVar[str]

    def __init__(self, reply: Reply, body: dict[str, Any]) -> None:
        self.reply = reply
        self.body = body
        self.model = str(body.get("model", ""))

    @property
    @abstractmethod
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""

    @property
    @abstractmethod
    def reports_usage(self) -> bool:
        """Whether the whole answer tells the client its token counts."""

    def opening(self) -> bytes:
        """What a stream starts with, before the first piece."""
        return b""

    @abstractmethod
    def pieces(self) -> list[bytes]:
        """The stream's pieces, those that faults are counted in."""

    @abstractmethod
    def closing(self) -> bytes:
        """What ends a stream."""

    @abstractmethod
    def whole(self) -> bytes:
        """The answer that is not streamed."""

    @abstractmethod
    def failure(self) -> bytes:
        """The body of an error."""

    @abstractmethod
    def stream_failure(self) -> bytes:
        """An error told inside a stream."""


class Server(ABC):
    """A scripted server on loopback, in a daemon thread with its own event loop.

    Its methods and attributes are for the test's thread, async or not. Replies are used up in
    order by chat requests; when none is left, ``default`` answers. A reply may be a `Reply`, its
    text, or a callable that gets the request's JSON body (called in the server's thread).
    """

    chat_path: ClassVar[str]
    answer: ClassVar[type[Answer]]

    def __init__(
        self,
        *replies: ReplyLike,
        default: ReplyLike | None = "ok",
        models: Sequence[str] = MODELS,
        port: int = 0,
        keep: int | None = None,
    ) -> None:
        """Start at once. ``keep`` bounds how many requests stay recorded (None: all)."""
        self.default: ReplyLike = "ok" if default is None else default
        self.models = list(models)
        self.requests: list[Recorded] = []
        self.connections = 0
        self._keep = keep
        self._port = port
        self._replies: deque[ReplyLike] = deque(replies)
        self._tokens = (0, 0)
        self._open = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.start()

    # What tests call.

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port the server listens on, the same after a stop and a start."""
        return self._port

    @property
    def tokens(self) -> tuple[int, int]:
        """Total input and output tokens reported to clients since the start or the last reset."""
        return self._tokens

    @property
    def open_requests(self) -> int:
        """How many chat requests are being served right now."""
        return self._open

    def script(self, *replies: ReplyLike) -> None:
        """Append to the queue of replies."""
        self._replies.extend(replies)

    def reset(self) -> None:
        """Forget scripted replies, recorded requests and token totals; the default stays."""
        with self._changed:
            self._replies.clear()
            self.requests.clear()
            self._tokens = (0, 0)
            self.connections = 0

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Wait until every chat request ended; False if some is still served after timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def wait_requests(self, count: int = 1, timeout: float = 5.0) -> bool:
        """Wait until so many chat requests have come in (as recorded); False after timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def start(self) -> None:
        """Listen, after a stop on the same port as before."""
        if self._thread is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(512)
        self._port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._halt = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(listener,),
            name=f"{type(self).__name__}:{self._port}",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection and refuse new ones. Harmless when stopped already."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._halt.set)
            thread.join(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # What runs in the server's thread.

    def _run(self, listener: socket.socket) -> None:
        with listener, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main(listener))

    async def _main(self, listener: socket.socket) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._connection(Connection(reader, writer)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, sock=listener)
        await self._halt.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close their sockets in the loop's next round

    async def _connection(self, conn: Connection) -> None:
        self.connections += 1
        try:
            while (request := await conn.read_request()) is not None:
                if request.method == "POST" and request.path == self.chat_path:
                    keep = await self._chat(conn, request)
                else:
                    keep = await self._other(conn, request)
                if not (keep and request.keep_alive):
                    break
        except (OSError, ValueError):
            pass  # the client went away, or does not speak HTTP
        finally:
            conn.close()

    @abstractmethod
    def fixed(self, request: Request) -> Any:
        """The JSON (or text) that answers a request other than chat; None: not found."""

    async def _other(self, conn: Connection, request: Request) -> bool:
        found = self.fixed(request)
        if found is None:
            answer = self.answer(Reply(status=404, error=f"no such path: {request.path}"), {})
            status, payload = 404, answer.failure()
        else:
            status = 200
            payload = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        kind = "text/plain" if isinstance(found, str) else "application/json"
        conn.head(status, {"Content-Type": kind}, len(payload))
        if request.method != "HEAD":
            conn.send(payload)
        await conn.flush()
        return True

    async def _chat(self, conn: Connection, request: Request) -> bool:
        """Serve one chat request beside a watch on the client; whether to keep the connection."""
        record = Recorded(request.path, request.headers, {}, time.monotonic())
        try:
            record.body = json.loads(request.body)
        except ValueError:
            reply: ReplyLike = Reply(status=400, error="the body is not JSON")
        else:
            reply = self._replies.popleft() if self._replies else self.default
        with self._changed:
            self._open += 1
            self.requests.append(record)
            if self._keep is not None and len(self.requests) > self._keep:
                del self.requests[: -self._keep]
            self._changed.notify_all()
        try:
            answer = self.answer(as_reply(reply, record.body), record.body)
            serve = self._loop.create_task(self._serve(conn, record, answer))
            watch = self._loop.create_task(conn.watch())
            try:
                await asyncio.wait({serve, watch}, return_when=asyncio.FIRST_COMPLETED)
                record.closed_by_client = not serve.done() or serve.exception() is not None
                return serve.result() if not record.closed_by_client else False
            finally:
                serve.cancel()
                watch.cancel()
                await asyncio.gather(serve, watch, return_exceptions=True)
        finally:
            with self._changed:
                record.finished = time.monotonic()
                self._open -= 1
                self._changed.notify_all()

    async def _serve(self, conn: Connection, record: Recorded, answer: Answer) -> bool:
        reply = answer.reply
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.hang == "before":
            await hang()
        if reply.drop_after is not None and reply.drop_after < 0:
            conn.close()
            return False
        keep = not any(
            name.lower() == "connection" and value.lower() == "close"
            for name, value in reply.headers.items()
        )
        if reply.status >= 400 or reply.body is not None or not answer.streamed:
            return await self._serve_whole(conn, record, answer) and keep
        return await self._serve_stream(conn, record, answer) and keep

    def _report(self, record: Recorded, answer: Answer) -> None:
        """Note that the answer's last bytes, with its token counts, are about to leave."""
        record.done = True
        reply = answer.reply
        if answer.reports_usage and reply.usage and reply.error is None and reply.status < 400:
            record.usage = reply.tokens
            self._tokens = (
                self._tokens[0] + reply.tokens[0],
                self._tokens[1] + reply.tokens[1],
            )

    async def _serve_stream(self, conn: Connection, record: Recorded, answer: Answer) -> bool:
        reply = answer.reply
        conn.head(reply.status, {"Content-Type": answer.stream_type, **reply.headers}, None)
        pieces = answer.pieces() or [b""]
        cuts = {reply.drop_after, reply.truncate_after}
        if 0 not in cuts:
            conn.chunk(answer.opening())
        for at, piece in enumerate(pieces):
            if at in cuts:
                break
            if at and reply.chunk_delay:
                await conn.flush()
                await asyncio.sleep(reply.chunk_delay)
            record.chunks_sent += bool(piece)
            conn.chunk(piece)
            if at == 0:
                conn.chunk(reply.garbage or b"")
                if reply.hang == "middle":
                    await conn.flush()
                    await hang()
            if conn.pending > LIMIT:
                await conn.flush()
        if reply.drop_after is not None:
            await conn.flush()
            conn.close()
            return False
        if reply.truncate_after is None:
            conn.chunk(answer.closing() if reply.error is None else answer.stream_failure())
            self._report(record, answer)
        conn.end()
        await conn.flush()
        return True

    async def _serve_whole(self, conn: Connection, record: Recorded, answer: Answer) -> bool:
        reply = answer.reply
        if reply.body is not None:
            payload, count = reply.body, 0
        elif reply.status >= 400 or reply.error is not None:
            payload, count = answer.failure(), 0
        else:
            payload, count = answer.whole(), len(answer.pieces())
            if reply.chunk_delay and count > 1:
                await asyncio.sleep(reply.chunk_delay * (count - 1))
        half = len(payload) // 2
        if reply.garbage is not None:
            payload = payload[:half] + reply.garbage + payload[half:]
        if reply.truncate_after is not None:
            payload = payload[: half if reply.truncate_after else 0]
        raw_stream = reply.body is not None and reply.status < 400 and answer.streamed
        kind = answer.stream_type if raw_stream else "application/json"
        conn.head(reply.status, {"Content-Type": kind, **reply.headers}, len(payload))
        if reply.drop_after is not None or reply.hang == "middle":
            conn.send(payload[: half if reply.drop_after != 0 else 0])
            await conn.flush()
            if reply.hang == "middle":
                await hang()
            conn.close()
            return False
        conn.send(payload)
        if reply.truncate_after is None:
            record.chunks_sent = count
            if reply.body is None:
                self._report(record, answer)
            record.done = True
        await conn.flush()
        return True


async def hang() -> NoReturn:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError


def top_logprobs(tops: Sequence[dict[str, float]], limit: int) -> list[dict[str, Any]]:
    """Logprobs in the form both protocols share, from top dicts with the chosen token first."""

    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    return [
        {
            **entry(*next(iter(top.items()))),
            "top_logprobs": [entry(*item) for item in list(top.items())[:limit]],
        }
        for top in tops
    ]


def deal(logprobs: list[dict[str, Any]], count: int) -> list[list[dict[str, Any]]]:
    """Deal logprobs out to count pieces, one each, the last piece taking the rest."""
    if not count:
        return []
    return [logprobs[at : at + 1] for at in range(count - 1)] + [logprobs[count - 1 :]]
