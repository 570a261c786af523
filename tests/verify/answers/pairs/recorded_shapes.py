"""Answers in the shapes of recorded ones: what they say and their numbers are this package's own.

JSON with the working beside it, GSM8K's marks, "The answer is (G).", literals of code and LaTeX.
"""

from __future__ import annotations

import json

BOOKS = "A shelf holds 6 rows of 14 books and 5 more lie on top. How many books are there?"
CODE = "def f(words):\n    return [w[::-1] for w in words if w]\nassert f(['ab', '', 'cd']) == ??"
OPTIONS = "Which gas do plants take in?\nA) oxygen\nB) helium\nC) carbon dioxide\nD) neon"


def worked(answer: object) -> str:
    """JSON as a model writes it that is asked for its working and its answer."""
    return json.dumps({"reasoning": "6 rows of 14 make 84, and 5 more are 89.", "answer": answer})


WORKED = [
    (one, other, expected, BOOKS)
    for one in (
        worked("89"),
        worked(89),
        worked("89 books"),
        f"```json\n{worked('89')}\n```",
        "6 rows are 6*14=<<6*14=84>>84 books.\nWith 5 more there are 84+5=<<84+5=89>>89.\n#### 89",
        "There are 6 * 14 = 84 books in the rows.\n84 + 5 = 89\nSo there are **89** books.",
        "First the rows: 6 x 14 = 84. Then those on top: 84 + 5 = 89. The answer is 89.",
        "$6 \\times 14 + 5 = \\boxed{89}$",
    )
    for other, expected in (
        (worked("89"), True),
        (worked("eighty-nine"), True),
        ("#### 89", True),
        (worked("84"), False),
        (worked("about 90"), False),
        (worked("more than 89"), False),
        ("6 rows of 14 are <<6*14=84>>84 books.\n#### 84", False),
    )
]
OUTPUTS = [
    (json.dumps({"reasoning": "each is turned", "answer": one}), other, expected, CODE)
    for one, other, expected in (
        ("['ba', 'dc']", '["ba", "dc"]', True),
        ("['ba', 'dc']", "['ba','dc']", True),
        ("['ba', 'dc']", "['dc', 'ba']", False),
        ("['ba', 'dc']", "['ba', '', 'dc']", False),
        ("['ba', 'dc']", "['Ba', 'dc']", False),
        ("'ba dc'", '"ba dc"', True),
        ("'ba dc'", "ba dc", True),
        ("'ba dc'", "'ba  dc'", False),
        ("'ba dc '", "'ba dc'", False),
        ("' ba'", "'  ba'", False),
        ("{'ba': 1, 'dc': 2}", "{'dc': 2, 'ba': 1}", True),
        ("{'ba': 1, 'dc': 2}", "{'ba': 2, 'dc': 1}", False),
        ("('ba', 2)", "['ba', 2]", False),
        ("(1,)", "1", False),
        ("True", "False", False),
        (" ba", "ba", False),
        ("'ba '", "'ba '", True),
        ("3", "3.0", False),
        ("-3", "3", False),
        ("'3'", "3", True),
    )
]
LETTERS = [
    (one, other, expected, OPTIONS)
    for one in (
        "Plants take in carbon dioxide to grow, so it is the third. The answer is (C).",
        "Answer: C",
        "**C) carbon dioxide**",
        "carbon dioxide",
        worked("C"),
        "The others are not used for it. The correct option is C.",
    )
    for other, expected in (
        ("The answer is (C).", True),
        ("C. carbon dioxide", True),
        ("The answer is (A).", False),
        ("oxygen", False),
        ("The answer is not (C).", False),
        ("C is wrong.", False),
        ("Both (A) and (C).", False),
    )
]
MATHS = [
    (f"So we get $x = {one}$.\n\nThe final answer is: $\\boxed{{{one}}}$", other, expected)
    for one, other, expected in (
        ("\\frac{5}{8}", worked("5/8"), True),
        ("\\frac{5}{8}", worked("0.625"), True),
        ("\\frac{5}{8}", worked("8/5"), False),
        ("-\\frac{5}{8}", worked("5/8"), False),
        ("3\\sqrt{5}", worked("3√5"), True),
        ("3\\sqrt{5}", worked("\\sqrt{45}"), True),
        ("3\\sqrt{5}", worked("5√3"), False),
        ("[2, 7)", worked("[2,7)"), True),
        ("[2, 7)", worked("[2,7]"), False),
        ("[2, 7)", worked("2, 7"), False),
        ("(-\\infty, 4)", worked("(-∞, 4)"), True),
        ("(-\\infty, 4)", worked("(-∞, 4]"), False),
        ("x^2 - 3x + 2", worked("(x-1)(x-2)"), True),
        ("x^2 - 3x + 2", worked("x^2 + 3x + 2"), False),
        ("2 + 3i", worked("3i + 2"), True),
        ("2 + 3i", worked("2 - 3i"), False),
        ("48\\pi", worked("48π"), True),
        ("48\\pi", worked("48"), False),
        ("72^\\circ", worked("72°"), True),
        ("72^\\circ", worked("72"), True),
        ("12{,}500", worked("12500"), True),
        ("1, 6", worked("6, 1"), True),
        ("1, 6", worked("6"), False),
    )
]
PAIRS = [*WORKED, *OUTPUTS, *LETTERS, *MATHS]
