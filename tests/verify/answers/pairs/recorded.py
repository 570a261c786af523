"""Answers as chains of thought, as programs and as prose, in the forms that recorded ones have."""

from __future__ import annotations

POOL = "How much did he make?"
JULY = "What is the date tomorrow in MM/DD/YYYY?"
CHAIN = "She has {a} + {b} = {c} stamps.\nThen she gives {d} away, so {c} - {d} = {e}.\n{end}"
SUMS = CHAIN.format(a=12, b=9, c=21, d=4, e=17, end="{end}")
PROGRAM = "# Python code, return ans\nprice_of_pen = {a}\npens_bought = {b}\nans = {body}"
COUNTING = (
    "# Python code, return ans\nnum_of_rows = 4\nans = 0\n"
    "for row in range(num_of_rows):\n    ans += {}"
)


def chain(end: str) -> str:
    """A chain of thought that ends so."""
    return SUMS.format(end=end)


CHAINS = [
    (chain(one), other, expected)
    for one in (
        "Answer: 17", "The answer is 17.", "So the answer is 17 stamps.", "ans = 17", "#### 17",
        "Therefore, she has 17 stamps left.", "Thus, \\boxed{17}.", "She has 17 left. Answer: 17.",
    )
    for other, expected in (
        ("17", True), ("17 stamps", True), ("21", False), ("4", False), ("16", False),
        ("17, 21", False),
    )
]  # fmt: skip
DATED = [
    (one.format(day), other, expected, JULY)
    for one, day in (
        ("Today is the 9th. So the answer is {}.", "07/10/2003"),
        ("If today is July 9, 2003, tomorrow is July 10, 2003. So the answer is {}.", "July 10, 2003"),
        ("Tomorrow is {}.", "Jul 10, 2003"),
        ("Answer: {}", "7/10/2003"),
        ("The concert is the day after, on {}", "Thursday, July 10, 2003"),
    )
    for other, expected in (
        ("07/10/2003", True), ("2003-07-10", True), ("10 July 2003", True),
        ("07/09/2003", False), ("10/07/2003", False), ("July 10, 2004", False),
    )
]  # fmt: skip
PROGRAMS = [
    (PROGRAM.format(a=2, b=6, body="price_of_pen * pens_bought"), other, expected)
    for other, expected in (
        (PROGRAM.format(a=2, b=6, body="price_of_pen * pens_bought"), True),
        (PROGRAM.format(a=2, b=6, body="price_of_pen * pens_bought  # in dollars"), True),
        (PROGRAM.format(a=2, b=7, body="price_of_pen * pens_bought"), False),
        (PROGRAM.format(a=2, b=6, body="price_of_pen + pens_bought"), False),
        ("2", False),
        ("6", False),
    )
] + [
    (COUNTING.format("2"), COUNTING.format("2"), True),
    (COUNTING.format("2"), COUNTING.format("3"), False),
    (COUNTING.format("2"), "0", False),
    (COUNTING.format("2"), "4", False),
]
PAIRS = [
    *CHAINS,
    *DATED,
    *PROGRAMS,
    ("Answer: Adds 5+6=11.\nTakes 11*3=33.\nans = 33", "11", False),
    ("Answer: Adds 5+6=11.\nTakes 11*3=33.\nans = 33", "33", True),
    ("Answer: It costs 5*6=30 in all.\nWith the fee 30+4=34.\nIt is 34.", "30", False),
    ("Answer: It costs 5*6=30 in all.\nWith the fee 30+4=34.\nIt is 34.", "34", True),
    ("Leo made $15.00 raking the leaves.", "$15.00", True, POOL),
    ("Leo made $15.00 raking the leaves.", "$50.00", False, POOL),
    ("Leo made $15.00 raking the leaves on Monday", "15", True, POOL),
    ("The ticket was $1. Answer: $1.", "Answer: $1", True),
    ("The ticket was $1. Answer: $1.", "Answer: $2", False),
    ("The ticket was $3 and the snack $2. Answer: $5.", "Answer: $5", True),
    ("The ticket was $3 and the snack $2. Answer: $5.", "Answer: $3", False),
    ("The boat with 12 seats is green.", "12", False),
    ("The room of 30 people was cold.", "30", False),
    ("Step 3 is the one that goes wrong.", "3", False),
    ("See page 7 for how it is done.", "7", False),
    ("In 1990 the capital was moved.", "1990", False),
    ("There are 12 seats in the boat.", "12", True),
    ("It would be wrong to say 12.", "12", False),
    ("It can't be 12, as 12 is even.", "12", False),
    ("It is impossible to get 12 here.", "12", False),
    ("12 is incorrect.", "12", False),
    ("12 is the number.", "12", True),
    ("If it rains 12, otherwise 9.", "12", False),
    ("If it rains 12, otherwise 9.", "9", False),
    ("It depends: 12 by day, 9 by night.", "9", False),
    ("It may be 12 or 13.", "13", False),
    ("Either 12 or 13.", "12", False),
    ("Neither 12 nor 13.", "13", False),
    ("Answer: 12\nAnswer: 13", "12", False),
    ("Answer: 12\nAnswer: 13", "13", True),
    ("The answer is 12. Wait, that is wrong. The answer is 13.", "13", True),
    ("The answer is 12. Wait, that is wrong. The answer is 13.", "12", False),
    ("He needs more than 12 bags.", "12", False),
    ("He needs 12 bags or more.", "12", False),
    ("He needs at most 12 bags.", "12", False),
    ("He needs 12 bags.", "12", True),
    ('{"reasoning": "5 + 7 = 12", "answer": "more than 12"}', "12", False),
    ('{"reasoning": "5 + 7 = 12", "answer": "12 mg"}', "12 mcg", False),
    ('{"reasoning": "the day after", "answer": "07/10/2003"}', "July 10, 2003", True),
    ('{"reasoning": "the day after", "answer": "14:05"}', "2:05 PM", True),
    ('{"reasoning": "both", "answer": "8, 14"}', "14", False),
    ('{"reasoning": "both", "answer": [8, 14]}', "8, 14", True),
    ("12 if it rains", "12", False),
    ("12 (if n is even)", "12", False),
    ("The answer is 12 (if n is even).", "12", False),
    ("12, unless it rains", "12", False),
    ("Yes, if it rains.", "Yes", False),
    ("Yes, only if it rains.", "Yes", False),
    ("Yes, because it rains.", "Yes", True),
    ("Bus 12 is the best one.", "12", False),
    ("My 3 boats are green.", "3", False),
    ("I read your 2 questions and can say nothing.", "2", False),
    ("A day has 24 hours, so it is Monday.", "24", False),
    ("12 at most", "12", False),
    ("12 cm", "12 cm^2", False),
    ("12 square cm", "12 cm^2", True),
    ("12 mg/kg", "12 mg", False),
    ("12 mg/kg", "12 mg/kg", True),
    ("Mon, Sep 10", "Tue, Sep 10", False),
    ("Mon, Sep 10", "Monday, September 10", True),
    ("Q3 2020", "2020", False),
    ("the 19th century", "19", False),
    (chain("The sum of it in 10 years will be 40."), "40", True),
    (chain("So each of them would have 6 pens if they shared them."), "6", True),
]
