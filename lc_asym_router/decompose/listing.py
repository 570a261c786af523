"""Lists and tables of tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from lc_asym_router.decompose.masking import masked, shown_lines
from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.wording import (
    ANSWERING,
    BACK,
    EACH,
    FIRST_PRONOUN,
    IMPERATIVE,
    NUMBERED_BACK,
    SOFT_BACK,
    STYLE,
    TASKS,
    TOGETHER,
    WHOLE_FORMAT,
)

_MARK = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:(?P<open>\(?)(?P<number>\d{1,2})(?P<close>[.):])|(?P<bullet>[-*•+]))[ \t]+(?=\S)"
)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")


@dataclass(frozen=True)
class Listing:
    """A text as a list: what stands before, the items, what stands behind.

    Attributes:
        before: The text in front of the list.
        items: The items' texts, without their marks.
        behind: The text after the list.
        to_the_end: The last item's text and all that stands behind it.
    """

    before: str
    items: tuple[str, ...]
    behind: str
    to_the_end: str


def list_plan(text: str) -> Plan | None:
    """The plan of a text that is a list of tasks, or `None`."""
    listing = listed(text)
    if listing is None:
        return None
    listing = _rejoined(listing)
    before, behind = masked(listing.before), masked(listing.behind)
    if "?" in before or "?" in behind or (behind and not STYLE.match(behind)):
        return None
    if WHOLE_FORMAT.search(before) or WHOLE_FORMAT.search(behind):
        return None
    tasks = [_is_task(masked(item)) for item in listing.items]
    announced = _said_before(before)
    if announced == "each":
        return _plan(listing, context=listing.before, heads=True)
    called = announced == "tasks" and TASKS.search(before)
    if announced == "none" or not (called or all(tasks)):
        return None
    if announced == "statement" and not all("?" in masked(item) for item in listing.items):
        return None
    context = "" if announced in ("tasks", "nothing") else listing.before
    return _linked(_plan(listing, context=context or _context_of(listing.before)))


def listed(text: str) -> Listing | None:
    """The text as a list of at least two items, or `None`. Lists inside items stay in them."""
    pairs = shown_lines(text)
    lines, shown = [line for line, _ in pairs], [line for _, line in pairs]
    starts: list[int] = []
    first: re.Match[str] | None = None
    for at, line in enumerate(shown):
        mark = _MARK.match(line)
        if mark and (first is None or _goes_on(first, mark, len(starts) + 1)):
            if first is None and mark["number"] not in (None, "1"):
                continue
            first = first or mark
            starts.append(at)
    if first is None or len(starts) < 2:
        return None
    end = _end_of(shown, starts[-1], len(first["indent"]))
    edges = [*starts, end]

    def unmarked(start: int, stop: int) -> str:
        return _MARK.sub("", "".join(lines[start:stop]), count=1).strip()

    return Listing(
        before="".join(lines[: starts[0]]).strip(),
        items=tuple(unmarked(start, stop) for start, stop in pairwise(edges)),
        behind="".join(lines[end:]).strip(),
        to_the_end=unmarked(starts[-1], len(lines)),
    )


def _goes_on(first: re.Match[str], mark: re.Match[str], number: int) -> bool:
    """Whether a mark is the next one of the list that `first` began."""
    if first["bullet"]:
        return mark["bullet"] == first["bullet"] and mark["indent"] == first["indent"]
    same = all(mark[part] == first[part] for part in ("indent", "open", "close"))
    return same and mark["number"] == str(number)


def _end_of(lines: list[str], start: int, indent: int) -> int:
    """Where the last item ends: before a paragraph that is not indented deeper than its mark."""
    for at in range(start + 1, len(lines)):
        deeper = len(lines[at]) - len(lines[at].lstrip()) > indent
        if lines[at].strip() and not lines[at - 1].strip() and not deeper:
            return at
    return len(lines)


def _rejoined(listing: Listing) -> Listing:
    """The list with what stands behind it in its last item, where other items have paragraphs too."""
    loose = any(
        not line[:1].isspace()
        for item in listing.items[:-1]
        for line in masked(item).split("\n\n")[1:]
    )
    if not loose or not listing.behind or STYLE.match(listing.behind):
        return listing
    return replace(listing, items=(*listing.items[:-1], listing.to_the_end), behind="")


def _is_task(item: str) -> bool:
    return "?" in item or bool(IMPERATIVE.match(item))


def _said_before(before: str) -> str:
    """What the text before a list makes of it: "nothing" is said, "tasks", "each", "statement"; "none"
    where something else is to be done with the list as a whole."""
    if not before:
        return "nothing"
    last = [part for part in _SENTENCE.split(before) if part.strip(" :")][-1]
    if EACH.search(last) and IMPERATIVE.match(last) and not ANSWERING.match(last):
        return "none" if TOGETHER.search(last) else "each"
    if ANSWERING.search(last) and not TOGETHER.search(last):
        return "tasks" if ANSWERING.match(last) or not IMPERATIVE.match(last) else "none"
    return "none" if IMPERATIVE.match(last) else "statement"


def _context_of(before: str) -> str:
    """What of the text before a list of tasks each of them has to know: all but its announcement."""
    parts = [part for part in _SENTENCE.split(before) if part.strip(" :")]
    kept = [part for part in parts if not ANSWERING.search(part)]
    told = [part for part in parts if ANSWERING.search(part) and len(part.split()) > 8]
    return before if told else " ".join(kept).strip()


def _plan(listing: Listing, context: str, heads: bool = False) -> Plan:
    steps = (
        Step(
            id=str(number),
            instruction="\n\n".join(part for part in (context, item, listing.behind) if part),
            title="" if heads and not context else item.splitlines()[0],
        )
        for number, item in enumerate(listing.items, 1)
    )
    return Plan(replace(step, title=step.title[:200]) for step in steps)


def _linked(plan: Plan) -> Plan:
    """The plan with the needs that its items' words tell of."""
    return Plan(
        replace(step, needs=_needs(masked(step.instruction), step.title, place))
        for place, step in enumerate(plan.steps)
    )


def _needs(shown: str, title: str, place: int) -> tuple[str, ...]:
    named = re.findall(r"\d+", " ".join(NUMBERED_BACK.findall(shown)))
    if found := sorted({int(number) for number in named if 0 < int(number) <= place}):
        return tuple(map(str, found))
    first = masked(title).strip()
    alone = len(_SENTENCE.split(first)) == 1 and not first.endswith(":")  # "Explain this:"
    soft = alone and (FIRST_PRONOUN.search(first) or SOFT_BACK.search(first))
    if place and (BACK.search(shown) or soft):
        return (str(place),)
    return ()


def table_plan(text: str) -> Plan | None:
    """The plan of a table whose rows are each to be worked on, or `None`."""
    pairs = shown_lines(text)
    lines, shown = [line.rstrip("\n") for line, _ in pairs], [line for _, line in pairs]
    rule = next(
        (at for at, line in enumerate(shown) if at and "|" in line and _RULE.match(line)), 0
    )
    if not rule or "|" not in shown[rule - 1]:
        return None
    end = next((at for at in range(rule, len(shown)) if "|" not in shown[at]), len(shown))
    before = "\n".join(lines[: rule - 1]).strip()
    behind = "\n".join(lines[end:]).strip()
    rows = lines[rule + 1 : end]
    asked = masked(f"{before} {behind}")
    if len(rows) < 2 or not EACH.search(asked) or TOGETHER.search(asked) or "?" in masked(behind):
        return None
    if not any(IMPERATIVE.match(part) for part in _SENTENCE.split(asked)):
        return None
    if WHOLE_FORMAT.search(re.sub(r"\b(?:of|in) (?:the|this) (?:\w+ )?table\b", "", asked)):
        return None
    head = lines[rule - 1 : rule + 1]
    return Plan(
        Step(
            id=str(number),
            instruction="\n\n".join(p for p in (before, "\n".join([*head, row]), behind) if p),
            title=" | ".join(cell.strip() for cell in row.strip().strip("|").split("|")),
        )
        for number, row in enumerate(rows, 1)
    )
