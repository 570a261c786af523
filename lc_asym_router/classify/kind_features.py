"""Numbers that say what kind of work a request asks for. Standard library only."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from lc_asym_router.classify.features import HEAD, TAIL
from lc_asym_router.classify.kind_words import KIND_GROUPS, KIND_WORDS

KIND_FEATURES_VERSION = 1
"""Raised with every change of a feature or of the words: weights of another version are refused."""

BUCKETS = 1 << 14
"""Places that the words are hashed to."""

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?|[0-9]+|\\[a-zA-Z]+|[^\w\s]")
_DENSE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
# No part may look far for its end from many beginnings: texts of one letter must stay cheap.
_CODE = re.compile(
    r"```|^[ \t]*(?:def|class|import|from|function|public|private|const|let|var|#include|SELECT|fn"
    r"|func|package)\b|[;{}][ \t]*$|=>|->|\w\(\)|[^\W_]_[^\W_]|\b[a-z]+[A-Z]\w|==|!=|\):|\w\.\w+\(",
    re.M,
)
_MATHS = re.compile(r"\\[a-zA-Z]+|\$|\b[a-z]\^|[≤≥√∑∫π≠∞]|\b[xyzn] ?= ?|\^\{?\d|\b\d+ ?[+*/×÷] ?\d")
_ASKS_FACT = re.compile(r"(?:who|when|where|what|which|is|are|does|do|can)\b", re.I)
_ASKS_WHY = re.compile(r"(?:why|how)\b", re.I)
_NUMBERED = re.compile(r"(?m)^[ \t]*\d+[.)]")

# How much a feature counts beside a hashed word under the same penalty.
_PRESENT, _SHARE, _SIGN = 0.21, 0.6, 0.3
_MOST = 3.0

KIND_NAMES: tuple[str, ...] = (
    *(f"has_{group}" for group in KIND_WORDS),
    *(f"share_{group}" for group in KIND_WORDS),
    "code_signs",
    "maths_signs",
    "fenced",
    "ends_in_question",
    "question_mark",
    "lines",
    "asks_fact",
    "asks_why",
    "numbered",
)
"""The dense features' names, in their order."""


@dataclass(frozen=True, slots=True)
class KindFeatures:
    """What is seen of a request.

    Attributes:
        dense: One number for each of `KIND_NAMES`.
        places: Buckets of its different words, rising, in [0, BUCKETS).
        share: What each of these counts, in (0, 1]; 0 where there is no word.
    """

    dense: Sequence[float]
    places: Sequence[int]
    share: float


def kind_features(text: str) -> KindFeatures:
    """Read a request. Of very long texts the beginning and the end are looked at."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    words = set(_words(text))
    places = sorted({zlib.crc32(word.encode("utf-8", "replace")) % BUCKETS for word in words})
    counts = [0] * len(KIND_WORDS)
    for word in words:
        for group in KIND_GROUPS.get(word, ()):
            counts[group] += 1
    root = math.sqrt(len(words)) or 1.0
    asked = text.strip()
    dense = [
        *(_PRESENT if count else 0.0 for count in counts),
        *(_SHARE * count / root for count in counts),
        _signs(len(_CODE.findall(text))),
        _signs(len(_MATHS.findall(text))),
        _SIGN * ("```" in text),
        _SIGN * asked.endswith(("?", "？")),
        _SIGN * ("?" in text or "？" in text),
        _SIGN * min(1.0, text.count("\n") / 10),
        _SIGN * bool(_ASKS_FACT.match(asked)),
        _SIGN * bool(_ASKS_WHY.match(asked)),
        _SIGN * bool(_NUMBERED.search(text)),
    ]
    # Whether a word is there says as much as how often, and is steadier.
    return KindFeatures(dense, places, 1 / math.sqrt(len(places)) if places else 0.0)


def _signs(count: int) -> float:
    return _SIGN * 0.5 * min(_MOST, math.log1p(count))


def _words(text: str) -> list[str]:
    """Words in lower case; numbers by their length; characters and their pairs without spaces."""
    words: list[str] = []
    for token in _TOKEN.findall(text):
        first = token[0]
        if first.isalpha():
            word = token.lower()
            if not word.isascii() and _DENSE_SCRIPT.search(word):
                words += word
                words += map(str.__add__, word, word[1:])
            else:
                words.append(word)
        elif first == "\\" and len(token) > 1:
            words += ("\\", token)
        else:
            words.append(f"#{min(len(token), 4)}" if "0" <= first <= "9" else token)
    return words
