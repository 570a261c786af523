"""Pairs of answers, written by hand: do both mean the same?

Each is (one answer, another, whether they mean the same), with the question where it matters.
"""

from __future__ import annotations

from tests.verify.answers.pairs import (
    amounts,
    choices,
    claims,
    code,
    dresses,
    maths,
    moments,
    neighbours,
    numbers,
    outsiders,
    recorded,
    recorded_shapes,
    seen,
    strangers,
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
    "moments": moments.PAIRS,
    "amounts": amounts.PAIRS,
    "claims": claims.PAIRS,
    "recorded shapes": recorded_shapes.PAIRS,
    "seen": seen.PAIRS,
    "neighbours": neighbours.PAIRS,
    "strangers": strangers.PAIRS,
}
EVERY = [
    (group, one, other, expected, rest[0] if rest else "")
    for group, pairs in GROUPS.items()
    for one, other, expected, *rest in pairs
]
MISSED = (
    {
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
        ("3 Mar 21", "3 March 2021"),
        ("20210303", "2021-03-03"),
        ("2021-03-03T00:00:00", "2021-03-03"),
        ("The meeting on March 3, 2021 was moved to March 5, 2021.", "March 5, 2021"),
        ("halb vier", "3:30"),
        ("half a million", "500,000"),
        ("x = 8 or x = 14", "x ∈ {8, 14}"),
        ("(2, 3)", "2, 3"),
        ("5 mL", "5 cc"),
        ("36 km/h", "10 m/s"),
        ("One might think 5, but it's 6", "6"),
        ("At first glance 5, but really 6.", "6"),
        ("It used to be 5; now it's 6.", "6"),
        ("Probably not", "No"),
        ("Yes and I am certain.", "Yes"),
        ("No doubt, yes.", "Yes"),
        ("no problem, yes", "Yes"),
        ("1st", "first"),
        ("It's not A; it's B", "B"),
        ("A is wrong, so B", "B"),
        ("I'd rule out B and C, leaving A.", "A"),
        ("He scored 3 goals in 2 games.", "3"),
    }
    | neighbours.MISSED
    | strangers.MISSED
)
"""Pairs that mean the same and are held to differ: the dearer way, but not the wrong one."""
