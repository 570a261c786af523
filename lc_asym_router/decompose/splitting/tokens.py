"""A text's tokens, and masking what must not be split."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, NamedTuple

from lc_asym_router.verify.answers.numerals import number_text

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
    "\uac00-\ud7af"  # Korean has spaces, but its particles hang on the words
)
_WORD = r"\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_SIGN = re.compile(f"[{_UNSPACED}]")
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\s{_UNSPACED}]+")
_PART = re.compile(
    rf"(?P<number>(?<![{_WORD}.])[-−]?(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?"
    rf"(?:/\d+(?![{_WORD}/])|[eE][-+]?\d{{1,3}}(?![{_WORD}]))?)|(?P<word>[{_WORD}]+)|(?P<symbol>\S)"
)
_CHOICE = re.compile(r"""(?P<open>[*_`"'(\[]*)(?P<letter>[A-Ja-j])(?P<close>[)\].:,;*_`"']*)""")
_UNSETTLED = re.compile(rf"[^\s{_UNSPACED}]*\Z")
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve"
_IN_WORDS = {word: str(value) for value, word in enumerate(_SMALL.split())}

FUNCTION_WORDS = frozenset(
    """
    a about above after again against all almost along already also although always am among an and
    another any anything are around as at away back be became because become been before being below
    between both but by called came can cannot come could did do does doing done don down due during
    each either else enough even ever every example few first for from further gave get gets give
    given gives go goes going got had has have having he hence her here hers him his how however if
    in indeed instead into is it its itself just know known last least less let like made main mainly
    make makes making many may maybe me means might more most much must my near nearly need neither
    never next nor not nothing now of off often on once one only onto or other others otherwise our
    out over own part per perhaps quite rather really same say says see seem seems several shall she
    should since so some something sometimes still such take takes than that the their them then
    there therefore these they thing things this those though through thus to together too toward
    under until up upon us use used uses using usually various very was way we well were what when
    where whether which while who whom whose why will with within without would yes yet you your
    answer answers question questions result
    """.split()  # noqa: SIM905  a list of a word a line would be long
)
"""English words that tell nothing of what a text is about."""

_FUNCTION_SIGNS = frozenset("的了是在和与及有也为被把这那其之以于而呢吗么就都上个们")


class Token(NamedTuple):
    """A word, number or character of a text.

    Attributes:
        key: The key for comparisons.
        kind: The token's kind. "choice" is a letter that is separate, as "B" or "(b)"; "single" is
            a character within a longer run of a script without spaces.
        text: The token's text.
        at: Its position in the text.
    """

    key: str
    kind: Literal["number", "word", "pair", "single", "symbol", "choice"]
    text: str
    at: int

    @property
    def is_function(self) -> bool:
        """Whether it is a function word, which says nothing about a text's subject."""
        if self.kind == "word":
            short = len(self.text) <= 2 and not self.text.isupper()
            return self.text.lower() in FUNCTION_WORDS or short
        if self.kind == "pair":
            return any(sign in _FUNCTION_SIGNS or "\u3040" <= sign <= "\u309f" for sign in self.key)
        return self.kind != "number"


def normalized_text(text: str) -> str:
    """Normalize a text to one form of each character: full-width digits become digits."""
    return unicodedata.normalize("NFKC", text)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a normalized text."""
    for run in _RUN.finditer(text):
        word, at = run.group(), run.start()
        if _SIGN.match(word):
            yield from _pairs(word, at)
            continue
        choice = _CHOICE.fullmatch(word)
        if choice and (choice["letter"].isupper() or set("([)]") & set(word)):
            yield Token(f"({choice['letter'].upper()})", "choice", word, at)
        for part in _PART.finditer(word):
            yield _token(part, at)


def _pairs(text: str, at: int) -> Iterator[Token]:
    if len(text) == 1:
        yield Token(text, "pair", text, at)
        return
    for place, sign in enumerate(text):
        yield Token(sign, "single", sign, at + place)
        if place:
            pair = text[place - 1 : place + 1]
            yield Token(pair, "pair", pair, at + place - 1)


def _token(part: re.Match[str], at: int) -> Token:
    text, at = part.group(), at + part.start()
    if part["symbol"]:
        return Token(text, "symbol", text, at)
    if part["number"] or text.isdecimal():
        return Token(number_text(text), "number", text, at)
    key = text.casefold()
    return Token(_IN_WORDS.get(key, key), "word", text, at)


def keys_of(text: str) -> set[str]:
    """Return the keys of a text."""
    return {token.key for token in tokens(normalized_text(text))}


def trimmed_ends(text: str) -> tuple[str, str]:
    """Divide a text that is still being written.

    Returns the part in complete words, and the rest, to be read again with what comes after it.
    """
    found = _UNSETTLED.search(text)
    end = found.start() if found else len(text)
    paired = end > 0 and _SIGN.match(text[end - 1])  # with the sign that comes next
    return text[:end], text[end - 1 if paired else end :]


FILLER = "\ue000"
"""What hidden characters become: neither space nor letter, nor any mark."""

_OPENS = re.compile(
    r"""
      (?:(?<=\n)|\A)[ \t]*(?P<fence>`{3,}|~{3,})
    | (?P<ticks>`+)
    | (?:(?<=\n)|\A)[ \t]*(?P<quoted>>)
    | <(?P<tag>[A-Za-z][\w-]{0,40})(?=[\s>])
    | (?P<quote>["“„«]|(?<!\w)')
    """,
    re.VERBOSE,
)
_FENCE = re.compile(r"(?:(?<=\n)|\A)[ \t>]*(`{3,}|~{3,})[ \t]*(?=\n|\Z)")
_TICKS = re.compile(r"`+")
_CLOSING_TAG = re.compile(r"</([A-Za-z][\w-]*)\s?>")
_PARAGRAPH = re.compile(r"\n[ \t]*(?=\n)")
_SINGLE = re.compile(r"'(?:[^'\n]|(?<=\w)'(?=\w))++'(?!\w)")  # not the apostrophe of "don't"
_CLOSERS = {"“": "”", "„": "“”", "«": "»"}
_CODE_TAGS = ("pre", "code")


class _Marks:
    """The positions of closing marks, found once.

    Searching again from every opening mark would take time quadratic in the text's length.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, list[int]] = {}
        self.fences = [(m.start(1), m.end(), m[1]) for m in _FENCE.finditer(text)]
        self.ticks = [(m.start(), m.end(), m[0]) for m in _TICKS.finditer(text)]
        self.tags: dict[str, list[int]] = {}
        for match in _CLOSING_TAG.finditer(text):
            self.tags.setdefault(match[1].lower(), []).append(match.end())
        self.breaks = [match.start() for match in _PARAGRAPH.finditer(text)]

    def after(self, marks: str, at: int) -> int | None:
        """Return the position of the next of these characters."""
        if marks not in self._found:
            found = [place for place, letter in enumerate(self._text) if letter in marks]
            self._found[marks] = found
        return _next(self._found[marks], at)


def masked(text: str) -> str:
    """Replace what must not be split by filler characters; all positions stay the same."""
    marks, shown, at = _Marks(text), [], 0
    for start, end in _hidden(text, marks):
        shown += [text[at:start], FILLER * (end - start)]
        at = end
    return "".join([*shown, text[at:]])


def shown_lines(text: str) -> list[tuple[str, str]]:
    """Return the text's lines, each unmasked and masked; a code block is one line."""
    lines, at = [], 0
    for shown in masked(text).splitlines(keepends=True):
        lines.append((text[at : at + len(shown)], shown))
        at += len(shown)
    return lines


def _hidden(text: str, marks: _Marks) -> list[tuple[int, int]]:
    """Return the spans to be masked, in order."""
    found, at = [], 0
    while match := _OPENS.search(text, at):
        at = match.end()
        end = _end_of(text, match, marks)
        if end is not None:
            kind = match.lastgroup or "tag"
            found.append((match.start() if kind == "tag" else match.start(kind), end))
            at = end
    return found


def _end_of(text: str, opening: re.Match[str], marks: _Marks) -> int | None:
    """Return where the span that a mark opens ends; `None` where it opens none."""
    start, at = opening.start(), opening.end()
    if opening["fence"] and "`" not in text[at : _or_end(marks.after("\n", at), text)]:
        return _closed_by(marks.fences, opening["fence"], at, text)
    if opening["fence"] or opening["ticks"]:
        run = opening["fence"] or opening["ticks"]
        if len(run) > 2:  # also a block that begins behind other words
            return _closed_by(marks.ticks, run, at, text)
        place = bisect_left(marks.ticks, (at,))
        if place < len(marks.ticks) and marks.ticks[place][2] == run:
            end = marks.ticks[place][1]
            return end if end <= _or_end(marks.after("\n", at), text) else None
        return None
    if opening["quoted"]:
        return _or_end(marks.after("\n", at), text)
    if opening["tag"]:
        tag = opening["tag"].lower()
        closing = _next(marks.tags.get(tag, []), at)
        return len(text) if closing is None and tag in _CODE_TAGS else closing
    quote = opening["quote"]
    if quote == "'":
        single = _SINGLE.match(text, start)
        return single.end() if single else None
    if quote == '"':
        return _end_of_quote(text, start, marks)
    closed = marks.after(_CLOSERS[quote], at)
    return len(text) if closed is None else closed + 1


def _closed_by(closing: list[tuple[int, int, str]], fence: str, at: int, text: str) -> int:
    """Return the end of the first closing run as long as the opening one, else the text's end."""
    for place in range(bisect_left(closing, (at,)), len(closing)):
        _, end, run = closing[place]
        if run[0] == fence[0] and len(run) >= len(fence):
            return end
    return len(text)


def _end_of_quote(text: str, start: int, marks: _Marks) -> int | None:
    """Return the end of a quotation.

    It does not extend beyond its paragraph. An unclosed one extends to the end of its line, but
    after a digit the mark means inches.
    """
    closing = marks.after('"', start + 1)
    paragraph = _or_end(_next(marks.breaks, start), text)
    if closing is not None and closing < paragraph:
        return closing + 1
    if text[start - 1 : start].isdigit():
        return None
    return _or_end(marks.after("\n", start), text)


def _next(places: list[int], at: int) -> int | None:
    """Return the first of these sorted positions that is not before `at`."""
    found = bisect_left(places, at)
    return places[found] if found < len(places) else None


def _or_end(place: int | None, text: str) -> int:
    return len(text) if place is None else place
