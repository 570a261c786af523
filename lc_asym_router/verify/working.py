"""Features of the calculation in an answer: checked arithmetic, doubts, repetitions, a cut end."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from lc_asym_router.verify.answers.arithmetic import arithmetic
from lc_asym_router.verify.answers.numerals import NUMBER

_DRESS = re.compile(
    r"\\[()\[\]]|[$€£*_`](?=[$€£*_`])|[$€£`]|\\(?:left|right)|(?<=\d),(?=\d{3}(?!\d))"
)
_TOKEN = re.compile(r"\d+(?:\.\d+)?(?!\w)|\w+|[^\w ]")
_PERCENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[ ]?\\?%")
_BARE_POINT = re.compile(r"(?<![\d\w.])\.(?=\d)")
_TWICE = re.compile(r"/[\d.]+/")
_CUT = ("of", "\\", "half", "times", "log", "sqrt", "mod")
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "^": "^", "*": "*", "/": "/", "+": "+", "-": "-"}
_RUN = 48
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


def statements(text: str, most: int) -> list[tuple[float, float]]:
    """Arithmetic statements of a text ("3 + 4 = 7"), as (what one side comes to, the other side).

    Units are passed over ("60 cookies * 2 dollars/cookie = 120"). What may go on in words or in
    variables is no statement, so some are missed. Time is linear in the text.

    Args:
        text: The text.
        most: How many are worked out at most: the first ones.
    """
    plain = (
        _BARE_POINT.sub("0.", text)
        .replace("\\\\", "\\")
        .replace("\\times", "*")
        .replace("\\cdot", "*")
    )
    plain = plain.replace("\\div", "/").replace("\\n", "\n").replace("\\*", "*")
    plain = _FRACTION.sub(r"(\1/\2)", _DRESS.sub("", plain))
    tokens = _TOKEN.findall(_PERCENT.sub(r"(\1/100)", plain))
    found: list[tuple[float, float]] = []
    for place, token in enumerate(tokens):
        if token not in "=≈" or "=" in (*tokens[place - 1 : place], *tokens[place + 1 : place + 2]):
            continue
        left = _left(tokens[max(0, place - _RUN) : place][::-1], whole=place <= _RUN)
        right = _right(tokens[place + 1 : place + 1 + _RUN]) if left else ""
        if not left or not right or not (_has_operator(left) or _has_operator(right)):
            continue
        came, said = arithmetic(left), arithmetic(right)
        if came is not None and said is not None:
            found.append((came, said))
            if len(found) == most:
                break
    return found


def _left(tokens: list[str], whole: bool) -> str:
    """The sum that ends before an equals sign, read backwards; "" where there is none for certain."""
    taken: list[str] = []
    passed = False
    before = "" if whole else "?"  # what stands before the sum
    for at, token in enumerate(tokens):
        if passed:  # the "/" of "dollars/cookie"
            passed = False
        elif _is_number(token):
            if taken and _is_number(taken[-1]):
                return ""
            taken.append(token)
        elif token in _SIGNS or token in "()":
            taken.append(_SIGNS.get(token, token))
        elif token in "xX" and taken and _ends_number(next(iter(tokens[at + 1 :]), "")):
            taken.append("*")
        elif token.isalpha() and len(token) > 1 and (not taken or taken[-1] in "+-*/^)"):
            earlier = next(iter(tokens[at + 1 :]), "")
            if earlier == "/":
                passed = True
            elif not _is_number(earlier):
                before = token
                break
        else:
            before = token
            break
    text = "".join(reversed(taken))
    goes_on = before.isalnum() or before in ("_", "'", "}", "]", "|", "?", "\\", "!")
    if text[:1] in tuple("*/+^") or (text[:1] in ("-", "(") and goes_on):
        return ""
    if before in _CUT or (len(before) == 1 and before.isalpha()):  # a variable, or a factor
        return ""
    return _closed(text)


def _right(tokens: list[str]) -> str:
    """The sum that begins behind an equals sign; "" where there is none for certain."""
    taken: list[str] = []
    passed = False
    for at, token in enumerate(tokens):
        following = next(iter(tokens[at + 1 :]), "")
        if passed:
            passed = False
        elif _is_number(token):
            if taken and _is_number(taken[-1]):
                return ""
            taken.append(token)
        elif token == "/" and following.isalpha() and len(following) > 1 and taken:
            passed = True
        elif token in _SIGNS or token in "()":
            taken.append(_SIGNS.get(token, token))
        elif token in "xX" and taken and (following == "(" or _is_number(following)):
            taken.append("*")
        elif token.isalpha() and len(token) > 1 and taken and _is_number(taken[-1]):
            if following not in _SIGNS:
                break
        elif (len(token) == 1 and token.isalpha()) or token in _CUT or token[0].isdigit():
            return ""
        else:
            break
    text = "".join(taken)
    return "" if text[-1:] in tuple("*/+^-(") else _closed(text)


def _ends_number(token: str) -> bool:
    return token == ")" or _is_number(token)


def _is_number(token: str) -> bool:
    return token[:1].isdigit() and token[-1].isdigit() and token.replace(".", "", 1).isdecimal()


def _closed(text: str) -> str:
    """The text, unless its brackets don't match or it says a / b / c, which is read either way."""
    depth = 0
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            return ""
    return "" if depth or _TWICE.search(text) else text


def _has_operator(side: str) -> bool:
    return any(sign in side[1:] for sign in "+-*/^")


def wrong(came: float, said: float) -> bool:
    """Whether a statement is false; rounding, whole numbers too, and percent signs are granted."""
    if came != int(came) and said == int(said) and abs(came - said) < 1:
        return False
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


def repetition(text: str) -> float:
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
