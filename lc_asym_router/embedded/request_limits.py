"""Bounds on what the embedded server reads, and reading a request's JSON within them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import inf
from typing import Any

from lc_asym_router.embedded.api_errors import BadRequest

try:
    import resource
except ImportError:  # Windows, where a process has no such limit
    resource = None  # type: ignore[assignment]

_MOST_CONNECTIONS = 128
_SHARE_OF_FILES = 8


@dataclass(frozen=True)
class Limits:
    """Limits on connections and requests; times are in seconds, sizes in bytes.

    Attributes:
        connections: Connections open at once. At the limit a new one takes the place of the
            oldest that owes a request or a part of one.
        head_bytes: Size of a request's line and headers.
        head_seconds: Time for a head to arrive, from the connection's beginning or the end of
            the previous answer.
        body_bytes: Size of a request's body.
        body_seconds: Time for a body to arrive.
        stalled_seconds: Time that a client may leave its answer unread while the answer waits.
        json_depth: How deep a body's JSON may be nested.
    """

    connections: int = _MOST_CONNECTIONS
    head_bytes: int = 16 * 2**10
    head_seconds: float = 10.0
    body_bytes: int = 4 * 2**20
    body_seconds: float = 30.0
    stalled_seconds: float = 120.0
    json_depth: int = 100

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: When one of them leaves no room for a request.
        """
        if self.connections < 4:
            raise ValueError("Limits: connections must be 4 or more.")
        for name in (
            "head_bytes",
            "head_seconds",
            "body_bytes",
            "body_seconds",
            "stalled_seconds",
            "json_depth",
        ):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"Limits: {name} must be a finite number over 0.")

    @property
    def requests(self) -> int:
        """Requests served concurrently; the other connections are for heads and rejections."""
        return self.connections * 3 // 4

    @property
    def client_connections(self) -> int:
        """Connections that each of our own clients opens at most; further calls wait in the client."""
        return max(1, self.connections // 4)

    @property
    def backlog(self) -> int:
        """Connections that the operating system queues before they are accepted and counted."""
        return self.connections


def process_limits(most: int = _MOST_CONNECTIONS) -> Limits:
    """Return the default limits of this process.

    Args:
        most: The most connections, however many files it may open.

    A request in service costs two of the process's files, and connections under acceptance
    come on top: an eighth of what the process may open leaves it two thirds.
    """
    if resource is None:
        return Limits(connections=most)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return Limits(connections=most)
    return Limits(connections=max(4, min(most, files // _SHARE_OF_FILES)))


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
