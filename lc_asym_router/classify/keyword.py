"""The keyword rule: words in the question decide whether it is complex."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, Question
from langchain_core.decisions.types import State
from langchain_core.messages import BaseMessage
from pydantic import Field, PrivateAttr, field_validator, model_validator

from lc_asym_router.classify.scorer import (
    ExplainedResponse,
    Factor,
    answer,
    known_settings,
    levels_of,
    spread,
)
from lc_asym_router.classify.words import ALL_WORDS, ASKING_WORDS, WORDS
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request

_FIRST = 30
_LAST = 150
_BEGINNING = 4
"""Characters of a word that are looked for before the word: words share them."""

_Needle = tuple[int, str, str]
"""A word's place among the words, the word, and how it is looked for."""


class KeywordClassifier(BaseDecisionModel):
    """A decision model that looks for words in the latest human turn.

    By default: the lower-cased text contains one of `refactor`, `optimize`, `analyze`, `debug`, or
    a form of them in one of twenty languages (`classify/words.py`) -> complex (1.0), else simple
    (0.0). Its confidence is 1.0 where a word was found and 0.0 where none was: no signal does not
    mean easy, so check the small tier's answers.

    On a `Choice` question (LangChain's `ModelRouterMiddleware` asks one), list the choices from the
    cheapest to the most capable: a simple request gets the first, a complex one the last.

    Args:
        words: Words to look for; or for each word its weight in [0, 1]. The complexity is the sum of
            the weights of the words found, at most 1. A plain list weighs 1 each.
        whole_words: Match whole words only ("debug" but not "debugging"). Words in scripts without
            spaces are always matched anywhere.
        asking_words: Words that count only where a request asks for something: at a word's beginning,
            in the first 30 characters, or in the last 150 of the last paragraph; a text to work on
            is usually between these. By default the built-in words that are common in such texts,
            and none of your own words.

    Raises:
        ConfigurationError: No words, an empty word, a weight outside [0, 1], or an unknown setting.
    """

    keeps_time: ClassVar[bool] = True
    instant: ClassVar[bool] = True
    model: str = "keyword"
    words: dict[str, float] = Field(default_factory=lambda: dict.fromkeys(ALL_WORDS, 1.0))
    whole_words: bool = False
    asking_words: frozenset[str] = Field(default=frozenset(), repr=False)
    _asked: dict[str, tuple[_Needle, ...]] = PrivateAttr(default_factory=dict)
    _short: tuple[str, ...] = PrivateAttr(default=())
    _free: dict[str, tuple[_Needle, ...]] = PrivateAttr(default_factory=dict)
    _ascii: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _built_in(cls, values: Any) -> Any:
        if isinstance(values, dict) and "words" not in values:
            return {"asking_words": ASKING_WORDS, **values}
        return values

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**known_settings(type(self), kwargs))

    @field_validator("words", mode="before")
    @classmethod
    def _weigh(cls, words: Any) -> Any:
        if isinstance(words, str):
            raise ConfigurationError(
                f"KeywordClassifier(words={words!r}) must be a list of words or a dict of word to "
                f"weight; write [{words!r}] for one word."
            )
        if not isinstance(words, Iterable):
            raise ConfigurationError(
                f"KeywordClassifier(words={words!r}) must be a list of words or a dict of word to "
                "weight, such as ['refactor', 'debug']."
            )
        weighed = dict(words) if isinstance(words, Mapping) else dict.fromkeys(words, 1.0)
        if not weighed:
            raise ConfigurationError(
                "KeywordClassifier(words=...) is empty. Leave it out for the built-in words."
            )
        for word, weight in weighed.items():
            if not isinstance(word, str) or not word.strip():
                raise ConfigurationError(f"{word!r} is no word to look for; give a text.")
            if not isinstance(weight, int | float) or not 0 <= weight <= 1:
                raise ConfigurationError(
                    f"The weight of {word!r} is {weight!r}; give a number in [0, 1]."
                )
        return weighed

    @classmethod
    def for_languages(cls, *languages: str, **kwargs: Any) -> KeywordClassifier:
        """Return a classifier with the words of several languages (ISO 639-1 codes).

        Raises:
            ConfigurationError: There are no words for a language.
        """
        if missing := [language for language in languages if language not in WORDS]:
            raise ConfigurationError(
                f"There are no words for {', '.join(missing)}; there are for "
                f"{', '.join(sorted(WORDS))}. Give your own with words=[...]."
            )
        words: Iterable[str] = (word for language in languages for word in WORDS[language])
        return cls(
            **{"words": dict.fromkeys(words, 1.0), "asking_words": ASKING_WORDS, **kwargs},
        )

    @property
    def _provider(self) -> str:
        return "lc_asym_router"

    def model_post_init(self, context: Any) -> None:
        """Settle what does not depend on a text: each word as it is looked for."""
        asked: dict[str, list[_Needle]] = {}
        free: dict[str, list[_Needle]] = {}
        for place, word in enumerate(self.words):
            needle = unicodedata.normalize("NFC", word).lower()
            words = asked if word in self.asking_words else free
            words.setdefault(needle[:_BEGINNING], []).append((place, word, needle))
        self._asked = {beginning: tuple(alike) for beginning, alike in asked.items()}
        self._short = tuple(each for each in asked if len(each) < _BEGINNING)
        self._free = {beginning: tuple(alike) for beginning, alike in free.items()}
        self._ascii = tuple(beginning for beginning in free if beginning.isascii())

    def found(self, text: str) -> dict[str, float]:
        """The words that a text holds, with their weights."""
        lowered = unicodedata.normalize("NFC", text).lower()
        ends = (lowered[:_FIRST], lowered.rstrip().rpartition("\n\n")[2][-_LAST:])
        asked = "\n".join(ends)
        pieces = {asked[at : at + _BEGINNING] for at in range(len(asked))}
        pieces.update(each for each in self._short if each in asked)
        there = [
            each
            for beginning in self._asked.keys() & pieces
            for each in self._asked[beginning]
            if each[2] in asked
        ]
        letters = None if lowered.isascii() else frozenset(lowered)
        # Most words are not there: only those whose beginning is take a search of their own.
        for beginning in self._ascii if letters is None else self._free:
            if (letters is None or letters.issuperset(beginning)) and beginning in lowered:
                there += [each for each in self._free[beginning] if each[2] in lowered]
        if not there:
            return {}
        return {
            word: self.words[word]
            for _, word, needle in sorted(there)
            if self._is_meant(word, needle, lowered, ends)
        }

    def _is_meant(self, word: str, needle: str, lowered: str, ends: tuple[str, str]) -> bool:
        """Whether a word that stands somewhere in a text counts."""
        if word in self.asking_words:
            return any(_begins_a_word(needle, part) for part in ends)
        if not self.whole_words or _without_spaces(needle):
            return True
        return re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", lowered) is not None

    def _classify(
        self,
        state: State,
        questions: dict[str, Question],
        found: Mapping[str, float] | None = None,
    ) -> ExplainedResponse:
        # Whoever has looked for the words already gives them.
        found = self.found(turn_text(state)) if found is None else found
        complexity = min(1.0, sum(found.values()))
        return ExplainedResponse(
            model=self.model,
            answers={
                name: answer(
                    question,
                    spread(complexity, len(levels_of(question))),
                    confidence=1.0 if found else 0.0,
                )
                for name, question in questions.items()
            },
            reason=(
                f"the request contains {', '.join(repr(word) for word in found)}"
                if found
                else "none of the keywords is in the request"
            ),
            classifier=self.model,
            parts=tuple(Factor(word, weight, word=True) for word, weight in found.items()),
        )

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        # A few string searches: an executor would cost more than it saves.
        return self._classify(state, questions)


def turn_text(state: State) -> str:
    """The human's words in the state of a decision: a text, a message, or a list of messages."""
    if isinstance(state, str):
        return state
    if isinstance(state, BaseMessage):
        return state.text
    if isinstance(state, Mapping):
        inner = state.get("messages")
        return (
            turn_text(inner) if isinstance(inner, Sequence) else "\n".join(map(str, state.values()))
        )
    if isinstance(state, Sequence):
        messages = tuple(item for item in state if isinstance(item, BaseMessage))
        if turn := Request(messages=messages).turn_text:
            return turn
        return "\n".join(turn_text(item) for item in state if isinstance(item, str | BaseMessage))
    return str(state)


def _begins_a_word(needle: str, part: str) -> bool:
    """Whether a word stands in a part of a text, at the beginning of a word of it."""
    at = part.find(needle)
    # Thai puts spaces between clauses at least; Chinese, Japanese and Korean words follow others.
    while at > 0 and part[at - 1].isalpha() and not "\u3040" <= needle[0] <= "\ud7a3":
        at = part.find(needle, at + 1)
    return at >= 0


def _without_spaces(word: str) -> bool:
    """Whether a word is written in a script that puts no spaces between words."""
    return any("぀" <= char <= "鿿" or "가" <= char <= "힣" or "ก" <= char <= "๛" for char in word)
