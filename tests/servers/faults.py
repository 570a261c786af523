"""The catalogue of faults: what can go wrong at a server, in both wire formats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from .reply import Reply, ReplyLike

DRAFT = "ᎠᎡᎢ ᎣᎤᎥ ᎦᎧᎨ ᎩᎪᎫ"
"""What a failing server says; a test looks for it where it must not be."""
BIG = 5_000_000
EMPTY = frozenset[str]()


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: Its name.
        ollama: What Ollama does; `None` for a server that is stopped.
        openai: What OpenAI does, where that is something else.
        error: A pattern of the line that the router says of it.
        waits: Whether only a time-out ends it: one between bytes ends "silence", none a "trickle".
        begun: In a stream, text comes before it.
        retried: Whether it is worth another try on the same tier; `None` where that is arguable.
        down: Whether it shows that the tier is down, likewise.
        silent: Where the providers' clients raise nothing: "ollama", "openai stream".
        answers: Where it does no harm, likewise.
    """

    name: str
    ollama: ReplyLike | None
    openai: ReplyLike | None = None
    error: str = ""
    waits: Literal["", "silence", "trickle"] = ""
    begun: bool = False
    retried: bool | None = None
    down: bool | None = None
    silent: frozenset[str] = EMPTY
    answers: frozenset[str] = EMPTY

    def reply(self, kind: str) -> ReplyLike | None:
        """What a server of this kind does."""
        return self.openai if kind == "openai" and self.openai is not None else self.ollama

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def at(places: frozenset[str], kind: str, how: str) -> bool:
    """Whether a way to ask a server of a kind is among these places."""
    streams = "stream" if "stream" in how else "invoke"
    return bool(places & {kind, f"{kind} {streams}"})


def lines(*objects: Any) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


def events(*objects: Any) -> bytes:
    """SSE."""
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in objects)


def refused(code: int, headers: dict[str, str] | None = None) -> Reply:
    """An error status, whose text quotes."""
    return Reply(status=code, error="the server is on fire", headers=headers or {})


def later(seconds: float) -> str:
    """So many seconds from now, as a header says it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _status(code: int, error: str, retried: bool, down: bool) -> Fault:
    said = rf"{code}: .*{error}" if error else f" {code}"
    return Fault(str(code), refused(code), error=said, retried=retried, down=down)


def _limit(name: str, retried: bool, **headers: str) -> Fault:
    """A rate limit that says when it ends: in a moment, or later than anybody should wait."""

    def reply(body: dict[str, Any]) -> Reply:
        dated = {"Retry-After": later(60)} if name == "a date" else {}
        return refused(429, {**headers, **dated})

    said = "429: rate or quota limit"
    return Fault(f"429 {name}", reply, error=said, retried=retried, down=False)


def _redirect(path: str) -> Reply:
    return Reply(status=307, body=b"", headers={"Location": path})


def _typed(kind: str, body: bytes | None = None) -> Reply:
    return Reply(DRAFT, body=body, headers={"Content-Type": kind})


_LINE = {
    "model": "m",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": f"{DRAFT} "},
    "done": False,
}
_EVENT = {
    "id": "x",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": f"{DRAFT} "}, "finish_reason": None}],
}
_TIME = "no answer (in time|within)"
_GONE = {"retried": True, "down": True}

SLOW_HEAD = Fault(
    "drips the head",
    Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"x-odd: 1\r\n" * 9, drip=(1, 0.02)),
    error=_TIME,
    waits="trickle",
)
"""It ends by itself: a sync client can't be made to let go of it before."""

WAITING = [
    Fault("hangs before", Reply(DRAFT, hang="before"), error=_TIME, waits="silence", down=True),
    Fault(
        "hangs after the head", Reply(DRAFT, hang="head"), error=_TIME, waits="silence", down=True
    ),
    Fault(
        "hangs in the middle",
        Reply(DRAFT, hang="middle"),
        None,
        _TIME,
        "silence",
        begun=True,
        down=True,
    ),
    Fault("late", Reply(DRAFT, delay=30), error=_TIME, waits="silence", down=True),
    Fault("drips bytes", Reply(DRAFT, drip=(1, 0.02)), error=_TIME, waits="trickle", down=True),
    Fault(
        "drips chunks",
        Reply(DRAFT, chunks=list(DRAFT) * 20, chunk_delay=0.1),
        error=_TIME,
        waits="trickle",
        down=True,
        begun=True,
    ),
    Fault("endless line", Reply(endless=b"x" * 65536), error=_TIME, waits="trickle", down=True),
    Fault(
        "endless stream",
        Reply(endless=lines(_LINE)),
        Reply(endless=events(_EVENT)),
        error=_TIME,
        waits="trickle",
        down=True,
        begun=True,
    ),
]
"""Those that only a time-out ends."""

DROPPING = [
    Fault("refuses", None, error="can't be reached", **_GONE),
    Fault("drops at once", Reply(DRAFT, drop_after=-1), **_GONE),
    Fault("drops in the head", Reply(DRAFT, drop_after_bytes=40), **_GONE),
    Fault("drops after the head", Reply(DRAFT, drop_after=0), **_GONE),
    Fault("drops in a line", Reply(DRAFT, drop_after_bytes=200), **_GONE),
    Fault("drops in the middle", Reply(DRAFT, drop_after=2), begun=True, **_GONE),
    Fault("drops at the end", Reply(DRAFT, drop_after=99), begun=True, **_GONE),
    Fault("resets at once", Reply(DRAFT, drop_after=-1, reset=True), **_GONE),
    Fault("no HTTP", Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n"), **_GONE),
]
"""Those of the connection."""

STATUSES = [
    _status(400, "malformed", False, False),
    _status(401, "API key is missing or wrong", False, True),
    _status(403, "no right", False, True),
    _status(404, "ollama pull (small|frontier|spare)-model", False, True),
    _status(408, "timed out", True, True),
    _status(409, "", True, False),
    _status(413, "too large", False, False),
    _status(422, "", False, False),
    _status(429, "rate or quota limit", True, False),
    _status(500, "server failed", True, True),
    _status(502, "server failed", True, True),
    _status(503, "server failed", True, True),
    _status(529, "server failed", True, True),
    _limit("in a moment", True, **{"retry-after-ms": "20"}),
    _limit("in a second", False, **{"Retry-After": "1"}),
    _limit("for a quarter of an hour", False, **{"Retry-After": "900"}),
    _limit("a date", False),
    _limit("nonsense", True, **{"Retry-After": "soon"}),
    Fault("500 HTML", Reply(status=500, body=b"<p>\xfffire"), error="500", **_GONE),
    Fault("500 empty", Reply(status=500, body=b""), error="500", **_GONE),
    Fault("redirects", _redirect("/api/chat"), _redirect("/v1/chat/completions")),
]
"""Those that a status tells of."""

BODIES = [
    Fault(
        "malformed in the middle",
        Reply(DRAFT, garbage=b'{"model": \n'),
        Reply(DRAFT, garbage=b'data: {"bad\n\n'),
        begun=True,
        **_GONE,
    ),
    Fault("malformed", Reply(body=b'{"model": \n'), Reply(body=b'data: {"bad\n\n'), **_GONE),
    Fault("error inside", Reply(DRAFT, error="the server is on fire"), begun=True),
    Fault("empty body", Reply(body=b"")),
    Fault("blank body", Reply(body=b"\n\n\n")),
    Fault("empty object", Reply(body=b"{}\n")),
    Fault(
        "empty event",
        Reply(body=b"{}\n"),
        Reply(body=b"data: {}\n\n"),
        silent=frozenset({"openai stream"}),
    ),
    Fault("null", Reply(body=b"null\n")),
    Fault("null event", Reply(body=b"null\n"), Reply(body=b"data: null\n\n")),
    Fault("list", Reply(body=b"[]\n"), Reply(body=b"data: []\n\n")),
    Fault(
        "wrong shape",
        Reply(body=lines({"message": 5, "done": True})),
        Reply(body=events({"choices": 5})),
    ),
    Fault(
        "no choices",
        Reply(body=lines({"model": "m", "done": False})),
        Reply(body=events({"choices": []})),
        silent=frozenset({"openai stream"}),
    ),
    Fault(
        "no end",
        Reply(DRAFT, truncate_after=2),
        begun=True,
        silent=frozenset({"ollama", "openai stream"}),
    ),
    Fault("nothing", Reply(DRAFT, truncate_after=0)),
    Fault("HTML", _typed("text/html", b"<html>fire</html>")),
    Fault("wrong type", _typed("text/html"), answers=frozenset({"ollama", "openai"})),
    Fault("wrong charset", _typed("text/plain; charset=utf-16"), answers=frozenset({"openai"})),
    Fault("wrong encoding", Reply(DRAFT, headers={"Content-Encoding": "gzip"}), **_GONE),
    Fault("bad UTF-8", Reply(DRAFT, garbage=b"\xff\xfe\n\n"), begun=True, **_GONE),
    Fault("huge line", Reply(body=b"x" * BIG)),
    Fault("nul bytes", Reply(body=b"\0" * 1000)),
]
"""Those of the body."""

FAULTS = [*WAITING, *DROPPING, *STATUSES, *BODIES]
