"""Check whether the answer is a refusal."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, ClassVar

from langchain_core.messages import AIMessage

from lc_asym_router.tiers.provider import WITHHELD, finish_reason
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.prefix import Prefix

_BEGINNING = 600
"""Characters in which an answer says that the means are missing."""

_NO_SPACES = "\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7a3"
"""Characters of Thai, Japanese, Chinese and Korean, as a range of a pattern."""


class Refusal(Check):
    """Passes if the answer is no refusal.

    A refusal is a provider's refusal block or field, a stop for content filtering, or a text that
    begins with one of the phrases in `refusals.json` next to this file (by language). Only the
    beginning counts: an answer may quote a refusal later. Where tools are bound, an answer
    that says that no tool, access or live data fits the question is an answer, and passes.

    Args:
        phrases: More phrases that an answer must not begin with, in any case.
    """

    instant: ClassVar[bool] = True
    vouches: ClassVar[str] = "form"

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self.phrases = tuple(phrases)

    def check(self, attempt: Attempt) -> Verdict:
        if _refused_by_provider(attempt.message):
            return Verdict(False, reason="the provider marked the answer as a refusal")
        if begins_with_refusal(attempt.text, self.phrases) and not (
            attempt.request.tools and no_tool_fits(attempt.text)
        ):
            return Verdict(False, reason="the answer begins like a refusal")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        # A phrase at the very end may yet go on: "I can't help with" as "without".
        if prefix.request.tools and (len(prefix.text) < _BEGINNING or no_tool_fits(prefix.text)):
            # What follows may say that no tool fits.
            return None
        plain = _plain(prefix.text[:400])
        found = _pattern(self.phrases).match(plain)
        if found and found.end() < len(plain):
            return Verdict(False, reason="the answer begins like a refusal")
        return None


def begins_with_refusal(text: str, phrases: tuple[str, ...] = ()) -> bool:
    """Whether a text (or the beginning of one) is a refusal's."""
    return bool(_pattern(phrases).match(_plain(text[:400])))


def no_tool_fits(text: str) -> bool:
    """Whether a text says at its beginning that the means for an answer are missing.

    That is what a model with tools is to say where none of them fits. A refusal by a rule is none.
    """
    means, rules = _means()
    plain = _plain(text[:_BEGINNING])
    return bool(means.search(plain)) and not rules.search(plain)


def _refused_by_provider(message: AIMessage) -> bool:
    if message.additional_kwargs.get("refusal"):
        return True
    if finish_reason(message) in WITHHELD:
        return True
    return isinstance(message.content, list) and any(
        isinstance(block, dict) and (block.get("type") == "refusal" or block.get("refusal"))
        for block in message.content
    )


def _plain(text: str) -> str:
    lowered = unicodedata.normalize("NFC", text).replace("’", "'").lower()
    return re.sub(r"\s+", " ", lowered).lstrip(" *_#>\"'")


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        (files(__package__) / "refusals.json").read_text(encoding="utf-8")
    )
    return data


@lru_cache(maxsize=1)
def _means() -> tuple[re.Pattern[str], re.Pattern[str]]:
    # In the scripts that put spaces, a word begins where its stem does.
    means, rules = (_any_of(_flat(_data()[key])) for key in ("means", "rules"))
    started = rf"(?:(?<!\w)|(?<=[{_NO_SPACES}]))"
    return re.compile(rf"{started}(?:{means})"), re.compile(rf"{started}(?:{rules})")


@lru_cache(maxsize=64)
def _pattern(extra: tuple[str, ...]) -> re.Pattern[str]:
    data = _data()
    alone = _any_of([*_flat(data["phrases"]), *extra])
    between = r"[\s,.!:;\-–—，。！、：،।]*"
    apology = _any_of(_flat(data["apologies"]))
    opener = rf"(?:{_any_of([*data['openers'], *_flat(data['apologies'])])}){between}"
    behind = _any_of(_flat(data["after_opener"]))
    verbs = _any_of(_flat(data["refusing_verbs"]))
    # A phrase ends at the end of a word; some scripts put nothing there, and Korean an ending.
    ended = rf"(?:(?<=[{_NO_SPACES}])|(?!\w))"
    sentence = rf"(?:{apology}){ended}{between}[^.!?。！？।\n]{{0,60}}?(?:{verbs})"
    return re.compile(rf"(?:(?:{opener})*(?:{alone})|(?:{opener})+(?:{behind})|{sentence}){ended}")


def _flat(by_language: dict[str, list[str]]) -> list[str]:
    return [phrase for phrases in by_language.values() for phrase in phrases]


def _any_of(phrases: Iterable[str]) -> str:
    # Longest first: "as an ai language model" must not stop at "as an ai".
    return "|".join(sorted((re.escape(_plain(phrase)) for phrase in phrases), key=len)[::-1])
