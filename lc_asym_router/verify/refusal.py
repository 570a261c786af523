"""Is the answer a refusal?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar

from langchain_core.messages import AIMessage

from lc_asym_router.tiers.provider import finish_reason
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.prefix import Prefix


class Refusal(Check):
    """Passes where the answer is no refusal.

    A refusal is a refusal block or field of the provider's, a stop for content filtering, or a text
    that begins with one of the phrases in `refusals.json` beside this file (by language). Only the
    beginning counts: an answer may quote a refusal further down.

    Args:
        phrases: More phrases that an answer must not begin with, in any case.
    """

    vouches: ClassVar[str] = "form"

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self.phrases = tuple(phrases)

    def check(self, attempt: Attempt) -> Verdict:
        if _refused_by_provider(attempt.message):
            return Verdict(False, reason="the provider marked the answer as a refusal")
        if begins_with_refusal(attempt.text, self.phrases):
            return Verdict(False, reason="the answer begins like a refusal")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        # A phrase at the very end may yet go on: "I can't help with" as "without".
        plain = _plain(prefix.text[:400])
        found = _pattern(self.phrases).match(plain)
        if found and found.end() < len(plain):
            return Verdict(False, reason="the answer begins like a refusal")
        return None


def begins_with_refusal(text: str, phrases: tuple[str, ...] = ()) -> bool:
    """Whether a text (or the beginning of one) is a refusal's."""
    return bool(_pattern(phrases).match(_plain(text[:400])))


def _refused_by_provider(message: AIMessage) -> bool:
    if message.additional_kwargs.get("refusal"):
        return True
    if finish_reason(message) in {"content_filter", "refusal", "safety"}:
        return True
    return isinstance(message.content, list) and any(
        isinstance(block, dict) and (block.get("type") == "refusal" or block.get("refusal"))
        for block in message.content
    )


def _plain(text: str) -> str:
    lowered = text.replace("’", "'").lower()
    return re.sub(r"\s+", " ", lowered).lstrip(" *_#>\"'")


@lru_cache(maxsize=64)
def _pattern(extra: tuple[str, ...]) -> re.Pattern[str]:
    data = json.loads((files(__package__) / "refusals.json").read_text(encoding="utf-8"))
    alone = _any_of([*_flat(data["phrases"]), *extra])
    opener = rf"(?:{_any_of(data['openers'])})[\s,.!:;\-–—，。！、：]*"
    behind = _any_of(_flat(data["after_opener"]))
    # A phrase ends at the end of a word; Chinese and Japanese put nothing there.
    ended = r"(?:(?<=[\u3040-\u9fff])|(?!\w))"
    return re.compile(rf"(?:(?:{opener})*(?:{alone})|(?:{opener})+(?:{behind})){ended}")


def _flat(by_language: dict[str, list[str]]) -> list[str]:
    return [phrase for phrases in by_language.values() for phrase in phrases]


def _any_of(phrases: Iterable[str]) -> str:
    # Longest first: "as an ai language model" must not stop at "as an ai".
    return "|".join(sorted((re.escape(_plain(phrase)) for phrase in phrases), key=len)[::-1])
