"""Texts as a model writes them that has come off the rails: pieces over and over, at any length."""

from __future__ import annotations

PIECES = (
    # spaces and ends of lines
    *(" ", "\n", "\t", "\r", "\x0b", "\u00a0", "\u2028", " \n", "\n ", " a\n"),
    # digits, and what numbers are made of
    *("0", "0 ", "1", "9", "1,", "1,000,", "1.000.", "1 000 ", "1'000", "5.5.", "1e9"),
    *("1e", "0x", "e1"),
    *("1/", "1/2 ", "½", "٣", "三", "$", "$1 ", "%", "5% ", "one ", "hundred ", "and "),
    *("minus ", "st "),
    # sums and formulas
    *("3+4=8 ", "3 + 4 = 7. ", "3+", "9^", "9**", "9!", "!", "10^9^", "x^", "x_", "_{1}"),
    *("(", ")", "x=", "="),
    *("\\frac", "\\frac{", "\\frac{1}", "\\binom{9}", "\\binom{99}{", "\\sqrt", "\\pm"),
    *("±", "∪", "≤", "|1|"),
    *("\\text{", "\\text{a}", "\\boxed{", "\\boxed{1} and ", "\\begin{pmatrix}"),
    *("1&2\\\\", "\\", "\\\\", "\\{"),
    # brackets and quotes
    *("[", "]", "{", "}", "[[", "[]", "{}", '{"a":', "[1,", '{"answer": "', '"answer": '),
    *('"', "'", '"\\', '\\"'),
    # fences, marks and Markdown
    *("`", "```", "```\n", "```json", "```json\n", "```json\n{", "```python\n", "~", "*"),
    *("**", "** ", "**a", "_"),
    *("#", "####", "# ", "- ", "| ", "|", "1. ", "1.", ">", "<", "<think", "<think>"),
    *("</think>", "<answer>"),
    *("[answer]", "the answer is ", "The answer is A, ", "Answer: ", "final answer "),
    *("A: ", "The output is "),
    *("not ", "Wait, ", "yes, ", "no. ", "so option C is ", "I choose ", "A) ", "(A) "),
    *("A. x\n", "A) x B) y "),
    # programs
    *("def f():\n", "def f(x): ", "import x\n", "x = 1\n", "assert f ==", "/*", "//"),
    *("--", ";", "'a", "lambda:"),
    # times, dates and measures
    *("10:", "12-", "5 pm ", "a.m. ", "march 5, ", "May ", "2020-", "1/1/"),
    *("2 hours and ", "5 kg ", "5 million "),
    # words, in several scripts, and letters with marks
    *("a", "a ", "A ", "A", ".", ". ", "Mr. ", "...", ", ", ": ", "is ", "can't "),
    *("sorry, ", "as an ai ", "loop "),
    *("é", "e\u0301", "\u0301", "東", "東京。", "答案是", "答案是5。", "สวัสดี", "가", "정답은 "),
    *("الجواب ", "привет "),
    *("🙂", "👩\u200d", "\u200b", "\ufeff", "\x00", "\x1b[", "\ud800"),
)  # fmt: skip
BEFORE = (
    "",
    "The answer is ",
    "Answer: ",
    "```json\n",
    '{"answer": "',
    '{"answer": ',
    "1",
    "a",
    "[",
    "x = ",
)
AFTER = ("", "x", "\n```", '"}', "}", ".", "=", "1", " ")


def degenerate(piece: str, size: int, before: str = "", after: str = "") -> str:
    """A text of about so many characters that says one piece over and over."""
    return before + (piece * (size // len(piece) + 1))[:size] + after
