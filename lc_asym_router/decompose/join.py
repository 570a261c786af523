"""Putting the answers together, and seeing that none was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from langchain_core.messages import AIMessageChunk, HumanMessage

from lc_asym_router.decompose.coverage import Reading, Uses
from lc_asym_router.decompose.plan import Plan
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.records.request import Request

PROMPT = """\
{request}

---
The parts of this request have been answered one by one:

{parts}
---
Write the answer to the whole request from these answers. Use every one of them; keep their numbers, \
names and code as they are; add nothing."""


def template(plan: Plan, texts: Mapping[str, str]) -> list[str]:
    """The answers under their questions, in the plan's order: one piece a step."""
    pieces = [
        f"**{number}. {_plain(step.title)}**\n\n{texts[step.id].strip()}"
        for number, step in enumerate(plan.steps, 1)
    ]
    return [piece if place == 0 else f"\n\n{piece}" for place, piece in enumerate(pieces)]


def join_request(request: Request, plan: Plan, texts: Mapping[str, str]) -> Request:
    """What the model that joins is asked."""
    parts = "\n\n".join(
        f"[{number}] {step.instruction}\n{texts[step.id].strip()}"
        for number, step in enumerate(plan.steps, 1)
    )
    asked = HumanMessage(PROMPT.format(request=request.turn_text, parts=parts))
    before = request.messages[: len(request.messages) - len(request.turn)]
    return replace(request, messages=(*before, asked))


def unused(plan: Plan, texts: Mapping[str, str], joined: str) -> list[str]:
    """Ids of the steps whose answers a joined text does not use; a longer text never uses less."""
    return Uses(plan, texts).unused(joined)


def _plain(title: str) -> str:
    return re.sub(r"\s+", " ", title.replace("**", "")).strip()


class MutedSink(Sink):
    """A sink of an answer that nobody may see; it stops its model when the outer reader has gone."""

    def __init__(self, outer: Sink) -> None:
        super().__init__(lambda chunk: None)
        self._outer = outer

    @property
    def closed(self) -> bool:
        """Whether the outer reader has gone."""
        return self._outer.closed


class JoinSink(Sink):
    """Holds a joined answer back until it has used every part, then lets it pass live.

    A longer text never uses less, so that what has been let pass can't fail the check any more.

    Args:
        outer: The reader of the stream, or `None`.
        plan: The plan.
        texts: The answer of each step.

    Attributes:
        chunks: All that has come.
        shown: Whether it has been let pass.
        listener: Takes what is let pass too, for whoever listens beside the reader.
    """

    def __init__(self, outer: Sink | None, plan: Plan, texts: Mapping[str, str]) -> None:
        super().__init__(self._take)
        self.chunks: list[AIMessageChunk] = []
        self.shown = False
        self.listener: Callable[[AIMessageChunk], None] | None = None
        self._outer = outer
        self._reading = Reading(Uses(plan, texts))

    def _take(self, chunk: AIMessageChunk) -> None:
        self.chunks.append(chunk)
        if self.shown:
            self._pass(chunk)
            return
        self._reading.add(chunk.text)
        if self._reading.complete:
            self.shown = True
            for each in self.chunks:
                self._pass(each)

    def _pass(self, chunk: AIMessageChunk) -> None:
        if self._outer is not None:
            self._outer.put(chunk)
        if self.listener is not None:
            self.listener(chunk)

    @property
    def closed(self) -> bool:
        """Whether the outer reader has gone."""
        return self._outer is not None and self._outer.closed
