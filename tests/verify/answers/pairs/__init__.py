"""Pairs of answers, written by hand: do both mean the same?

Each is (one answer, another, whether they mean the same), with the question where it matters.
"""

from __future__ import annotations

from tests.verify.answers.pairs import (
    choices,
    code,
    dresses,
    maths,
    numbers,
    outsiders,
    recorded,
    texts,
)

GROUPS = {
    "choices": choices.PAIRS,
    "numbers": numbers.PAIRS,
    "maths": maths.PAIRS,
    "code": code.PAIRS,
    "texts": texts.PAIRS,
    "dresses": dresses.PAIRS,
    "recorded": recorded.PAIRS,
    "outsiders": outsiders.PAIRS,
}
EVERY = [
    (group, one, other, expected, rest[0] if rest else "")
    for group, pairs in GROUPS.items()
    for one, other, expected, *rest in pairs
]
MISSED = {
    # Without the question it can't be told whether the program is the answer, or what it prints.
    ("```python\nprint(1)\n```\nThe output is 1.", "1"),
    ("2h30", "2.5 hours"),
    ("2 h 30 min", "2:30 hours"),
    ("($15)", "-$15"),
    ("0 °C", "32 °F"),
    ("180 degrees", "π radians"),
    ("5 m/s", "18 km/h"),
    ("Paris (France)", "Paris"),
    ("United States", "USA"),
    ("colour", "color"),
    ("He paid $12.50 for lunch and $7.50 for dinner, so he paid $20 in all.", "$20"),
    ("£3m", "3 million pounds"),
    ("50p", "£0.50"),
    ("Answer: A\n\nOn second thought, B.", "B"),
    ("no solutions", "There is no solution."),
}
"""Pairs that mean the same and are held to differ: the dearer way, but not the wrong one."""
