"""Join the answers of the parts, and check that the joined text uses all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from langchain_core.messages import AIMessageChunk, HumanMessage

from lc_asym_router.decompose.coverage import Coverage, StreamedCoverage
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
    """Return the answers under their questions, in the plan's order: one text per step."""
    pieces = [
        f"**{number}. {_plain(step.title)}**\n\n{texts[step.id].strip()}"
        for number, step in enumerate(plan.steps, 1)
    ]
    return [piece if place == 0 else f"\n\n{piece}" for place, piece in enumerate(pieces)]


def join_request(request: Request, plan: Plan, texts: Mapping[str, str]) -> Request:
    """Build the request that asks a model to join the answers."""
    parts = "\n\n".join(
        f"[{number}] {step.instruction}\n{texts[step.id].strip()}"
        for number, step in enumerate(plan.steps, 1)
    )
    asked = HumanMessage(PROMPT.format(request=request.turn_text, parts=parts))
    before = request.messages[: len(request.messages) - len(request.turn)]
    return replace(request, messages=(*before, asked))


def unused(plan: Plan, texts: Mapping[str, str], joined: str) -> list[str]:
    """Return the ids of the steps whose answers a joined text does not use.

    Adding to a text never makes it use fewer of them.
    """
    return Coverage(plan, texts).unused(joined)


def _plain(title: str) -> str:
    return re.sub(r"\s+", " ", title.replace("**", "")).strip()


class MutedSink(Sink):
    """Discards the chunks of an answer; stops its model when the outer stream is closed."""

    def __init__(self, outer: Sink) -> None:
        super().__init__(lambda chunk: None)
        self._outer = outer

    @property
    def closed(self) -> bool:
        """Whether the outer stream's reader has stopped reading."""
        return self._outer.closed


class JoinSink(Sink):
    """Buffers a joined answer until it uses every part, then passes it on as it arrives.

    Adding to a text never makes it use fewer parts, so what has been passed on can't fail the check
    later.

    Args:
        outer: The sink of the outer stream, or `None`.
        plan: The plan.
        texts: The answer of each step, by the step's id.

    Attributes:
        chunks: All chunks so far.
        shown: Whether chunks are being passed on.
        listener: Called with each chunk that is passed on, besides the outer sink.
    """

    def __init__(self, outer: Sink | None, plan: Plan, texts: Mapping[str, str]) -> None:
        super().__init__(self._take)
        self.chunks: list[AIMessageChunk] = []
        self.shown = False
        self.listener: Callable[[AIMessageChunk], None] | None = None
        self._outer = outer
        self._coverage = StreamedCoverage(Coverage(plan, texts))

    def _take(self, chunk: AIMessageChunk) -> None:
        self.chunks.append(chunk)
        if self.shown:
            self._pass(chunk)
            return
        self._coverage.add(chunk.text)
        if self._coverage.complete:
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
        """Whether the outer stream's reader has stopped reading."""
        return self._outer is not None and self._outer.closed
