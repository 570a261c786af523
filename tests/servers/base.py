"""The server under both protocols: its thread, its script, its records."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Self

from .answers import Answer
from .http import Connection, Request
from .reply import Reply, ReplyLike, as_reply
from .serving import Exchange, Recorded

MODELS = ("small-model", "frontier-model")


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
        self.on_usage: Callable[[Recorded], object] | None = None
        """Gets each request whose token counts are about to leave, in the server's thread."""
        self._keep = keep
        self._port = port
        self._replies: deque[ReplyLike] = deque(replies)
        self._tokens = (0, 0)
        self._open: dict[int, Recorded] = {}
        self._peak = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._kept_port: socket.socket | None = None
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
        return len(self._open)

    @property
    def peak(self) -> int:
        """The most chat requests that were being answered at one moment since the last reset."""
        return self._peak

    def script(self, *replies: ReplyLike) -> None:
        """Append to the queue of replies."""
        self._replies.extend(replies)

    def reset(self) -> None:
        """Forget scripted replies, recorded requests, counts and totals; the default stays."""
        with self._changed:
            self._replies.clear()
            self.requests.clear()
            self._tokens = (0, 0)
            self._peak = 0
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
        listener, self._kept_port = self._kept_port or self._bound(), None
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
        """Cut every connection and refuse new ones. Harmless when stopped already.

        The port stays this server's, for a start and so that nobody else listens there meanwhile
        (another test process, say): who asks a server that is down must be refused.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._halt.set)
            thread.join(5.0)
            with suppress(OSError):  # somebody was quicker
                self._kept_port = self._bound()

    def close(self) -> None:
        """Stop for good: the port is free for others."""
        self.stop()
        if self._kept_port is not None:
            self._kept_port.close()
            self._kept_port = None

    def _bound(self) -> socket.socket:
        """A socket with the server's port; nobody can connect before it listens."""
        made = socket.socket()
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", self._port))
        except BaseException:
            made.close()
            raise
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

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
                if request.method == "POST" and self.is_chat(request.path):
                    keep = await self._chat(conn, request)
                else:
                    keep = await self._other(conn, request)
                if not (keep and request.keep_alive):
                    break
        except (OSError, ValueError):
            pass  # the client went away, or does not speak HTTP
        finally:
            conn.close()

    def is_chat(self, path: str) -> bool:
        """Whether a path is one that chat requests are posted to."""
        return path.partition("?")[0] == self.chat_path

    def asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body as an answer reads it, with what a protocol says in the path instead."""
        return body

    def checked(self, body: dict[str, Any]) -> Reply | None:
        """The refusal of a request that the provider would not take; None: it would."""
        return None

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
            reply = self.checked(record.body) or (
                self._replies.popleft() if self._replies else self.default
            )
        with self._changed:
            self._open[id(record)] = record
            self._peak = max(self._peak, sum(r.answering for r in self._open.values()))
            self.requests.append(record)
            if self._keep is not None and len(self.requests) > self._keep:
                del self.requests[: -self._keep]
            self._changed.notify_all()
        try:
            asked = self.asked(request.path, record.body)
            answer = self.answer(as_reply(reply, record.body), asked)
            exchange = Exchange(conn, record, answer, self._report)
            serve = self._loop.create_task(exchange.run())
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
                del self._open[id(record)]
                self._changed.notify_all()

    def _report(self, record: Recorded, answer: Answer) -> None:
        """Note that the answer's last bytes, with its token counts, are about to leave."""
        record.done = True
        reply = answer.reply
        if answer.reports_usage and reply.usage and reply.error is None and reply.status == 200:
            record.usage = reply.tokens
            self._tokens = (
                self._tokens[0] + reply.tokens[0],
                self._tokens[1] + reply.tokens[1],
            )
            if self.on_usage is not None:
                self.on_usage(record)
