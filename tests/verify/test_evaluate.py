"""What programs come to, read by our own reader: what is read, and what is refused in time."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from lc_asym_router.verify.answers.evaluate_program import program_value


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("ans = 2 + 3 * 4", "14"),
        ("a, b = 7, 2\nans = a // b + a % b", "4"),
        ("total = 0\nfor i in range(4):\n    total += i\nans = total", "6"),
        ("n = 6\ns = 0\nwhile n != 1:\n    n = n // 2 if n % 2 == 0 else 3 * n + 1\n    s += 1\nans = s", "8"),
        ("def solution():\n    x = 12\n    return x / 8", "1.5"),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nprint(f(5))", "120"),
        ("ans = sum(x * x for x in [1, 2, 3] if x > 1)", "13"),
        ("ans = f'{3.14159:.2f}'", "3.14"),
        ("ans = ', '.join(sorted(['b', 'a']))", "a, b"),
        ("import math\nans = math.sqrt(49)", "7"),
        ("class C:\n    def __init__(self):\n        self.n = 1\n    def go(self):\n        self.n += 1\n"
         "c = C()\nc.go()\nans = c.n", "2"),
        ("Here it is:\n```python\nans = 1 + 1\n```\nDone.", "2"),
        ("The code again:\n\n# two\nans = 2", "2"),
        ("today = date(2021, 5, 1)\nans = (today + relativedelta(days=1)).strftime('%m/%d/%Y')", "05/02/2021"),
        ("from datetime import datetime, timedelta\n"
         "d = datetime.strptime('02/28/2020', '%m/%d/%Y') + timedelta(days=1)\nans = d.strftime('%d.%m.%Y')", "29.02.2020"),
        ("import datetime\nd = datetime.date(2021, 3, 1) - datetime.timedelta(weeks=1)\nans = d", "2021-02-22"),
        ("from dateutil.relativedelta import relativedelta\nfrom datetime import date\n"
         "ans = date(2021, 3, 31) - relativedelta(months=1)", "2021-02-28"),
        ("ans = (date(2021, 3, 1) - date(2021, 2, 1)).days", "28"),
        ("ans = relativedelta(date(2021, 5, 17), date(2000, 5, 18)).years", "20"),
        ("ans = date(2024, 2, 29) + relativedelta(years=1)", "2025-02-28"),
        ("ans = date(2020, 1, 1) + relativedelta(day=31, month=3)", "2020-03-31"),
        ("ans = date(2021, 5, 1).weekday()", "5"),
    ],
)  # fmt: skip
def test_what_a_program_comes_to(program, value):
    assert program_value(program) == value


@pytest.mark.parametrize(
    "program",
    [
        "",
        "It is 42.",
        "import os\nans = os.getcwd()",
        "ans = open('x').read()",
        "ans = __import__('os')",
        "ans = ().__class__.__bases__",
        "ans = 'a'.__class__",
        "ans = eval('1')",
        "ans = date.today()",
        "while True:\n    pass\nans = 1",
        "def f():\n    return f()\nans = f()",
        "ans = 9 ** 9 ** 9",
        "ans = 10 ** 100000",
        "ans = 'a' * 10 ** 9",
        "a = [1]\nfor i in range(60):\n    a = [a, a]\nans = a",
        "a = [1]\na.append(a)\nans = a",
        "a = [0] * 900\nfor i in range(99):\n    a.extend(a)\nans = 1",
        "ans = f'{1:999999999}'",
        "ans = date(2021, 1, 1).strftime('%999999999d')",
        "ans = round(5, -1000000000)",
        "ans = math.factorial(10 ** 8)",
        "ans = '%999999999d' % 1",
        "ans = [i for i in range(10 ** 9)]",
        "ans = [1 for a in range(900) for b in range(900) for c in range(900)]",
        "ans = date(1, 1, 1) - relativedelta(days=1)",
        "ans = date(9000, 1, 1) + relativedelta(years=5000)",
        "return 5",
        "break",
        "ans = undefined",
        "x = lambda: 1\nans = x()",
        "(" * 5000,
        "ans = " + "-" * 3000 + "1",
        "ans = 1" + " + 1" * 5000,
    ],
)
def test_what_is_not_read(program):
    assert program_value(program) is None
