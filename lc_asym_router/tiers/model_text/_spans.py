"""Where a text shows code: what stands there is quoted, not meant."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_CODE = re.compile(
    # A block ends at a line's beginning or behind a bracket: a string in it may hold backticks.
    r"```(?P<language>[\w+.-]*)[ \t]*+\n(?P<block>.*?)(?P<closed>(?:^[ \t]{0,9}|(?<=[}\])]))```|\Z)"
    r"|```(?P<line>.*?)(?P<ended>```|\Z)"
    r"|`[^`\n]+`",
    re.DOTALL | re.MULTILINE,
)
_LANGUAGE = re.compile(r"[\w+.-]*(?=\s|[{\[])")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "‘": "’", "「": "」", "(": ")"}


@dataclass(frozen=True)
class Fence:
    """A fenced code block.

    Attributes:
        start: Where its opening backticks stand.
        end: Behind its closing backticks, or the text's end.
        language: What stands behind the opening backticks, in lower case.
        inside: Its text, stripped.
        closed: Whether its closing backticks came.
    """

    start: int
    end: int
    language: str
    inside: str
    closed: bool


class CodeSpans:
    """The fenced and inline code of a text, found in one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.fences: list[Fence] = []
        for found in _CODE.finditer(text):
            self._starts.append(found.start())
            self._ends.append(found.end())
            block, line = found["block"], found["line"]
            if block is not None:
                language, inside, closed = found["language"], block, found["closed"]
            elif line is not None:
                named = _LANGUAGE.match(line)
                language = named.group() if named else ""
                inside, closed = line[len(language) :], found["ended"]
            else:
                continue
            self.fences.append(
                Fence(*found.span(), language.lower(), inside.strip(), closed=bool(closed))
            )

    def around(self, at: int) -> tuple[int, int] | None:
        """Start and end of the code that holds a place, if any."""
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._ends[index]:
            return self._starts[index], self._ends[index]
        return None

    def in_quotes(self, at: int) -> bool:
        """Whether a place stands right behind a quotation mark that is closed on the same line."""
        closing = _QUOTES.get(self._text[at - 1 : at]) if at else None
        return closing is not None and closing in self._text[at : at + 300].partition("\n")[0]

    def quoted(self, start: int, end: int) -> bool:
        """Whether a span stands in code, or right between quotation marks."""
        if self.around(start):
            return True
        before, behind = self._text[start - 1 : start], self._text[end : end + 1]
        return bool(before) and _QUOTES.get(before) == behind
