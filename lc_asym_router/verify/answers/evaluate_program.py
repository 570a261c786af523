"""Compute the result of a short program with an own interpreter: none of it is ever executed.

The programs are those that models write to answer a question: assignments, arithmetic, dates, texts,
lists, conditions and loops, small functions. Whatever else one holds makes it unreadable, and so do too
many steps, too great numbers and too long texts.
"""

from __future__ import annotations

import ast
import re
import warnings

from lc_asym_router.verify.answers.evaluate_reader import LoopJump, Reader, Returned

LONGEST = 4_000
"""Characters of a program that are read."""

_FENCE = re.compile(r"```(?:[\w+-]{0,12})[ \t]{0,9}\n(.*?)(?:\n[ \t]{0,9}```|\Z)", re.DOTALL)
_BEGINS = re.compile(
    r"^(?:#|from [\w.]{1,60} import |import [\w.]{1,60}$|(?:def|class) \w{1,60}|print\("
    r"|(?:for|while|if|with|try)\b[^\n]{0,200}:$"
    r"|[a-z_]\w{0,60}(?:, ?[a-z_]\w{0,60}){0,9} {0,2}(?:[-+*/]?=)(?!=))",
    re.MULTILINE,
)


def program_value(text: str) -> str | None:
    """What the program in an answer comes to, as a text; `None` where none can be read.

    It begins at its first line of code. What it comes to is its variable `ans` (or `answer`,
    `result`), else what it prints last, else what its function `solution` returns, else what it
    assigns last.

    Args:
        text: A model's answer: a program, or with one in a fence.
    """
    program = _program_in(text[: 4 * LONGEST])
    if program is None or len(program) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(program.strip("\n"))
        return Reader().outcome(tree)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, LookupError):
        return None
    except (RecursionError, MemoryError, AttributeError, Returned, LoopJump):
        return None


def has_program(text: str) -> bool:
    """Whether an answer holds what looks like a program, readable or not."""
    return _program_in(text[: 4 * LONGEST]) is not None


def _program_in(text: str) -> str | None:
    """The program in an answer: in its last fence, or from the first line on that looks like one."""
    if fences := _FENCE.findall(text):
        return str(fences[-1])
    found = _BEGINS.search(text)
    return text[found.start() :] if found else None
