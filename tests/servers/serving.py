"""Serving one reply over a connection, with the faults that it commits on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from .answers import Answer
from .http import LIMIT, Connection, CutOff

BLOCK_PAUSE = 0.002
"""Seconds between two blocks of an endless body, so that it does not fill the machine's memory."""


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
    answering: bool = True
    """Some of the answer has still to leave; over just before its last bytes do."""
    last: float | None = None
    """When the last bytes were about to leave; `finished` may come after the client's next request."""
    done: bool = False
    """The answer was given whole, an error answer too; set just before its last bytes leave."""
    usage: tuple[int, int] | None = None
    """The input and output tokens reported to the client."""

    @property
    def over(self) -> float | None:
        """When nothing more was to be done for it; `None` where that is still to come."""
        return self.last if self.last is not None else self.finished


@dataclass
class Exchange:
    """One request and its reply. ``report`` is called just before the last bytes leave."""

    conn: Connection
    record: Recorded
    answer: Answer
    report: Callable[[Recorded, Answer], None]

    async def run(self) -> bool:
        """Serve it; whether the connection may be kept."""
        conn, reply = self.conn, self.answer.reply
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if not (reply.pieces_first and self.answer.streamed):
            await self._held()
        if reply.hang == "before":
            await hang()
        if reply.drop_after is not None and reply.drop_after < 0:
            return self._drop()
        conn.allowance = reply.drop_after_bytes
        try:
            return await self._respond() and not _closes(reply.headers)
        except CutOff:
            return self._drop()
        finally:
            conn.allowance = conn.drip = None

    async def _held(self) -> None:
        hold = self.answer.reply.hold
        while hold is not None and not hold.is_set():  # noqa: ASYNC110  of a thread
            await asyncio.sleep(0.002)

    def _drop(self) -> bool:
        self.record.answering = False
        self.conn.close(reset=self.answer.reply.reset)
        return False

    async def _respond(self) -> bool:
        reply = self.answer.reply
        if reply.raw is not None:
            self.conn.drip = reply.drip
            self.conn.send(reply.raw)
            await self.conn.flush()
            return self._drop()
        if reply.endless is not None:
            await self._endless(reply.endless)
        if reply.status != 200 or reply.body is not None or not self.answer.streamed:
            return await self._whole()
        return await self._stream()

    async def _head(self, kind: str, length: int | None) -> None:
        """The head; from here on bytes may drip."""
        conn, reply = self.conn, self.answer.reply
        conn.head(reply.status, {"Content-Type": kind, **reply.headers}, length)
        if reply.hang == "head":
            await conn.flush()
            await hang()
        if reply.drip is not None:
            await conn.flush()
            conn.drip = reply.drip

    async def _endless(self, block: bytes) -> NoReturn:
        answer = self.answer
        await self._head(answer.stream_type if answer.streamed else "application/json", None)
        if answer.streamed:
            self.conn.chunk(answer.opening())
        while True:
            self.conn.chunk(block)
            self.record.chunks_sent += 1
            await self.conn.flush()
            await asyncio.sleep(BLOCK_PAUSE)

    async def _stream(self) -> bool:
        conn, answer, reply = self.conn, self.answer, self.answer.reply
        await self._head(answer.stream_type, None)
        pieces = answer.pieces() or [b""]
        cuts = {reply.drop_after, reply.truncate_after}
        if 0 not in cuts:
            conn.chunk(answer.opening())
        for at, piece in enumerate(pieces):
            if at in cuts:
                break
            if at and at == reply.pieces_first:
                await conn.flush()
                await self._held()
            if at and reply.chunk_delay:
                await conn.flush()
                await asyncio.sleep(reply.chunk_delay)
            self.record.chunks_sent += bool(piece)
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
            return self._drop()
        if reply.truncate_after is None:
            conn.chunk(answer.closing() if reply.error is None else answer.stream_failure())
        conn.end()
        await self._last(told=reply.truncate_after is None)
        return True

    async def _whole(self) -> bool:
        conn, answer, reply = self.conn, self.answer, self.answer.reply
        if reply.body is not None:
            payload, count = reply.body, 0
        elif reply.status != 200 or reply.error is not None:
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
        raw_stream = reply.body is not None and reply.status == 200 and answer.streamed
        await self._head(answer.stream_type if raw_stream else "application/json", len(payload))
        if reply.drop_after is not None or reply.hang == "middle":
            conn.send(payload[: half if reply.drop_after != 0 else 0])
            await conn.flush()
            if reply.hang == "middle":
                await hang()
            return self._drop()
        conn.send(payload)
        if reply.truncate_after is None:
            self.record.chunks_sent = count
            self.record.done = not self._slow
        await self._last(told=reply.truncate_after is None and reply.body is None)
        return True

    @property
    def _slow(self) -> bool:
        """Whether the last bytes may never get through."""
        reply = self.answer.reply
        return reply.drip is not None or reply.drop_after_bytes is not None

    async def _last(self, *, told: bool) -> None:
        """Let the last bytes leave; the report comes before them, so that no client is quicker."""
        self.record.answering = self._slow
        self.record.last = time.monotonic()
        if told and not self._slow:
            self.report(self.record, self.answer)
        await self.conn.flush()
        if told and self._slow:
            self.report(self.record, self.answer)


def _closes(headers: Any) -> bool:
    return any(k.lower() == "connection" and v.lower() == "close" for k, v in headers.items())


async def hang() -> NoReturn:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
