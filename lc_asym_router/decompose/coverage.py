"""Joining the parts' answers, and checking that none was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property

from langchain_core.messages import AIMessageChunk, HumanMessage

from lc_asym_router.decompose.plan import Plan
from lc_asym_router.decompose.splitting.tokens import (
    Token,
    keys_of,
    normalized_text,
    tokens,
    trimmed_ends,
)
from lc_asym_router.graph.streaming import Sink
from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.answers.texts import SHORT

STRONG = 3
"""What a number, name, identifier or quoted word weighs against another word."""
SHARE_OF_SHORT, SHARE_OF_LONG = 1 / 2, 1 / 6
"""The share of what tells of an answer, by weight, that must stand in the joined text."""
BRIEF = 60
"""Words up to which the last number of an answer is taken as what it comes to."""
REPEATED = 1 / 5
"""An answer of whose words a smaller share is its own, by weight, stands in those that build on it."""

_QUOTED = re.compile(r'"([^"\n]+)"|`([^`\n]+)`|“([^”\n]+)”|„([^“”\n]+)[“”]|«([^»\n]+)»')
_NUMBERED = re.compile(r"(?m)^[ \t]*(\d{1,2})[.)][ \t]+(?=\S)")


class PartAnswer:
    """A part's answer (or its instruction), tokenized once.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._plain = normalized_text(self.text)
        self._quotes = [found.span() for found in _QUOTED.finditer(self._plain)]
        marks = [found.start(1) for found in _NUMBERED.finditer(self._plain)]
        skipped = set(marks) if len(marks) > 1 else set()  # the numbers of a list
        self.tokens = [token for token in tokens(self._plain) if token.at not in skipped]
        self.keys = {token.key for token in self.tokens}

    @cached_property
    def length(self) -> int:
        """Approximate number of words."""
        pairs = sum(token.kind == "single" for token in self.tokens) // 2
        return pairs + sum(token.kind in ("word", "number") for token in self.tokens)

    @cached_property
    def numbers(self) -> set[str]:
        """The keys of its numbers."""
        return {token.key for token in self.tokens if token.kind == "number"}

    @cached_property
    def content(self) -> dict[str, int]:
        """The weight of each content word, by the word's key."""
        weights: dict[str, int] = {}
        for token in self.tokens:
            if not token.is_function:
                weight = STRONG if self._strong(token) else 1
                weights[token.key] = max(weight, weights.get(token.key, 0))
        return weights

    @cached_property
    def final(self) -> FinalAnswer:
        """Its final answer: the number, choice or text that it concludes with."""
        return final_answer(self.text)

    def _strong(self, token: Token) -> bool:
        if token.kind != "word":
            return token.kind == "number"
        text = token.text
        identifier = any(c.isupper() or c.isdigit() or c == "_" for c in text[1:])
        quoted = any(start <= token.at < end for start, end in self._quotes)
        return identifier or quoted or (text[:1].isupper() and not self._begins(token.at))

    def _begins(self, at: int) -> bool:
        """Whether a sentence begins at this place, so that a capital does not mark a name."""
        before = self._plain[max(0, at - 12) : at].rstrip(" \t\"'(*_#>`-")
        return not before or before[-1] in ".!?:\n"


@dataclass(frozen=True)
class Evidence:
    """What a joined text must contain to count as using one part's answer.

    Attributes:
        finals: Keys of the numbers or the choice that the answer concludes with: all are required.
        enough: Whether these alone are sufficient.
        weights: Other words specific to the answer, with their weights.
        share: The share of the total weight that is required, in [0, 1].
    """

    finals: Set[str]
    enough: bool
    weights: Mapping[str, int]
    share: float

    @cached_property
    def needed(self) -> float:
        """The total weight that the joined text's words must reach."""
        return self.share * sum(self.weights.values())


class PartCoverage:
    """How much of one part's evidence a text contains so far.

    Args:
        evidence: What the text must contain.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._missing = set(evidence.finals)
        self._weight = 0

    def add(self, keys: Set[str]) -> None:
        """Count keys of the joined text that have not been counted before."""
        self._missing -= keys
        self._weight += sum(self._evidence.weights.get(key, 0) for key in keys)

    @property
    def used(self) -> bool:
        """Whether the text uses the part's answer."""
        enough = self._evidence.enough or self._weight >= self._evidence.needed
        return enough and not self._missing


class Coverage:
    """The evidence of each part: its numbers, names and other words that no other part has.

    Args:
        plan: The plan.
        texts: The answer of each step, by the step's id.
    """

    def __init__(self, plan: Plan, texts: Mapping[str, str]) -> None:
        answers = {step.id: PartAnswer(texts[step.id]) for step in plan.steps}
        asked = Counter(key for step in plan.steps for key in keys_of(step.instruction))
        occurrences = Counter(key for answer in answers.values() for key in answer.keys)
        needed = {need for step in plan.steps for need in step.needs}
        self.evidence = {
            name: _evidence(answer, asked, occurrences, built_on=name in needed)
            for name, answer in answers.items()
        }

    def unused(self, joined: str) -> list[str]:
        """Return the ids of the steps whose answers a joined text does not use.

        Adding to a text never makes it use fewer of them.
        """
        found = {name: PartCoverage(evidence) for name, evidence in self.evidence.items()}
        there = keys_of(joined)
        for each in found.values():
            each.add(there)
        return [name for name, each in found.items() if not each.used]


def _evidence(
    answer: PartAnswer, asked: Mapping[str, int], occurrences: Mapping[str, int], *, built_on: bool
) -> Evidence:
    content = answer.content
    its_own = {key for key in answer.keys if key not in asked and occurrences[key] == 1}
    weights = own = {key: weight for key, weight in content.items() if key in its_own}
    if built_on and sum(own.values()) < REPEATED * sum(content.values()):
        weights = content
    elif not own:
        weights = content or dict.fromkeys(sorted(answer.keys), 1)
        rarest = min((asked.get(key, 0) + occurrences[key] for key in weights), default=0)
        weights = {
            key: weight
            for key, weight in weights.items()
            if asked.get(key, 0) + occurrences[key] == rarest
        }
    short, final = answer.length <= SHORT, answer.final
    finals: set[str] = set()
    if final.kind == "choice" and (short or final.marked):
        finals = {f"({final.value})"} & answer.keys
    elif final.kind == "number" and (answer.length <= BRIEF or final.marked):
        finals = keys_of(final.raw) & answer.numbers
    enough = bool(finals & its_own) and (short or final.marked)
    if short:
        finals |= answer.numbers & its_own
    share = SHARE_OF_SHORT if short else SHARE_OF_LONG
    return Evidence(finals, enough, weights, share)


class StreamedCoverage:
    """Coverage of a joined text that is still being written, updated with each chunk.

    Args:
        uses: The evidence of each part.
    """

    def __init__(self, uses: Coverage) -> None:
        self._open = [PartCoverage(evidence) for evidence in uses.evidence.values()]
        self._there: set[str] = set()
        self._rest = ""

    def add(self, text: str) -> None:
        """Count the new text; a word that may be incomplete is counted with the next chunk."""
        whole, self._rest = trimmed_ends(self._rest + text)
        new = keys_of(whole) - self._there
        self._there |= new
        for each in self._open:
            each.add(new)
        self._open = [each for each in self._open if not each.used]

    @property
    def complete(self) -> bool:
        """Whether the text uses every part."""
        return not self._open


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
