"""Ask the same request in another representation, in which a wrong model rarely makes the same error.

In a full sentence, as numbered steps, as a short program that our own reader works out, turned round,
or with its options in another order; each knows how a reply is read back, so that it can be compared
with a plain one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from lc_asym_router.records.request import Request
from lc_asym_router.verify.answers.choices import options_of
from lc_asym_router.verify.answers.comparing import asks_for_output
from lc_asym_router.verify.answers.evaluate_program import has_program, program_value
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.answers.programs import without_programs

Representation = Literal["same", "sentence", "steps", "program", "turned", "order"]

LONGEST = 20_000
"""Characters of a request that are looked at."""
SENTENCE = "Answer in one full sentence."
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
    r"|fields|keys|tag|topic|positive or negative|klassifizier\w*|einordnen|stimmung|kategorie\w*"
    r"|extrahier\w*|entscheide|welche[rs]? von|classe[rz]|catégori\w+|extrai\w+|clasific\w+"
    r"|categoría\w*|sentimiento|extrae\w*|classific\w+|estrai)\b"
    r"|\b(?:is|are|was) (?:this|that|it|the)\b[^.?!\n]{1,60}\bor\b",
    re.IGNORECASE,
)
# Not of numbered items: a reply may give the number, which would be another item's then.
_ITEM = r"[ \t]{0,4}[-*•–][ \t]{1,3}"
_ITEMS = re.compile(rf"(?m)(?:^{_ITEM}\S[^\n]{{0,80}}(?:\n|\Z)){{2,60}}")
_ONE_ITEM = re.compile(rf"(?m)^({_ITEM})(\S[^\n]{{0,80}})$")
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
    if (turned := _options(request.messages)) or (turned := _listed(request.messages)):
        return (turned, steps)
    if _QUANTITY.search(question) and _COUNTS.search(question):
        return (Recast("program", _with(request.messages, PROGRAM)), steps)
    if _POLAR.search(question):
        return (Recast("turned", _with(request.messages, TURNED)), steps)
    # A small model that is held to one word says what it would not say in a sentence of its own.
    return (Recast("sentence", _with(request.messages, SENTENCE)), steps)


def _computed(text: str) -> FinalAnswer | None:
    """What a reply in the form of a program comes to; a reply in words as it stands."""
    if (value := program_value(text)) is not None:
        return final_answer(value)
    if not has_program(text):
        return final_answer(text)
    beside = without_programs(text)
    return answer if beside != text and (answer := final_answer(beside)).marked else None


def _with(messages: Sequence[BaseMessage], instruction: str) -> list[BaseMessage]:
    """The messages with an instruction behind the latest human one."""
    return _edited(messages, lambda text: f"{text}\n\n{instruction}")


def _edited(
    messages: Sequence[BaseMessage], change: Any, at: int | None = None
) -> list[BaseMessage]:
    """The messages with the text of one changed, by default of the latest human one."""
    if at is None:
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


def _listed(messages: Sequence[BaseMessage]) -> Recast | None:
    """The request with the labels or fields that it lists in reverse; `None` where it lists none.

    They stand in the latest human message, or in a system message that says what to choose from.
    """
    latest = max(i for i, each in enumerate(messages) if isinstance(each, HumanMessage))
    systems = [i for i, each in enumerate(messages) if isinstance(each, SystemMessage)]
    for place in (latest, *systems):
        text = str(messages[place].text)
        if _CHOOSES.search(text[-LONGEST:]) and (whole := _reversed(text)) is not None:
            return Recast("order", _edited(messages, lambda _, whole=whole: whole, place))
    return None


def _reversed(text: str) -> str | None:
    """A text with its longest list in reverse: one item a line, or words with commas between."""
    start = max(0, len(text) - LONGEST)
    lists = list(_ITEMS.finditer(text, start))
    if lists:
        found = max(lists, key=lambda each: each.group().count("\n"))
        items = [item.group(2) for item in _ONE_ITEM.finditer(found.group())]
        turned = iter(reversed(items))
        written = _ONE_ITEM.sub(lambda item: item.group(1) + next(turned), found.group())
        return text[: found.start()] + written + text[found.end() :]
    rows = list(_WORDS.finditer(text, start))
    if not rows:
        return None
    found = max(rows, key=lambda each: each.group().count(","))
    turned = iter(reversed([each for each in _WORD.findall(found.group()) if each not in _JOINED]))
    written = _WORD.sub(
        lambda each: each.group() if each.group() in _JOINED else next(turned), found.group()
    )
    return text[: found.start()] + written + text[found.end() :]
