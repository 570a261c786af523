"""What models say to the questions of 03: `pupil(steps) -> answer(body)`, for a server's `default`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.behaviour.answering import Asked, answer
from tests.notebooks.pairs import SCRIPTS
from tests.servers import Reply

_CAPITALS = r'CAPITALS = """(.*?)"""'


def pupil(steps: int) -> Callable[[dict[str, Any]], Reply]:
    """Somebody who knows all capitals, and gets stories right that have no more than so many steps."""
    listed = re.search(_CAPITALS, SCRIPTS[2].read_text(encoding="utf-8"), re.DOTALL)
    assert listed
    capitals = dict(each.split() for each in listed[1].split(","))

    def says(body: dict[str, Any]) -> Reply:
        text = Asked(body).text
        if asked := re.search(r"capital of (\w+)\?", text):
            return Reply(capitals[asked[1]])
        if "How many" not in text:
            return answer(body)
        counts = [int(count) for count in re.findall(r"\d+", text)]
        return Reply(str(sum(counts[: steps + 1])))

    return says
