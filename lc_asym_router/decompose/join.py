"""Putting the answers together, and seeing that none was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from langchain_core.messages import AIMessageChunk, HumanMessage

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.request import Request
from lc_asym_router.streaming import Sink

TELLING = 4
"""Of an answer's telling words, half must stand in the joined text, and no more than this many."""

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
    """Ids of the steps whose answers a joined text does not use.

    A step is used where half of the telling words of its answer (those that its instruction does not
    hold; at most four) stand in the text. A longer text never uses less.
    """
    there = set(_words(joined))
    return [step.id for step in plan.steps if not _used(step, texts[step.id], there)]


def _used(step: Step, text: str, there: set[str]) -> bool:
    words = list(dict.fromkeys(_words(text)))
    asked = set(_words(step.instruction))
    new = [word for word in words if word not in asked]
    telling = [word for word in new if len(word) > 2 or word.isdigit()] or new or words
    needed = min(TELLING, -(-len(telling) // 2))
    return sum(word in there for word in telling) >= needed


def _words(text: str) -> Iterable[str]:
    """Words and numbers; a number's thousands are not marked off."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    return re.findall(r"\d+(?:\.\d+)?|\w+", plain)


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
        outer: The reader of the stream, or `None`: then the chunks are only kept.
        passes: Whether a text has used every part.
    """

    def __init__(self, outer: Sink | None, passes: Callable[[str], bool]) -> None:
        super().__init__(self._take)
        self.chunks: list[AIMessageChunk] = []
        self.shown = False
        self._outer = outer
        self._passes = passes

    def _take(self, chunk: AIMessageChunk) -> None:
        self.chunks.append(chunk)
        if self._outer is None:
            return
        if self.shown:
            self._outer.put(chunk)
        elif self._passes(self._whole_words()):
            self.shown = True
            for each in self.chunks:
                self._outer.put(each)

    def _whole_words(self) -> str:
        """The text so far but for its last word, which may go on."""
        return "".join(each.text for each in self.chunks).rpartition(" ")[0]

    @property
    def closed(self) -> bool:
        """Whether the outer reader has gone."""
        return self._outer is not None and self._outer.closed
