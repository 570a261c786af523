"""`make trip`: the way of one plain `invoke` through our own code, file by file.

It is the second call of a process: sync, on fakes, with the keyword rule and the default checks, and
the small answer passes. Counts of files and calls, no times: they are the same on every machine. A
resumed generator and a comprehension count as calls, as `sys.setprofile` sees them on Python 3.11.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage

import lc_asym_router
from lc_asym_router import AsymRouter

MOST_FILES = 25
MOST_CALLS = 250
QUESTION, ANSWER = "What is the capital of France?", "The capital of France is Paris."
_PACKAGE = Path(lc_asym_router.__file__).parent


@dataclass
class Trip:
    """What a call went through.

    Attributes:
        functions: Calls of each function, by file and by the line that it begins in, in order of
            first entry.
    """

    functions: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """Calls into our functions."""
        return sum(counts.total() for counts in self.functions.values())

    def enter(self, frame: FrameType, event: str, arg: Any) -> None:
        """Count a call, if it is one of ours."""
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(_PACKAGE)):
            file = str(Path(code.co_filename).relative_to(_PACKAGE))
            self.functions.setdefault(file, Counter())[code.co_qualname] += 1

    def __str__(self) -> str:
        lines = []
        for file, counts in self.functions.items():
            lines.append(f"{file} ({counts.total()})")
            lines += [f"    {name}" + (f" x{n}" if n > 1 else "") for name, n in counts.items()]
        return "\n".join([*lines, f"{len(self.functions)} files, {self.calls} calls"])


def fake_router() -> AsymRouter:
    """A router on fakes whose small answer passes."""
    small, frontier = (FakeMessagesListChatModel(responses=[AIMessage(ANSWER)]) for _ in range(2))
    return AsymRouter(small=small, frontier=frontier, classify="keyword", verify="form")


def followed(call: Callable[[], object]) -> Trip:
    """The trip of one call in this thread."""
    trip = Trip()
    sys.setprofile(trip.enter)
    try:
        call()
    finally:
        sys.setprofile(None)
    return trip


def warm_trip() -> Trip:
    """The trip of a process's second request."""
    router = fake_router()
    router.invoke(QUESTION)
    return followed(lambda: router.invoke(QUESTION))


if __name__ == "__main__":
    found = warm_trip()
    print(found)
    sys.exit(len(found.functions) > MOST_FILES or found.calls > MOST_CALLS)
