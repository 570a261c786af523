"""Sets of words."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """Return the set of a text's space-separated words."""
    return frozenset(words.split())
