"""Hiding what a reader takes as one: code, quotes, quoted lines."""

from __future__ import annotations

import re

FILLER = "\ue000"
"""What hidden characters become: neither space nor letter, nor any mark."""

_HIDDEN = re.compile(
    r"""
      (?P<fence>```|~~~).*?(?:(?P=fence)|\Z)        # a code block, also one that is not closed
    | `[^`\n]+`                                     # code in a line
    | ^[ \t]*>[^\n]*$                               # a quoted line
    | "(?:[^"\n]|\n(?!\s*\n))*"                     # quotes do not go over a paragraph's end
    | “[^”]*” | „[^“”]*[“”] | «[^»]*»
    | (?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))+'(?!\w)     # not the apostrophe of "don't"
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def masked(text: str) -> str:
    """The text with what must not be split hidden; every character keeps its place."""
    return _HIDDEN.sub(lambda found: FILLER * len(found.group()), text)


def shown_lines(text: str) -> list[tuple[str, str]]:
    """The text's lines, each as it stands and masked; a code block is one line."""
    lines, at = [], 0
    for shown in masked(text).splitlines(keepends=True):
        lines.append((text[at : at + len(shown)], shown))
        at += len(shown)
    return lines
