"""Which tags of a run are the caller's own."""

from __future__ import annotations

from collections.abc import Iterable

FRAMEWORK_TAGS = ("graph:", "seq:", "map:", "langsmith:", "nostream")
"""How the tags begin that LangChain and LangGraph put on runs themselves."""


def own_tags(tags: Iterable[str]) -> list[str]:
    """The tags without the frameworks' own."""
    return [tag for tag in tags if not tag.startswith(FRAMEWORK_TAGS)]
