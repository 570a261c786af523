"""Sets of words, as data."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """The words of a text with spaces between them."""
    return frozenset(words.split())
