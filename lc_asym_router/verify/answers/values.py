"""Read the value of a short span: a number, a choice, a Python literal, a formula, words."""

from __future__ import annotations

import ast
import json
import math
import re
from fractions import Fraction
from typing import Literal

from lc_asym_router.verify.answers import formulas
from lc_asym_router.verify.answers.arithmetic import worked_out
from lc_asym_router.verify.answers.choices import choice_of
from lc_asym_router.verify.answers.dates import moment
from lc_asym_router.verify.answers.numerals import (
    NUMBER,
    fraction,
    number_text,
    plain_numbers,
    scaled_money,
    spelled,
)
from lc_asym_router.verify.answers.structured_values import literal_text
from lc_asym_router.verify.answers.texts import words
from lc_asym_router.verify.answers.units import whole_measure

AnswerKind = Literal[
    "json", "number", "choice", "literal", "formula", "moment", "code", "text", "none"
]

LONGEST = 4000
"""Characters up to which a span is looked into; a longer one is text."""

_OPENERS = ("[", "(", "{", "'", '"')
_WARNED_OF = re.compile(
    r"\\(?![\\'\"abfnrtvxuUN0-7\n])|\d[\w.]{0,3}?(?:and|else|for|if|in|is|not|or)\b"
)
"""What Python's parser would print a warning of."""
_NOISE = re.compile(
    r"\\(?:left|right|displaystyle|,|!|;|:|quad|qquad)(?![a-zA-Z])|\\ |\\(?=[%$])|[$]|~|^\\\("
    r"|\\\)$|\\\[|\\\]"
)
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|operatorname)\s*\{([^{}]*)\}")
_UNIT_AFTER = re.compile(r"\^\{?\\circ\}?|°|\\circ\b|\\degree\b")
_ANOTHER_CHOICE = re.compile(
    r"^\W{0,2}[A-J]\W{1,4}(?:or|alternatively|possibly|maybe|perhaps|but)\b.{0,20}\b[A-J](?![\w'’])"
    r"|(?:[(.;–-] ?|\b(?:but|and|while|though) )\(?[A-HJ]\)? (?:is|would be|could be|may be"
    r"|might be|also)\b"
    r"(?! (?:also )?(?:not|wrong|incorrect|false))[^.]{0,20}\b(?:also|too|as well|acceptable"
    r"|possible|works?)\b"
)
"""A second letter that is offered beside the first."""
_MEASURED = re.compile(
    r"(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?)\s?"
    r"(?:(?:square|cubic|sq|cu)\.? )?(?:(?!sin|cos|tan|log|sqrt|exp|arc)[a-zA-Z]{3,15}"
    r"|[cmk]m|[mk]?g|ml|ft|in|mi|lb|oz|hr|yd|(?<=\s)[mgshlL]"
    r"|(?<=\s)(?:[mnuµμ]s|[mµμ]g|[kKMGT]?B|[kMG]?Wh?|[kMG]?Hz|[km]?V|ha|[cd]l|k?J|dB|K[Gg]|yr|pt"
    r"|qt|gal))"
    r"(?:\s?\^\{?[23]\}?|[²³])?(?:\s?(?:/|per)\s?[a-zA-Z]{1,12}(?:\^\{?[23]\}?|[²³])?)?"
)
_LOOKS_LIKE_FORMULA = re.compile(
    r"\\[a-zA-Z]+|\^|[√π∞∅∪±≤≥≠∈]|\d\s*[a-zA-Z]\s*[-+*/^=<>]|(?<![a-zA-Z])[a-zA-Z]\s*[-+*/^]\s*\d"
    r"|[\w)}][-+*/]\d*[a-zA-Z](?![a-zA-Z])|\d\s*[-+*/]\s*\d*[a-zA-Z](?![a-zA-Z])"
    r"|(?<![a-zA-Z])[a-zA-Z]\s*[<>]=?\s*[-\d]|^\|.{1,40}\|$|^-?[\d.]+ ?[a-zA-Z]{1,2}$|\d_\{?\d"
)
_INTERVAL = re.compile(r"[(\[][^()\[\]]{1,80},[^()\[\]]{1,80}[)\]]")
_MEMBER = re.compile(r"(?:[a-zA-Z]\s*=\s*)?[-+±−]?\s?(?:\d[\d.,]*(?:\s?/\s?\d+)?)")


_DENIED = re.compile(
    r"(?i)(?:\bnot|n['’]t|\bnever)\s(?:[a-z]{1,20}\s)?[-$€£]?\d"
    r"|\b(?:rather than|instead of|except|excluding|other than|neither|nor|(?:any|every)\w{1,5} but"
    r"|all but)\s[-$€£]?\d"
    r"|\b(?:wrong|incorrect|impossible|mistaken?|unlikely|untrue|false)\b[^.\n]{0,60}\d"
    r"|\d[^.\n]{0,20}\b(?:is|are|was|be|seems)\s(?:\w{1,12}\s)?(?:wrong|incorrect|impossible"
    r"|mistaken"
    r"|unlikely|untrue|false|not\b)"
)
"""A number that a text says is not the answer."""
_DOUBTED = re.compile(
    r"(?i)\b(?:maybe|perhaps|possibly|conceivably|(?:could|might|may)(?: well)? (?:be|have been)"
    r"|not (?:quite |entirely |really )?(?:sure|certain)|unsure|(?:a|my|i) guess(?:ing)?|no idea)\b"
    r"|\d[\w%]{0,12}(?: \w{1,12})?\?$"
)
"""A number that is named and not said."""
_WORKED_WITH = re.compile(
    r"(?i)\b(?:log|ln|sin|cos|tan|exp|sqrt|(?:square|cube) root of|half(?: of)?|twice|thrice|double"
    r"|triple|(?:third|quarter|fifth|tenth)s? of|factorial of)\s\(?[-$€£]?\d"
    r"|\d\s(?:squared|cubed|factorial|choose|mod)\b"
)
"""A number out of which another one is made."""
_CONDITIONAL = re.compile(
    r"\d[^.\n]{0,40}[\s(](?:if|unless|provided|depending|as long as|only when)\b|\b[Qq][1-4]\s\d"
)
"""A number that is the answer on a condition alone, or not by itself."""
_BY_THE_WAY = re.compile(
    r"(?:^|\s)(?i:page|chapter|step|section|figure|table|line|question|problem|method|equation"
    r"|example|exercise|version|theorem|lemma|rule|note|appendix"
    r"|paragraph)s?\s\d[\d.,]{0,20}(?!.{0,400}\d)"
    r"|\b(?i:past|through|across|along|behind|beside|besides|beyond|via|despite|among|amongst"
    r"|between"
    r"|unlike|like|near|passing|visiting|seeing|meeting)\s(?:the |all |some )?\d[\d.,]{0,20}\s[a-z]"
    r"|\d{1,5}\s(?:[A-Z]\w{1,20}\s){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Drive|Boulevard"
    r"|Square)\b"
    r"|\b[A-Z]\w{1,20},\s\d{1,3},\s|\b(?:the number|no\.|(?!(?:and|is|was|be)\b)[a-z]{2,12} number)"
    r"\s\d{1,9}\s[a-z]"
    r"|^(?:The|All)\s\d[\d.,]{0,20}\s\w{1,20}\s(?!is|are|was|were|has|have|had|left|remain)\w{1,20}"
    r"|\b(?:[Yy]our|[Tt]hese|[Tt]hose)\s\d|\d[^.\n]{0,80}\s(?:so|thus|therefore"
    r"|hence)\s(?!.{0,400}\d)"
    r"|^(?:My|His|Her|Our|Their|The|(?!(?:Answer|Number|Only|About|Exactly|Nearly|Almost|Just|All"
    r"|Roughly"
    r"|Around|Approximately|So|Thus|Therefore|Hence"
    r"|Over)\b)[A-Z][a-z]{1,20})\s\d[\d.,]{0,20}\s(?:\w{1,20}\s)?"
    r"(?:is|are|was|were|has|have|had)\s(?!left|remaining|(?:the )?(?:answer|correct|right))"
    r"|^(?!.{0,200}\b(?:is|are|was|were|has|have|had|equals?)\b.{0,200}\d)(?!\W{0,3}\d)"
    r".{0,200}\b(?i:with|of|in|at|by|from|since|after|before|during|within|using|among|for"
    r"|on)\s\d[^.\n]{0,200}"
    r"\s(?:is|are|was|were|will|has|have|had)\s(?!left\b|\d|the answer)"
)
"""A number that a sentence holds, but that is not what it says."""
_EITHER = re.compile(r"(?i)either (?=[-$€£]?\d)")
_ERA = re.compile(r"(?<=\d )(?:B\.?\s?C\.?(?:\s?E\b\.?)?|C\.?E\.?|A\.?D\.?)(?!\w)")
_CENTURY = re.compile(r"(?i)\d(?:st|nd|rd|th) centur(?:y|ies)\b")
_RANKED = re.compile(r"(?:\S+\s+){2,}\d{1,9}(?:st|nd|rd|th)\s[a-z]")
"""A rank of something, in a sentence: "She lives on the 4th floor."."""
_CONTRAST = re.compile(
    r"(?i)(?P<said>[^,]{1,80}),\s(?:and |but )?(?:definitely |certainly )?not\s[^,]{1,80}"
    r"|(?:.{0,60}\b)?(?:not|isn't|aren't|wasn't)\s[^,]{1,40},?\s(?:but|it is|it['’]s)\s"
    r"(?:rather\s)?(?P<but>[^,]{1,80})"
    r"|(?P<than>[^,]{1,80}?)\s(?:rather than|instead of|as opposed to|(?:and|but) not)\s[^,]{1,80}"
)
"""What is said to be the case, and what is not."""
_FACTORIAL = re.compile(r"[\d\s()+\-*/^=!]{0,80}\d[\s)]{0,9}!(?![\w])[\d\s()+\-*/^=!]{0,80}")


def value_of(span: str) -> tuple[AnswerKind, str]:
    """The kind of a span and its value, written so that equal values mean the same."""
    span = span.strip()
    if len(span) > LONGEST:
        return "text", words(span)
    plain = bare(scaled_money(span))
    plain = _ERA.sub(lambda found: "BC" if found[0][0] == "B" else "AD", plain)
    if (choice := choice_of(plain)) and not _ANOTHER_CHOICE.search(plain):
        return "choice", choice[0]
    if (literal := _literal(span) or _literal(plain)) is not None:
        return literal
    if (when := moment(plain)) is not None:
        return "moment", when
    if _DOUBTED.search(plain) and re.search(r"\d", plain):
        return "text", words(plain)
    if (contrast := _CONTRAST.fullmatch(plain)) and re.search(r"\d", plain):
        plain = contrast["said"] or contrast["but"] or contrast["than"]
    if _CENTURY.search(plain):
        return "text", words(plain)
    if re.match(r"[<>≤≥]=?\s{0,3}[-$€£]?\d", plain) or _EITHER.match(plain):
        plain = _EITHER.sub("", plain).lstrip("<>≤≥= ")
    ranked = _RANKED.match(plain)
    plain = plain_numbers(plain)
    if _WORKED_WITH.search(plain):
        return "text", words(plain)
    if _FACTORIAL.fullmatch(plain):
        return "formula", re.sub(r"\s+", "", plain.rsplit("=", 1)[-1])
    if (number := _number_in(plain)) is not None:
        return "number", number
    if _is_formula(plain):
        return _formula(plain)
    if len(found := NUMBER.findall(plain)) == 1 and not (
        ranked or unsaid(plain) or _CONDITIONAL.search(plain)
    ):
        return "number", number_text(found[0])
    if found and "=" in plain:
        return "number", number_text(found[-1])
    return "text", words(plain)


def denied(sentence: str) -> bool:
    """Whether a sentence says of a number that it is not the answer."""
    return bool(_DENIED.search(sentence))


def unsaid(sentence: str) -> bool:
    """Whether a number in a sentence is not what it says: denied, or in its subject, or a page's."""
    if denied(sentence):
        return True
    return len(sentence.split()) > 3 and bool(_BY_THE_WAY.search(sentence))


def undressed(span: str) -> str:
    """A span without maths signs and the words of LaTeX, but with the signs of currencies."""
    return re.sub(r"(?<!\\)\$([^$]{1,400})\$", r"\1", _TEXT.sub(r" \1 ", span)).replace("\\$", "$")


def bare(span: str) -> str:
    """A span without what surrounds an answer: maths signs, a full stop, the words of LaTeX."""
    span = re.sub(r"\s+", " ", _NOISE.sub("", _TEXT.sub(r" \1 ", span))).strip()
    if span.endswith(".") and not span.endswith(".."):
        span = span[:-1].rstrip()
    return span


def _literal(plain: str) -> tuple[AnswerKind, str] | None:
    """A list, dict, tuple, text or constant as Python writes it."""
    if plain in ("True", "False", "None", "true", "false", "null"):
        return "literal", {"true": "True", "false": "False", "null": "None"}.get(plain, plain)
    if not plain.startswith(_OPENERS) or _WARNED_OF.search(plain):
        return None
    try:
        value = ast.literal_eval(plain)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        try:
            value = json.loads(plain)
        except (ValueError, RecursionError):
            return None
    try:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return "number", number_text(str(value))
        return "literal", literal_text(value)
    except (ValueError, RecursionError):  # an integer of too many digits
        return None


def _number_in(plain: str) -> str | None:
    """The number that a span is, with its currency, unit, percent sign or right-hand side."""
    side = plain.rsplit("=", 1)[-1].strip() if _one_side(plain) else plain
    number = _UNIT_AFTER.sub("", side).strip(" $€£¥%").strip()
    if found := NUMBER.fullmatch(number):
        return number_text(found.group())
    if found := _MEASURED.fullmatch(number):
        return number_text(found.group(1))
    if (measure := whole_measure(number)) is not None:
        return measure
    if (part := fraction(number)) is not None:
        return part
    if (said := spelled(re.sub(r"(?<=[a-z]) [a-z]{2,12}s$", "", number))) is not None:
        return number_text(str(said))
    value = worked_out(number)
    if isinstance(value, Fraction) and value.denominator == 1:
        return number_text(str(value))
    try:
        return None if value is None else number_text(f"{float(value):.12g}")
    except OverflowError:
        return None


def _one_side(plain: str) -> bool:
    """Whether a span is an equation whose right-hand side is all that matters."""
    return (
        "=" in plain
        and not re.search(r"==|[<>!]=|\b(?:or|and)\b", plain)
        and len(formulas.members(plain)) == 1
    )


def _is_formula(plain: str) -> bool:
    if _LOOKS_LIKE_FORMULA.search(plain) or _INTERVAL.fullmatch(plain):
        return True
    members = formulas.members(formulas.plain_formula(plain))
    return len(members) > 1 and all(map(_MEMBER.fullmatch, members))


def _formula(plain: str) -> tuple[AnswerKind, str]:
    text = (
        plain.rsplit("=", 1)[-1]
        if re.match(r"^\s*[a-zA-Z](\([a-z]\))?\s*=[^=]+$", plain)
        else plain
    )
    text = formulas.plain_formula(text).replace("\\cdot", "*")
    text = re.sub(r"\\frac\s*(\w)\s*(\w)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\^\{(\w)\}", r"^\1", text)
    return "formula", re.sub(r"[\s*]+", "", text)
