"""What is scripted: the requests, their replies, and the strategies that draw both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tests.servers import Reply, ToolCall

LEAD = "I'm sorry, but I can't help with "
COMMON = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    "print_blob": True,
    "suppress_health_check": list(HealthCheck),
}


@dataclass(frozen=True, repr=False)
class Said:
    """One reply of a script, and what it comes to: `passes`, `fails` its check, or `raises`.

    `unchecked` is what it comes to where nothing checks it. `begun`: some content came before it
    broke off.
    """

    kind: str
    fate: str
    reply: Reply
    unchecked: str = ""
    begun: bool = False
    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()

    def __repr__(self) -> str:
        plain = Reply()
        told = {k: v for k, v in vars(self.reply).items() if v != getattr(plain, k)}
        return f"{self.kind}({self.fate}, begun={self.begun}, {told})"


@dataclass(repr=False)
class Case:
    """A request: its script, and what was asked of the servers for it."""

    index: int
    direct: bool
    small: tuple[Said, ...]
    frontier: Said
    face: str
    extra: dict[str, Any]
    name: str = ""
    asked: list[tuple[str, Said]] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return f"{'debug' if self.direct else 'hi'} {self.name}"

    def __repr__(self) -> str:
        return (
            f"Case({self.index}, {self.face}, {self.extra}, direct={self.direct}, "
            f"small={self.small}, frontier={self.frontier})"
        )


@dataclass(frozen=True)
class Setting:
    """A router's settings, and what is bound to it."""

    checked: bool
    attempts: int
    escalate_with: str
    bound: str


@dataclass
class Batch:
    """Requests that run side by side on one router; `watched`: handlers follow their runs."""

    setting: Setting
    cases: list[Case]
    together: bool
    watched: bool = True


@st.composite
def pieces(draw: Any, text: str) -> list[str]:
    """A text cut anywhere."""
    cuts = draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=8))
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges) if a < b]


def words(mark: str, count: int) -> str:
    return " ".join(f"{mark}w{number}" for number in range(count))


def cherokee(index: int, count: int) -> str:
    first = 0x13A0 + 16 * index
    return " ".join(chr(first + n % 16) + chr(first + (n * 7 + 3) % 16) for n in range(count))


tokens = st.integers(1, 400)
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.002, 0.03])


@st.composite
def replies(draw: Any, kind: str, index: int, tier: str, bound: str) -> Said:
    """A reply of a kind."""
    mark = f"ok{'ABCD'[index]}{tier[0]}"
    base = {
        "input_tokens": draw(tokens),
        "output_tokens": draw(tokens),
        "chunk_delay": draw(pauses),
        "headers": {"Connection": "close"} if draw(st.booleans()) else {},
    }
    draft = cherokee(index, draw(st.integers(1, 12)))
    good = (
        f'{{"city": "{words(mark, draw(st.integers(1, 3)))}", "count": 3}}'
        if bound == "schema"
        else words(mark, draw(st.integers(1, 10)))
    )

    def said(text: str, fate: str, unchecked: str = "", **more: Any) -> Said:
        begun = more.pop("begun", False)
        calls = more.get("tool_calls", ())
        reply = Reply(text=text, chunks=draw(pieces(text)) if text else (), **base, **more)
        done = tuple((call.name, call.args) for call in calls)
        return Said(kind, fate, reply, unchecked or fate, begun, text, done)

    def call(*calls: tuple[str, Any], fate: str, unchecked: str = "passes", text: str = "") -> Said:
        made = [ToolCall(n, a, f"call-{mark}-{at}") for at, (n, a) in enumerate(calls)]
        return said(text, fate, unchecked, tool_calls=made, begun=bool(text))

    if kind == "good":
        return said(good, "passes")
    if kind == "call":
        asked = [("lookup", {"city": f"{mark}{n}"}) for n in range(draw(st.integers(1, 2)))]
        return call(*asked, fate="passes", text=draw(st.sampled_from(["", good])))
    if kind == "empty":
        return said("", "fails", "raises")  # no answer, whoever checks
    if kind == "refusal":
        return said(LEAD + draft, "fails", "passes")
    if kind == "loop":
        passage = cherokee(index, draw(st.integers(1, 4)))
        return said(f"{passage} " * 24, "fails", "passes")
    if kind == "length":
        return said(draft, "fails", "passes", finish="length")
    if kind == "unknown":
        args = {"city": "draftarg"}
        return call(("stray_tool", args), fate="fails", text=draw(st.sampled_from(["", draft])))
    if kind == "arguments":
        args = draw(st.sampled_from([{"city": ["draftarg"]}, {"days": "draftarg"}, {}]))
        return call(("lookup", args), fate="fails", text=draw(st.sampled_from(["", draft])))
    if kind == "malformed":  # ChatOllama's client raises; it is the model's fault all the same
        text = draw(st.sampled_from(["", draft]))
        return call(("lookup", '{"city": "draftarg'), fate="fails", unchecked="raises", text=text)
    if kind == "misfit":
        # An unknown key is no part of this: its name stands in the reason (see below).
        shapes = ['{"city": "%s"}', '{"city": "%s", "count": "many"}', '["%s"]', "%s"]
        return said(draw(st.sampled_from(shapes)) % draft, "fails", "passes")
    # What breaks. A small tier's is a draft, the frontier's the beginning of an answer.
    text = draft if tier == "small" else good
    if bound == "schema" and tier == "small":
        text = f'{{"city": "{draft}", "count": 3}}'  # so that no watch ends it before it breaks
    chunks = draw(pieces(text))
    base["chunks"], count = chunks, len(chunks)
    at = draw(st.integers(1, count))

    def broken(fate: str, seen: int, **more: Any) -> Said:
        reply = Reply(text=text, **base, **more)
        begun = bool("".join(chunks[:seen]).strip())
        return Said(kind, fate, reply, "raises", begun, "".join(chunks[:seen]))

    if kind == "cut":
        at = draw(st.integers(1, count))
        return broken("raises", at, truncate_after=at)
    if kind == "nothing":
        return broken("raises", 0, truncate_after=0)
    if kind == "drop":
        at = draw(st.integers(-1, count))
        return broken("raises", max(0, at), drop_after=at)
    if kind == "garbage":
        bad = b"{not json \xe1\x8e\xa0\n" if tier == "small" else b'data: {"bad\n\n'
        return broken("raises", 1, garbage=bad)
    if kind == "inside":
        return broken("raises", count, error="boom")
    assert kind == "status"
    return broken("raises", 0, status=draw(st.sampled_from([500, 404, 429])), error="no")


GOOD = {"plain": ["good"], "tools": ["good", "call"], "schema": ["good"]}
DRAFTS = {
    "plain": ["empty", "refusal", "loop", "length", "cut", "unknown"],
    "tools": ["empty", "refusal", "loop", "length", "cut", "unknown", "arguments"],
    "schema": ["empty", "refusal", "loop", "length", "cut", "misfit"],
}
BREAKS = ["status", "drop", "garbage", "nothing", "inside"]


@st.composite
def cases(draw: Any, index: int, setting: Setting, faces: Sequence[str], extra: Any) -> Case:
    """A request with its script."""
    bound = setting.bound
    small = [*GOOD[bound] * 2, *DRAFTS[bound] * 2, *BREAKS]
    if bound == "tools":
        small.append("malformed")
    top = [*GOOD[bound] * 6, *BREAKS, "cut"]
    tries = range(setting.attempts)
    return Case(
        index,
        draw(st.sampled_from([False, False, False, True])),
        tuple(draw(replies(draw(st.sampled_from(small)), index, "small", bound)) for _ in tries),
        draw(replies(draw(st.sampled_from(top)), index, "frontier", bound)),
        draw(st.sampled_from(faces)),
        draw(extra),
    )


@st.composite
def batches(
    draw: Any,
    faces: Sequence[str],
    extra: Any = st.just({}),  # noqa: B008
    bindings: Sequence[str] = ("plain", "tools", "schema"),
    watched: bool = True,
) -> Batch:
    """Requests that run side by side."""
    setting = Setting(
        draw(st.sampled_from([True, True, True, False])),
        draw(st.sampled_from([1, 1, 2])),
        draw(st.sampled_from(["request", "draft"])),
        draw(st.sampled_from(bindings)),
    )
    count = draw(st.integers(1, 4))
    made = [draw(cases(index, setting, faces, extra)) for index in range(count)]
    return Batch(setting, made, draw(st.booleans()), watched)
