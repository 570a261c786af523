"""Chosen options: the letter that an answer names, and the options that a question lists."""

from __future__ import annotations

import re

_LETTER = r"[(\[{]?([A-Ja-j])[)\]}]?"
_CHOICE = re.compile(
    rf"(?:(?:option|choice|letter) )?{_LETTER}"
    r"(?:[.):](?:\s(?!.*\s[(]?[A-J][.)]\s?\S)(?!(?:no|wait|actually|sorry|oops|correction)\b).*)?"
    r"|,?\s[(\[].*)?",
    re.DOTALL | re.IGNORECASE,
)
_CHOICE_BEFORE = re.compile(
    r"(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter|OPTION) )?[(\[]?([A-J])[)\]]?\s?(?:,|;|-|–|—|=|is\b"
    r"|because\b)"
    r"(?!\s(?:\w+ly )?(?:wrong|incorrect|false|not|out|ruled|eliminated|excluded|impossible"
    r"|unlikely)\b)"
    r"(?!\s?(?:[-+*/\d=>]|$)).*",
    re.DOTALL,
)
_SEVERAL = re.compile(
    r"(?:(?:options?|choices?) )?(?:both )?"
    rf"({_LETTER}(?:\s?(?:,|;|&|,? and)\s?(?:option )?{_LETTER}){{1,9}})[.)]?",
    re.IGNORECASE,
)
_ONE = re.compile(r"(?i)(?<![a-z])[a-j](?![a-z])")
_OPTION = re.compile(r"(?m)^[ \t]{0,9}[(\[]?([A-J])[.):\]][ \t]{0,9}(\S.*)$")
_INLINE = re.compile(
    r"(?<![\w(])\(?([A-J])[).:]\s?(.{1,200}?)(?=\s{0,20}[,;]?\s\(?[A-J][).:]\s?\S|\s{0,20}$)"
)
_CONCLUDED = (
    re.compile(
        r"(?<!not )\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement) [(\[]?([A-J])[)\]]?"
        r"(?:[.:)][^.\n]{1,80}?|,[^.\n]{1,80}?,)? (?:is|must be|would be|seems|appears|fits|looks)"
        r"(?! (?:not|wrong|incorrect|false|in))(?: [a-z]+){0,3}? ?"
        r"\b(?:correct|right|best|answer|true|likely|accurate|appropriate)"
    ),
    re.compile(
        r"(?<![\w'’])[(\[]?([A-J])[)\]]?(?:[.:)] [^.\n]{1,80}?)? is (?:clearly |therefore "
        r"|thus )?the"
        r" (?:only |most )?(?:\w+ )?(?:correct|right|best|likely|answer|one)\b"
    ),
    re.compile(
        r"(?<!not )(?<!n['’]t )(?<![Nn]ever )(?i:\b(?:choose|chose|select|pick|go with|going with"
        r"|opt for)) (?i:option |choice |answer )?"
        r"[(\[]?([A-J])(?![\w'’])"
    ),
)


def choice_of(span: str) -> tuple[str, str] | None:
    """The letter (or letters) that a span names, and what stands behind it; `None` where it names none.

    Several are sorted and joined: "C and A" is "A,C".
    """
    if found := _SEVERAL.fullmatch(span):
        letters = sorted({letter.upper() for letter in _ONE.findall(found.group(1))})
        return (",".join(letters), "") if len(letters) > 1 else None
    if found := _CHOICE.fullmatch(span):
        return found.group(1).upper(), span[found.end(1) :].strip(" ()[]{}.:,*")
    if found := _CHOICE_BEFORE.fullmatch(span):
        return found.group(1), ""
    return None


def concluded(text: str) -> str | None:
    """The letter that a text ends on without a mark: "So option C is correct."; the last one."""
    last = [found[-1] for pattern in _CONCLUDED if (found := list(pattern.finditer(text)))]
    return max(last, key=re.Match.start).group(1) if last else None


def is_listing(line: str, after: str) -> bool:
    """Whether a line that begins like a choice is one of several options that are gone through."""
    found = _OPTION.match(line)
    if not found:
        return False
    following = chr(ord(found.group(1)) + 1)
    return any(other == following for other, _ in _OPTION.findall(after[:4000]))


def options_of(question: str) -> dict[str, str]:
    """The options that a question lists, by letter; empty where not two stand there, from A on."""
    question = question[-12_000:]
    for pattern in (_OPTION, _INLINE):
        found: dict[str, str] = {}
        for letter, text in pattern.findall(question):
            if letter == "A":  # the last list counts: those before are examples
                found = {}
            if letter == chr(ord("A") + len(found)):
                found[letter] = text.strip()
        if len(found) > 1:
            return found
    return {}
