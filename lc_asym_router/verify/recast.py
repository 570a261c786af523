"""Ask the same request in another representation, in which a wrong model rarely makes the same error.

As numbered steps, as a short program that our own reader works out, turned round, or with its
options in another order; each knows how a reply is read back, so that it can be compared with a
plain one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.choices import options_of
from lc_asym_router.verify.answers.comparing import asks_for_output
from lc_asym_router.verify.answers.evaluate import holds_program, program_value
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.answers.programs import without_programs

Representation = Literal["same", "steps", "program", "turned", "order"]

LONGEST = 20_000
"""Characters of a request that are looked at."""
STEPS = (
    "Work it out in short numbered steps. Then give the final answer alone, in the form that was "
    "asked for, on the last line behind 'Answer: '."
)
PROGRAM = (
    "Do not answer in words: write a short Python program that works it out from the facts above, "
    "one fact a line, with plain arithmetic, and datetime and dateutil.relativedelta for dates. Put "
    "the final answer, in the form that was asked for, into the variable ans. Write the program only."
)
TURNED = (
    "Someone says that the answer to the question above is 'yes'. Is that claim false? Think about "
    "what would have to hold for it, then end with 'Answer: yes' if the claim is false and "
    "'Answer: no' if it is true."
)

_COUNTS = re.compile(
    r"\b(?:how (?:many|much|long|old|far|often|tall|fast)"
    r"|what (?:is|was|will be|are) the (?:date|total|sum|difference"
    r"|product|average|mean|cost|price|number|value|area|volume|remainder|probability)"
    r"|calculate|compute|solve|find|evaluate|percent|which (?:date|day)|larger|greater|smaller|divided"
    r"|times|plus|minus|square|prime|wie ?viele?|berechne|combien|cu[aá]nt[oa]s?|quant[oi])\b|%",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|hundred|thousand|dozen|half"
    r"|twice|double|triple|yesterday|tomorrow|today)\b",
    re.IGNORECASE,
)
_POLAR = re.compile(
    r"(?:\A|[.!?:\n]\s{0,3})(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|must)"
    r"\s[^.!?\n]{3,400}\?\s*(?:answer[^.\n]{0,60}[.]?\s*)?\Z|\byes or no\b",
    re.IGNORECASE,
)
_CHOOSES = re.compile(
    r"\b(?:classif\w+|label|categor\w+|sentiment|intent|one of|choose|pick|select|which of|extract"
    r"|fields|keys|tag|topic|positive or negative)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"(?<![\w'\"])['\"]?[\w-]{1,40}['\"]?"
    r"(?:,\s(?!(?:or|and|oder|und|ou|et)\s)['\"]?[\w-]{1,40}['\"]?){1,40}"
    r"(?:,?\s(?:or|and|oder|und|ou|et)\s['\"]?[\w-]{1,40}['\"]?)?|\b[\w-]{1,40}\sor\s[\w-]{1,40}\b"
)
_WORD = re.compile(r"['\"]?[\w-]+['\"]?")
_JOINED = frozenset({"or", "and", "oder", "und", "ou", "et"})
_YES, _NO = FinalAnswer("text", "yes", "yes"), FinalAnswer("text", "no", "no")


@dataclass(frozen=True)
class Recast:
    """A request in another representation.

    Attributes:
        kind: Which one.
        messages: What is asked.
        letters: Where options stand in another order, each new letter's old one.
    """

    kind: Representation
    messages: Sequence[BaseMessage] = field(repr=False)
    letters: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def presentable(self) -> bool:
        """Whether a reply to it may be returned: it answers the request in its own form."""
        return self.kind in ("same", "steps")

    def read(self, reply: AIMessage) -> FinalAnswer | None:
        """What a reply comes to, as an answer to the request; `None` where that can't be read."""
        if self.kind == "program":
            return _computed(str(reply.text))
        answer = final_answer(str(reply.text))
        if self.kind == "order" and answer.kind == "choice" and self.letters:
            letters = sorted(self.letters.get(each, "?") for each in answer.value.split(","))
            return FinalAnswer("choice", ",".join(letters), ",".join(letters), answer.marked)
        if self.kind == "turned":
            return {"yes": _NO, "true": _NO, "no": _YES, "false": _YES}.get(answer.value.lower())
        return answer


def recasts(request: Request) -> tuple[Recast, ...]:
    """A request in other representations, the one that tells most first.

    With tools or a schema bound there is but itself: it is sampled again.

    Args:
        request: What was asked, with messages.
    """
    plain = Recast("same", request.messages)
    if request.tools or request.schema or request.response_schema or "format" in request.kwargs:
        return (plain,)
    question = request.turn_text[-LONGEST:]
    steps = Recast("steps", _with(request.messages, STEPS))
    if asks_for_output(question):
        return (steps, plain)
    if (turned := _options(request.messages)) or (turned := _listed(request.messages, question)):
        return (turned, steps)
    if _QUANTITY.search(question) and _COUNTS.search(question):
        return (Recast("program", _with(request.messages, PROGRAM)), steps)
    if _POLAR.search(question):
        return (Recast("turned", _with(request.messages, TURNED)), steps)
    return (steps, plain)


def _computed(text: str) -> FinalAnswer | None:
    """What a reply in the form of a program comes to; a reply in words as it stands."""
    if (value := program_value(text)) is not None:
        return final_answer(value)
    if not holds_program(text):
        return final_answer(text)
    beside = without_programs(text)
    return answer if beside != text and (answer := final_answer(beside)).marked else None


def _with(messages: Sequence[BaseMessage], instruction: str) -> list[BaseMessage]:
    """The messages with an instruction behind the latest human one."""
    return _edited(messages, lambda text: f"{text}\n\n{instruction}")


def _edited(messages: Sequence[BaseMessage], change: Any) -> list[BaseMessage]:
    """The messages with the text of the latest human one changed."""
    at = max(i for i, each in enumerate(messages) if isinstance(each, HumanMessage))
    content = messages[at].content
    if isinstance(content, str):
        changed: Any = change(content)
    else:
        texts = [i for i, part in enumerate(content) if _is_text(part)]
        changed = list(content)
        if not texts:
            changed.append({"type": "text", "text": change("").strip()})
        else:
            part: Any = content[texts[-1]]
            text = change(part if isinstance(part, str) else part["text"])
            changed[texts[-1]] = text if isinstance(part, str) else {**part, "text": text}
    edited = messages[at].model_copy(update={"content": changed})
    return [*messages[:at], edited, *messages[at + 1 :]]


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text")


def _options(messages: Sequence[BaseMessage]) -> Recast | None:
    """The request with its lettered options in reverse; `None` where it lists none."""
    latest = next(each for each in reversed(messages) if isinstance(each, HumanMessage))
    text = str(latest.text)
    options = options_of(text)
    if not options:
        return None
    places: dict[str, tuple[int, int]] = {}
    before = len(text)
    for letter in reversed(options):
        start = text.rfind(options[letter], 0, before)
        if start < 0:
            return None
        places[letter] = (start, start + len(options[letter]))
        before = start
    letters = dict(zip(options, reversed(options), strict=True))
    turned = text
    for letter in reversed(options):
        start, end = places[letter]
        turned = turned[:start] + options[letters[letter]] + turned[end:]
    return Recast("order", _edited(messages, lambda _: turned), letters)


def _listed(messages: Sequence[BaseMessage], question: str) -> Recast | None:
    """The request with the labels or fields that it lists in reverse; `None` where it lists none."""
    if not _CHOOSES.search(question):
        return None
    latest = next(each for each in reversed(messages) if isinstance(each, HumanMessage))
    text = str(latest.text)
    lists = list(_WORDS.finditer(text[-LONGEST:]))
    if not lists:
        return None
    longest = max(lists, key=lambda found: found.group().count(","))
    words = [word for word in _WORD.findall(longest.group()) if word not in _JOINED]
    turned = iter(reversed(words))
    written = _WORD.sub(
        lambda found: found.group() if found.group() in _JOINED else next(turned), longest.group()
    )
    start = max(0, len(text) - LONGEST)
    whole = text[: start + longest.start()] + written + text[start + longest.end() :]
    return Recast("order", _edited(messages, lambda _: whole))
