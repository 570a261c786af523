"""Several questions in running text, and tasks one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lc_asym_router.decompose.masking import FILLER, masked
from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.wording import (
    BACK,
    FILLERS,
    IMPERATIVE,
    LEAD,
    PRONOUN,
    SOFT_BACK,
    STYLE,
    THEN,
    THING_THAT_DOES,
    WHOLE_FORMAT,
)

_END = re.compile(
    rf"[.!?？。]+[\"')\]]*(?=\s+[\"'(\[{FILLER}]?[A-ZÀ-Þ0-9{FILLER}]|\s*\Z)|[?？]\s|\n\s*\n"
)
_GIVEN = re.compile(r":[ \t]*\n")
"""Behind it stands a text that is given, and its questions are nobody's here."""
_FORMULA = re.compile(r"\$|\\\w")
SHORT = 2
"""Words of a question that can't stand alone: "Why?", "How so?"."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, as it stands and with quotes and code hidden."""

    text: str
    shown: str

    @property
    def asks(self) -> bool:
        """Whether it is a question that wants an answer."""
        return self.shown.rstrip("\"') ").endswith(("?", "？")) and not FILLERS.match(self.shown)

    @property
    def orders(self) -> bool:
        """Whether it says what to do."""
        return bool(IMPERATIVE.match(self.shown))

    @property
    def leans(self) -> bool:
        """Whether it may mean something that another sentence said."""
        short = len(self.shown.split()) <= SHORT
        return short or (any(words.search(self.shown) for words in (PRONOUN, BACK, SOFT_BACK)))


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text; code and quotes end none."""
    shown, found, start = masked(text), [], 0
    for end in [match.end() for match in _END.finditer(shown)] + [len(text)]:
        if text[start:end].strip():
            found.append(Sentence(text[start:end].strip(), shown[start:end].strip()))
        start = end
    return found


def questions_plan(text: str) -> Plan | None:
    """The plan of a text with several questions (and tasks among them), or `None`.

    Statements before the first question are there for all of them, a remark on style behind the last
    likewise; a question that leans on what another said stays with it.
    """
    groups: list[list[Sentence]] = []
    context: list[Sentence] = []
    style: list[Sentence] = []
    for sentence in sentences(text):
        if FILLERS.match(sentence.shown):
            continue
        if groups and not sentence.asks and STYLE.match(sentence.shown):
            style.append(sentence)
        elif sentence.asks or sentence.orders:
            if style:
                return None
            if groups and sentence.leans:
                groups[-1].append(sentence)
            else:
                groups.append([sentence])
        elif groups:
            return None  # told between questions: for which of them?
        else:
            context.append(sentence)
    asked = [group for group in groups if any(sentence.asks for sentence in group)]
    shown = masked(text)
    if len(asked) < len(groups) and _FORMULA.search(shown):
        return None  # "Define $h$. What is $h(2)$?"
    if len(groups) < 2 or not asked or WHOLE_FORMAT.search(shown) or _GIVEN.search(shown):
        return None
    around = _joined(context), _joined(style)
    return Plan(
        Step(
            id=str(number),
            instruction="\n".join(p for p in (around[0], _joined(group), around[1]) if p),
            title=group[-1].text if len(group) == 1 else _joined(group),
        )
        for number, group in enumerate(groups, 1)
    )


def sequence_plan(text: str) -> Plan | None:
    """The plan of "do this, then that", each step after the one before it; or `None`."""
    shown = masked(text.strip())
    if "?" in shown or WHOLE_FORMAT.search(shown) or "\n\n" in shown:
        return None
    edges = [(match.start(), match.end()) for match in THEN.finditer(shown)]
    begins, ends = [0, *(end for _, end in edges)], [*(start for start, _ in edges), len(shown)]
    parts = [text.strip()[b:e].strip(" ,;") for b, e in zip(begins, ends, strict=True)]
    if len(parts) < 2:
        return None
    first = sentences(parts[0])
    if not first or any(sentence.orders for sentence in first[:-1]):
        return None
    tasks = [masked(first[-1].text), *(masked(part) for part in parts[1:])]
    if not all(IMPERATIVE.match(task) for task in tasks) or THING_THAT_DOES.search(tasks[0]):
        return None
    return Plan(
        Step(
            id=str(number),
            instruction=_capital(LEAD.sub("", part)),
            needs=(str(number - 1),) if number > 1 else (),
        )
        for number, part in enumerate(parts, 1)
    )


def _joined(found: list[Sentence]) -> str:
    return " ".join(sentence.text for sentence in found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
