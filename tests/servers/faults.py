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
    return Reply(status=code, error=f"no: {DRAFT}", headers=headers or {})


def later(seconds: float) -> str:
    """So many seconds from now, as a header says it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _status(code: int, error: str, retried: bool) -> Fault:
    return Fault(str(code), refused(code), error=rf"{code}: .*{error}", retried=retried)


def _wait(name: str, **more: Any) -> Fault:
    limit = f"429 {name}"
    return Fault(limit, refused(429, more), error="429: rate or quota limit", retried=True)


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
_TIME = "in time|timed out|time-out"
_GONE = {"retried": True}

WAITING = [
    Fault("hangs before", Reply(DRAFT, hang="before"), error=_TIME, waits="silence"),
    Fault("hangs after the head", Reply(DRAFT, hang="head"), error=_TIME, waits="silence"),
    Fault("hangs in the middle", Reply(DRAFT, hang="middle"), None, _TIME, "silence", begun=True),
    Fault("late", Reply(DRAFT, delay=30), error=_TIME, waits="silence"),
    Fault("drips bytes", Reply(DRAFT, drip=(1, 0.02)), error=_TIME, waits="trickle"),
    Fault(
        "drips chunks",
        Reply(DRAFT, chunks=list(DRAFT) * 20, chunk_delay=0.1),
        error=_TIME,
        waits="trickle",
        begun=True,
    ),
    Fault("endless line", Reply(endless=b"x" * 65536), error=_TIME, waits="trickle"),
    Fault(
        "endless stream",
        Reply(endless=lines(_LINE)),
        Reply(endless=events(_EVENT)),
        error=_TIME,
        waits="trickle",
        begun=True,
    ),
]
"""Those that only a time-out ends."""

DROPPING = [
    Fault("refuses", None, error="can't be reached", retried=True),
    Fault("drops at once", Reply(DRAFT, drop_after=-1), **_GONE),
    Fault("drops in the head", Reply(DRAFT, drop_after_bytes=40), **_GONE),
    Fault("drops after the head", Reply(DRAFT, drop_after=0), **_GONE),
    Fault("drops in a line", Reply(DRAFT, drop_after_bytes=200), **_GONE),
    Fault("drops in the middle", Reply(DRAFT, drop_after=2), begun=True, **_GONE),
    Fault("drops at the end", Reply(DRAFT, drop_after=99), begun=True, **_GONE),
    Fault("resets at once", Reply(DRAFT, drop_after=-1, reset=True), **_GONE),
    Fault("no HTTP", Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n")),
]
"""Those of the connection."""

STATUSES = [
    _status(400, "malformed", False),
    _status(401, "API key is missing or wrong", False),
    _status(403, "no right", False),
    _status(404, "ollama pull (small|frontier)-model", False),
    _status(408, "timed out", True),
    Fault("409", refused(409), error="409", retried=True),
    _status(413, "too large", False),
    Fault("422", refused(422), error="422", retried=False),
    _status(429, "rate or quota limit", True),
    _status(500, "server failed", True),
    _status(502, "server failed", True),
    _status(503, "server failed", True),
    _status(529, "server failed", True),
    _wait("Retry-After", **{"Retry-After": "1"}),
    _wait("Retry-After, long", **{"Retry-After": "900"}),
    Fault(
        "429 Retry-After, a date",
        lambda body: refused(429, {"Retry-After": later(60)}),
        error="429: rate or quota limit",
        retried=True,
    ),
    _wait("retry-after-ms", **{"retry-after-ms": "20"}),
    _wait("Retry-After, nonsense", **{"Retry-After": "soon"}),
    Fault("500 HTML", Reply(status=500, body=b"<p>\xff" + DRAFT.encode()), error="500"),
    Fault("500 empty", Reply(status=500, body=b""), error="500"),
    Fault("redirects", _redirect("/api/chat"), _redirect("/v1/chat/completions")),
]
"""Those that a status tells of."""

BODIES = [
    Fault(
        "malformed in the middle",
        Reply(DRAFT, garbage=b'{"model": \n'),
        Reply(DRAFT, garbage=b'data: {"bad\n\n'),
        begun=True,
    ),
    Fault("malformed", Reply(body=b'{"model": \n'), Reply(body=b'data: {"bad\n\n')),
    Fault("error inside", Reply(DRAFT, error=f"no: {DRAFT}"), begun=True),
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
    Fault("HTML", _typed("text/html", b"<html>" + DRAFT.encode() + b"</html>")),
    Fault("wrong type", _typed("text/html"), answers=frozenset({"ollama", "openai"})),
    Fault("wrong charset", _typed("text/plain; charset=utf-16"), answers=frozenset({"openai"})),
    Fault("wrong encoding", Reply(DRAFT, headers={"Content-Encoding": "gzip"})),
    Fault("bad UTF-8", Reply(DRAFT, garbage=b"\xff\xfe\n\n"), begun=True),
    Fault("huge line", Reply(body=b"x" * BIG)),
    Fault("nul bytes", Reply(body=b"\0" * 1000)),
]
"""Those of the body."""

FAULTS = [*WAITING, *DROPPING, *STATUSES, *BODIES]
