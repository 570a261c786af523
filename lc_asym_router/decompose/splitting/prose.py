"""Split several questions in running text, and tasks one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.splitting.self_contained import (
    is_self_contained,
    open_nouns,
    variables,
    words_of,
)
from lc_asym_router.decompose.splitting.tokens import FILLER, masked
from lc_asym_router.decompose.splitting.wording import (
    ASKING,
    BARE,
    BARE_ANNOUNCEMENT,
    DATA,
    ELLIPTIC,
    FILLERS,
    HEADING,
    IMPERATIVE,
    LEAD,
    MANY_BACK,
    OBJECT,
    STATEMENT,
    STYLE,
    SUBORDINATE,
    THEN,
    THING_THAT_DOES,
    TOGETHER,
    WHOLE_FORMAT,
    WORKING,
)

_END = re.compile(
    rf"(?<![.!?？。])[.!?？。]++[\"')\]]*+(?=\s++[\"'(\[{FILLER}]?[A-ZÀ-Þ0-9{FILLER}]|\s*+\Z)"
    r"|[?？](?=\s)|\n[ \t]*+\n"
)
_GIVEN = re.compile(r":\s|\s[-–—]\s")
"""Behind it may stand a text that is given, and its questions are nobody's here."""
_FORMULA = re.compile(r"\$|\\\w")

_MADE = {"result", "answer", "translation", "summary", "output"}
"""What the step before has made."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, unmasked and with quotations and code masked."""

    text: str
    shown: str

    @property
    def asks(self) -> bool:
        """Whether it is a question that wants an answer."""
        return self.shown.rstrip("\"') ").endswith(("?", "？")) and not FILLERS.match(self.shown)

    @property
    def orders(self) -> bool:
        """Whether it is an instruction."""
        return bool(IMPERATIVE.match(self.shown))

    def is_self_contained(self, known: set[str]) -> bool:
        """Whether it is a task that can be done alone.

        Args:
            known: Words of the text that every part is given.
        """
        if self.orders:
            body = LEAD.sub("", self.shown)
            if self.asks and BARE.match(self.shown):
                return False  # "Translate - where is Rome?": the question is not asked
            if WORKING.match(body) and FILLER not in body:
                return False  # the text to work on may be what follows
        return is_self_contained(self.shown, known)


def sentences(text: str) -> list[Sentence]:
    """Split a text into sentences; a full stop in code or a quotation ends none."""
    shown, found, start = masked(text), [], 0
    for end in [match.end() for match in _END.finditer(shown)] + [len(text)]:
        if text[start:end].strip():
            found.append(Sentence(text[start:end].strip(), shown[start:end].strip()))
        start = end
    return found


def questions_plan(text: str) -> Plan | None:
    """Return the plan of a text with several questions (and tasks among them), or `None`.

    Every part is given the statements before the first question, and a remark on style after the
    last. A question becomes a part only if it is self-contained. If the second one refers back to
    the first, both form one part; if a later one may refer back to any of them, nothing is split.

    Args:
        text: The request's text.
    """
    shown = masked(text)
    if WHOLE_FORMAT.search(shown) or _GIVEN.search(shown):
        return None
    found = [each for each in sentences(text) if not FILLERS.match(each.shown)]
    start = next((at for at, each in enumerate(found) if each.asks or each.orders), len(found))
    stated = [
        each
        for each in found[:start]
        if not (BARE_ANNOUNCEMENT.match(each.shown) or HEADING.match(each.shown))
    ]
    if any(DATA.search(each.shown) or not STATEMENT.match(each.shown) for each in stated):
        return None
    end = start + 1
    while end < len(found) and not _is_remark(found[end]):
        end += 1
    remarks = found[end:]
    if not all(_is_remark(each) for each in remarks):
        return None
    known = {word for each in stated for word in words_of(each.shown)}
    groups = _grouped(found[start:end], known)
    if len(groups) < 2 or not any(each.asks for group in groups for each in group):
        return None
    if any(not each.asks for group in groups for each in group) and _FORMULA.search(shown):
        return None  # "Define $h$. What is $h(2)$?"
    if _share_variables(groups, stated):
        return None
    around = _joined(stated), _joined(remarks)
    return Plan(
        Step(
            id=str(number),
            instruction="\n".join(p for p in (around[0], _joined(group), around[1]) if p),
            title=_joined(group),
        )
        for number, group in enumerate(groups, 1)
    )


def _is_remark(sentence: Sentence) -> bool:
    shown = sentence.shown
    return not sentence.asks and bool(STYLE.match(shown)) and not TOGETHER.search(shown)


def _grouped(found: list[Sentence], known: set[str]) -> list[list[Sentence]]:
    """Group the sentences into parts; an empty list where it is uncertain which part one belongs to."""
    groups: list[list[Sentence]] = []
    for sentence in found:
        if not (sentence.asks or sentence.orders):
            return []  # told between questions: for which of them?
        if sentence.is_self_contained(known):
            groups.append([sentence])
        elif len(groups) == 1:
            groups[0].append(sentence)
        else:
            return []
    return groups


def _share_variables(groups: list[list[Sentence]], stated: list[Sentence]) -> bool:
    """Whether two parts mention the same variable x, which only one of them may define."""
    given = variables(" ".join(each.shown for each in stated))
    seen: set[str] = set()
    for group in groups:
        here = variables(" ".join(each.shown for each in group)) - given
        if here & seen:
            return True
        seen |= here
    return False


def sequence_plan(text: str) -> Plan | None:
    """Return the plan of "do this, then that", each step after the one before it; or `None`."""
    text = text.strip()
    shown = masked(text)
    if "?" in shown or WHOLE_FORMAT.search(shown) or "\n\n" in shown:
        return None
    edges = [(match.start(), match.end()) for match in THEN.finditer(shown)]
    begins, ends = [0, *(end for _, end in edges)], [*(start for start, _ in edges), len(shown)]
    stretches = list(zip(begins, ends, strict=True))
    parts, tasks = ([of[b:e].strip(" ,;") for b, e in stretches] for of in (text, shown))
    if len(parts) < 2 or not all(_plain_task(task) for task in tasks):
        return None
    if ELLIPTIC.match(tasks[0]) or not ASKING.match(tasks[0]) or THING_THAT_DOES.search(tasks[0]):
        return None
    return Plan(
        Step(
            id=str(number),
            instruction=_capital(LEAD.sub("", part)),
            needs=_needs_of(number, task),
        )
        for number, (part, task) in enumerate(zip(parts, tasks, strict=True), 1)
    )


def _plain_task(task: str) -> bool:
    """Whether it is one instruction without a clause that could continue after "then"."""
    ends = any(match.end() < len(task) for match in _END.finditer(task))
    return bool(OBJECT.match(task)) and not ends and not SUBORDINATE.search(LEAD.sub("", task))


def _needs_of(number: int, task: str) -> tuple[str, ...]:
    """Return the step before, or all steps before where the task may refer to more."""
    several = MANY_BACK.search(task) or set(open_nouns(task)) - _MADE
    first = 1 if several else max(1, number - 1)
    return tuple(str(each) for each in range(first, number))


def _joined(found: list[Sentence]) -> str:
    return " ".join(sentence.text for sentence in found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
