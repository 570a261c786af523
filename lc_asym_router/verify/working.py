"""What the working in an answer shows: arithmetic that is checked, doubts, repeats, a cut end."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from lc_asym_router.verify.values import NUMBER, arithmetic

STATEMENTS = 40
"""Arithmetic statements that are worked out at most."""

_DRESS = re.compile(
    r"\\[()\[\]]|[$€£*_`](?=[$€£*_`])|[$€£`]|\\(?:left|right)|(?<=\d),(?=\d{3}(?!\d))"
)
_TOKEN = re.compile(r"\d+(?:\.\d+)?(?!\w)|\w+|[^\w ]")
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "^": "^", "*": "*", "/": "/", "+": "+", "-": "-"}
_RUN = 24
_FRACTION = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_DOUBT = re.compile(
    r"\b(?:wait|hmm|actually|however|mistake|incorrect|re-?(?:evaluate|check|examine|consider|calculate)"
    r"|let'?s try|try again|correct(?:ed|ion)|not match|contradict\w*"
    r"|doesn'?t make sense|alternatively)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:approximately|approx|about|roughly|assum\w+|probably|perhaps|maybe|might|closest|likely"
    r"|seems?|appears?|guess\w*|unclear|not (?:enough|provided|given|possible|specified)|cannot|can't"
    r"|none of|impossible|estimate\w*)\b|≈",
    re.IGNORECASE,
)
_STEP = re.compile(r"(?m)(?<=[.!?])\s+|\n+|\\n|;\s")


def statements(text: str) -> list[tuple[float, float]]:
    """Arithmetic statements of a text ("3 + 4 = 7"), as (what one side comes to, the other side).

    Units are passed over ("60 cookies * 2 dollars/cookie = 120"); what holds a variable is no
    statement. Time is linear in the text.
    """
    plain = text.replace("\\\\", "\\").replace("\\times", "*").replace("\\cdot", "*")
    plain = plain.replace("\\div", "/").replace("\\n", "\n")
    plain = _FRACTION.sub(r"(\1/\2)", _DRESS.sub("", plain))
    tokens = _TOKEN.findall(plain)
    found: list[tuple[float, float]] = []
    for place, token in enumerate(tokens):
        if (
            token not in "=≈"
            or tokens[place - 1 : place] == ["="]
            or "=" in tokens[place + 1 : place + 2]
        ):
            continue
        left = _side(tokens[max(0, place - _RUN) : place][::-1], backwards=True)
        right = _side(tokens[place + 1 : place + 1 + _RUN], backwards=False) if left else ""
        if not left or not right or not (_has_operator(left) or _has_operator(right)):
            continue
        came, said = arithmetic(left), arithmetic(right)
        if came is not None and said is not None:
            found.append((came, said))
            if len(found) == STATEMENTS:
                break
    return found


def _side(tokens: list[str], backwards: bool) -> str:
    """The sum next to an equals sign; "" where there is none or a variable is in it."""
    taken: list[str] = []
    for at, token in enumerate(tokens):
        if token[0].isdigit() and token[-1].isdigit():
            if taken and taken[-1][-1].isdigit():
                break
            taken.append(token)
        elif token in _SIGNS or token in "()":
            taken.append(_SIGNS.get(token, token))
        elif token == "x" and 0 < at < len(tokens) - 1 and tokens[at + 1][0].isdigit():
            taken.append("*")
        elif token == "%":
            continue
        elif token.isalpha() and len(token) > 1:
            # A unit stands behind a number or behind "per"; any other word ends the sum.
            following = tokens[at + 1 : at + 2]
            beside = (following or [""])[0] if backwards else (taken[-1:] or [""])[0]
            if token == "of" or not beside:
                if token == "of":
                    return ""
                break
            if beside == "/":
                if not backwards:
                    taken.pop()
                    continue
                tokens[at + 1] = "%"  # passed over
                continue
            if not beside[0].isdigit():
                break
        elif (len(token) == 1 and token.isalpha()) or token == "\\" or token[0].isdigit():
            return ""
        else:
            break
    text = "".join(taken[::-1] if backwards else taken).strip("*/+^").rstrip("-")
    if backwards and text.startswith("-") and len(taken) and not text[1:].isdigit():
        pass
    return text if text.count("(") == text.count(")") else text.strip("()")


def _has_operator(side: str) -> bool:
    return any(sign in side[1:] for sign in "+-*/^")


def wrong(came: float, said: float) -> bool:
    """Whether a statement is false, rounding granted."""
    return (
        abs(came - said) > max(0.011 * abs(came), 0.006)
        and abs(came - said * 100) > 0.01 * abs(came)
        and abs(came * 100 - said) > 0.01 * abs(said)
    )


def doubts(text: str) -> int:
    """How often the text takes something back."""
    return len(_DOUBT.findall(text))


def hedges(text: str) -> int:
    """How often the text is not sure."""
    return len(_HEDGE.findall(text))


def steps(text: str) -> int:
    """Sentences and lines."""
    return len(_STEP.findall(text)) + 1


def squeezed(text: str) -> float:
    """How far the text packs down, in (0, 1]: near 0 where it repeats itself."""
    data = text.encode("utf-8", "replace")[:20_000]
    return min(1.0, len(zlib.compress(data, 6)) / len(data)) if data else 1.0


def repeated(text: str) -> float:
    """Share of the runs of four words that stood in the text before, in [0, 1]."""
    tokens = text.split()[:3000]
    runs = [tuple(tokens[at : at + 4]) for at in range(len(tokens) - 3)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def cut(text: str) -> bool:
    """Whether the text seems to end before its end."""
    end = text.rstrip()
    if not end:
        return True
    if end.startswith(("{", "```json")) or '"reasoning"' in end[:200]:
        return not end.rstrip("`\n ").endswith("}")
    return (end[-1].isalpha() and len(end) > 400) or end[-1] in ",:=+-\\({["


def numbers(text: str, most: int = 400) -> Sequence[float]:
    """The numbers of a text, in order, `most` at most."""
    found = []
    for match in NUMBER.finditer(text):
        number = float(match.group().split("/")[0].replace(",", "").replace("−", "-"))
        if abs(number) < 1e30:
            found.append(number)
        if len(found) == most:
            break
    return found
