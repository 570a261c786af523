"""Compare texts by their words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence, Set

from lc_asym_router._internal.imports import word_set

SHORT = 15
"""Words up to which a text without a marked answer is taken as the answer itself."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?(?:\+\+|#)?")
_FEW = re.compile(r"\ba (few|little)\b")
_ARTICLES = frozenset({"a", "an", "the"})
_NEGATIONS = word_set(
    "not no never neither nor none cannot without nicht kein keine nein ne pas jamais "
    "nunca не нет không"
)
_COPULAS = word_set("is are was were be equals called named ist sind est es è é")
_REFUSED = word_set("wrong incorrect false excluded impossible unlikely mistaken")
_DOUBTING = word_set(
    "doubt doubts doubted if whether unless maybe perhaps possibly used formerly vielleicht "
    "möglicherweise eventuell falls wenn peut quizá quizás talvez forse misschien возможно"
)
_CONJUNCTIONS = frozenset({"and", "or", "nor", "und", "oder", "et", "ou", "y", "e"})
_FUNCTION = _COPULAS | word_set(
    "it its this that these those they he she we i you there here of to in on at by for "
    "from with as so thus therefore hence would will should must may can do does did has "
    "have had been being which who what where when am my our your their one"
)
_QUALIFIERS = word_set(
    "new north south east west northern southern eastern western central upper lower "
    "great greater little old saint san los anti non pre post former first second third "
    "half"
)
"""Words that make another name of the one behind them: "West Virginia" is not "Virginia"."""
_DAYS = word_set("monday tuesday wednesday thursday friday saturday sunday")
"""Others than "Good Friday"."""
_OPPOSITES = tuple(
    (frozenset(one.split("/")), frozenset(other.split("/")))
    for one, other in (
        pair.split(" ")
        for pair in (
            "more/additional less/fewer",
            "increase/increases/increased/increasing decrease/decreases/decreased/decreasing",
            "rise/rises/rose/rising fall/falls/fell/falling",
            "profit/gain/gains/gained/win/wins/won/earned loss/lose/loses/lost",
            "each/apiece total/altogether",
            "above/over below/under",
            "before after",
            "am pm",
            "north south",
            "east west",
            "left right",
            "up down",
            "positive negative",
            "least most",
            "greater/larger/bigger/higher/taller smaller/lower/less/shorter",
            "maximum minimum",
            "true/correct/valid false/incorrect/invalid",
            "yes no",
            "first last",
            "former latter",
            "odd even",
            "older/earlier younger/later",
            "clockwise counterclockwise",
            "inside outside",
            "ahead behind",
            "faster slower",
            "same different",
            "for against",
            "yesterday tomorrow",
            "ja nein",
        )
    )
)
_ORDERED = re.compile(
    r"(?i)\b(?:order|rank|ranked|ranking|sort|sorted|sequence|arrange|chronological)\b"
)
_ITEM = re.compile(r"\s*(?:[,;\n]|\band\b|\bund\b|\bor\b|&)\s*(?:\band\b\s*)?")
_BULLET = re.compile(r"(?m)^[ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t]+")
_CONTRACTED = re.compile(r"\b(?:(can)no|(wo)n'|(ca)n'|(\w{2,9}?)n')t\b")


def words(text: str) -> str:
    """The words of a text, without case, articles, accents of Latin letters and punctuation."""
    text = _unaccented(text.replace("’", "'").casefold())
    text = _FEW.sub(r"some \1", _CONTRACTED.sub(_expanded, text))
    text = re.sub(r"\b(it|that|there|he|she|this|answer)'s\b", r"\1 is", text)
    text = re.sub(r"\b(?:[a-z]\.){2,}", lambda found: found.group().replace(".", ""), text)
    return " ".join(word for word in _WORD.findall(text) if word not in _ARTICLES)


def same_texts(
    one: str, other: str, overlap: float = 0.8, *, known: Set[str] = frozenset(), question: str = ""
) -> bool:
    """Whether two texts say the same.

    Short ones do where they hold the same words in the same order, where one stands in the other in
    the place of an answer ("Paris" and "The capital of France is Paris."), where both are the same
    list, or where they differ in words of the question alone. Long ones do where the share of words
    in common (Dice) is at least `overlap` and one only adds to the other: a word put for another
    may be all the difference.

    Args:
        one: A text.
        other: Another.
        overlap: See above, in [0, 1].
        known: The question's words, as `stem` makes them.
        question: The question; where it asks for an order, lists must have the same one.
    """
    first, second = words(one).split(), words(other).split()
    if not first or not second:
        return False
    if first == second:
        return True
    if (
        _negated(first) != _negated(second)
        or opposed(first, second)
        or _numbers_differ(first, second)
    ):
        return False
    if max(len(first), len(second)) > SHORT:
        return _only_adds(first, second, overlap)
    listed, too = items(one), items(other)
    if len(listed) > 1 and len(too) > 1:
        return listed == too if _ORDERED.search(question) else sorted(listed) == sorted(too)
    return (
        _answers(one, first, second, known)
        or _answers(other, second, first, known)
        or _turned(first, second)
        or _content(first) == _content(second) != []
        or _beyond(first, known) == _beyond(second, known) != []
    )


def opposed(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether one says "more" where the other says "less"."""
    ours, theirs = set(first), set(second)
    return any(
        (ours & up and theirs & down and not (ours & down or theirs & up))
        or (ours & down and theirs & up and not (ours & up or theirs & down))
        for up, down in _OPPOSITES
    )


def items(text: str) -> list[str]:
    """The items of a text that is a list of short ones, as `words` makes them; else nothing."""
    if len(text) > 600:
        return []
    text = re.sub(r"(?i)^both (?=.{1,80} and )", "", text.strip())
    parts = [words(part) for part in _ITEM.split(_BULLET.sub(", ", text).strip(" .,;\n[](){}"))]
    parts = [part for part in parts if part]
    return parts if all(len(part.split()) <= 4 for part in parts) else []


def stem(word: str) -> str:
    """A word without the ending that makes a plural or a verb's form of it."""
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending).removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


def known_words(question: str) -> frozenset[str]:
    """The stems of a question's words."""
    return frozenset(map(stem, words(question).split()))


def _unaccented(text: str) -> str:
    # Only on Latin letters: in Japanese or Arabic a mark makes another letter.
    return "".join(
        unicodedata.normalize("NFKD", char)[0] if "\u00c0" <= char < "\u0250" else char
        for char in text
    )


def _expanded(found: re.Match[str]) -> str:
    can, will, could, verb = found.groups()
    return f"{'can' if can or could else 'will' if will else verb} not"


def _negated(found: Sequence[str]) -> bool:
    return not _NEGATIONS.isdisjoint(found)


def _numbers_differ(first: Sequence[str], second: Sequence[str]) -> bool:
    ours, theirs = ([word for word in side if word[:1].isdigit()] for side in (first, second))
    return bool(ours and theirs and sorted(ours) != sorted(theirs))


def _only_adds(first: Sequence[str], second: Sequence[str], overlap: float) -> bool:
    short, long = sorted((first, second), key=len)
    if len(short) < 4:
        return False
    common = (Counter(short) & Counter(long)).total()
    if 2 * common < overlap * (len(short) + len(long)):
        return False
    return _within(_content(short), _content(long)) or _within(_content(long), _content(short))


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether the words stand in the others, in their order."""
    rest = iter(long)
    return all(word in rest for word in short)


def _content(found: Sequence[str]) -> list[str]:
    return [word for word in found if word not in _FUNCTION]


def _beyond(found: Sequence[str], known: Set[str]) -> list[str]:
    """The words that are neither the question's nor a function's; none where nothing is known."""
    return [word for word in _content(found) if stem(word) not in known] if known else []


def _turned(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether one is "X is Y" and the other "Y is X"."""
    sides = []
    for found in (first, second):
        places = [at for at, word in enumerate(found) if word in _COPULAS]
        if len(places) != 1 or "than" in found:
            return False
        sides.append((list(found[: places[0]]), list(found[places[0] + 1 :])))
    return sides[0] == sides[1][::-1] and all(sides[0])


def _answers(raw: str, long: Sequence[str], short: Sequence[str], known: Set[str]) -> bool:
    """Whether a short answer stands in a sentence in the place of an answer."""
    if len(short) > len(long) or not _content(short):
        return False
    size = len(short)
    for at in range(len(long) - size + 1):
        here = list(long[at : at + size]) == list(short)
        if here and _is_answer(raw, long[:at], long[at + size :], short, known):
            return True
    return False


def _is_answer(
    raw: str, before: Sequence[str], after: Sequence[str], short: Sequence[str], known: Set[str]
) -> bool:
    if (before and before[-1] in _CONJUNCTIONS) or (after and after[0] in _CONJUNCTIONS):
        return False  # one of several
    if not (_DOUBTING | _REFUSED).isdisjoint(before):
        return False
    beside = [word for word in _content([*before, *after]) if stem(word) not in known]
    if not beside:
        return not all(stem(word) in known for word in short) or not known
    if before and not after and before[-1] in (*_COPULAS, "by"):
        return True
    if after and not before and after[0] in _COPULAS:
        return _REFUSED.isdisjoint(after)
    return not after and len(before) <= 2 and _names(raw, before, short)


def _names(raw: str, before: Sequence[str], short: Sequence[str]) -> bool:
    """Whether first names stand before: "William Shakespeare" is "Shakespeare"."""
    capital: Callable[[str], bool] = str.istitle
    parts = [part.strip(".,!?\"'*_") for part in raw.split()]
    return (
        not re.search(r"[,;\n]", raw)
        and short[-1] not in _DAYS
        and _QUALIFIERS.isdisjoint(before)
        and len(parts) == len(before) + len(short)
        and all(map(capital, parts))
    )
