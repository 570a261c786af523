"""What a complexity is made of, for whoever wants to see why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that moved a complexity.

    Attributes:
        name: A feature as a person calls it, or the word that was found.
        moved: What it added to the classifier's raw score; negative where it lowered it. Parts of
            one request can be compared with each other.
        word: Whether the name is a word of the request itself.
    """

    name: str
    moved: float
    word: bool = False
