"""Text of models, servers and files made safe for a terminal.

A terminal obeys what is written to it: escape sequences can set its title, fill the clipboard,
recolour or overwrite what stands there, and in some terminals type commands. So none of them is
passed on, whether the output is a terminal or goes through a pipe to one.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

# Sequences first, then every control character that is left, so that what is taken away never
# joins the rest to a new sequence. No part of a pattern can run over another's beginning, which
# keeps the time linear: a string that is not ended loses its introducer only.
_UNSAFE = re.compile(
    r"""
    (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]                      # CSI: colours, cursor
    | (?: \x1b[\]PX^_] | [\x9d\x90\x98\x9e\x9f] )                # OSC, DCS, SOS, PM, APC: title,
      [^\x00-\x1f\x7f-\x9f]* (?: \x07 | \x1b\\ | \x9c )          #   clipboard, graphics
    | \x1b [ -/]+ [0-~]                                          # character sets
    | \x1b [0-~]                                                 # reset, and the like
    | [\x00-\x08\x0b-\x1f\x7f-\x9f]                              # controls but tab and newline
    """,
    re.VERBOSE,
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Take out of a text what a terminal would obey.

    Args:
        text: Any text.

    Returns:
        The text without escape sequences, and without control characters but newline and tab;
        half a surrogate pair, which can't be printed, becomes a replacement character.
    """
    return _LONE_SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def printable_json(value: Any) -> str:
    """Write a value as JSON that keeps each character, and that a terminal does not obey.

    Args:
        value: What JSON can hold.
    """
    text = json.dumps(value, ensure_ascii=False)  # which escapes the controls below 0x20
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class PrintableFormatter(logging.Formatter):
    """A formatter whose lines are safe for a terminal: a warning may quote a server."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as always, then take out what a terminal would obey."""
        return printable(super().format(record))
