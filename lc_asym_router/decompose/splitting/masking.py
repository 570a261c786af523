"""Mask what must not be split: code, quotations, quoted lines, and text between tags."""

from __future__ import annotations

import re
from bisect import bisect_left

FILLER = "\ue000"
"""What hidden characters become: neither space nor letter, nor any mark."""

_OPENS = re.compile(
    r"""
      (?:(?<=\n)|\A)[ \t]*(?P<fence>`{3,}|~{3,})
    | (?P<ticks>`+)
    | (?:(?<=\n)|\A)[ \t]*(?P<quoted>>)
    | <(?P<tag>[A-Za-z][\w-]{0,40})(?=[\s>])
    | (?P<quote>["“„«]|(?<!\w)')
    """,
    re.VERBOSE,
)
_FENCE = re.compile(r"(?:(?<=\n)|\A)[ \t>]*(`{3,}|~{3,})[ \t]*(?=\n|\Z)")
_TICKS = re.compile(r"`+")
_CLOSING_TAG = re.compile(r"</([A-Za-z][\w-]*)\s?>")
_PARAGRAPH = re.compile(r"\n[ \t]*(?=\n)")
_SINGLE = re.compile(r"'(?:[^'\n]|(?<=\w)'(?=\w))++'(?!\w)")  # not the apostrophe of "don't"
_CLOSERS = {"“": "”", "„": "“”", "«": "»"}
_CODE_TAGS = ("pre", "code")


class _Marks:
    """The positions of closing marks, found once.

    Searching again from every opening mark would take time quadratic in the text's length.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, list[int]] = {}
        self.fences = [(m.start(1), m.end(), m[1]) for m in _FENCE.finditer(text)]
        self.ticks = [(m.start(), m.end(), m[0]) for m in _TICKS.finditer(text)]
        self.tags: dict[str, list[int]] = {}
        for match in _CLOSING_TAG.finditer(text):
            self.tags.setdefault(match[1].lower(), []).append(match.end())
        self.breaks = [match.start() for match in _PARAGRAPH.finditer(text)]

    def after(self, marks: str, at: int) -> int | None:
        """Return the position of the next of these characters."""
        if marks not in self._found:
            found = [place for place, letter in enumerate(self._text) if letter in marks]
            self._found[marks] = found
        return _next(self._found[marks], at)


def masked(text: str) -> str:
    """Replace what must not be split by filler characters; all positions stay the same."""
    marks, shown, at = _Marks(text), [], 0
    for start, end in _hidden(text, marks):
        shown += [text[at:start], FILLER * (end - start)]
        at = end
    return "".join([*shown, text[at:]])


def shown_lines(text: str) -> list[tuple[str, str]]:
    """Return the text's lines, each unmasked and masked; a code block is one line."""
    lines, at = [], 0
    for shown in masked(text).splitlines(keepends=True):
        lines.append((text[at : at + len(shown)], shown))
        at += len(shown)
    return lines


def _hidden(text: str, marks: _Marks) -> list[tuple[int, int]]:
    """Return the spans to be masked, in order."""
    found, at = [], 0
    while match := _OPENS.search(text, at):
        at = match.end()
        end = _end_of(text, match, marks)
        if end is not None:
            kind = match.lastgroup or "tag"
            found.append((match.start() if kind == "tag" else match.start(kind), end))
            at = end
    return found


def _end_of(text: str, opening: re.Match[str], marks: _Marks) -> int | None:
    """Return where the span that a mark opens ends; `None` where it opens none."""
    start, at = opening.start(), opening.end()
    if opening["fence"] and "`" not in text[at : _or_end(marks.after("\n", at), text)]:
        return _closed_by(marks.fences, opening["fence"], at, text)
    if opening["fence"] or opening["ticks"]:
        run = opening["fence"] or opening["ticks"]
        if len(run) > 2:  # also a block that begins behind other words
            return _closed_by(marks.ticks, run, at, text)
        place = bisect_left(marks.ticks, (at,))
        if place < len(marks.ticks) and marks.ticks[place][2] == run:
            end = marks.ticks[place][1]
            return end if end <= _or_end(marks.after("\n", at), text) else None
        return None
    if opening["quoted"]:
        return _or_end(marks.after("\n", at), text)
    if opening["tag"]:
        tag = opening["tag"].lower()
        closing = _next(marks.tags.get(tag, []), at)
        return len(text) if closing is None and tag in _CODE_TAGS else closing
    quote = opening["quote"]
    if quote == "'":
        single = _SINGLE.match(text, start)
        return single.end() if single else None
    if quote == '"':
        return _end_of_quote(text, start, marks)
    closed = marks.after(_CLOSERS[quote], at)
    return len(text) if closed is None else closed + 1


def _closed_by(closing: list[tuple[int, int, str]], fence: str, at: int, text: str) -> int:
    """Return the end of the first closing run as long as the opening one, else the text's end."""
    for place in range(bisect_left(closing, (at,)), len(closing)):
        _, end, run = closing[place]
        if run[0] == fence[0] and len(run) >= len(fence):
            return end
    return len(text)


def _end_of_quote(text: str, start: int, marks: _Marks) -> int | None:
    """Return the end of a quotation.

    It does not extend beyond its paragraph. An unclosed one extends to the end of its line, but
    after a digit the mark means inches.
    """
    closing = marks.after('"', start + 1)
    paragraph = _or_end(_next(marks.breaks, start), text)
    if closing is not None and closing < paragraph:
        return closing + 1
    if text[start - 1 : start].isdigit():
        return None
    return _or_end(marks.after("\n", start), text)


def _next(places: list[int], at: int) -> int | None:
    """Return the first of these sorted positions that is not before `at`."""
    found = bisect_left(places, at)
    return places[found] if found < len(places) else None


def _or_end(place: int | None, text: str) -> int:
    return len(text) if place is None else place
