"""Read what the text before and after a list says about the list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lc_asym_router.decompose.splitting.tokens import FILLER, masked
from lc_asym_router.decompose.splitting.wording import (
    ANNOUNCEMENT,
    BARE_ANNOUNCEMENT,
    DATA,
    DOING,
    FOR_EACH,
    GREETING,
    HEADING,
    IMPERATIVE,
    STATEMENT,
    STYLE,
    TOGETHER,
    WHOLE_FORMAT,
)

_SENTENCE = re.compile(r"(?<=[.!?:])\s+")
_AT_ONCE = re.compile(
    r"\bone (?!words?\b)\w|\b(?:\d+|hundred|few) (?:words|sentences|characters|lines)\b", re.I
)
"""A form that one answer to all of them may be meant to have."""
_THIS_CODE = re.compile(r"^\W*given (?:this|the following)(?: \w+){1,3}:\s*$", re.I)
_OF_THE_TABLE = re.compile(r"\b(?:of|in|from) (?:the|this) (?:\w+ )?table\b", re.I)


@dataclass(frozen=True)
class LeadIn:
    """What the text before a list says about it.

    Attributes:
        kind: "nothing"; "tasks": its items are tasks; "given": the text is what the items are
            about; "each": the same task applies to each item.
        context: The text that every step must be given.
    """

    kind: Literal["nothing", "tasks", "given", "each"]
    context: str = ""


def lead_in_of(before: str) -> LeadIn | None:
    """Read the text before a list.

    Returns `None` where its meaning is uncertain, or where it asks for something about the list as
    a whole.

    Args:
        before: The text, unmasked.
    """
    shown = masked(before)
    parts = [part for part in _SENTENCE.split(shown) if part.strip(" :")]
    if not parts:
        return LeadIn("nothing")
    if "?" in shown or WHOLE_FORMAT.search(_OF_THE_TABLE.sub("", shown)):
        return None
    kinds = [_kind(part, last=part is parts[-1]) for part in parts]
    if None in kinds or "each" in kinds[:-1]:
        return None
    if kinds[-1] == "each":
        return LeadIn("each", before)
    stated = any(kind in ("given", "style", "announced") for kind in kinds)
    announced = any(kind in ("tasks", "announced", "style") for kind in kinds)
    if not announced and "given" not in kinds:
        return LeadIn("nothing")
    return LeadIn("tasks" if announced else "given", before if stated else "")


def is_style(behind: str) -> bool:
    """Whether the text after a list only says how to answer, for each part alike.

    Args:
        behind: The text, unmasked.
    """
    shown = masked(behind)
    parts = [part for part in _SENTENCE.split(shown) if part.strip()]
    return not WHOLE_FORMAT.search(shown) and all(
        STYLE.match(part) and not TOGETHER.search(part) and not _AT_ONCE.search(part)
        for part in parts
    )


def _kind(part: str, last: bool) -> str | None:
    """Classify a sentence before a list; `None` where its meaning is uncertain."""
    if GREETING.match(part) or HEADING.match(part):
        return "dropped"
    if BARE_ANNOUNCEMENT.match(part):
        return "announced" if DOING.match(part) else "tasks"
    together = TOGETHER.search(part) or _AT_ONCE.search(part)
    if ANNOUNCEMENT.match(part):
        return None if together else "announced"
    if last and (match := FOR_EACH.match(part)):
        joined = TOGETHER.search(match["rest"]) or re.search(r"\band\b", match["rest"])
        return None if joined else "each"
    if STYLE.match(part):
        return None if together else "style"
    if not part.strip(f"{FILLER} \n") or (_THIS_CODE.match(part) and not last):
        return "given"  # "Given this code:" and the code
    if part.rstrip().endswith(":") or FILLER in part or IMPERATIVE.match(part) or DATA.search(part):
        return None
    return "given" if STATEMENT.match(part) else None
