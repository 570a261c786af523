"""The wire: a minimal HTTP/1.1 server connection with keep-alive."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

LIMIT = 65536


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class CutOff(Exception):
    """The connection's allowance of bytes is used up."""


class Connection:
    """One client's connection: reads requests, gathers output until flushed.

    Attributes:
        pending: Bytes gathered.
        allowance: How many bytes more may leave, or `None`.
        drip: Leave so many bytes at a time, so many seconds apart; or `None`.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._in = bytearray()
        self._out: list[bytes] = []
        self.pending = 0
        self.allowance: int | None = None
        self.drip: tuple[int, float] | None = None

    async def _fill(self) -> bool:
        data = await self._reader.read(LIMIT)
        self._in += data
        return bool(data)

    async def _take(self, count: int) -> bytes:
        while len(self._in) < count:
            if not await self._fill():
                raise ConnectionResetError("client gone within a request")
        taken = bytes(self._in[:count])
        del self._in[:count]
        return taken

    async def _take_until(self, mark: bytes) -> bytes:
        while (at := self._in.find(mark)) < 0:
            if not await self._fill():
                raise ConnectionResetError("client gone within a request")
        return await self._take(at + len(mark))

    async def read_request(self) -> Request | None:
        """The next request; None when the client has closed the connection."""
        if not self._in and not await self._fill():
            return None
        lines = (await self._take_until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, version = lines[0].split(" ")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = await self._read_chunks()
        else:
            body = await self._take(int(headers.get("content-length", "0")))
        keep = headers.get("connection", "").lower() != "close" and version != "HTTP/1.0"
        return Request(method, path.partition("?")[0], headers, body, keep)

    async def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int((await self._take_until(b"\r\n")).split(b";")[0], 16):
            body += (await self._take(size + 2))[:-2]
        while await self._take_until(b"\r\n") != b"\r\n":
            pass
        return bytes(body)

    async def watch(self) -> None:
        """Return once the client is gone. Safe to cancel: what it sends meanwhile is kept."""
        try:
            while await self._fill():
                pass
        except OSError:
            pass

    def send(self, data: bytes) -> None:
        """Gather output."""
        self._out.append(data)
        self.pending += len(data)

    def head(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        """Gather a response head; length None means a chunked body."""
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(
            "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        )
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def chunk(self, data: bytes) -> None:
        """Gather one chunk of a chunked body."""
        if data:
            self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """Gather the end of a chunked body."""
        self.send(b"0\r\n\r\n")

    async def flush(self) -> None:
        """Put on the wire what was gathered.

        Raises:
            CutOff: The allowance did not suffice for all of it.
        """
        data = b"".join(self._out)
        self._out.clear()
        self.pending = 0
        left = len(data) if self.allowance is None else self.allowance
        step, pause = self.drip or (max(1, len(data)), 0.0)
        for at in range(0, min(len(data), left), step):
            self._writer.write(data[at : min(at + step, left)])
            await self._writer.drain()
            if pause:
                await asyncio.sleep(pause)
        if left < len(data):
            raise CutOff
        if self.allowance is not None:
            self.allowance -= len(data)

    def close(self, *, reset: bool = False) -> None:
        """Close the connection; what was flushed still arrives, what was gathered does not.

        Args:
            reset: With a reset in place of an orderly end; then what was flushed may be lost too.
        """
        self._out.clear()
        if reset:
            now = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, now
            )
            self._writer.transport.abort()
        self._writer.close()
