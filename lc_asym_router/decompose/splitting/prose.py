"""Several questions in running text, and tasks one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.splitting.masking import FILLER, masked
from lc_asym_router.decompose.splitting.self_contained import (
    open_nouns,
    stands,
    variables,
    words_of,
)
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

    def stands(self, known: set[str]) -> bool:
        """Whether it is a task that can be taken alone.

        Args:
            known: Words of what is told to every part.
        """
        if self.orders:
            body = LEAD.sub("", self.shown)
            if self.asks and BARE.match(self.shown):
                return False  # "Translate - where is Rome?": the question is not asked
            if WORKING.match(body) and FILLER not in body:
                return False  # the text to work on may be what follows
        return stands(self.shown, known)


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
    likewise. A question is a part only where it stands by itself; the second, where it leans on the
    first, stays with it, and where a later one leans on what may be any of them, so does everything.

    Args:
        text: The request.
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
    """The sentences in parts; none where it is not sure which part one belongs to."""
    groups: list[list[Sentence]] = []
    for sentence in found:
        if not (sentence.asks or sentence.orders):
            return []  # told between questions: for which of them?
        if sentence.stands(known):
            groups.append([sentence])
        elif len(groups) == 1:
            groups[0].append(sentence)
        else:
            return []
    return groups


def _share_variables(groups: list[list[Sentence]], stated: list[Sentence]) -> bool:
    """Whether two parts speak of the same x, which one of them may have told of."""
    given = variables(" ".join(each.shown for each in stated))
    seen: set[str] = set()
    for group in groups:
        here = variables(" ".join(each.shown for each in group)) - given
        if here & seen:
            return True
        seen |= here
    return False


def sequence_plan(text: str) -> Plan | None:
    """The plan of "do this, then that", each step after the one before it; or `None`."""
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
    """Whether it is one order with no clause in it, which might go on behind "then"."""
    ends = any(match.end() < len(task) for match in _END.finditer(task))
    return bool(OBJECT.match(task)) and not ends and not SUBORDINATE.search(LEAD.sub("", task))


def _needs_of(number: int, task: str) -> tuple[str, ...]:
    """The step before, and where more may be meant, all before."""
    several = MANY_BACK.search(task) or set(open_nouns(task)) - _MADE
    first = 1 if several else max(1, number - 1)
    return tuple(str(each) for each in range(first, number))


def _joined(found: list[Sentence]) -> str:
    return " ".join(sentence.text for sentence in found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
