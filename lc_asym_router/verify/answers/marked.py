"""Answers that are marked as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

LONGEST = 4000
"""Characters of a span that are looked at."""

_KIND = (
    r"(?:final|correct|right|best|closest|most likely|(?:most )?appropriate|my|required|numerical)"
)
_VERB = (
    r"(?:(?:is|are|would be|should be|must be|will be|was)\b(?:\s(?:therefore|thus|hence|simply"
    r"|just|most likely|likely|probably|indeed|clearly|option|choice|definitely)\b){0,2}\s{0,3}:?"
    r"|[:=]|\s[-–—]\s)"
)
_MARKS = (
    re.compile(r"(?is)(?:\[answer\]|<answer>)(.{1,4000}?)(?:\[/answer\]|</answer>)"),
    re.compile(r"(?i)\bfinal answer\b[\s:=]{0,9}(?:is\b[\s:=]{0,9})?(.{1,4000})"),
    re.compile(
        rf"(?i)\b(?:(?:the|this|our|so) {_KIND}? ?answers?|{_KIND}(?: {_KIND})? (?:answer|option"
        rf"|choice|solution|result|response|statement)s?)(?: to (?:the|this) (?:question"
        rf"|problem))?\s{{0,3}}"
        rf"{_VERB}[\s:=]{{0,9}}(.{{1,4000}})"
    ),
    re.compile(
        r"(?im)(?:^[ \t>#]{0,9}|(?<=[.!?]\s))(?:short |final )?answers?\s{0,9}(?:[:=]|\s[-–—]\s)"
        r"\s{0,9}(.{1,4000})"
    ),
    re.compile(
        r"(?i)\b(?:antwort|lösung|ergebnis|r[ée]ponse|respuesta|risposta|resposta|ответ|javob"
        r"|svar(?:et)?)"
        r"(?: (?:correcte?|finale?|correcta|corretta|correta|richtige|juste|est-elle))?"
        r"\s?(?:ist|lautet|est|es|è|é|är|er|:|—|-)(?: (?:la|el|le|l'|die|der|das)\b)?"
        r"[\s:]{1,9}(.{1,4000})"
    ),
    re.compile(
        r"(?:答案|正解|答え|回答|解答)\s?(?:应该|應該)?\s?(?:是|为|為|は|：|:|、)\s?(?:选项|選項"
        r"|选)?\s?([^。\n]{1,300}?)(?:\s?(?:です|である|だ))?(?:[。\n]|$)"
    ),
    re.compile(r"정답은\s?([^.\n]{1,300}?)\s?(?:입니다|이다|이며|\.|$)"),
    re.compile(
        r"(?:الإجابة|الجواب)(?: الصحيحة| الصحيح| النهائية| النهائي)?(?: هي| هو|:|：)\s?(.{1,4000})"
    ),
)
_ASSIGNED = re.compile(r"(?m)^[ \t]{0,9}ans\s{0,3}=\s{0,3}([-$€£]?\d[\d.,/]{0,400})[ \t]{0,9}$")
_LAST_MARKS = (
    re.compile(r"(?m)^A:[ \t]{0,9}(.{1,4000})"),
    re.compile(r"(?m)^[ \t]{0,9}assert\s[^\n]{1,999}?==[ \t]{0,9}(.{1,4000})"),
    re.compile(
        r"(?i)\b(?:the|its|this) (?:output|printed (?:result|value)|return(?:ed)? value|code"
        r"|program|function|call|assertion)(?: of [^\n:]{1,80}?)? (?:(?:is|will be|would be"
        r"|should be)\b|(?:will "
        r"|would )?"
        r"(?:print|output|return|evaluate to|produce)s?\b)[\s:]{0,9}(.{1,4000})"
    ),
)
_NO_MARK = re.compile(r"(?i)(?:\bnot|n['’]t) (?:the |my |an? )?$")
_HASHES = re.compile(r"####\s*(.{1,4000})")
_EMPHASIS = re.compile(
    r"(\*\*|__)(?=\S)([^\n]{1,300}?)(?<=\S)\1"
    r"|(?<![\w*])([*_])(?=[^\s*_])([^\n*_]{1,300}?)(?<=\S)\3(?![\w*])"
)
_SENTENCE = re.compile(r"(?<=[^\s.][.!?])[\"')*]?\s+(?=[A-Z\"'(\[*¿¡\d])|(?<=[。！？])|\n+")
_NO_END = re.compile(
    r"(?:(?<![^\s(])[A-Z]|\b(?:mr|mrs|ms|dr|st|vs|e\.g|i\.e|approx|no|fig|eq|prof|u\.s|etc|cf|jr"
    r"|sr|a\.m"
    r"|p\.m))\.$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\s{0,3}(?:[,;]|\s[-–—]\s)?\s{1,3}(?:because|since|due to|given that|as (?:it|the|this|they"
    r"|he|she|we)|so"
    r" that|which|where|not because)\b|[;]\s(?!(?:or|alternativ\w*|otherwise|else)\b"
    r"|[-$€£]?\d[\d.,]*\W?$)"
    r"|,\s(?:not|as|so|with|i\.e\."
    r"|but(?![^.\n]{0,40}\b(?:possible|also|could|might|may)\b))\b",
    re.IGNORECASE,
)
_APPOSITION = re.compile(r",\s(?:the|a|an|who|whose)\s|\s\(")
_CONDITION = re.compile(
    r"(?i)\b(?:if|unless|provided|depending|as long as|only when)\b|\b(?:or|and) \("
    r"|\((?:or|possibly|maybe|perhaps|alternatively)\b|\([A-HJ] (?:is|also)\b|\)\W{1,3}(?:and )?\d"
)
_FAREWELL = re.compile(
    r"(?:let me know|i hope|hope (?:this|that|it)|feel free|is there anything|would you like"
    r"|if you (?:have|need|would|want|'d)|do you (?:want|need|have)|please (?:let|note|feel)"
    r"|(?:i'm |i am )?happy to|thank|good luck)\b",
    re.IGNORECASE,
)
_CORRECTED = re.compile(
    r"(?:(?:no|oh|hmm+|sorry|but|ah),? ){0,2}"
    r"(?:(?P<another>alternative(?:ly)?|(?:another|other|second) (?:possible )?answer"
    r"|\(?[A-HJ]\)? (?:(?:is|would be|could be|may be|might be) )?also)\b"
    r"|wait|actually|correction|oops|scratch that|on (?:second thoughts?|reflection)"
    r"|i made an? (?:mistake|error)|i meant|(?:edit|update|revised)(?=:)|no, (?=[A-J]\W|\d)\w+"
    r"|let me (?:correct|fix|recheck|redo|re-?calculate|re-?evaluate)|that(?:'s| is) (?:wrong"
    r"|incorrect|not right))\b",
    re.IGNORECASE,
)
_PART_ANSWERS = re.compile(
    r"(?i)\banswers? (?:to|for|of) (?:part |question |problem )?\(?([a-h]|\d{1,2})\)?(?: is\b|:)"
    r"|(?<![^\n])\W{0,4}answer \(?((?-i:[a-h])|\d{1,2})\)?:"
    r"|(?<![^\n])\W{0,4}answer\W{1,3}([a-z])\s?="
)
"""The parts of a question whose answers a text marks, each by itself."""
_BOX = re.compile(r"\\f?box(?:ed)?\s{0,3}\{")
_BETWEEN_BOXES = re.compile(
    r"[\s$,;.\\()\[\]]{0,12}(?:and|or"
    r"|[Aa]lternatively)?[\s$,;\\()\[\]]{0,12}(?:[a-zA-Z]\w?\s{0,3}=\s{0,3})?"
)
_NEXT_PART = re.compile(
    r"(?is)(?:[^\n\\]{0,40}\n\s{0,9}|.{0,40}?[\s,;.])(?:(?:for|part|case|question) \(?\w{1,9}\)?:?"
    r"|\(?[a-h1-9]\)"
    r"|[a-z]:)\W{0,6}|.{0,20}\band the \w{1,20} (?:is|are)\W{0,4}|.{0,30}\b(?:otherwise"
    r"|if)\b[^\\]{0,60}"
    r"|\W{0,2} for \w{1,12},? and\W{0,4}"
)
"""What stands before the box of a question's next part, or of another case."""
_NAME_BEFORE = re.compile(r"(?<![\w\\])([a-zA-Z])\s{0,3}=\s{0,3}$")
_HEADING = re.compile(
    r"(?:\W{0,3}\d|(?:step|part|case|final|solution|answer|explanation|reasoning|analysis|approach"
    r"|given"
    r"|introduction|summary|overview|calculat\w+|proof|problem|question|understanding|method"
    r"|result|note"
    r"|conclusion|let|to|the|first)\b)",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"(?:\(?\d{1,2}[.):](?!\d)|step \d{1,2}\b[.):]?|[-•*>#|]{1,6}(?!\d))\s*", re.IGNORECASE
)
_BULLET = re.compile(r"[ \t]{0,9}(?:[-*•]|\d{1,2}[.)])[ \t]+\S")
_UNFINISHED = re.compile(
    r"(?:[,:=+*/\\({\[&-]|\b(?:the|a|an|of|to|and|or|is|are|in|by|for|with|that|so|we|as|at|on"
    r"|from|if|then"
    r"|this|it|be|let|has|have|which|than|each|times))$",
    re.IGNORECASE,
)


def without_thoughts(text: str) -> str | None:
    """A text without what a reasoning model thought aloud; `None` where it never stopped to."""
    if "</think" in text:
        return re.split(r"</think(?:ing)?>", text)[-1]
    return None if re.match(r"\s*<think(?:ing)?>", text) else text


def without_markup(text: str) -> str:
    """A text without Markdown's emphasis and code marks; "3*4", "x_1" and "a**b" stay."""
    text = text.replace("`", "")
    for _ in range(2):  # bold in italics
        text = _EMPHASIS.sub(lambda found: found.group(2) or found.group(4), text)
    return text.strip()


def boxed(text: str) -> str | None:
    """What the last \\boxed{...} holds, braces within it included.

    Boxes that only an "and" or a comma parts are one answer: they are joined, with the names that
    they are assigned to.
    """
    found: list[str] = []
    end = len(text)
    for box in reversed(list(_BOX.finditer(text))[-50:]):
        inner = _inside(text, box.end() - 1)
        if inner is None:
            continue
        after = box.end() + len(inner) + 1
        between = text[after:end]
        if found and not (
            _BETWEEN_BOXES.fullmatch(between)
            or (inner not in found and _NEXT_PART.fullmatch(between))
        ):
            break
        name = _NAME_BEFORE.search(text[max(0, box.start() - 20) : box.start()])
        found.append(f"{name.group(1)} = {inner}" if name else inner)
        end = box.start()
        if len(found) == 10:
            break
    if len(found) == 1:
        return found[0].partition(" = ")[2] if name and found[0] != inner else found[0]
    return ", ".join(reversed(found)) if found else None


def _inside(text: str, begin: int) -> str | None:
    """What stands between the brace at a place and the one that closes it."""
    depth = 0
    for place in range(begin, min(len(text), begin + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + 1 : place]
    return None


def marked(plain: str, program: bool = False) -> tuple[str, str] | None:
    """What a text marks as its answer, and the text behind it; `None` where it marks nothing.

    The last mark counts.

    Args:
        plain: The text, without Markdown.
        program: Whether it holds a program, whose assertions are no answers.
    """
    places = [found for mark in _MARKS for found in _last(mark, plain)]
    places += _last(_ASSIGNED, plain)
    places += [found for found in _last(_HASHES, plain) if _is_result(found, plain)]
    if not places and not program:
        for mark in _LAST_MARKS:
            places = [found for found in _last(mark, plain) if not _listed(found, plain)]
            if places:
                break
    places = [found for found in places if not _NO_MARK.search(plain[: found.start()][-20:])]
    if not places:
        return None
    last = max(places, key=lambda found: found.start(1))
    span, behind = last.group(1), plain[last.end(1) :]
    if "\n" in span or last.re is _MARKS[0]:
        return span.strip(), behind
    own_line = plain[: last.start(1)].rstrip(" \t").endswith("\n")
    if span.rstrip().endswith(":") or not span.strip(" .:"):
        own_line = True
        first, _, behind = behind.lstrip().partition("\n")
        span = first
    if own_line and _BULLET.match(span):
        lines = [line for line in behind[:LONGEST].split("\n") if line]
        listed = list(takewhile(_BULLET.match, lines))
        return "\n".join([span, *listed]).strip(), "\n".join(lines[len(listed) :])
    first, rest = first_sentence(span)
    return re.sub(r"(?<=[^.])\.$", "", first), f"{rest}\n{behind}"


def answers_parts(plain: str) -> bool:
    """Whether a text marks the answers to several parts of a question, each by itself."""
    return len(set(_PART_ANSWERS.findall(plain))) > 1


def corrected(behind: str) -> str | None:
    """What follows where a text takes back the answer that it has marked; else `None`."""
    pieces = answer_sentences(behind[:LONGEST])
    for at, piece in enumerate(pieces):
        if _CORRECTED.match(piece.lstrip(" *(#")):
            return "\n".join(pieces[at:])
    return None


def offers_another(instead: str) -> bool:
    """Whether a text names a further answer rather than taking one back."""
    found = _CORRECTED.match(instead.lstrip(" *(#"))
    return found is not None and found["another"] is not None


def heads(span: str) -> Iterator[str]:
    """A marked span, as it is and without what it says by the way ("12, since 5 are gone")."""
    clause = _CLAUSE.search(span)
    short = span[: clause.start()].strip() if clause and clause.start() else span
    yield short
    if (aside := _APPOSITION.search(short)) and aside.start() and not _CONDITION.search(short):
        yield short[: aside.start()].strip()


def lead(plain: str) -> tuple[str, str]:
    """The first line of a text that goes on behind it, and the rest; ("", text) where there is none."""
    first, _, rest = plain.lstrip().partition("\n")
    if not rest.strip() or first.rstrip().endswith(":") or first.startswith(("|", "#", "-", "•")):
        return "", plain
    return first.strip(" *"), rest


def is_title(text: str) -> bool:
    """Whether a text's first line is a short answer in bold ("**Paris**"), no heading."""
    if not (found := re.match(r"\s*\*\*([^*\n:]{1,40})\*\*\s*\n", text)):
        return False
    return len(found.group(1).split()) <= 4 and not _HEADING.match(found.group(1))


def conclusion(plain: str) -> str:
    """The last sentence that says something: no offer of more help, no rule, no table; or ""."""
    pieces = [piece for piece in answer_sentences(plain[-LONGEST:]) if re.search(r"\w", piece)]
    while pieces and _FAREWELL.match(pieces[-1].lstrip(" *(#")):
        pieces.pop()
    if not pieces or pieces[-1].lstrip().startswith("|"):
        return ""
    last = pieces[-1].strip()
    if _UNFINISHED.search(last) and len(plain) > 60:
        return ""
    return _NUMBERING.sub("", last, count=1) if _NUMBERING.match(last) else last


def emphasised(text: str, sentence: str) -> str | None:
    """What a text prints bold in its last sentence, where that is one thing."""
    bold = [found.strip() for found in re.findall(r"\*\*([^*\n]{1,80})\*\*", text[-LONGEST:])]
    return bold[-1] if bold and bold[-1] in sentence and bold[-1] != sentence else None


def answer_sentences(text: str, numbered: bool = True) -> list[str]:
    """The sentences and lines of a text; an initial or "Mr." ends none.

    Args:
        text: The text.
        numbered: Whether "1." may be the number of what follows, rather than a sentence.
    """
    found, start = [], 0
    for gap in _SENTENCE.finditer(text):
        end = gap.start()
        if "\n" not in gap.group() and (
            _NO_END.search(text[max(start, end - 8) : end])
            or (numbered and _NUMBERING.fullmatch(text[start : min(end, start + 30)].strip()))
        ):
            continue
        found.append(text[start:end])
        start = gap.end()
    return [piece for piece in (*found, text[start:]) if piece.strip()]


def first_sentence(text: str) -> tuple[str, str]:
    """A text's first sentence, and the rest."""
    text = text.strip()
    first = next(iter(answer_sentences(text, numbered=False)), "")
    return first.strip(), text[len(first) :].strip()


def _last(mark: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Where a mark stands last, be it in the very line that an earlier one marks; or nothing."""
    found, last = mark.search(text), None
    while found:
        last, found = found, mark.search(text, found.start(1))
    return [last] if last else []


def _is_result(found: re.Match[str], plain: str) -> bool:
    """Whether "####" marks the answer, as in GSM8K, rather than a heading."""
    span = found.group(1).strip()
    return not plain[found.end() :].strip() or (
        any(char.isdigit() for char in span) and len(span.split()) <= 3
    )


def _listed(found: re.Match[str], plain: str) -> bool:
    """Whether "A: ..." is the first of several options."""
    return found.re is _LAST_MARKS[0] and bool(re.match(r"\s*B:", plain[found.end() :]))
