"""The article's rule: words in the question say whether it is complex."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, Question
from langchain_core.decisions.types import State
from langchain_core.messages import BaseMessage
from pydantic import Field, field_validator

from lc_asym_router.classify.answers import (
    ExplainedResponse,
    answer,
    known_settings,
    levels_of,
    spread,
)
from lc_asym_router.classify.parts import Part
from lc_asym_router.classify.words import ARTICLE_WORDS, WORDS
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.request import Request


class KeywordClassifier(BaseDecisionModel):
    """A decision model that looks for words in the latest human turn.

    By default it is the article's rule to the letter: the lower-cased text contains one of
    `refactor`, `optimize`, `analyze`, `debug` -> complex (1.0), else simple (0.0). Its confidence is
    1.0 where a word was found and 0.0 where none was: no signal is not the same as easy, so keep
    the small tier's answers checked.

    On a `Choice` question (LangChain's `ModelRouterMiddleware` asks one), list the choices from the
    cheapest to the most capable: a simple request gets the first, a complex one the last.

    Args:
        words: Words to look for; or for each word its weight in [0, 1]. The complexity is the sum of
            the weights of the words found, at most 1. A plain list weighs 1 each.
        whole_words: Match whole words only ("debug" but not "debugging"). Words in scripts without
            spaces are always matched anywhere.

    Raises:
        ConfigurationError: No words, an empty word, a weight outside [0, 1], or an unknown setting.
    """

    keeps_time: ClassVar[bool] = True
    instant: ClassVar[bool] = True
    model: str = "keyword"
    words: dict[str, float] = Field(default_factory=lambda: dict.fromkeys(ARTICLE_WORDS, 1.0))
    whole_words: bool = False

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
        weighed = dict(words) if isinstance(words, Mapping) else dict.fromkeys(words, 1.0)
        if not weighed:
            raise ConfigurationError(
                "KeywordClassifier(words=...) is empty. Leave it out for the article's four words."
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
        """A classifier with the words of several languages (ISO 639-1 codes).

        Raises:
            ConfigurationError: There are no words for a language.
        """
        if missing := [language for language in languages if language not in WORDS]:
            raise ConfigurationError(
                f"There are no words for {', '.join(missing)}; there are for "
                f"{', '.join(sorted(WORDS))}. Give your own with words=[...]."
            )
        words: Iterable[str] = (word for language in languages for word in WORDS[language])
        return cls(words=dict.fromkeys(words, 1.0), **kwargs)

    @property
    def _provider(self) -> str:
        return "lc_asym_router"

    def found(self, text: str) -> dict[str, float]:
        """The words that a text holds, with their weights."""
        lowered = unicodedata.normalize("NFC", text).lower()
        return {word: weight for word, weight in self.words.items() if self._in(word, lowered)}

    def _in(self, word: str, lowered: str) -> bool:
        needle = unicodedata.normalize("NFC", word).lower()
        if not self.whole_words or _without_spaces(needle):
            return needle in lowered
        return re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", lowered) is not None

    def _classify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        found = self.found(turn_text(state))
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
            parts=tuple(Part(word, weight, word=True) for word, weight in found.items()),
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


def _without_spaces(word: str) -> bool:
    """Whether a word is written in a script that puts no spaces between words."""
    return any("぀" <= char <= "鿿" or "가" <= char <= "힣" for char in word)
