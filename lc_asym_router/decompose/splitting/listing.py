"""Splitting a request at the items of a list or the rows of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.splitting.lead_in import LeadIn, is_style, lead_in_of
from lc_asym_router.decompose.splitting.self_contained import (
    named,
    open_nouns,
    refers_back,
    variables,
    words_of,
)
from lc_asym_router.decompose.splitting.tokens import FILLER, masked, shown_lines
from lc_asym_router.decompose.splitting.wording import (
    AHEAD,
    ASKING,
    BACK,
    BARE,
    ELLIPTIC,
    ENGLISH,
    FOLLOWING_UP,
    GENERIC,
    GIVEN,
    IMPERATIVE,
    LETTERED_BACK,
    MAKING,
    MANY_BACK,
    NAMING,
    NUMBERED_BACK,
    PLAIN_BACK,
    POINTING,
    REMARK,
    STARTING_BACK,
    STYLE,
    TASKS,
)

_RULE = re.compile(r"\s*:?-{2,}:?\s*")


def table_plan(text: str) -> Plan | None:
    """Return the plan of a table whose rows each get the same task, or `None`.

    Args:
        text: The request's text.
    """
    pairs = shown_lines(text)
    lines, shown = [line.rstrip("\n") for line, _ in pairs], [line for _, line in pairs]
    rule = next((at for at, line in enumerate(shown) if at and _is_rule(line)), 0)
    if not rule or "|" not in shown[rule - 1]:
        return None
    end = next((at for at in range(rule, len(shown)) if "|" not in shown[at]), len(shown))
    before = "\n".join(lines[: rule - 1]).strip()
    behind = "\n".join(lines[end:]).strip()
    rows = lines[rule + 1 : end]
    if not 2 <= len(rows) <= MOST or not _for_each(before, behind):
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


def _is_rule(line: str) -> bool:
    """Whether a line separates a table's head from its rows."""
    cells = line.strip().strip("|").split("|")
    return "|" in line and all(_RULE.fullmatch(cell) for cell in cells)


def _for_each(before: str, behind: str) -> bool:
    """Whether the text before or after a table gives a task for each row."""
    lead_in = lead_in_of(before)
    if lead_in and lead_in.kind == "each":
        return is_style(behind)
    stated = lead_in_of(behind)
    return not before and bool(stated and stated.kind == "each")


_MARK = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:(?P<open>\(?)(?:(?P<number>\d{1,2})(?P<close>[.):])|(?P<letter>[a-z])(?P<shut>\)))"
    r"|(?P<bullet>[-*•+]))[ \t]+(?=\S)"
)
_OWN = re.compile(r"\n[ \t]*(?:\n|\(?\w{1,2}[.)]\s|[-*•]\s)")
"""A paragraph or a list inside an item, which its words may mean."""
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")
MOST = 99
"""Items of the longest list that is split."""
LONG = 25
"""Words of an item that tells all of its own."""
BRIEF = 12
"""Words of an item that hardly holds what its own words refer to."""


ELIDED = 4
"""Words of an item that may leave out what it asks of: "How many of them?", "When was production?"."""


@dataclass(frozen=True)
class Listing:
    """A text divided at its list.

    Attributes:
        before: The text before the list.
        items: The items' texts, without their bullets or numbers.
        behind: The text after the list.
        to_the_end: The last item's text and everything after it.
    """

    before: str
    items: tuple[str, ...]
    behind: str
    to_the_end: str


def list_plan(text: str) -> Plan | None:
    """Return the plan of a text that is a list of tasks, or `None`."""
    listing = listed(text)
    if listing is None or len(listing.items) > MOST:
        return None
    listing = _with_remark(_rejoined(listing))
    lead_in = lead_in_of(listing.before)
    if lead_in is None or not is_style(listing.behind):
        return None
    if lead_in.kind == "each":
        return _plan(listing, lead_in.context, heads=True)
    shown = [masked(item) for item in listing.items]
    if _asks_on(shown):
        return None
    if any(_of_all(item) for item in shown) or not _are_tasks(shown, listing, lead_in):
        return None
    return _linked(_plan(listing, lead_in.context), shown)


def listed(text: str) -> Listing | None:
    """Divide a text with a list of at least two items, or return `None`.

    Nested lists stay in their items.
    """
    pairs = shown_lines(text)
    lines, shown = [line for line, _ in pairs], [line for _, line in pairs]
    marks = {at: mark for at, line in enumerate(shown) if (mark := _MARK.match(line))}
    # "1." before every item is how Markdown may number
    ones = not any(mark["number"] == "2" for mark in marks.values())
    starts: list[int] = []
    first: re.Match[str] | None = None
    for at, mark in marks.items():
        if first is None and (mark["number"] or "1", mark["letter"] or "a") != ("1", "a"):
            continue
        if first is None or _continues(first, mark, 1 if ones else len(starts) + 1, len(starts)):
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


def _continues(first: re.Match[str], mark: re.Match[str], number: int, place: int) -> bool:
    """Whether a bullet or number is the next one of the list that `first` began."""
    if any(mark[part] != first[part] for part in ("indent", "bullet", "open", "close", "shut")):
        return False
    if first["letter"]:
        return mark["letter"] == chr(ord("a") + place)
    return bool(first["bullet"]) or mark["number"] == str(number)


def _end_of(lines: list[str], start: int, indent: int) -> int:
    """Return where the last item ends: before a paragraph not indented deeper than its bullet."""
    for at in range(start + 1, len(lines)):
        deeper = len(lines[at]) - len(lines[at].lstrip()) > indent
        if lines[at].strip() and not lines[at - 1].strip() and not deeper:
            return at
    return len(lines)


def _rejoined(listing: Listing) -> Listing:
    """Move the text after the list into its last item, where other items have paragraphs too."""
    loose = any(
        not line[:1].isspace()
        for item in listing.items[:-1]
        for line in masked(item).split("\n\n")[1:]
    )
    if not loose or not listing.behind or STYLE.match(listing.behind):
        return listing
    return replace(listing, items=(*listing.items[:-1], listing.to_the_end), behind="")


def _with_remark(listing: Listing) -> Listing:
    """Move a line on style directly below the last item into the text after the list."""
    *others, last = listing.items
    lines = last.split("\n")
    if len(lines) < 2 or listing.behind or any("\n" in item for item in others):
        return listing
    if lines[-1][:1].isspace() or FILLER in masked(last) or not is_style(lines[-1]):
        return listing
    shortened = "\n".join(lines[:-1]).strip()
    return replace(listing, items=(*others, shortened), behind=lines[-1])


def _asks_on(shown: list[str]) -> bool:
    """Whether a line below the last item asks for something more, perhaps about all items."""
    *others, last = shown
    first, *more = last.split("\n")
    if any("\n" in item for item in others) or not ("?" in first or IMPERATIVE.match(first)):
        return False
    return any(not line[:1].isspace() and ("?" in line or IMPERATIVE.match(line)) for line in more)


def _of_all(item: str) -> bool:
    """Whether an item refers to the others: then they can't be asked without it."""
    if len(_SENTENCE.split(item)) > 1 or len(item.split()) > LONG:
        return False
    return bool(AHEAD.search(item)) or ("?" not in item and bool(REMARK.match(item)))


def _are_tasks(shown: list[str], listing: Listing, lead_in: LeadIn) -> bool:
    """Whether all items are tasks, where the text before them does not settle it."""
    if lead_in.kind == "tasks" and (TASKS.search(masked(listing.before)) or "?" in "".join(shown)):
        return all(_english(item) for item in shown)
    if lead_in.kind == "tasks":
        return all(IMPERATIVE.match(item) for item in shown)
    if lead_in.kind == "given":
        before = masked(listing.before)
        about = {word for word in words_of(before) & words_of(shown[0]) if len(word) > 3}
        orders = GIVEN.search(before) and all(IMPERATIVE.match(i) or _english(i) for i in shown)
        asked = all("?" in item and _english(item) for item in shown)
        # else the list may be about anything
        return bool((about or variables(before) & variables(shown[0])) and (orders or asked))
    asked = any("?" in item for item in shown)  # then orders of every kind are to who answers
    return all(_is_task(item) or (asked and _is_sentence(item)) for item in shown)


def _is_task(item: str) -> bool:
    """Whether an item of a list without a lead-in is a task: a question or an instruction."""
    if "?" in item:
        return _english(item) and not BARE.match(item)
    if NAMING.match(item):
        return False
    whole = item.rstrip().endswith((".", "!", FILLER)) or ":" in item
    return bool(ASKING.match(item)) and (whole or named(item))


def _is_sentence(item: str) -> bool:
    return bool(IMPERATIVE.match(item)) and item.rstrip().endswith((".", "!"))


def _english(item: str) -> bool:
    """Whether an item is in English: only there this module can recognize back references."""
    words = words_of(item)
    return len(words) < 2 or bool(words & ENGLISH) or bool(IMPERATIVE.match(item))


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


def _linked(plan: Plan, shown: list[str]) -> Plan:
    """Return the plan with the needs that its items' words imply."""
    steps: list[Step] = []
    stated: set[str] = set()
    for item, step in zip(shown, plan.steps, strict=True):
        steps.append(replace(step, needs=_needs(item, steps, stated)))
        stated |= words_of(item) | variables(item)
    return Plan(steps)


def _needs(item: str, steps: list[Step], stated: set[str]) -> tuple[str, ...]:
    """Return the earlier steps that an item may refer to: all of them, unless it is clear which."""
    named_back = re.findall(r"\d+", " ".join(NUMBERED_BACK.findall(item)))
    found = sorted({int(number) for number in named_back if 0 < int(number) <= len(steps)})
    if found and not BACK.search(item):
        return tuple(map(str, found))
    if not steps or not (BACK.search(item) or _refers(item, stated)):
        return ()
    plain = not found and PLAIN_BACK.search(item) and not MANY_BACK.search(item)
    if plain and (steps[-1].needs or BACK.search(item)):
        return (steps[-1].id,)
    return tuple(step.id for step in steps)


def _refers(item: str, stated: set[str]) -> bool:
    """Whether an item may refer to an earlier item's answer.

    The longer an item is, the more it has stated itself, and the less likely a word in its middle
    refers to something else.
    """
    count = len(item.split())
    if STARTING_BACK.match(item) and FILLER not in item:
        return count <= LONG or not item.startswith(("This", "These"))
    if count > LONG or LETTERED_BACK.search(item):
        return count <= LONG
    sentences = _SENTENCE.split(item.strip())
    first = sentences[0]
    if first.endswith(":") or FILLER in item or _OWN.search(item):  # "Explain this:" and code
        return bool(re.search(r"\b(?:both|the two|them|they)\b", first, re.I))
    if len(sentences) == 1 and count <= BRIEF:
        is_named = named(first) or (count > ELIDED and GENERIC.search(first))
        unnamed = (count == 1 or "?" in first or MAKING.match(first)) and not is_named
        return (
            refers_back(first)
            or unnamed
            or (not re.search(r"[=$]", first) and bool(stated & variables(first)))
        )
    opening = re.match(r"\s*(?:\S+\s*){0,4}", first)
    pointing = POINTING.search(first)
    mentioned = stated & set(open_nouns(first))
    return bool(
        (opening and pointing and pointing.start() < opening.end())
        or FOLLOWING_UP.match(first)
        or ELLIPTIC.match(first)
        or mentioned
        or (len(sentences) == 1 and MANY_BACK.search(first))
    )
