"""The rows that the ledger writes: those of a request, and an error that is found later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rows:
    """One request's rows.

    Attributes:
        request: The row of the table of requests.
        calls: A row for each attempt and each side call.
        tags: The request's tags.
    """

    request: dict[str, Any]
    calls: list[dict[str, Any]]
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a request that was already recorded as answered.

    Attributes:
        request_id: The request's own id.
        error: Name of the error's class.
    """

    request_id: str
    error: str
