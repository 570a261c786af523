"""A classifier trained to recognise requests for the frontier, by kind of work and expected gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, ClassVar

from langchain_core.decisions import BaseDecisionModel, Question, Score
from langchain_core.decisions.types import State
from pydantic import PrivateAttr

from lc_asym_router.classify.classifier_weights import (
    KIND_PART,
    WORDS,
    Gain,
    QuestionJudge,
    load_weights,
)
from lc_asym_router.classify.keyword import KeywordClassifier, turn_text
from lc_asym_router.classify.scorer import (
    ExplainedResponse,
    Factor,
    answer,
    known_settings,
    levels_of,
    spread,
)

_TOLD = 2
"""Features that a reason names."""

_NAMES: Mapping[str, tuple[str, str]] = {
    "prose": ("many different words", "few different words"),
    "notation": ("much maths notation", "little maths notation"),
    "relations": ("many conditions and relations", "few conditions and relations"),
    "length": ("its length", "its shortness"),
    WORDS: (WORDS, WORDS),
    KIND_PART: (KIND_PART, KIND_PART),
}
"""What a feature is called where there is more of it than usual, and where there is less."""


class LearnedClassifier(BaseDecisionModel):
    """A decision model that scores the latest human turn by kind of work and expected gain.

    With the shipped weights its complexity says how much a request looks like work for a frontier
    model (code, faults, designs, analyses, plans, maths) and not for a small one (errands, facts,
    extraction, classes, translation, small talk). Among requests like those on which gains were
    measured (exam questions, word problems) it is ordered by the expected gain: the probability
    that the frontier is right where the small model fails, minus that of the reverse. With weights
    that `lc-asym-router train` has written without `--kinds` the complexity is the expected gain
    alone.

    `threshold` is the operating point chosen in the training, which is the router's default; the model
    card next to the weights, `learned.md`, has its results. Find your own with
    `lc-asym-router calibrate`.

    On a `Choice` question (LangChain's `ModelRouterMiddleware` asks one), list the choices from the
    cheapest to the most capable: the threshold lies in the middle of them.

    Its confidence is the probability of being right when it calls a request frontier or small by
    0.5: the larger of complexity and 1 - complexity. A request with neither a word nor a number
    gets the mean gain with a confidence of 0: no signal is not the same as easy.

    Plain Python, no network: loading and scoring need nothing but the standard library. Of very
    long texts the beginning and the end are looked at.

    Args:
        path: A weights file that `lc-asym-router train` wrote; by default the shipped one.
        words: Words that make a request complex (1.0) whatever the weights say, or a
            `KeywordClassifier` of such words. None by default.

    Raises:
        ConfigurationError: An unknown setting, or invalid words.
        ModelFileError: The file does not exist, is no weights file, has another version, or is
            damaged.
    """

    keeps_time: ClassVar[bool] = True
    instant: ClassVar[bool] = True
    question_only: ClassVar[bool] = True
    model: str = "learned"
    path: str | None = None
    words: KeywordClassifier | None = None
    _weights: QuestionJudge = PrivateAttr()

    def __init__(self, path: str | PathLike[str] | None = None, **kwargs: Any) -> None:
        # Here and not in a validator, where pydantic would wrap the error. A bad file is found now,
        # not at the first request.
        given: dict[str, Any] = {"path": None if path is None else fspath(path), **kwargs}
        given["words"] = _rule(given.get("words"))
        super().__init__(**known_settings(type(self), given))
        self._weights = self._load()

    def _load(self) -> QuestionJudge:
        return load_weights(self.path)

    @property
    def _provider(self) -> str:
        return "lc_asym_router"

    @property
    def threshold(self) -> float:
        """The operating point of the weights: complexity at or over which to go up, in [0, 1]."""
        kinds = self._weights.kinds
        return kinds.blend.threshold if kinds else self._weights.threshold

    def complexity(self, text: str) -> float:
        """Return the complexity of a text, in (0, 1), without regard to `words`."""
        gain = self._weights.judge(text)
        return self._weights.unknown if gain is None else gain.complexity

    def kind(self, text: str) -> str:
        """Return the kind of work that a text asks for, such as "code to change".

        Returns:
            "" where the text has no word, or the weights have no kinds.
        """
        gain = self._weights.judge(text)
        return "" if gain is None else gain.kind

    def _classify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        text = turn_text(state)
        if self.words is not None and (found := self.words.found(text)):
            return self.words._classify(state, questions, found)
        gain = self._weights.judge(text)
        complexity = self._weights.unknown if gain is None else gain.complexity
        confidence = 0.0 if gain is None else max(complexity, 1 - complexity)
        parts = () if gain is None else _parts(gain)
        return ExplainedResponse(
            model=self.model,
            answers={
                name: answer(
                    question,
                    spread(self._leaning(complexity, question), len(levels_of(question))),
                    confidence,
                )
                for name, question in questions.items()
            },
            reason=(
                "there is no word to go by"
                if gain is None
                else f"{_judged(gain)}: {_because(parts)}"
            ),
            classifier=self.model,
            parts=parts,
        )

    def _leaning(self, complexity: float, question: Question) -> float:
        """The complexity on the scale of a question, in [0, 1].

        Who asks for a choice asks which way to go, so there the threshold is the middle.
        """
        if isinstance(question, Score):
            return complexity
        middle = self.threshold
        if complexity < middle:
            return 0.5 * complexity / middle
        return 0.5 + 0.5 * (complexity - middle) / (1 - middle) if middle < 1 else 1.0

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        # A tenth of a millisecond: an executor would cost more than it saves.
        return self._classify(state, questions)


def _rule(words: Any) -> Any:
    """The classifier of some words; what is one already, or one that was written out, stays."""
    written = isinstance(words, Mapping) and isinstance(words.get("words"), Mapping)
    if words is None or written or isinstance(words, KeywordClassifier):
        return words
    return KeywordClassifier(words=words)


def _judged(gain: Gain) -> str:
    expected = f"expected gain {gain.expected:.2f}"
    return f"{gain.kind}: {gain.complexity:.2f}; {expected}" if gain.kind else expected


def _parts(gain: Gain) -> tuple[Factor, ...]:
    """The features and what they added to the score, the strongest first."""
    moved = sorted(gain.parts.items(), key=lambda part: -abs(part[1]))
    return tuple([Factor(_told(name, name in gain.more), added) for name, added in moved])


def _because(parts: Sequence[Factor]) -> str:
    """The features that moved the score most, and which way; never a word of the request."""
    raised = [part.name for part in parts[:_TOLD] if part.moved > 0]
    lowered = [part.name for part in parts[:_TOLD] if part.moved < 0]
    told = [
        f"{way} by {' and '.join(names)}"
        for way, names in (("raised", raised), ("lowered", lowered))
        if names
    ]
    return ", ".join(told) or "like the mean question"


def _told(name: str, more: bool) -> str:
    plain = name.removeprefix("cue_").replace("_", " ")
    return _NAMES.get(name, (f"much of '{plain}'", f"little of '{plain}'"))[not more]
