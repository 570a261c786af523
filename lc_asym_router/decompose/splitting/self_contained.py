"""Whether a part of a request is self-contained, or may refer to another part."""

from __future__ import annotations

import re
from collections.abc import Collection

from lc_asym_router._internal.imports import word_set
from lc_asym_router.decompose.splitting.tokens import FILLER
from lc_asym_router.decompose.splitting.wording import (
    COMPARING,
    ELLIPTIC,
    FOLLOWING_UP,
    LEAD,
    META,
    POINTING,
    VAGUE,
)

SHORT = 2
"""Words of a part that can't stand alone: "Why?", "How so?"."""
_TOKEN = re.compile(rf"[\w{FILLER}][\w{FILLER}'’.\-]*(?<![.\-])|[^\w\s]")
_VARIABLE = re.compile(r"(?<![\w'’])[b-zB-HJ-Z](?![\w'’])")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ASKS = re.compile(
    r"^\W*(?:(?:in|at|on|by|for|to|from|since|of)\s+)?"
    r"(?:what|what's|who|who's|whom|whose|when|where|why|how|which)\b",
    re.I,
)
_SUM = re.compile(
    r"\d\)?\s*(?:[-+*/×÷·^]|plus\b|minus\b|times\b|divided by\b|multiplied by\b|mod(?:ulo)?\b|"
    r"percent of\b|% of\b|to the power of\b)\s*\(?-?\d"
    r"|\b(?:sum|product|difference|quotient|divisor|multiple) (?:of|between) \d+ and \d",
    re.I,
)
_TOPIC = re.compile(
    r"^\W*(?:what|who)(?:'s|\s+(?:is|are|was|were))\s+an?\s+[\w-]+(?:\s+[\w-]+){0,2}\s*\?*$", re.I
)
"""A question for a thing of that kind: "What is a monad?"."""
_DEFINING = re.compile(
    r"^\W*(?:(?:what|who)(?:'s|\s+(?:is|are|was|were))\s+[\w-]+(?:\s+[\w-]+)?"
    r"|how\s+do(?:es)?\s+[\w-]+(?:\s+[\w-]+)?\s+work)\s*\?*$",
    re.I,
)
_ADJUNCT = word_set(
    "in at on to for from with by after before during under over near into about against "
    "as since until through without within than like using via"
)
"""What stands behind these is only a circumstance: "Who scored in Rome?" asks about something else."""
_PASSED = word_set("the a an and or , old great new")
_SUPERLATIVE = re.compile(r"^(?:\w{3,}est|most|least|best|worst)$", re.I)
_ORDINAL = re.compile(r"^(?:first|second|third|fourth|fifth|last|\d+(?:st|nd|rd|th))$", re.I)
_UNIQUE = word_set("sky sun moon earth world universe internet")
_CLAUSE = word_set("that which who whose where when such to for")
_TITLE_CASE = word_set("Is Are Was Were The Of Did Does Do To")
_FOLLOWS = word_set(
    "is are was were do does did has have had will would in on of at from to by for and or with"
)


def words_of(shown: str) -> set[str]:
    """Return a text's words, in lower case."""
    return {word.lower() for word in _WORD.findall(shown)}


def variables(shown: str) -> set[str]:
    """Return a text's single letters: names that only the text itself defines."""
    return set(_VARIABLE.findall(shown))


def is_self_contained(shown: str, known: Collection[str] = ()) -> bool:
    """Whether a sentence of running text is self-contained.

    It is, if it asks about something that it names, and has no word that may refer to an earlier
    text.

    Args:
        shown: The sentence, with quotations and code masked.
        known: Words of the text that every part is given.
    """
    body = LEAD.sub("", shown)
    asks = shown.rstrip("\"') ").endswith(("?", "？"))
    return (
        (not asks or bool(_ASKS.match(body)))
        and len(body.split()) > SHORT
        and not refers_back(shown, known)
        and not VAGUE.search(body)
        and _anchored(body, known)
    )


def refers_back(shown: str, known: Collection[str] = ()) -> bool:
    """Whether a sentence has words that may refer to another one.

    Args:
        shown: The sentence, with quotations and code masked.
        known: Words of the text that every part is given.
    """
    body = LEAD.sub("", shown).strip()
    compared = COMPARING.search(body) and not re.search(r"\b(?:than|or)\b", body)
    return bool(
        not body
        or FOLLOWING_UP.match(shown)
        or FOLLOWING_UP.match(body)
        or POINTING.search(body)
        or META.search(body)
        or ELLIPTIC.match(body)
        or compared
        or open_nouns(body, known)
    )


def named(shown: str) -> bool:
    """Whether a question in a list names what it is about."""
    body = LEAD.sub("", shown)
    return bool(_DEFINING.match(body) or re.search(r"\d|\$", body)) or _anchored(body, ())


def open_nouns(shown: str, known: Collection[str] = ()) -> list[str]:
    """Return the nouns after "the" that the sentence does not complete.

    "the author" is one, "the author of Faust" is not.

    Args:
        shown: The sentence, with quotations and code masked.
        known: Words of the text that every part is given; these nouns are not returned.
    """
    tokens = _TOKEN.findall(shown)
    if _TITLE_CASE & set(tokens[1:]):
        return ["?"]  # every word has a capital: names can't be told
    return [
        _head(tokens, at)
        for at, token in enumerate(tokens)
        if token.lower() == "the" and not _completed(tokens, at, known)
    ]


def _head(tokens: list[str], at: int) -> str:
    """Return the noun after "the", past words that only order or measure it."""
    for token in tokens[at + 1 : at + 4]:
        if not _ORDINAL.match(token) and not _SUPERLATIVE.match(token):
            return token.lower()
    return ""


def _completed(tokens: list[str], at: int, known: Collection[str]) -> bool:
    head = _head(tokens, at)
    after = [*tokens[at + 1 : at + 7], "", "", ""]
    if head in _UNIQUE or head in known:
        return True
    for place, token in enumerate(after[:5]):
        if token in _CLAUSE and place:
            return True
        if token == "of" and place:
            return bool(after[place + 1])
        if token == "between" and place:
            return "and" in tokens[at : at + 20]
        if token == "in" and place and _SUPERLATIVE.match(after[0]):
            return _named(after[place + 1])
        if token in _ADJUNCT or (token and not token[0].isalnum() and token[0] != FILLER):
            break
    if _named(after[0]):
        return _named(after[1]) or after[1] in _FOLLOWS or not after[1][:1].isalnum()
    return _named(after[1]) or after[1] == "$"  # "the word MATH", "the number 97"


def _named(token: str) -> bool:
    """Whether it is a name, a number, or masked."""
    return token[:1] == FILLER or token[:1].isdigit() or (token[:1].isupper() and token != "I")


def _anchored(body: str, known: Collection[str]) -> bool:
    """Whether a sentence names what it is about, and not just a time or place."""
    tokens = _TOKEN.findall(body)
    if _SUM.search(body) or (_TOPIC.match(body) and not META.search(body)):
        return True
    if not any(letter.islower() for letter in body):
        return False
    heads = {_head(tokens, at) for at, token in enumerate(tokens) if token.lower() == "the"}
    if heads & (_UNIQUE | set(known)):
        return True
    circumstance = False
    for at, token in enumerate(tokens):
        if at and _named(token):
            if not circumstance and not token[0].isdigit():
                return True
        elif not at or token not in _PASSED:
            circumstance = token.lower() in _ADJUNCT and not (
                token == "in" and any(_SUPERLATIVE.match(t) for t in tokens[max(0, at - 3) : at])
            )
    return False
