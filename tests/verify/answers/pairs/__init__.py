"""Pairs of answers, written by hand: do both mean the same?

Each is (one answer, another, whether they mean the same), with the question where it matters.
"""

from __future__ import annotations

from tests.verify.answers.pairs import choices, code, dresses, maths, numbers, recorded, texts

GROUPS = {
    "choices": choices.PAIRS,
    "numbers": numbers.PAIRS,
    "maths": maths.PAIRS,
    "code": code.PAIRS,
    "texts": texts.PAIRS,
    "dresses": dresses.PAIRS,
    "recorded": recorded.PAIRS,
}
EVERY = [
    (group, one, other, expected, rest[0] if rest else "")
    for group, pairs in GROUPS.items()
    for one, other, expected, *rest in pairs
]
MISSED = {
    # Without the question it can't be told whether the program is the answer, or what it prints.
    ("```python\nprint(1)\n```\nThe output is 1.", "1"),
}
"""Pairs that mean the same and are held to differ: the dearer way, but not the wrong one."""
