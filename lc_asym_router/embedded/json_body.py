"""The JSON of a request's body, bounded before it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

from lc_asym_router.embedded.errors import BadRequest

# Strings, so that brackets inside them don't count. The closing quote is optional: otherwise
# each quote in a string without an end would be a new start, and the time quadratic.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL)


def read_object(raw: bytes, most_depth: int) -> dict[str, Any]:
    """Parse a body.

    Args:
        raw: The body, in UTF-8.
        most_depth: How deep objects and lists may be nested.

    Returns:
        An object that can be written as JSON again.

    Raises:
        BadRequest: When it is no JSON object, is nested too deep, or holds a number or a
            character that JSON has no place for.
    """
    try:
        text = raw.decode("utf-8-sig")
        if deeper_than(text, most_depth):
            raise BadRequest(f"the body is nested deeper than {most_depth} levels")
        body = json.loads(text)
        # Python reads NaN, 1e999 and half a surrogate pair, and nobody behind it does.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except BadRequest:
        raise
    except ValueError as error:
        # The errors of codecs and of json quote the body or a part of it.
        reason = getattr(error, "msg", None) or getattr(error, "reason", None)
        raise BadRequest(f"the body is no JSON: {reason or 'a number is out of range'}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def deeper_than(text: str, most_depth: int) -> bool:
    """Tell whether a JSON text is nested deeper than `most_depth`, without recursion.

    A parser that recurses ends with an error at best: where the user has raised Python's
    recursion limit, with the process.
    """
    if text.count("[") + text.count("{") <= most_depth:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match.group()
        if found in ("[", "{"):
            depth += 1
            if depth > most_depth:
                return True
        elif found in ("]", "}"):
            depth -= 1
    return False
