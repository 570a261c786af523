"""Find the final answer in a text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from lc_asym_router._internal.imports import word_set
from lc_asym_router.verify.answers import marked
from lc_asym_router.verify.answers import structured_values as structured
from lc_asym_router.verify.answers.choices import concluded, is_listing
from lc_asym_router.verify.answers.dates import MOMENT, moment
from lc_asym_router.verify.answers.languages import ONLY_IF, in_english
from lc_asym_router.verify.answers.numerals import NUMBER, number_text, plain_numbers, western
from lc_asym_router.verify.answers.programs import (
    begins_bare,
    printed_in,
    program_in,
    without_programs,
)
from lc_asym_router.verify.answers.structured_values import literal_text
from lc_asym_router.verify.answers.texts import SHORT, words
from lc_asym_router.verify.answers.values import AnswerKind, denied, unsaid, value_of

_BEGIN, _END = 4_000, 20_000
"""Characters at a text's beginning and end in which its answer is looked for."""
_POLAR = re.compile(
    r"(yes|no|yeah|yep|yup|nope|nah|ja|nein|oui|non|sí|sim|não|да|нет|はい|いいえ"
    r"|是的|是|否)(?=\s{0,2}(?:[,.:;!\n—–]|-\s|$))(?!\.?\s?\d)",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(r"(?i)\W{0,3}(?:if|when|unless|provided|assuming|suppose|in case)\b")
_CONDITIONED = re.compile(
    r"(?i)[,;.\s—–(-]{1,4}(?:but |however,? |at least ){0,2}(?:(?:only )?(?:if|unless|provided|when"
    r"|in case|as long as|once|until|barring|pending|subject to|within|up to)\b"
    rf"|(?:{ONLY_IF})\b"
    r"|for [\w ]{1,30} only\b"
    r"|(?:not (?:always|necessarily|everywhere|everyone|all|every|quite|entirely|really|yet)"
    r"|(?:and|or) (?:yes|no)|only|except|partly|mostly|sometimes|usually|generally|typically"
    r"|probably"
    r"|perhaps|maybe|possibly|depending|almost|technically|for now|to (?:some|an"
    r"|a certain) (?:extent|degree)"
    r"|(?:it|they|this|that|s?he) (?:might|may|could)|i (?:guess|suppose)"
    r"|in (?:some|most|many|certain|theory|general|principle))\b)|[,;\s—–(-]{1,4}but not\b"
    r"|\W{2,5}(?:yes|no)\b"
)
_DENIAL = re.compile(
    r"(?i)(?:not (?:really|at all)|(?:of course|certainly|definitely|absolutely) not)[.!]?"
)
_ASSENT = re.compile(r"(?i)(?:of course|certainly|definitely|absolutely|indeed)[.!]?")
_YES = word_set("yes yeah yep yup ja oui sí sim да はい 是的 是")
_STATED = re.compile(
    r"(?i)(?:so |thus |therefore |hence )?,?\s?(?:(?:the|this) (?:\w+ )?(?:statement|claim|sentence"
    r"|proposition|assertion|conclusion)|it|that|this)(?: is|['’]s|(?= isn['’]t))"
    r"(?P<no> not| isn['’]t)? (?:therefore )?(?P<pole>true|false)"
)
_POLES = word_set("true false right wrong correct incorrect maybe sure certainly")
_NO_CONTRAST = (
    r"(?!only\b|just\b|always\b|necessarily\b|yet\b|quite\b|entirely\b|exactly\b|merely\b|sure\b"
    r"|so\b|all\b|every\b|really\b|if\b|when\b|unless\b)"
)
_CONTRASTED = re.compile(
    rf"(?i)(?P<said>[^\W\d][\w .'’-]{{0,60}}),\s(?:and |but )?not\s{_NO_CONTRAST}[\w .'’-]{{1,60}}"
    rf"|(?:it is |it['’]s |it )?(?:not|isn['’]t|wasn['’]t)\s{_NO_CONTRAST}[\w .'’-]{{1,60}},?\sbut\s"
    r"(?!not\b|also\b|only\b)(?:rather\s)?(?P<but>[^\W\d][\w .'’-]{0,60})"
    r"|(?P<than>[^\W\d][\w'’-]{0,40}(?: [\w'’-]{1,40}){0,4}) rather than [\w .'’-]{1,60}"
)
"""What is set against what is not the case; numbers are read where values are."""
_LABELS = (
    "sentiment|label|category|class|classification|intent|topic|language|verdict|emotion|tone|genre"
    "|priority|severity|department"
)
_LABELLED = re.compile(
    rf"(?i)(?:(?:the|its|overall|final|predicted|user) ){{0,2}}(?:{_LABELS})(?:\s?[:=]\s?| is )"
    rf"(?P<behind>[\w'’-]{{1,40}}(?: [\w'’-]{{1,40}}){{0,3}})"
    rf"|(?P<before>(?!the\b|no\b|not\b|my\b|any\b)[\w'’-]{{1,40}}) (?:{_LABELS})"
)
"""A label with the name of what it is: "Sentiment: positive", "positive sentiment"."""
_STATES = re.compile(
    r"(?i)(?:\b(?:is|are|was|were|equals?|has|have|makes?|gives?|totals?|leaves?|yields?|gets?"
    r"|costs?"
    r"|comes to|adds up to|so|thus|therefore)\s|=)\s{0,3}"
    r"(?:(?:about|approximately|roughly|exactly|only|just|now)\s)?(?=[-+$€£]{0,2}\d)"
)
"""What stands before a number that a sentence states."""
_ITEM = re.compile(r"[ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t]{1,9}(?=\S)")
_ROW = re.compile(
    r"(?i)(?:the |its |all )?(?:\w{1,20} ){0,2}(?:roots|solutions|zeros|zeroes|answers|values"
    r"|numbers"
    r"|factors|primes|integers|divisors|years|ages) (?:are|were)(?::| both)? "
    r"(?P<row>-?\d[\d.,/]{0,20}(?:(?:, | and |, and )-?\d[\d.,/]{0,20}){1,9})"
)
_LABEL = re.compile(r"\s*(?:[^\W\d]\w{0,20}\s?){1,3}:\s")
_SO = re.compile(r"(?i)\b(?:so|thus|therefore|hence|then)\b")
_DATES = re.compile(
    r"(?i)(?:^|\b(?:so|thus|therefore|hence|then),?\s)[^\d]{0,60}\b(?:is|was|be)\s$"
)
"""What stands before the date that a sentence states."""
_CONCLUDES = re.compile(r"(?i)so|thus|therefore")
_DATE = 40
"""Characters of a text that may be a date and nothing else."""
_SENTENCE = 3
"""Words that such a sentence has at least."""
_STANDALONE = frozenset({"number", "choice", "moment"})
_CLAUSE = re.compile(r"(?i)[,;:]\s|\b(?:so|thus|therefore|hence)\b")
_STEP = re.compile(r"\d\s?[-+*/×÷]\s?[$€£]?\d[^\n=]{0,60}=\s?[$€£]?\d")
"""A sum that is worked out."""
_CHECKS = re.compile(
    r"(?i)\W{0,5}(?:(?:to |let me |let us |let['’]s |we )?(?:double[- ])?(?:check|verif|prove)"
    r"|proof"
    r"|explanation|explained|reason(?:ing)?\b|because|since|as\b|note\b)"
)
"""How a text goes on that gives reasons for the answer before it."""
_BARE = re.compile(r"[-$€£]{0,2}\d[\d.,/]{0,20}%?|\(?[A-J]\)?")
_ASSERTED = re.compile(r"[ \t]{0,9}assert\s[^\n]{1,999}?==[ \t]{0,9}(.+)")


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """The final answer of a text.

    Attributes:
        kind: Number, choice (one letter or several), JSON, a Python literal, a formula, a moment (a
            date, a time, a ratio), code, or text; none where the text has no final answer.
        value: The normalised value: equal values mean the same.
        raw: The span as written in the text.
        marked: Whether the text marks it as its answer.
        sentence: The sentence that it was taken from, where it is not marked; else "".
    """

    kind: AnswerKind
    value: str
    raw: str = field(default="", compare=False)
    marked: bool = field(default=False, compare=False)
    sentence: str = field(default="", compare=False)


def final_answer(text: str) -> FinalAnswer:
    """Return the final answer of a text.

    That is what it marks as such, else its program, else itself where it is short, else what its
    first line or its last sentence comes to, else itself. JSON that holds the working and an answer
    comes to its answer; broken JSON of that shape too. What a reasoning model thinks aloud is no
    answer, and neither is the last number of a text that was cut off.
    """
    text = western(text)
    said = marked.without_thoughts(text)
    if said is None:
        return FinalAnswer("none", "", text)
    if (data := structured.data_in(said)) is not None:
        span = structured.answer_field(data)
        return _data(data, said.strip()) if span is structured.MISSING else _marked(span)
    if "{" in said and (span := structured.broken_field(said)) is not structured.MISSING:
        return _marked(span)
    if len(said) > _BEGIN + _END:
        said = f"{said[:_BEGIN]}\n{said[-_END:]}"
    return _of_prose(said)


def _of_prose(said: str) -> FinalAnswer:
    program = program_in(said) if "```" in said or "def " in said or begins_bare(said) else None
    prose = without_programs(said) if program else in_english(said)
    said = said if program else prose
    if program and "```" not in said:
        return FinalAnswer("code", program, said.strip(), marked=True)
    if (box := marked.boxed(prose)) is not None:
        return _marked(box)
    plain = marked.without_markup(prose)
    if marked.answers_parts(plain):
        return FinalAnswer("text", words(plain), plain)
    if found := marked.marked(plain, program=program is not None):
        return _settled(*found)
    if program is not None:
        return FinalAnswer("code", program, said.strip(), marked=True)
    if (data := structured.lenient(said)) is not None and isinstance(data, dict):
        span = structured.answer_field(data)
        return _data(data, said.strip()) if span is structured.MISSING else _marked(span)
    if (printed := marked_output(said)) is not None:
        return _marked(printed)
    return _unmarked(said, plain)


def marked_output(said: str) -> str | None:
    """The block that a text ends on, where it is said to be the output or is all there is."""
    body = printed_in(said)
    if body is None:
        return None
    before = said[: said.rfind("```", 0, said.rfind(body))].rstrip()
    return body if not before or before.endswith(":") else None


def _unmarked(said: str, plain: str) -> FinalAnswer:
    if verdict := _verdict(plain):
        return FinalAnswer("text", verdict, plain)
    if structured.begins_json(said):  # its answer was cut off
        return FinalAnswer("none", "", said)
    if len(plain.split()) <= SHORT:
        return _of_short(plain, said)
    first, rest = marked.lead(plain)
    if first and len(first.split()) <= SHORT and not is_listing(first, rest):
        kind, value = value_of(first)
        if kind == "choice" or (kind in _STANDALONE and len(first.split()) <= 3):
            return FinalAnswer(kind, value, first)
    if first and marked.is_title(said):
        return FinalAnswer("text", words(plain), plain)
    last = marked.conclusion(plain)
    if letter := concluded(plain[-1500:]) or concluded(first):
        return FinalAnswer("choice", letter, letter)
    if verdict := _verdict(last):
        return FinalAnswer("text", verdict, plain)
    if bold := marked.emphasised(said, last):
        kind, value = value_of(bold)
        if kind in _STANDALONE:
            return FinalAnswer(kind, value, bold, sentence=bold)
    if found := _last_value(last):
        return found
    return FinalAnswer("text", words(plain), plain)


def _of_short(plain: str, said: str) -> FinalAnswer:
    if (meant := _meant(plain)) is not None:
        plain = said = meant
    if (members := _members(plain)) is not None:
        kind, value = value_of(members)
        return FinalAnswer(kind, value, members)
    if len(plain) <= _DATE and "." in plain and (when := moment(plain.rstrip(".!"))) is not None:
        return FinalAnswer("moment", when, said.strip())  # "3. März 2021" is one sentence
    first, rest = marked.first_sentence(plain)
    if is_listing(first, rest) or (rest and _both_stand_alone(first, rest)):
        return FinalAnswer("text", words(plain), said.strip())
    if (dated := _dated(plain)) is not None:
        return dated
    if rest and (instead := marked.corrected(rest)) is not None:
        return _put_in_place(first, instead)
    if rest:
        for span in marked.heads(first):
            kind, value = value_of(span)
            if kind in _STANDALONE and len(span.split()) <= 3:
                return FinalAnswer(kind, value, span)
    if letter := concluded(plain):
        return FinalAnswer("choice", letter, letter)
    kind, value = value_of(plain)
    if kind in ("text", "formula") and (found := _stated(plain)):
        return found
    return FinalAnswer(kind, value, said.strip())


def _members(plain: str) -> str | None:
    """What a short text lists, as a row: "8, 14" of "- 8\\n- 14" and of "The roots are 8 and 14."."""
    lines = [piece for piece in plain.strip().split("\n") if piece.strip()]
    if len(lines) > 1 and all(map(_ITEM.match, lines)):
        return ", ".join(_ITEM.sub("", each, count=1).strip() for each in lines)
    found = _ROW.fullmatch(plain.strip(" ."))
    return found["row"] if found else None


def _both_stand_alone(first: str, rest: str) -> bool:
    """Whether a short text says two different things, one after the other: "**5**\\n\\n**6**"."""
    if _LABEL.match(first) and _LABEL.match(rest):  # "Part A: 5\nPart B: 6"
        first, rest = (_LABEL.sub("", each, count=1) for each in (first, rest))
    one, other = (value_of(each) for each in (first, rest))
    brief = max(len(first.split()), len(rest.split())) <= (3 if "=" in first else 2)
    return brief and one[0] == other[0] and one[0] in _STANDALONE and one != other


def _dated(plain: str) -> FinalAnswer | None:
    """The date that a short text concludes with: "Today is May 3. So tomorrow is May 4."."""
    last = marked.conclusion(plain)
    dates = list(MOMENT.finditer(last))
    if not dates or (len(MOMENT.findall(plain)) < 2 and not _SO.search(plain)):
        return None
    said = dates[-1]
    if said["clock"] or last[said.end() :].strip(" .!") or not _DATES.search(last[: said.start()]):
        return None
    when = moment(said.group())
    return None if when is None else FinalAnswer("moment", when, said.group())


def _meant(plain: str) -> str | None:
    """What is meant where a text sets it against what is not, or names its own kind: "Lyon" of "Not
    Paris but Lyon" and of "City: Lyon"; `None` elsewhere."""
    text = plain.strip().rstrip(".!")
    if found := _CONTRASTED.fullmatch(text):
        said = found["said"] or found["but"] or found["than"]
        return None if _POLAR.sub("", f"{said}.") == "." or said.lower() in _POLES else said
    found = _LABELLED.fullmatch(text)
    return found["before"] or found["behind"] if found else None


def _stated(plain: str) -> FinalAnswer | None:
    """The one number that a short text's last sentence ends on and states: "The 10th one is 55."."""
    last = marked.conclusion(plain)
    found = list(_STATES.finditer(last))
    if not found or len(words(last).split()) < _SENTENCE:
        return None
    if len(found) > 1 and not _CONCLUDES.match(found[-1].group()):
        return None
    span = last[found[-1].end() :]
    if denied(_CLAUSE.split(last)[-1]):
        return None
    kind, value = value_of(span)
    if kind != "number":
        return None
    return FinalAnswer("number", value, span, sentence=plain_numbers(last))


def _last_value(sentence: str) -> FinalAnswer | None:
    """The last number, date or time of a sentence."""
    whole = plain_numbers(sentence)
    moments = list(MOMENT.finditer(whole))
    numbers = list(NUMBER.finditer(whole))
    clause = _CLAUSE.split(whole)[-1]
    if denied(clause) or (len(numbers) == 1 and unsaid(clause)):
        return None
    if moments and (not numbers or moments[-1].end() >= numbers[-1].end()):
        kind, value = value_of(moments[-1].group())
        return FinalAnswer(kind, value, moments[-1].group(), sentence=sentence)
    if not numbers:
        return None
    raw = numbers[-1].group()
    return FinalAnswer("number", number_text(raw), raw, sentence=whole)


def _verdict(plain: str) -> str | None:
    """ "yes" or "no" where a text begins so, "true" or "false" where it says so of a statement."""
    said = plain.lstrip(" *\"'")
    if _DENIAL.fullmatch(said):
        return "no"
    if _ASSENT.fullmatch(said):
        return "yes"
    if (found := _POLAR.match(said)) and not _CONDITIONED.match(said, found.end()):
        return "yes" if found.group(1).lower() in _YES else "no"
    if found := _STATED.fullmatch(plain.strip(" .!")):
        true = (found["pole"].lower() == "true") != bool(found["no"])
        return "true" if true else "false"
    return None


def _settled(span: str, behind: str) -> FinalAnswer:
    """A marked span's value, unless the text takes it back."""
    if (instead := marked.corrected(behind)) is not None:
        return _put_in_place(span, instead)
    if _STEP.search(span) and _STEP.search(behind[:_BEGIN]) and not _CHECKS.match(behind):
        working = f"{span}\n{behind}"  # the mark was a heading, and the working stands below it
        return _last_value(marked.conclusion(working)) or _unmarked(working, working)
    if _BARE.fullmatch(behind.strip()) and _both_stand_alone(span, behind.strip()):
        return FinalAnswer("text", words(f"{span} {behind}"), span, marked=True)
    if _HYPOTHESIS.match(span):
        return FinalAnswer("text", words(span), span, marked=True)
    first: FinalAnswer | None = None
    for head in marked.heads(span):
        found = _marked(head)
        if found.kind != "text":
            return found
        first = found if head != span and found.value else first or found
    if (verdict := _verdict(span)) is not None:
        return FinalAnswer("text", verdict, span, marked=True)
    return first or _marked(span)


def _put_in_place(taken: str, instead: str) -> FinalAnswer:
    """What a text puts in place of an answer that it takes back."""
    found = _unmarked(instead, instead)
    if found.kind == "text" or marked.offers_another(instead):
        found = replace(found, kind="text")
        return replace(found, value=words(f"{taken} {instead}"), raw=f"{taken} {instead}")
    return found


def _data(data: Any, raw: str | None = None) -> FinalAnswer:
    try:
        value = json.dumps(data, sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError):  # Python's keys or sets
        try:
            value = literal_text(data)
        except ValueError:  # a number of too many digits
            return FinalAnswer("none", "", raw or "")
        return FinalAnswer("literal", value, raw or value, marked=True)
    if isinstance(data, list) and raw is None:
        return FinalAnswer("literal", literal_text(data), value, marked=True)
    return FinalAnswer("json", value, raw or value, marked=True)


def _marked(span: Any) -> FinalAnswer:
    if isinstance(span, dict | list):
        return _data(span)
    text = span if isinstance(span, str) else json.dumps(span)
    text = in_english(text.strip())
    if (box := marked.boxed(text)) is not None:
        text = box
    if assertion := _ASSERTED.match(text):
        text = assertion.group(1)
    kind, value = value_of(text)
    # Spaces around a text in JSON are the answer's own: they tell where code's output is asked for.
    raw = span.strip("\n\r\t") if isinstance(span, str) and span.strip() == text else text
    return FinalAnswer(kind, value, raw, marked=True)
