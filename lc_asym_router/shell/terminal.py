"""Make text of models, servers and files safe to print on a terminal.

A terminal interprets escape sequences: they can set its title, fill the clipboard, recolour or
overwrite its contents, and in some terminals type commands. So none of them is passed on, whether
the output is a terminal or a pipe that may end in one.
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
    """Remove from a text everything that a terminal would interpret.

    Args:
        text: Any text.

    Returns:
        The text without escape sequences, and without control characters except newline and tab; a lone
        surrogate, which can't be printed, becomes a replacement character.
    """
    return _LONE_SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def printable_json(value: Any) -> str:
    """Serialize a value as JSON without escaping characters, except those that a terminal interprets.

    Args:
        value: A JSON-serializable value.
    """
    text = json.dumps(value, ensure_ascii=False)  # which escapes the controls below 0x20
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class PrintableFormatter(logging.Formatter):
    """A logging formatter whose output is safe for a terminal: a message may quote a server."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as usual, then remove what a terminal would interpret."""
        return printable(super().format(record))
