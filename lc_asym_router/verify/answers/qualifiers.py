"""What stands beside a short answer and makes it another one: "before 5 pm" is not "5 pm"."""

from __future__ import annotations

import re
from collections.abc import Set

from lc_asym_router._internal.imports import word_set
from lc_asym_router.verify.answers.numerals import NUMBER, number_text, plain_numbers
from lc_asym_router.verify.answers.texts import known_words, stem, words
from lc_asym_router.verify.answers.units import known_unit, measures

_LONGEST, _CHARACTERS = 25, 300
"""Words and characters of an answer up to which each word may qualify it."""
_BESIDE = 6
"""Words up to which what is counted is all that the answer says."""

# Each is searched directly before what an answer says, behind it, or anywhere beside it.
_BEFORE = {
    "earlier": r"\b(?:before|by|until|till|prior to|no later than|earlier than)\s(?:the\s"
    r"|about\s)?$",
    "later": r"\b(?:after|since|later than|no earlier than|following)\s(?:the\s|about\s)?$",
    "short": r"\b(?:nearly|almost|just under|just short of|close to|hardly)\s(?:the\s)?[$€£]?$",
    "part": r"\bsub-?totals?(?:\sis|\s?[:=])?\s?[$€£]?$",
    "early": r"\b(?:early|(?:beginning|start) of)[\s-](?:in\s)?$",
    "middle": r"\b(?:mid|middle of)[\s-](?:in\s)?$",
    "late": r"\b(?:late|end of)[\s-](?:in\s)?$",
    "repeated": r"\bevery\s$",
    "denied": r"\b(?:not|wrong|incorrect)\s(?:the\s)?(?:right\s|correct\s)?(?:answer|value|result"
    r"|number)\W{1,3}$"
    r"|\b(?:not|never|cannot|no longer|nowhere near|far from"
    r"|\w+n['’]t)\s(?:(?:be|have been|on|in|at|the|quite|exactly)\s)*$|\bnon-$",
}
_BEHIND = {
    "later": r"^[^.]{0,20}\b(?:at the earliest|onwards?|(?:or|and) (?:later|after))\b",
    "earlier": r"^[^.]{0,20}\b(?:at the latest|(?:or|and) (?:earlier|before))\b",
    "next": r"^(?:\s?[ap]\.?m\b\.?)?\W{0,3}(?:on )?(?:the )?(?:next|following) (?:day|morning"
    r"|week)\b"
    r"|^\s?[ap]\.?m\b\.?\W{0,3}tomorrow\b",
    "yesterday": r"^\s?[ap]\.?m\b\.?\W{0,3}yesterday\b",
    "ago": r"^\W{0,3}(?:\w+\s)?(?:ago|earlier|previously)\b",
    "ahead": r"^\W{0,3}(?:\w+\s)?(?:later|from now|hence)\b",
    "fold": r"^\s?-?\s?fold\b|^x\b",
    "off": r"^\W{0,3}(?:\w+\s)?(?:off|discount|rebate)\b",
    "denied": r"^\W{0,3}(?:(?:is|are|was)\s)?(?:\w+ly\s)?(?:wrong|incorrect|impossible|false"
    r"|too (?:low|high|small|large|big|great|little|few|many|much|short|long)|out\b(?! of)"
    r"|ruled out|unlikely|eliminated|excluded)|^\s(?:isn['’]t"
    r"|can(?:no|['’])t|does(?:n['’]t| not)|fails?)\b|^\?\s?no\b",
    "otherwise": r"^\W{0,3}(?:otherwise|instead\b(?! of))\b",
    "conditional": r"^[^.]{0,60}\b(?:assuming|given that|as long as|provided|otherwise|in theory"
    r"|except(?= (?:on|in|for|when|if)\b)|when(?= \w{1,20} (?:is|are|=|[<>])))\b",
    "supposed": r"^[^.]{0,60}\b(?:if|unless|depending on)\b",
    "without": r"^\W{0,3}(?:(?!\w*\d)\w+\s)?\(?(?:plus|excl(?:uding|usive of|\.)?|not including"
    r"|without"
    r"|net of|before|after)\s(?:\w+\s)?(?:tax\w*|vat|tips?|fees?|shipping|gratuity|interest)\b",
    "base": r"^\W{0,3}(?:in\s)?(?:binary|hex(?:adecimal)?|octal|base[\s-]?\d{1,2})\b",
    "twice": r"\btwice\b|\bdouble\b",
    "thrice": r"\b(?:thrice|(?:three|3) times)\b",
}
_ANYWHERE = {
    "shifted": r"\b(?:day|night|morning|evening|week|weekend|month|year|hour|minute|weekday)s?\s"
    r"(?:before|after|prior to|from|following|preceding|past)\s(?=\w)",
    "from": r"^\W{0,3}(?:starting |beginning |effective )?from\s(?!.{0,80}(?:\b(?:to|until|till"
    r"|through|and)\b"
    r"|\s?[–—]\s?|\s-\s))",
    "week": r"\bweek of\s",
    "ahead": r"^in\s\S+\s(?:second|minute|hour|day|week|month|year)s?\b",
    "conditional": r"^\W{0,3}(?:if|unless|suppose)(?:\W+\w+){1,6}\W*$",
    "once": r"\b(?:was|were)\s\S{1,12}\s(?:before|earlier|previously|originally)\b",
    "doubted": r"\b(?:maybe|perhaps|possibly|(?:it|that) depends|(?:could|might|may) (?:well )?be"
    r"|doubt\w*|guess\w*|tentativ\w*|provisional\w*|unconfirmed|unverified|to be confirmed|tbc"
    r"|don['’]t quote me"
    r"|(?:not (?:\w+ )?|un)(?:sure|certain)|allegedly|supposedly|reportedly|rumou?r\w*|no(?:body"
    r"| one)\s\w+"
    r"|some (?:\w+ )?(?:say|think|believe|claim|argue)|(?:once|long|often|commonly|wrongly"
    r"|mistakenly)"
    r" (?:thought|believed|assumed|held)|used to be|would have been"
    r"|can(?:no|['’])t be|hard to say)\b|\?\W{0,3}$",
}
_PATTERNS = [
    (where, name, re.compile(pattern, re.IGNORECASE))
    for where, patterns in (("before", _BEFORE), ("behind", _BEHIND), ("", _ANYWHERE))
    for name, pattern in patterns.items()
]
_ASKED = frozenset({"earlier", "later", "ago", "ahead", "off", "fold", "twice", "thrice",
                    "without", "base", "repeated", "part"})  # fmt: skip
"""What is no difference where the question has the word: "By when?" asks for "by 5 pm"."""
_AT = {
    "number": re.compile(r"\d"),
    "moment": re.compile(r"\d|\b(?:noon|midnight|midday|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
                         r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
                         r"|dec)[a-z]{0,6})\b", re.I),
    "choice": re.compile(r"(?<![\w'’])[A-J](?![\w'’])"),
}  # fmt: skip
_REST = re.compile(r"[\d.,:/-]*(?:\s\d{1,2}(?:st|nd|rd|th)?(?:,?\s\d{4})?(?!\w))?")
"""What is left of a number, or of the date whose month it is that was found."""
_DOTTED = re.compile(
    r"(?P<name>\b[A-Z]\w{0,20}|\b(?i:version|release|section|chapter|figure|table|step|v))[ .]?"
    r"(?P<digits>\d{1,4}\.\d{1,4})(?![\w%]|\.\d)"
)
_JOINING = re.compile(r"(?i)\b(?:and|or)\b")
_OPEN = re.compile(r"(?i),\s?(?:\.{3}|…|etc\.?|and so on)\W{0,3}$")
_NUMBERED = re.compile(
    r"(?:(?<![^\s(])(?P<name>\w{0,20}[A-Z][\w'’]{0,20})"
    r"|\b(?P<label>page|chapter|step|section|figure|table|question|problem|method|equation|example"
    r"|exercise|version|theorem|lemma|rule|appendix|paragraph|episode|season|room|gate|platform|bus"
    r"|line|route|channel|level|grade|apartment|flat|seat|row|track|the number))[ -]$"
)
"""A name or a thing that a number is part of: "Apollo 11", "gate 5"."""
_PLAIN = word_set(
    "the is only about there total answer answers so it exactly roughly approximately around "
    "just final she he they we i a an has have is are was were gets of therefore thus hence "
    "result sum usd eur gbp cad aud nzd chf inr rs us or and at in on to from after before "
    "nearly almost over under spent paid costs cost maximum minimum likely probably maybe "
    "perhaps ad minus negative plus option choice yes no number part case because since with by "
    "for that this what which how if when where then but also jan feb mar apr may jun jul aug "
    "sep oct nov dec january february march april june july august september october november "
    "december mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday "
    "sunday"
)
_MEASURES = word_set(
    "one two three each every all in total altogether about around approximately roughly "
    "exactly only just nearly almost left remain remaining more less than least most at per day "
    "week month year hour minute second percent dollar cent euro pound yen usd eur gbp unit "
    "time total number answer result sum value final so thus therefore hence equal make give "
    "get cost have has had there are is was were be will would can must should need of the and "
    "a an to for on by with from it they she he we you i not think believe probably likely yes "
    "no overall combined together whole am pm bc bce ad ce ft in kg out minus negative plus hundred "
    "thousand million billion trillion kph kmh"
)


def apart(kind: str, value: str, one: str, other: str, question: str = "") -> bool:
    """Whether what stands beside two answers with the same value makes them differ.

    Args:
        kind: The kind of both: number, moment or choice; others are never apart.
        value: A number that both say, as `number_text` writes it.
        one: What an answer says, as it was written.
        other: What another says.
        question: The question: what it says itself is no difference.
    """
    if kind not in _AT or one == other:
        return False
    known = known_words(question)
    ours, theirs = (_found(kind, value, each, known) for each in (one, other))
    if ours != theirs:
        return True
    if kind != "number":
        return False
    return (
        _named(one, known) != _named(other, known)
        or _versions_apart(one, other)
        or _counted_apart(one, other, known)
    )


def joined_apart(one: str, other: str) -> bool:
    """Whether one short answer offers a choice where another names all, or leaves its list open where
    another ends it: "2 or 3" and "2 and 3", "red, blue, ..." and "red, blue"."""
    if max(len(one), len(other)) > _CHARACTERS or "=" in one + other:
        return False
    if bool(_OPEN.search(one)) != bool(_OPEN.search(other)):
        return True
    ours, theirs = ({word.lower() for word in _JOINING.findall(each)} for each in (one, other))
    return bool(ours and theirs) and ours.isdisjoint(theirs)


def _found(kind: str, value: str, text: str, known: Set[str]) -> frozenset[str]:
    """The names of what qualifies an answer."""
    places = _AT[kind].finditer(text)
    at = next(places, None)
    if kind == "number":  # the last place, as where units are read
        said = [found for found in NUMBER.finditer(text) if number_text(found[0]) == value]
        at = said[-1] if said else at
    if at is None or len(text) > _CHARACTERS or len(text.split()) > _LONGEST:
        return frozenset()
    size = _REST.match(text, at.end())
    parts = {
        "before": text[: at.start()],
        "behind": text[size.end() if size else at.end() :],
        "": text,
    }
    return frozenset(
        name
        for where, name, pattern in _PATTERNS
        # What a number is conditioned by is seen where it is read.
        if not (name == "supposed" and kind == "number")
        and (found := pattern.search(parts[where]))
        and not (name in _ASKED and any(stem(word) in known for word in words(found[0]).split()))
    )


def _named(text: str, known: Set[str]) -> str:
    """The name that the only number of a short text is part of, unless the question has it; or ""."""
    numbers = list(re.finditer(r"\d[\d.,]*", text))
    if len(numbers) != 1 or len(text) > _CHARACTERS:
        return ""
    found = _NUMBERED.search(text[: numbers[0].start()])
    if found is None or not re.search(r"\w", text[: found.start()] + text[numbers[0].end() :]):
        return ""  # "Apollo 11" and nothing else is a name's number
    name = (found["name"] or found["label"].removeprefix("the ")).lower()
    return "" if name in _PLAIN or stem(name) in known else name


def _versions_apart(one: str, other: str) -> bool:
    """Whether two numbers are parts of one name and written differently: versions 2.1 and 2.10."""
    ours, theirs = map(_DOTTED.search, (one, other))
    return bool(
        ours
        and theirs
        and ours["name"].lower() == theirs["name"].lower()
        and ours["name"].lower() not in _PLAIN
        and ours["digits"] != theirs["digits"]
    )


def _counted_apart(one: str, other: str, known: Set[str]) -> bool:
    """Whether two short answers count different things: "5 men", "5 women"; or one counts things and
    the other measures: "5 men", "5 m"."""
    ours, theirs = (_counted(each, known) for each in (one, other))
    if ours and theirs:
        return not ours & theirs
    measured, too = (measures(plain_numbers(each)) for each in (one, other))
    return bool(ours and too and not measured) or bool(theirs and measured and not too)


def _counted(text: str, known: Set[str]) -> frozenset[str]:
    if len(text.split()) > _BESIDE or "\\" in text or not re.search(r"\d", text):
        return frozenset()
    found = [w for w in words(text).split() if w.isalpha() and (len(w) > 2 or not w.isascii())]
    return frozenset(
        stem(word)
        for word in found
        if word not in _MEASURES and stem(word) not in known and not known_unit(word)
    )
